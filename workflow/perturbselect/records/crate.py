"""A study as a Workflow Run RO-Crate: results, workflow and the record of every job, in one folder.

``make crate`` writes it. The profile is Provenance Run Crate 0.5 (Leo et al. 2024, "Recording provenance of
workflow runs with RO-Crate"): one action for the run, one for each job, one step for each rule. Large files
(``.h5ad``) are described, with their digests, but not copied.
"""

from __future__ import annotations

import argparse
import mimetypes
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from perturbselect import __version__
from perturbselect.errors import InputError
from perturbselect.files import write_json
from perturbselect.provenance import PACKAGE
from perturbselect.records.record import commit, read_records, records_behind

Entity = dict[str, Any]
Record = Mapping[str, Any]

REPOSITORY = PACKAGE.parents[1]
SHIPPED = ("Snakefile", "workflow", "profiles", "envs", "config", "LICENSE")
MAIN = "workflow/Snakefile"
# Made last, of all other results: behind it stands the whole study.
TABLE = "results/provenance.parquet"
NOT_COPIED = (".h5ad", ".npz")
README = """# {title}

A study made with perturbselect {version}: its results under `results/`, the workflow that made them, and in
`ro-crate-metadata.json` what every job read, wrote and cost (Provenance Run Crate).
"""
CONTEXT = ["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"]
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/provenance/0.5": ("Provenance Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
# What Python's table of endings lacks.
ENCODINGS = {
    ".gz": "application/gzip",
    ".h5ad": "application/x-hdf5",
    ".parquet": "application/vnd.apache.parquet",
    ".yaml": "application/yaml",
}
LANGUAGE, ENGINE, RUN = "#language", "#engine", "#run"


def crate_entities(records: Sequence[Record], title: str, license_text: str) -> list[Entity]:
    """Describe a study as the entities of a Provenance Run Crate.

    Parameters
    ----------
    records : sequence of mapping
        As from `perturbselect.records.record.read_records`; at least one.
    title : str
        The study's.
    license_text : str
        What may be done with the crate.

    Returns
    -------
    list of dict
        The ``@graph`` of ``ro-crate-metadata.json``.
    """
    rules = sorted({record["rule"] for record in records})
    files = {file["file"]: file for record in records for file in record["inputs"]}
    files |= {file["file"]: file for record in records for file in record["outputs"]}
    made = {file["file"] for record in records for file in record["outputs"]}
    results = sorted(file for file in made if _is_copied(files[file]))
    # Path in the crate of what is copied; of other files a name within the metadata.
    names = {file: f"#{quote(file.lstrip('/'))}" for file in files} | {file: quote(file) for file in results}
    jobs = [_job(number, record, names) for number, record in enumerate(records)]
    ends = [job["endTime"] for job in jobs]
    run = {
        "@id": RUN,
        "@type": "CreateAction",
        "name": f"Run of the study: {title}",
        "description": "All jobs, from the sources to the tables and figures; each has an action of its own.",
        "instrument": _ref(MAIN),
        "object": _refs(names[file] for file in sorted(set(files) - made)),
        "result": _refs(names[file] for file in results),
        "startTime": min(job["startTime"] for job in jobs),
        "endTime": max(ends),
    }
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": title,
        "description": "A study of which perturbations to measure, made with perturbselect: its results, the "
        "workflow, and what every job read, wrote and cost.",
        "datePublished": max(ends),
        "license": _ref("#license"),
        "conformsTo": [_ref(uri) for uri in PROFILES],
        "mainEntity": _ref(MAIN),
        "hasPart": _refs([MAIN, "README.md", *[names[file] for file in results]]),
        "mentions": _refs([RUN, *[job["@id"] for job in jobs], "#organise"]),
    }
    return [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": _ref("./"),
            "conformsTo": [
                _ref("https://w3id.org/ro/crate/1.1"),
                _ref("https://w3id.org/workflowhub/workflow-ro-crate/1.0"),
            ],
        },
        root,
        {"@id": "#license", "@type": "CreativeWork", "name": "Licence", "description": license_text},
        *[
            {"@id": uri, "@type": "CreativeWork", "name": name, "version": version}
            for uri, (name, version) in PROFILES.items()
        ],
        *_workflow(rules),
        {"@id": "README.md", "@type": "File", "about": _ref("./"), "encodingFormat": "text/markdown"},
        run,
        *jobs,
        *_control(rules, records, jobs),
        *[entity for job, record in zip(jobs, records, strict=True) for entity in _usage(job, record)],
        *[_file(file, names[path]) for path, file in sorted(files.items())],
    ]


