"""What a job read and wrote, with which options and software, where, and at what cost.

The record of a job lies under ``results/provenance/``, at the path that its log has under
``results/logs/``. It is there if and only if the job's last try succeeded.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from perturbselect.files import read_json, write_json
from perturbselect.provenance import PACKAGE, distribution, locked_versions

FOLDER = Path("results", "provenance")
# Parameters that are not options: the digest of the source has a place of its own.
NO_OPTIONS = ("code",)


def record_path(log: str | os.PathLike) -> Path:
    """Path of a job's record: ``results/logs/a/b.log`` has ``results/provenance/a/b.json``.

    A log elsewhere, as a workflow that uses this one as a module may name it, has its record in
    the same folder under its whole path.
    """
    parts = Path(log).with_suffix(".json").parts
    if "logs" not in parts:
        return FOLDER.joinpath(*(part for part in parts if part not in ("/", "..")))
    place = parts.index("logs")
    return Path(*parts[:place], FOLDER.name, *parts[place + 1 :])


@contextmanager
def recorded(job: Any) -> Iterator[None]:
    """Record a job if the block succeeds; else leave no record of it.

    Parameters
    ----------
    job : object
        With Snakemake's attributes of a script: rule, input, output, params, wildcards, log,
        threads.
    """
    path = record_path(job.log[0])
    path.unlink(missing_ok=True)
    started, start = datetime.now(UTC), time.perf_counter()
    yield
    options = {name: value for name, value in job.params.items() if name not in NO_OPTIONS}
    options = json.loads(json.dumps(options, default=str))
    record = {
        "rule": job.rule,
        "wildcards": dict(job.wildcards.items()),
        "inputs": [fingerprint(file) for file in job.input],
        "outputs": [fingerprint(file) for file in job.output],
        "options": options,
        "config_digest": config_digest(options),
        "source_digest": getattr(job.params, "code", None),
        "commit": commit(),
        "seed": options.get("seed"),
        "python": platform.python_version(),
        "packages": packages(),
        "machine": machine(),
        "device": device(),
        "threads": job.threads,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - start, 3),
        "peak_memory_mb": peak_memory_mb(),
    }
    write_json(record, path)


def fingerprint(file: str | os.PathLike) -> dict[str, Any]:
    """Name, SHA-256 and size in bytes of a file; of a folder only the name."""
    path = Path(file)
    if not path.is_file():
        return {"file": str(file), "sha256": None, "bytes": None}
    return {"file": str(file), "sha256": sha256(path), "bytes": path.stat().st_size}


def sha256(path: Path) -> str:
    """SHA-256 of a file's content, read in blocks; hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def config_digest(options: dict[str, Any]) -> str:
    """Digest what the config decides about a job: its rule's parameters. 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest()[:16]


def commit(folder: Path = PACKAGE) -> str | None:
    """Return the workflow's git commit, with ``-dirty`` if files were changed since; None without git."""
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.strip() or None


def packages() -> dict[str, str]:
    """Return the installed versions of the lock's packages that this process has imported."""
    imported = {distribution(name) for name in list(sys.modules)}
    return {name: version(name) for name in sorted(imported & set(locked_versions()))}


def machine() -> dict[str, Any]:
    """Return the machine's name, system, processor and number of cores."""
    return {
        "name": platform.node(),
        "system": platform.platform(),
        "processor": _line_of("/proc/cpuinfo", "model name") or platform.processor(),
        "cores": os.cpu_count(),
    }


def device() -> str:
    """Return the name of the GPU this process has used, or ``cpu``."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return torch.cuda.get_device_name()
    return "cpu"


def peak_memory_mb() -> float | None:
    """Return the most resident memory that this process has had, in MiB; None where Linux does not say."""
    # Not `getrusage`: its number is that of the parent, if that was larger when it started this process.
    words = _line_of("/proc/self/status", "VmHWM")
    return round(int(words.split()[0]) / 1024, 1) if words else None


def _line_of(file: str, key: str) -> str:
    """Return what stands after ``key:`` in a file of Linux; empty if it does not."""
    if not Path(file).exists():
        return ""
    lines = (line.partition(":") for line in Path(file).read_text().splitlines())
    return next((value.strip() for name, _, value in lines if name.strip() == key), "")


def read_records(study: Path, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """Read the records of a study's jobs, by path: each file counts for the newest job that made it.

    Predictions may be deleted once they are scored, so a record stays while any of its files does. A
    label that stood for another kind of model before has left records of the same files elsewhere.

    Parameters
    ----------
    study : Path
        The folder that holds ``results/``.
    folder : Path
        Where the records lie in it.

    Returns
    -------
    list of dict
        Of each record's ``outputs`` those that no newer job has made, with ``here``: whether the file is
        there now. Records without one that is are left out.
    """
    records = [read_json(path) for path in sorted((study / folder).rglob("*.json"))]
    makers = _makers(sorted(records, key=lambda record: record["started"]))
    for record in records:
        record["outputs"] = [
            output | {"here": (study / output["file"]).exists()}
            for output in record["outputs"]
            if makers[output["file"]] is record
        ]
    return [record for record in records if any(output["here"] for output in record["outputs"])]


def records_behind(records: Sequence[dict[str, Any]], files: Iterable[str]) -> list[dict[str, Any]]:
    """Keep the records of the jobs that made some files, and those of what they read, transitively.

    Files of strategies and models that were taken out of the config lie there still, with their
    records; no result of the study as it is now was made of them.

    Parameters
    ----------
    records : sequence of dict
        As from `read_records`.
    files : iterable of str
        Paths as in the records.
    """
    makers, waiting, behind = _makers(records), list(files), set()
    while waiting:
        record = makers.get(waiting.pop())
        if record is not None and id(record) not in behind:
            behind.add(id(record))
            waiting += [entry["file"] for entry in record["inputs"]]
    return [record for record in records if id(record) in behind]


def _makers(records: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the record of each file's job; of several the last."""
    return {output["file"]: record for record in records for output in record["outputs"]}
