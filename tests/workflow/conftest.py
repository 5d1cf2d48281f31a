import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import TINY, Workflow, copy_repository
from filelock import FileLock


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this test run share (pytest-xdist starts several)."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


def once(folder: Path, name: str, make: Callable[[Path], None]) -> Path:
    """Return the subfolder `name`, made by whoever comes first; the others wait for it."""
    made = folder / name
    with FileLock(folder / f"{name}.lock"):
        if (folder / f"{name}.failed").exists():
            pytest.fail(f"making {name} failed in another process; see the first failure")
        if not made.exists():
            (folder / f"{name}.failed").touch()
            make(made)
            (folder / f"{name}.failed").unlink()
    return made


@pytest.fixture(scope="session")
def deployed(repository: Path, shared: Path) -> Path:
    """The workflow as deployed elsewhere: it needs nothing else of the repository."""
    return once(shared, "deployed", lambda folder: copy_repository(repository, folder))


@pytest.fixture
def own_repository(deployed: Path, tmp_path: Path) -> Path:
    """A deployed workflow whose source a test may edit."""
    folder = tmp_path / "repository"
    copy_repository(deployed, folder)
    return folder


@pytest.fixture
def workflow(deployed: Path, tmp_path: Path) -> Workflow:
    """A tiny study in an empty folder, not run yet."""
    folder = tmp_path / "study"
    folder.mkdir()
    made = Workflow(deployed, folder)
    shutil.copy(TINY, made.config)
    return made


@pytest.fixture(scope="session")
def finished(deployed: Path, shared: Path) -> Workflow:
    """A tiny study that has run from counts to report; tests must not change it."""

    def make(folder: Path) -> None:
        folder.mkdir()
        made = Workflow(deployed, folder)
        shutil.copy(TINY, made.config)
        (folder / "run.txt").write_text(made.finish())

    return Workflow(deployed, once(shared, "finished", make))


@pytest.fixture
def copy_of_finished(finished: Workflow, tmp_path: Path) -> Workflow:
    """A finished study that a test may change."""
    folder = tmp_path / "study"
    shutil.copytree(finished.folder, folder)
    return Workflow(finished.repository, folder)