def _workflow(rules: Iterable[str]) -> list[Entity]:
    """Describe the workflow, its language and engine, a step and a tool for each rule."""
    steps: list[Entity] = [
        {
            "@id": f"{MAIN}#{rule}",
            "@type": "HowToStep",
            "name": rule,
            "position": str(place),
            "workExample": _ref(f"#tool/{rule}"),
        }
        for place, rule in enumerate(rules)
    ]
    tools: list[Entity] = [
        {"@id": f"#tool/{rule}", "@type": "SoftwareApplication", "name": rule, "softwareVersion": __version__}
        for rule in rules
    ]
    workflow = {
        "@id": MAIN,
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "name": "perturbselect",
        "encodingFormat": "text/plain",
        "version": __version__,
        "programmingLanguage": _ref(LANGUAGE),
        "license": "https://spdx.org/licenses/MIT",
        "step": _refs(step["@id"] for step in steps),
        "hasPart": _refs(tool["@id"] for tool in tools),
    }
    language = {
        "@id": LANGUAGE,
        "@type": "ComputerLanguage",
        "name": "Snakemake",
        "alternateName": "SMK",
        "identifier": _ref("https://doi.org/10.1093/bioinformatics/bts480"),
        "url": _ref("https://snakemake.readthedocs.io"),
    }
    return [workflow, language, *steps, *tools]


def _job(number: int, record: Record, names: Mapping[str, str]) -> Entity:
    start = datetime.fromisoformat(record["started"])
    words = ", ".join(f"{name} {value}" for name, value in record["wildcards"].items())
    return {
        "@id": f"#job/{number}",
        "@type": "CreateAction",
        "name": f"{record['rule']} ({words})" if words else record["rule"],
        "description": f"source {record['source_digest']}, config {record['config_digest']}, commit "
        f"{record['commit']}, on {record['device']} of {record['machine']['name']}",
        "instrument": _ref(f"#tool/{record['rule']}"),
        "object": _refs(names[file["file"]] for file in record["inputs"]),
        "result": _refs(names[file["file"]] for file in record["outputs"]),
        "startTime": start.isoformat(),
        "endTime": (start + timedelta(seconds=record["seconds"])).isoformat(timespec="seconds"),
        "resourceUsage": [_ref(f"#job/{number}/seconds"), _ref(f"#job/{number}/memory")],
    }


def _usage(job: Entity, record: Record) -> list[Entity]:
    """Describe what a job cost, as property values."""
    return [
        {
            "@id": f"{job['@id']}/seconds",
            "@type": "PropertyValue",
            "name": "wall-clock time",
            "propertyID": "https://schema.org/duration",
            "value": str(record["seconds"]),
            "unitCode": "https://qudt.org/vocab/unit/SEC",
        },
        {
            "@id": f"{job['@id']}/memory",
            "@type": "PropertyValue",
            "name": "peak resident memory",
            "propertyID": "https://schema.org/memoryRequirements",
            "value": str(record["peak_memory_mb"]),
            "unitCode": "https://qudt.org/vocab/unit/MebiBYTE",
        },
    ]


def _control(rules: Iterable[str], records: Sequence[Record], jobs: Sequence[Entity]) -> list[Entity]:
    """Describe what Snakemake did: which step called which jobs."""
    steps: list[Entity] = [
        {
            "@id": f"#control/{rule}",
            "@type": "ControlAction",
            "name": f"Jobs of {rule}",
            "instrument": _ref(f"{MAIN}#{rule}"),
            "object": _refs(
                job["@id"] for job, record in zip(jobs, records, strict=True) if record["rule"] == rule
            ),
        }
        for rule in rules
    ]
    versions = sorted({record["packages"].get("snakemake", "unknown") for record in records})
    engine = {
        "@id": ENGINE,
        "@type": "SoftwareApplication",
        "name": "Snakemake",
        "version": ", ".join(versions),
        "url": _ref("https://snakemake.readthedocs.io"),
    }
    organise = {
        "@id": "#organise",
        "@type": "OrganizeAction",
        "name": "Run of Snakemake",
        "instrument": _ref(ENGINE),
        "object": _refs(step["@id"] for step in steps),
        "result": _ref(RUN),
    }
    return [engine, *steps, organise]


