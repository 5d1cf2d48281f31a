"""Perturbations are added to a screen: what hangs on it is made anew, and nothing else."""

import subprocess
import sys

import pytest
from command_line import Workflow

from perturbselect.files import read_h5ad, read_tsv, write_h5ad

LATER = ("GENE05", "GENE33", "GENE49")
MEASURED = ["GENE07", "GENE20"]
STILL, GROWING = (
    f"results/{dataset}/selections/graphreach/split0.seed0.tsv" for dataset in ("tiny", "growing")
)


@pytest.fixture
def study(copy_of_finished: Workflow) -> Workflow:
    """A finished study, a second screen in a file of the user's, and another file with its later cells."""
    study = copy_of_finished
    cells = read_h5ad(study.results / "simulations" / "tiny" / "cells.h5ad")
    later = cells.obs["perturbation"].isin(LATER).to_numpy()
    write_h5ad(cells[~later].copy(), study.folder / "growing.h5ad")
    write_h5ad(cells[later].copy(), study.folder / "later.h5ad")
    screen = study.study()["datasets"]["tiny"]
    study.change("datasets.growing", screen | {"source": screen["source"] | {"path": "growing.h5ad"}})
    study.change("constraints.measured", MEASURED)
    return study


@pytest.mark.slow
def test_only_the_screen_that_grew_is_selected_from_again(study):
    steps = ("import_h5ad", "preprocess", "summarise", "go_graph", "split", "select_graphreach")
    assert study.jobs_run(STILL, GROWING) == dict.fromkeys(steps, 1) | {"select_graphreach": 2}
    before = study.files("tiny/**/*")
    dates = {name: (study.results / name).stat().st_mtime_ns for name in before}
    first = (study.folder / GROWING).read_bytes()

    command = (sys.executable, "-m", "perturbselect.data.add_cells", "growing.h5ad", "later.h5ad")
    package = {"PYTHONPATH": str(study.repository / "workflow")}
    done = subprocess.run(
        command,
        cwd=study.folder,
        check=True,
        capture_output=True,
        text=True,
        env=study.environment() | package,
    )
    assert done.stdout.endswith(f"new perturbations: {', '.join(LATER)}\n")
    assert study.jobs_run(STILL, GROWING) == dict.fromkeys(steps, 1)  # of the screen that grew alone

    assert study.files("tiny/**/*") == before
    assert {name: (study.results / name).stat().st_mtime_ns for name in before} == dates
    assert (study.folder / GROWING).read_bytes() != first
    split = read_tsv(study.results / "growing" / "splits" / "split0.tsv")
    assert set(LATER) <= set(split["perturbation"])
    picks = read_tsv(study.folder / GROWING)
    carried = picks[picks["decided_by"] == "measured"]
    assert set(carried["gene"]) == set(MEASURED) & set(split.loc[split["part"] == "pool", "perturbation"])
    assert len(carried)
    assert (carried["rank"] == 0).all()
