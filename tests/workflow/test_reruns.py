"""What a change makes the workflow do again: that, and nothing else."""

import os
import time

import anndata
import pytest
from test_dag import JOBS

from perturbselect.files import write_h5ad

PAGES = dict.fromkeys(
    ("page_summary", "page_learning_curves", "page_comparisons", "page_areas", "page_data_saving"), 1
)
REPORT = {"report": 1}
NEW_CONFIG = {"record_study": 1, **REPORT}
NEW_SCORES = {
    "collect_scores": 1,
    "compare": 1,
    "plot_learning_curves": 1,
    "plot_comparison": 1,
    "laboratory": 1,
    "plot_laboratory": 1,
    "overview": 1,
    **PAGES,
    **REPORT,
}
NEW_COVERAGE = {"coverage": 2, "plot_coverage": 2}
TRAINED = ("train_training_mean", "train_kernel_ridge", "train_gears")


def picks_of(strategy: str, count: int = 2) -> dict[str, int]:
    """Jobs after one strategy's selection has changed, on so many splits."""
    return (
        {f"select_{strategy}": count, **dict.fromkeys(TRAINED, count), "score": 3 * count}
        | NEW_SCORES
        | NEW_COVERAGE
        | {"plot_response_space": 1}
    )


def per_run(count: int) -> dict[str, int]:
    """Jobs of so many further runs (split and seed) of everything."""
    selections = {f"select_{strategy}": count for strategy in ("random", "degree", "graphreach")}
    return (
        selections
        | dict.fromkeys(TRAINED, 3 * count)
        | {"score": 9 * count}
        | NEW_SCORES
        | NEW_COVERAGE
        | NEW_CONFIG
    )


def touch(path) -> None:
    """Give a file a date later than everything else."""
    later = time.time() + 60
    os.utime(path, (later, later))


@pytest.mark.parametrize(
    ("key", "value", "jobs"),
    [
        pytest.param(
            "strategies.graphreach.hops", 2, picks_of("graphreach") | NEW_CONFIG, id="strategy-option"
        ),
        pytest.param(
            "strategies.far",
            {"strategy": "graphreach", "graph": "interactions"},
            picks_of("far") | NEW_CONFIG,
            id="strategy-added",
        ),
        pytest.param("seeds", 2, per_run(2), id="seed-added"),
        pytest.param("splits.count", 3, per_run(1) | {"split": 1, "score_references": 1}, id="split-added"),
        pytest.param(
            "models.control_mean",
            {},
            {"train_control_mean": 6, "score": 6} | NEW_SCORES | NEW_CONFIG,
            id="model-added",
        ),
        pytest.param(
            "models.gears.steps",
            6,
            {"train_gears": 6, "score": 6} | NEW_SCORES | NEW_CONFIG,
            id="model-option",
        ),
        pytest.param(
            "figures.metrics",
            ["mse", "mae"],
            {"plot_learning_curves": 1, "plot_comparison": 1, "overview": 1, **PAGES, **NEW_CONFIG},
            id="figure-added",
        ),
        pytest.param("title", "Another", {"overview": 1, **NEW_CONFIG}, id="title"),
        pytest.param(
            "graphs.interactions.threshold",
            500,
            {"interaction_graph": 1, "kernel": 1, "train_kernel_ridge": 6, "score": 6}
            | {"coverage": 1, "plot_coverage": 1}
            | NEW_SCORES
            | NEW_CONFIG,
            id="graph-option",
        ),
        pytest.param("seed", 8, JOBS, id="master-seed"),
    ],
)
def test_a_key_changed(copy_of_finished, key, value, jobs):
    copy_of_finished.change(key, value)
    assert copy_of_finished.planned() == jobs


def test_nothing_changed(copy_of_finished):
    assert copy_of_finished.planned() == {}


def test_config_spelt_differently(copy_of_finished):
    """Other order, defaults written out: the same study, recorded anew at the most."""
    study = copy_of_finished.study()
    study["splits"] = {"test_share": 0.25, "count": 2}
    study["strategies"] = {
        name: dict(reversed(list(options.items()))) for name, options in study["strategies"].items()
    }
    study["strategies"]["graphreach"]["hops"] = 1
    copy_of_finished.write_config(dict(reversed(list(study.items()))))
    assert set(copy_of_finished.planned()) <= set(NEW_CONFIG | {"overview": 1})