def _file(file: Mapping[str, Any], name: str) -> Entity:
    entity: Entity = {"@id": name, "@type": "File", "name": Path(file["file"]).name}
    kind = ENCODINGS.get(Path(file["file"]).suffix) or mimetypes.guess_type(file["file"])[0]
    if kind:
        entity["encodingFormat"] = kind
    if file["sha256"]:
        entity |= {"sha256": file["sha256"], "contentSize": str(file["bytes"])}
    if not file.get("here", True):
        entity["description"] = "Made by the study, and deleted before this crate was."
    return entity


def _is_copied(output: Mapping[str, Any]) -> bool:
    file = output["file"]
    return output["here"] and file.startswith("results/") and not file.endswith(NOT_COPIED)


def _ref(identifier: str) -> Entity:
    return {"@id": identifier}


def _refs(identifiers: Iterable[str]) -> Entity | list[Entity]:
    """Refer to several entities; to a single one without a list, as RO-Crate recommends."""
    found = [_ref(identifier) for identifier in identifiers]
    return found[0] if len(found) == 1 else found


def write_crate(study: Path, folder: Path, license_text: str) -> str | None:
    """Write a crate of a study that has run.

    Jobs that nothing in the table of provenance goes back to (of strategies that were taken out of
    the config) are left out.

    Parameters
    ----------
    study : Path
        The folder that holds ``results/``.
    folder : Path
        Made anew; it must not be there.
    license_text : str
        What may be done with the crate.

    Returns
    -------
    str or None
        A warning, if the workflow in the crate is not the one of all jobs.

    Raises
    ------
    InputError
        If the study has no records, or the folder is there.
    """
    if folder.exists():
        raise InputError(f"{folder}: is there already; remove it, or name another folder")
    records = read_records(study)
    if not records:
        raise InputError(f"{study}: no records under results/provenance/; run the study first")
    records = records_behind(records, [TABLE]) or records
    title = yaml.safe_load((study / "results" / "study.yaml").read_text())["title"]
    graph = crate_entities(records, title, license_text)
    folder.mkdir(parents=True)
    for name in SHIPPED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, folder / name)
    for output in (output for record in records for output in record["outputs"]):
        if _is_copied(output):
            file = output["file"]
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(study / file, folder / file)
    (folder / "README.md").write_text(README.format(title=title, version=__version__))
    write_json({"@context": CONTEXT, "@graph": graph}, folder / "ro-crate-metadata.json")
    return _other_workflow({record["commit"] for record in records})


def _other_workflow(commits: Iterable[str | None]) -> str | None:
    """Say in a line that jobs ran with another commit of the workflow than it is at now."""
    now = commit()
    others = sorted({made or "unknown" for made in commits} - {now or "unknown"})
    if not others:
        return None
    return (
        f"the crate has the workflow as it is now (commit {now or 'unknown'}); "
        f"jobs ran with that of commit {', '.join(others)}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a crate."""
    parser = argparse.ArgumentParser(prog="python -m perturbselect.records.crate", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder to write")
    parser.add_argument(
        "--study", type=Path, default=Path(), help="folder that holds results/; default: this"
    )
    parser.add_argument(
        "--license", default="Not stated; ask who made this crate.", help="what may be done with the crate"
    )
    asked = parser.parse_args(arguments)
    try:
        warning = write_crate(asked.study, asked.folder, asked.license)
    except InputError as error:
        sys.exit(f"ERROR: {error}")
    if warning:
        print(f"WARNING: {warning}", file=sys.stderr)
    print(asked.folder / "ro-crate-metadata.json")


if __name__ == "__main__":
    main()
