"""The chain behind a file, as a tree: which job made it, from what, with what.

``make trace FILE=results/tables/scores.tsv`` prints it, with ``ROW=5`` for one row of the table.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from perturbselect.errors import InputError
from perturbselect.files import read_parquet, read_tsv
from perturbselect.records.record import fingerprint, read_records

Record = Mapping[str, Any]
Row = Mapping[str, Collection[str]]

# What a row of a table can be about; a row holds other words that wildcards have too (`change`, `graph`).
SUBJECTS = ("dataset", "model", "strategy", "split", "seed")
# Columns with a second strategy: the number is a difference, or another comparison, to it.
COMPARED = ("baseline", "other")
# A rule of one strategy or model, and one that makes the files of many runs, name them in paths only.
IN_PATHS = (
    re.compile(r"/(?:selections|rounds|predictions/(?P<model>[^/]+))/(?P<strategy>[^/]+)/"),
    re.compile(r"/split(?P<split>\d+)\.(?:tsv|seed(?P<seed>\d+))"),
)


class Trace:
    """What the records of a study say about its files.

    Parameters
    ----------
    study : Path
        The folder that holds ``results/``.
    records : sequence of mapping
        As from `perturbselect.records.record.read_records`.
    row : mapping
        Dataset, model, strategy, split and seed to the values that count, as from `subjects_of`: what a
        job read of others is left out, unless the job itself is about one of them (the kernel
        of a dataset read another screen; rounds started from another strategy's picks). Empty: all
        jobs count.
    fold : bool
        Whether of several files that the same rule made for one job only the first is followed.
    """

    def __init__(self, study: Path, records: Sequence[Record], row: Row | None = None, fold: bool = True):
        self.makers = {output["file"]: record for record in records for output in record["outputs"]}
        self.row, self.fold = row or {}, fold
        self.fingerprint = cache(lambda file: fingerprint(study / file)["sha256"])
        self.followed: dict[str, Record] = {}

    def tree(self, file: str, sha256: str | None = None, indent: str = "") -> Iterator[str]:
        """Yield the lines of the tree behind a file.

        Parameters
        ----------
        file : str
            Path from the study's folder.
        sha256 : str
            Its digest when it was read; default: when it was made.
        """
        job = self.makers.get(file)
        if job is not None:
            made = next(output["sha256"] for output in job["outputs"] if output["file"] == file)
            if sha256 not in (None, made):
                yield f"{file}  read as {sha256[:12]}, made anew since"
                return
            sha256 = made
        yield f"{file}  {self._state(file, sha256)}"
        if job is None:
            return
        again = file in self.followed
        inputs = [] if again else self._inputs(job)
        yield f"{indent}└─ {job['rule']}: {'see above' if again else described(job, self.row)}"
        self.followed |= {output["file"]: job for output in job["outputs"]}
        for place, (entry, digest, others) in enumerate(inputs):
            last = place == len(inputs) - 1
            deeper = indent + ("      " if last else "   │  ")
            lines = self.tree(entry, digest, deeper)
            yield f"{indent}   {'└─' if last else '├─'} {next(lines)}"
            yield from lines
            if others:
                yield f"{deeper}(and {others} more made by {self.makers[entry]['rule']})"

    def _inputs(self, job: Record) -> list[tuple[str, str | None, int]]:
        """Files that a job read, their digests, and how many like them are folded away."""
        files: list[tuple[str, str | None, int]] = []
        places: dict[tuple[str, ...], int] = {}
        settled = _subjects(job, (output["file"] for output in job["outputs"]))
        wanted = {name: values for name, values in self.row.items() if name not in settled}
        for entry in job["inputs"]:
            maker = self.makers.get(entry["file"])
            kind: tuple[str, ...] = ()
            if maker is not None:
                about = _subjects(maker, [entry["file"]])
                if any(name in about and about[name] not in values for name, values in wanted.items()):
                    continue
                # Of two strategies that a row compares, each is followed.
                compared = [about.get(name, "") for name, values in wanted.items() if len(values) > 1]
                kind = (maker["rule"], Path(entry["file"]).suffix, *compared)
            if self.fold and kind in places:
                file, digest, others = files[places[kind]]
                files[places[kind]] = (file, digest, others + 1)
                continue
            if kind:
                places[kind] = len(files)
            files.append((entry["file"], entry["sha256"], 0))
        return files

    def _state(self, file: str, sha256: str | None) -> str:
        now = self.fingerprint(file)
        if sha256 is None:
            return "no record" if now is None else f"{now[:12]}, no record"
        if now == sha256:
            return sha256[:12]
        return f"{sha256[:12]}, {'not here' if now is None else 'CHANGED SINCE'}"

    def made_with(self) -> list[str]:
        """Software, machines and commits of all jobs of the tree so far, a line each."""
        jobs = list(self.followed.values())
        versions = {f"{name} {number}" for job in jobs for name, number in job["packages"].items()}
        facts = {
            "commit": {job["commit"] or "unknown" for job in jobs},
            "machine": {f"{job['machine']['name']} ({job['machine']['processor']})" for job in jobs},
            "system": {job["machine"]["system"] for job in jobs},
            "python": {job["python"] for job in jobs},
            "packages": versions,
        }
        return [f"{name:10}{', '.join(sorted(values))}" for name, values in facts.items() if values]


def _subjects(job: Record, files: Iterable[str]) -> dict[str, str]:
    """Return what a job is about, by its wildcards and by what the paths of some of its files agree on."""
    found: dict[str, set[str]] = {}
    for file in files:
        for pattern in IN_PATHS:
            match = pattern.search(file)
            for name, value in match.groupdict().items() if match else ():
                if value is not None:
                    found.setdefault(name, set()).add(value)
    agreed = {name: next(iter(values)) for name, values in found.items() if len(values) == 1}
    return agreed | {name: value for name, value in job["wildcards"].items() if name in SUBJECTS}


def described(job: Record, row: Row | None = None) -> str:
    """Say in a line what a job was: cost, place, digests, seed (of the row's run, if it made several)."""
    parts = [
        f"{job['seconds']:.1f} s",
        f"{job['peak_memory_mb']:.0f} MB" if job["peak_memory_mb"] else "",
        job["device"],
        f"config {job['config_digest'][:8]}",
        f"source {job['source_digest'][:8]}" if job["source_digest"] else "",
        _seeds(job["seed"], row or {}),
        job["started"][:16].replace("T", " ") + " UTC",
    ]
    return ", ".join(part for part in parts if part)


def _seeds(seed: Any, row: Row) -> str:
    """Write a job's seed, a number or words; of a job with one for each run, the first that fits the row."""
    if not isinstance(seed, list):
        return "" if seed is None else f"seed {seed}"
    each = seed if isinstance(seed[0], list) else [seed]
    if len(each) > 1:  # their last words are split and seed
        wanted = [row.get("split"), row.get("seed")]
        each = [
            words
            for words in each
            if all(
                values is None or str(word) in values for values, word in zip(wanted, words[-2:], strict=True)
            )
        ]
    others = f" (and those of {len(each) - 1} more runs)" if len(each) > 1 else ""
    return "seed " + " ".join(map(str, each[0])) + others


def place(path: str) -> tuple[Path, str]:
    """Split a file's path into its study's folder and its path from there."""
    parts = Path(path).parts
    if "results" not in parts:
        raise InputError(f"{path}: only files under results/ have a record")
    start = len(parts) - 1 - parts[::-1].index("results")
    return Path(*parts[:start]), str(Path(*parts[start:]))


def cells_of_row(path: Path, row: int) -> dict[str, str]:
    """Return the cells of a table's row (1 is the first after the header), as text, without empty ones."""
    if not path.exists():
        raise InputError(f"{path}: no such file")
    if path.suffix == ".parquet":
        table = read_parquet(path)
    elif path.name.endswith((".tsv", ".tsv.gz")):
        table = read_tsv(path, dtype=str)
    else:
        raise InputError(f"{path}: a row can be asked for in tables only (.tsv, .parquet); leave it out")
    if not 1 <= row <= len(table):
        raise InputError(f"{path}: row {row} is asked for; it has rows 1 to {len(table)}")
    cells = table.iloc[[row - 1]].astype(object).iloc[0].dropna()
    return {name: str(value) for name, value in cells.items()}


def subjects_of(cells: Mapping[str, str]) -> dict[str, set[str]]:
    """Return which jobs a row comes from: values of dataset, model, strategy, split and seed.

    A comparison is made of both its strategies.
    """
    row = {name: {cells[name]} for name in SUBJECTS if name in cells}
    if "strategy" in row:
        row["strategy"] |= {cells[name] for name in COMPARED if name in cells}
    return row


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a tree."""
    parser = argparse.ArgumentParser(prog="python -m perturbselect.records.trace", description=__doc__)
    parser.add_argument("file", help="a file under results/")
    parser.add_argument("--row", type=int, help="row of the table, 1 for the first: its jobs only")
    parser.add_argument("--all", action="store_true", help="follow all files, not one of each rule")
    asked = parser.parse_args(arguments)
    try:
        study, file = place(asked.file)
        cells = cells_of_row(study / file, asked.row) if asked.row is not None else {}
        trace = Trace(study, read_records(study), subjects_of(cells), fold=not asked.all)
        if file not in trace.makers:
            raise InputError(f"{asked.file}: no record of a job that made it")
    except InputError as error:
        sys.exit(f"ERROR: {error}")
    if cells:
        print(f"row {asked.row}: {', '.join(f'{name} {value}' for name, value in cells.items())}\n")
    print("\n".join([*trace.tree(file), "", *trace.made_with()]))


if __name__ == "__main__":
    main()
