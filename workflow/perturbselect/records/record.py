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
from collections.abc import Iterable, Iterator
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
    """Read the records of a study's jobs whose outputs are still there, by path.

    Parameters
    ----------
    study : Path
        The folder that holds ``results/``.
    folder : Path
        Where the records lie in it.
    """
    records = [read_json(path) for path in sorted((study / folder).rglob("*.json"))]
    return [record for record in records if _exist(study, record["outputs"])]


def _exist(study: Path, files: Iterable[dict[str, Any]]) -> bool:
    return all((study / file["file"]).exists() for file in files)
