"""Changes to a finished tiny study or to its repository, and the jobs that each must make run again.

The test of reruns goes through them one by one; so does ``python benchmarks/reruns.py``, which counts them.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anndata
from command_line import Workflow, copy_repository
from jobs import FROM_SCORES, JOBS, NEW_CONFIG, NEW_SCORES, PAGES, REPORT, per_run, picks_of, without

from perturbselect.files import write_h5ad


@dataclass(frozen=True)
class Mutation:
    """What is changed, and how many jobs of each rule run then: these, and no others."""

    name: str
    change: Callable[[Workflow], None]
    jobs: dict[str, int]


def touch(path: Path) -> None:
    """Give a file a date later than everything else."""
    later = time.time() + 60
    os.utime(path, (later, later))


def option(key: str, value: object) -> Callable[[Workflow], None]:
    """Set a key of the study, at its dotted path."""
    return lambda workflow: workflow.change(key, value)


def spelt_differently(workflow: Workflow) -> None:
    """Write the same study in another order, a default written out."""
    study = workflow.study()
    study["splits"] = {"test_share": 0.25, "count": 2}
    study["strategies"]["graphreach"]["hops"] = 1
    study["graphs"] = dict(reversed(list(study["graphs"].items())))
    workflow.write_config(dict(reversed(list(study.items()))))


def own_copy(workflow: Workflow) -> Path:
    """Let a study use a copy of the repository that may be changed; return its folder."""
    folder = workflow.folder.parent / "repository"
    if workflow.repository != folder:
        copy_repository(workflow.repository, folder)
        workflow.repository = folder
    return folder


def added(file: str, text: str) -> Callable[[Workflow], None]:
    """Write a line at the end of a file of the repository."""

    def change(workflow: Workflow) -> None:
        with open(own_copy(workflow) / file, "a") as source:
            source.write(f"\n{text}\n")

    return change


def line(file: str) -> Callable[[Workflow], None]:
    """Write a statement into a source file."""
    return added(f"workflow/{file}", "ADDED = 1")


def comment(file: str) -> Callable[[Workflow], None]:
    """Write a comment into a source file."""
    return added(f"workflow/{file}", "# A remark.")


def replaced(file: str, old: str, new: str) -> Callable[[Workflow], None]:
    """Replace words that stand once in a file of the repository."""

    def change(workflow: Workflow) -> None:
        path = own_copy(workflow) / file
        text = path.read_text()
        assert text.count(old) == 1, f"{file} holds {text.count(old)} times {old!r}"
        path.write_text(text.replace(old, new))
        touch(path)

    return change


def upgraded(package: str) -> Callable[[Workflow], None]:
    """Pin another version of a package in the lock."""

    def change(workflow: Workflow) -> None:
        path = own_copy(workflow) / "envs" / "requirements.txt"
        lines = path.read_text().splitlines()
        (place,) = (i for i, text in enumerate(lines) if text.startswith(f"{package}=="))
        lines[place] = f"{package}==999.0"
        path.write_text("\n".join(lines) + "\n")

    return change


def new_dates(workflow: Workflow) -> None:
    """Date all source files anew, as a fresh clone does."""
    for path in (own_copy(workflow) / "workflow").rglob("*"):
        touch(path)


def touched(*files: str) -> Callable[[Workflow], None]:
    """Give results a new date and leave their content."""

    def change(workflow: Workflow) -> None:
        for file in files:
            touch(workflow.results / file)

    return change


def deleted(file: str) -> Callable[[Workflow], None]:
    """Delete a result."""
    return lambda workflow: (workflow.results / file).unlink()


def one_count_more(workflow: Workflow) -> None:
    """The same screen with one count more: new data."""
    path = workflow.results / "simulations" / "tiny" / "cells.h5ad"
    cells = anndata.read_h5ad(path)
    cells.X[0, 0] += 1
    write_h5ad(cells, path)
    touch(path)


BEFORE_SPLITS = ("simulate", "import_h5ad", "preprocess", "summarise", "record_study")
GRAPHS = ("go_graph", "interaction_graph", "coexpression_graph", "kernel")
SOURCES = ("simulate", "record_study")
PLOTS = {
    "plot_learning_curves": 1,
    "plot_comparison": 1,
    "plot_coverage": 2,
    "plot_risk_coverage": 1,
    "plot_laboratory": 1,
    "plot_response_space": 1,
    "plot_statistics": 1,
    "plot_predictions": 1,
    "error_by_distance": 1,
    "selected": 1,
    "explorer": 1,  # the strategies' colours
}
NEW_KERNEL = {"kernel": 1, "train_kernel_ridge": 3, "score": 3, **NEW_SCORES}


MUTATIONS = [
    # Nothing that matters.
    Mutation("nothing", lambda workflow: None, {}),
    Mutation(
        "same content, new dates",
        touched("simulations/tiny/cells.h5ad", "tiny/responses.h5ad", "tiny/graphs/go.edges.tsv.gz"),
        {},
    ),
    Mutation("a fresh clone", new_dates, {}),
    Mutation("comment in a script", comment("scripts/train.py"), {}),
    Mutation("comment in a strategy", comment("perturbselect/selection/graphreach.py"), {}),
    Mutation("comment in a rule file", comment("rules/training.smk"), {}),
    Mutation("module that nothing uses", line("perturbselect/selection/pagerank.py"), {}),
    Mutation("comment in the lock", added("envs/requirements.txt", "# renewed"), {}),
    # Keys of the study.
    # Nothing is computed; the recorded config has the new order.
    Mutation("study spelt differently", spelt_differently, NEW_CONFIG),
    Mutation(
        "title",
        option("title", "Another"),
        {"overview": 1, "explorer": 1, "publication_tables": 1, **NEW_CONFIG},
    ),
    Mutation("master seed", option("seed", 8), JOBS),
    Mutation("simulation", option("simulations.tiny.depth", 7000), JOBS),
    Mutation(
        "filter",
        option("datasets.tiny.preprocess.filters.min_guide_share", 0.5),
        without(JOBS, "simulate", "import_h5ad"),
    ),
    Mutation(
        "test of differential expression",
        option("datasets.tiny.preprocess.test", "wilcoxon"),
        without(JOBS, "simulate", "import_h5ad", "preprocess", "coexpression_graph"),
    ),
    Mutation(
        "threshold of a graph",
        option("graphs.interactions.threshold", 500),
        {"interaction_graph": 1, "coverage": 1, "plot_coverage": 1, **NEW_KERNEL, **NEW_CONFIG},
    ),
    Mutation(
        "expression of a kernel",
        option("kernels.prior", "jaccard(go)"),
        NEW_KERNEL | NEW_CONFIG,
    ),
    Mutation(
        "option of a strategy", option("strategies.graphreach.hops", 2), picks_of("graphreach") | NEW_CONFIG
    ),
    Mutation(
        "strategy added",
        option("strategies.far", {"strategy": "graphreach", "graph": "interactions"}),
        picks_of("far") | NEW_CONFIG,
    ),
    Mutation(
        "option of a model",
        option("models.gears.steps", 6),
        {"train_gears": 6, "score": 3, **NEW_SCORES, **NEW_CONFIG},
    ),
    Mutation(
        "model added",
        option("models.control_mean", {}),
        {"train_control_mean": 3, "score": 3, **NEW_SCORES, **NEW_CONFIG},
    ),
    Mutation(
        "model of distributions added",
        option("models.training_histogram", {}),
        {
            "histograms": 1,
            "train_training_histogram": 3,
            "score": 3,
            "score_references": 1,
            **NEW_SCORES,
            **NEW_CONFIG,
        },
    ),
    Mutation("seed added", option("seeds", 2), per_run(2) | NEW_CONFIG),
    Mutation(
        "split added",
        option("splits.count", 3),
        per_run(1) | {"split": 1, "score_references": 1, **NEW_CONFIG},
    ),
    Mutation(
        "share held out",
        option("splits.test_share", 0.3),
        without(JOBS, *BEFORE_SPLITS, *GRAPHS) | NEW_CONFIG,
    ),
    # A selection looks as far as the largest budget; a job trains and scores all budgets of its run.
    Mutation(
        "budget added",
        option("budgets", [4, 6, "50%"]),
        without(JOBS, *BEFORE_SPLITS, *GRAPHS, "split", "score_references") | NEW_CONFIG,
    ),
    Mutation(
        "metric shown",
        option("figures.metrics", ["mse", "mae"]),
        {
            "plot_learning_curves": 1,
            "plot_comparison": 1,
            "plot_statistics": 1,
            "error_by_distance": 1,
            "publication_tables": 1,
            "overview": 1,
            **PAGES,
            **NEW_CONFIG,
        },
    ),
    Mutation(
        "price in the laboratory",
        option("laboratory.price_per_cell", 0.1),
        {"laboratory": 1, "plot_laboratory": 1, "overview": 1, **NEW_CONFIG},
    ),
    # Lines of the source.
    Mutation("line in a script", line("scripts/split.py"), without(JOBS, *BEFORE_SPLITS, *GRAPHS)),
    Mutation("line in a strategy", line("perturbselect/selection/graphreach.py"), picks_of("graphreach")),
    Mutation(
        "line in a model",
        line("perturbselect/models/kernel_ridge.py"),
        {"train_kernel_ridge": 3, "score": 3, **NEW_SCORES},
    ),
    Mutation("line in the kernels", line("perturbselect/graphs/kernels/features.py"), NEW_KERNEL),
    Mutation(
        "source of a metric",
        replaced("workflow/perturbselect/scores/metrics.py", "ROUNDING = 1e-6", "ROUNDING = 1e-7"),
        {"score": 9, "score_references": 1, **NEW_SCORES},
    ),
    Mutation(
        "new metric",
        added(
            "workflow/perturbselect/scores/metrics.py",
            'METRICS["mse_again"] = Metric(mse, "perturbation", "lower", 0, "MSE once more")',
        ),
        {"score": 9, "score_references": 1, **NEW_SCORES},
    ),
    Mutation("caption in the report", added("workflow/report/coverage.rst", "A remark."), REPORT),
    Mutation("line in a figure", line("perturbselect/report/coverage.py"), {"plot_coverage": 2, **REPORT}),
    Mutation(
        "style of the figures",
        replaced("workflow/perturbselect/report/style.py", '"font.size": 9', '"font.size": 10'),
        PLOTS | REPORT,
    ),
    Mutation("line in how files are written", line("perturbselect/files.py"), JOBS),
    # Versions in the lock.
    Mutation("upgrade that nothing imports", upgraded("pytest"), NEW_CONFIG),
    Mutation("upgrade of matplotlib", upgraded("matplotlib"), PLOTS | NEW_CONFIG),
    Mutation(
        "upgrade of torch", upgraded("torch"), {"train_gears": 6, "score": 3, **NEW_SCORES, **NEW_CONFIG}
    ),
    Mutation("upgrade of numpy", upgraded("numpy"), JOBS),
    # Data and results.
    Mutation("new data", one_count_more, without(JOBS, *SOURCES)),
    Mutation(
        "selection deleted",
        deleted("tiny/selections/random/split1.seed0.tsv"),
        without(picks_of("random", count=1), "plot_response_space"),  # shows split 0
    ),
    Mutation(
        "history of a training deleted",
        deleted("tiny/predictions/gears/random/split0.seed0/training.tsv"),
        {"train_gears": 1, "score": 1, **NEW_SCORES},
    ),
    # Predictions are the largest results; once they are scored, they may go.
    Mutation(
        "prediction deleted", deleted("tiny/predictions/gears/random/split0.seed0/predictions.h5ad"), {}
    ),
    Mutation(
        "table deleted",
        deleted("tables/areas.tsv"),
        without(NEW_SCORES, "collect_scores", "plot_risk_coverage", *FROM_SCORES),
    ),
    Mutation("figure deleted", deleted("figures/tiny/coverage.go.svg"), {"plot_coverage": 1, **REPORT}),
    Mutation("summary deleted", deleted("summary.txt"), {"overview": 1, **REPORT}),
    Mutation("report deleted", deleted("report.html"), REPORT),
]
