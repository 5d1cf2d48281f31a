import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

TINY = Path(__file__).with_name("tiny.yaml")


@dataclass
class Workflow:
    """The real workflow, run as a user would, in a folder of its own."""

    repository: Path
    folder: Path
    snakefile: str = "Snakefile"

    @property
    def config(self) -> Path:
        return self.folder / "study.yaml"

    def write_config(self, study: dict) -> None:
        self.config.write_text(yaml.safe_dump(study, sort_keys=False))

    def study(self) -> dict:
        return yaml.safe_load(self.config.read_text())

    def run(self, *arguments: str, cores: int = 2) -> subprocess.CompletedProcess:
        environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "default"}
        environment.pop("SNAKEMAKE_PROFILE", None)
        return subprocess.run(
            [
                *(sys.executable, "-m", "snakemake", "--snakefile", str(self.repository / self.snakefile)),
                *("--directory", str(self.folder), "--configfile", str(self.config), "--cores", str(cores)),
                *("--nocolor", *arguments),
            ],
            capture_output=True,
            text=True,
            env=environment,
            timeout=1200,
        )

    def planned(self, *arguments: str) -> dict[str, int]:
        """Run nothing; return how many jobs of each rule would be run."""
        plan = self.run("--dry-run", "--quiet", "reason", *arguments)
        assert plan.returncode == 0, plan.stderr + plan.stdout
        table = re.search(r"^job\s+count\n-+\s+-+\n(.*?)^total", plan.stdout + plan.stderr, re.M | re.S)
        rows = (line.split() for line in table.group(1).splitlines()) if table else []
        return {rule: int(count) for rule, count in rows if rule != "all"}


@pytest.fixture
def workflow(repository: Path, tmp_path: Path) -> Workflow:
    """A tiny study in an empty folder, not run yet."""
    made = Workflow(repository, tmp_path)
    shutil.copy(TINY, made.config)
    return made


@pytest.fixture(scope="session")
def finished(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A tiny study that has run from counts to report; tests must not change it."""
    made = Workflow(repository, tmp_path_factory.mktemp("finished"))
    shutil.copy(TINY, made.config)
    result = made.run()
    assert result.returncode == 0, result.stderr
    return made


@pytest.fixture
def copy_of_finished(finished: Workflow, tmp_path: Path) -> Workflow:
    """A finished study that a test may change."""
    folder = tmp_path / "study"
    shutil.copytree(finished.folder, folder)
    return Workflow(finished.repository, folder)