def test_same_content_with_a_new_date(copy_of_finished):
    for name in ("simulations/tiny/cells.h5ad", "tiny/responses.h5ad", "tiny/graphs/go.edges.tsv.gz"):
        touch(copy_of_finished.results / name)
    assert copy_of_finished.planned() == {}


def test_new_data(copy_of_finished):
    """The same screen with one count more."""
    path = copy_of_finished.results / "simulations" / "tiny" / "cells.h5ad"
    cells = anndata.read_h5ad(path)
    cells.X[0, 0] += 1
    write_h5ad(cells, path)
    touch(path)
    kept = ("simulate", "record_study")
    assert copy_of_finished.planned() == {rule: n for rule, n in JOBS.items() if rule not in kept}


def test_a_selection_deleted(copy_of_finished):
    """It is made again; asked for alone, nothing follows, since it is the same to the byte."""
    picks = "tiny/selections/random/split1.seed0.tsv"
    before = copy_of_finished.files(picks)
    (copy_of_finished.results / picks).unlink()
    jobs = picks_of("random", count=1)
    del jobs["plot_response_space"]  # shows split 0
    assert copy_of_finished.planned() == jobs
    assert copy_of_finished.jobs_run(f"results/{picks}") == {"select_random": 1}
    assert copy_of_finished.files(picks) == before
    assert copy_of_finished.planned() == {}


@pytest.mark.parametrize(
    ("file", "jobs"),
    [
        ("figures/tiny/coverage.go.svg", {"plot_coverage": 1, **REPORT}),
        ("summary.txt", {"overview": 1, **REPORT}),
        ("tables/areas.tsv", {"compare": 1, **NEW_SCORES} | {"collect_scores": 0}),
    ],
)
def test_a_result_deleted(copy_of_finished, file, jobs):
    (copy_of_finished.results / file).unlink()
    assert copy_of_finished.planned() == {rule: count for rule, count in jobs.items() if count}


def edit(path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, f"{path} holds {text.count(old)} times {old!r}"
    path.write_text(text.replace(old, new))
    touch(path)


def test_another_copy_of_the_repository(copy_of_finished, own_repository):
    copy_of_finished.repository = own_repository
    assert copy_of_finished.planned() == {}


def test_comments_and_dates_of_the_source(copy_of_finished, own_repository):
    """Neither a comment in a script, nor one in a module, nor a fresh clone."""
    source = own_repository / "workflow"
    edit(source / "scripts/train.py", "with logged(", "# A remark.\nwith logged(")
    with open(source / "perturbselect/selection/graphreach.py", "a") as module:
        module.write("\n\n# A remark.\n")
    for path in source.rglob("*"):
        touch(path)
    copy_of_finished.repository = own_repository
    assert copy_of_finished.planned() == {}


@pytest.mark.parametrize(
    ("module", "jobs"),
    [
        ("scripts/split.py", JOBS),
        ("perturbselect/selection/graphreach.py", picks_of("graphreach")),
        ("perturbselect/models/kernel_ridge.py", {"train_kernel_ridge": 6, "score": 6, **NEW_SCORES}),
        ("perturbselect/report/coverage.py", {"plot_coverage": 2, **REPORT}),
    ],
)
def test_a_line_of_the_source_edited(copy_of_finished, own_repository, module, jobs):
    with open(own_repository / "workflow" / module, "a") as source:
        source.write("\nADDED = 1\n")
    copy_of_finished.repository = own_repository
    if module.startswith("scripts"):
        before = ("simulate", "import_h5ad", "preprocess", "summarise", "record_study")
        graphs = ("go_graph", "interaction_graph", "coexpression_graph", "kernel")
        jobs = {rule: count for rule, count in jobs.items() if rule not in before + graphs}
    assert copy_of_finished.planned() == jobs


def test_a_new_lock_of_the_environment(copy_of_finished, own_repository):
    """Other versions of the software are recorded; what they would change is for the user to say."""
    with open(own_repository / "envs" / "requirements.txt", "a") as lock:
        lock.write("# renewed\n")
    copy_of_finished.repository = own_repository
    assert copy_of_finished.planned() == NEW_CONFIG


def test_the_profile_applies_in_another_folder(finished):
    """`rerun-triggers` and `max-checksum-file-size` stand there; the tests above need both."""
    printed = (finished.folder / "run.txt").read_text()
    assert f"Using workflow specific profile {finished.repository}/profiles/default" in printed
