import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--renew-golden",
        action="store_true",
        help="write tests/workflow/golden anew from this machine's results, instead of comparing",
    )


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The real screens and graphs; tests that need them skip where they are absent."""
    folder = Path(os.environ.get("PERTURBSELECT_DATA", REPOSITORY / ".." / "shared" / "data")).resolve()
    if not (folder / "papalexi2021").is_dir():
        pytest.skip(f"the real screens are not at {folder}; set PERTURBSELECT_DATA to their folder")
    return folder
