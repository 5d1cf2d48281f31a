"""The workflow as its users run it: a command, in a folder of theirs."""

import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

import yaml

TINY = Path(__file__).with_name("tiny.yaml")
EFFORT = ("seconds", "peak_memory_mb")
SHIPPED = ("Snakefile", "workflow", "profiles", "envs", "config")
# Plans are many: they are made by forks of a process that has imported Snakemake, and what Snakemake and
# the rules import on their way: more than half of a plan's time.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["snakemake.cli", "h5py", "nbformat", "pydantic", "scipy.optimize", "scipy.sparse.csgraph"]
)


@dataclass(frozen=True)
class Output:
    """A file of the plan: what makes it, from what, and whether it would be made now."""

    file: str
    rule: str
    inputs: tuple[str, ...]
    log: str
    pending: bool


@dataclass
class Workflow:
    """The real workflow, run as a user would, in a folder of its own."""

    repository: Path
    folder: Path
    snakefile: str = "Snakefile"
    python_path: Path | None = None

    @property
    def config(self) -> Path:
        return self.folder / "study.yaml"

    @property
    def results(self) -> Path:
        return self.folder / "results"

    def write_config(self, study: dict) -> None:
        self.config.write_text(yaml.safe_dump(study, sort_keys=False))

    def study(self) -> dict:
        return yaml.safe_load(self.config.read_text())

    def change(self, key: str, value: object) -> None:
        """Set the key at a dotted path of the config."""
        study = section = self.study()
        *path, last = key.split(".")
        for name in path:
            section = section.setdefault(name, {})
        section[last] = value
        self.write_config(study)

    def command(self, *arguments: str, cores: int = 2) -> list[str]:
        return [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(self.repository / self.snakefile)),
            *("--directory", str(self.folder), "--configfile", str(self.config), "--cores", str(cores)),
            *("--nocolor", *arguments),
        ]

    def environment(self) -> dict[str, str]:
        """Return the user's environment; one thread per job, since several jobs run at once."""
        left_out = ("SNAKEMAKE_PROFILE", "PYTHONPATH")
        kept = {name: value for name, value in os.environ.items() if name not in left_out}
        if self.python_path:
            kept["PYTHONPATH"] = str(self.python_path)
        return kept | {"OMP_NUM_THREADS": "1"}

    def start(self, *arguments: str, cores: int = 2) -> subprocess.Popen:
        """Start a run and return at once; its output goes to `run.log` in the folder."""
        with open(self.folder / "run.log", "w") as log:
            return subprocess.Popen(
                self.command(*arguments, cores=cores),
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                env=self.environment(),
                cwd=self.folder,
                start_new_session=True,
            )

    def run(self, *arguments: str, cores: int = 2) -> subprocess.CompletedProcess:
        """Run to the end; output and errors are together in `stdout`."""
        return subprocess.run(
            self.command(*arguments, cores=cores),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment(),
            cwd=self.folder,
            timeout=1200,
        )

    def finish(self, *arguments: str, cores: int = 2) -> str:
        """Run to the end, which must be a success; return what was printed."""
        result = self.run(*arguments, cores=cores)
        assert result.returncode == 0, result.stdout
        return result.stdout

    def planned(self, *arguments: str) -> dict[str, int]:
        """Run nothing; return how many jobs of each rule would be run."""
        return planned_jobs(self._plan("--dry-run", *arguments))

    def outputs(self, *arguments: str) -> list[Output]:
        """Run nothing; return every file that the study makes."""
        text = self._plan("--detailed-summary", *arguments)
        lines = text[text.index("output_file\t") :].splitlines()
        names = lines[0].split("\t")
        rows = (dict(zip(names, line.split("\t"), strict=True)) for line in lines[1:] if "\t" in line)
        return [
            Output(
                row["output_file"],
                row["rule"],
                tuple(file for file in row["input-file(s)"].split(",") if file),
                row["log-file(s)"],
                row["plan"] != "no update",
            )
            for row in rows
        ]

    def _plan(self, *arguments: str) -> str:
        """As `finish`, for what runs no job."""
        code, text = self.attempt(*arguments)
        assert code == 0, text
        return text

    def attempt(self, *arguments: str) -> tuple[int, str]:
        """Return exit status and output, as `run`, in half the time: for what runs no job."""
        command = self.command(*arguments)[2:]
        with tempfile.TemporaryDirectory() as own:  # other workers may look at the same study
            printed = Path(own) / "printed.log"
            process = FORKS.Process(
                target=snakemake, args=(command, self.folder, self.environment(), printed)
            )
            process.start()
            process.join()
            return process.exitcode, printed.read_text()

    def jobs_run(self, *arguments: str, cores: int = 2) -> dict[str, int]:
        """Run to the end; return how many jobs of each rule were run."""
        return counted_jobs(self.finish(*arguments, cores=cores))

    def files(self, *patterns: str) -> dict[str, bytes]:
        """Return the content of the files under `results/` that fit any of the patterns."""
        found = {path for pattern in patterns for path in self.results.glob(pattern) if path.is_file()}
        return {str(path.relative_to(self.results)): path.read_bytes() for path in sorted(found)}


def snakemake(command: list[str], folder: Path, environment: dict[str, str], printed: Path) -> None:
    """Do in this process what the command does; output and errors go to a file."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    with open(printed, "w") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    # The package is that of the workflow that runs, not of the caller.
    for module in [name for name in sys.modules if name.partition(".")[0] == "perturbselect"]:
        del sys.modules[module]
    sys.argv = command
    from snakemake.cli import main

    main()


def copy_repository(repository: Path, folder: Path) -> None:
    """Copy what a user deploys: the workflow without tests and documents."""
    folder.mkdir()
    for name in SHIPPED:
        source = repository / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder)


def begin_with(repository: Path, script: str, lines: str) -> None:
    """Let the jobs of a script do something else first, once their log is open."""
    path, begin = repository / "workflow" / "scripts" / script, "with logged(snakemake.log[0]):\n"
    text = path.read_text()
    assert begin in text
    path.write_text(text.replace(begin, begin + indent(lines, "    ") + "\n"))


def planned_jobs(text: str) -> dict[str, int]:
    """Return how many jobs of each rule a dry run's output says it would run."""
    rows = text.partition("Job stats:\n")[2].partition("\ntotal")[0].splitlines()[2:]
    assert rows or "Nothing to be done" in text, text
    return {rule: int(count) for rule, count in map(str.split, rows) if rule != "all"}


def counted_jobs(text: str) -> dict[str, int]:
    """Return how many jobs of each rule a run's output says it finished."""
    rules = [line.split("Rule: ")[1].rstrip(")") for line in text.splitlines() if "Finished jobid" in line]
    return dict(Counter(rule for rule in rules if rule != "all"))


def measured_content(files: dict[str, bytes]) -> dict[str, object]:
    """Return what must be the same in every run: all but the time and the memory that a selection took."""
    return {
        name: {key: value for key, value in json.loads(content).items() if key not in EFFORT}
        if re.fullmatch(r"tiny/selections/.*\.json", name)
        else content
        for name, content in files.items()
    }


def kill_all(process: subprocess.Popen) -> None:
    """End a started run and all its jobs at once, as a power cut would."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
