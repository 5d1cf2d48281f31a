"""Measure what scores, statistics and figures of a large study take, on two cores.

``python benchmarks/evidence.py`` prints the parts and, last, one line of JSON: ``score_s`` and
``score_peak_gb`` for all scores of 1,000 prediction files (500 test perturbations x 5,000 genes each;
resident memory of all processes together), ``statistics_and_figures_s`` for a study of 20 strategies x 10
runs x 8 budgets x 5 datasets, with one model trained on each strategy's picks.

All numbers are random. 20 distinct files are written, 0.2 GB, and each is read and scored 50 times, since
1,000 would take 10 GB; the system therefore finds them in its cache. The work is cut into jobs as the
workflow cuts it, two at a time; Snakemake's own time for a job is not in it (``benchmarks/main_job.py``).

``--quick``: 8 files, and a study of 5 strategies and one dataset. ``--models 2``: two models.
``--figures FOLDER`` keeps the figures.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")  # two processes on two cores

import anndata
import numpy as np
import pandas as pd
from large_study import (
    Study,
    coverage,
    errors_and_variances,
    graph,
    perturbation_scores,
    picks,
    responses,
    scores,
    selection,
    stability,
    test_part,
)
from main_job import measured

from perturbselect.config import Laboratory
from perturbselect.files import read_h5ad, read_parquet, write_bytes, write_h5ad, write_parquet
from perturbselect.report import (
    comparison,
    critical_difference,
    data_saving,
    error_by_distance,
    explorer,
    five_sentences,
    html_tables,
    laboratory_scores,
    learning_curves,
    plain_text,
    predicted_true,
    publication,
    response_space,
    risk_coverage,
    strategy_page,
)
from perturbselect.report import coverage as coverage_figure
from perturbselect.report import laboratory as laboratory_figure
from perturbselect.report import selected as selected_figure
from perturbselect.report import stability as stability_figure
from perturbselect.report.style import save
from perturbselect.scores import comparisons as compared
from perturbselect.scores import curves as averaged
from perturbselect.scores import data_saving as saved
from perturbselect.scores import distance, laboratory, rankings, runs, score, selected, summary, variance
from perturbselect.scores import risk_coverage as risks
from perturbselect.selection.strategy import Problem
from perturbselect.table_schema import write_table

CORES = 2
METRICS = ["pearson_delta_perturbed_ref", "mse", "mse_de20", "pearson_delta"]
SIMPLE = ["kernel_ridge", "control_mean", "training_mean"]
Tables = dict[str, pd.DataFrame]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--figures", type=Path)
    parser.add_argument(
        "--models", type=int, default=1, choices=range(1, 5), help="trained on each strategy's picks"
    )
    parser.add_argument(
        "--score", type=Path, help=argparse.SUPPRESS
    )  # the part that is measured from outside
    options = parser.parse_args()
    if options.score:
        score_all(options.score, times=2 if options.quick else 50)
        return
    quick = ["--quick"] * options.quick
    with tempfile.TemporaryDirectory() as folder:
        write_predictions(Path(folder), distinct=4 if options.quick else 20)
        seconds, memory = measured([sys.executable, __file__, "--score", folder, *quick])
        print(f"{'scores of all prediction files':44}{seconds:8.1f} s {memory:6.2f} GB", flush=True)
    size = {"strategies": 5, "datasets": 1} if options.quick else {}
    study = Study(**size, models=options.models)
    with tempfile.TemporaryDirectory() as folder:
        evidence_s = evidence(study, options.figures or Path(folder))
    figures = {"score_s": seconds, "score_peak_gb": memory, "statistics_and_figures_s": evidence_s}
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


def write_predictions(folder: Path, distinct: int) -> None:
    """Write responses of 1,000 perturbations in 5,000 genes, and files of 500 predictions each."""
    generator = np.random.default_rng(0)
    truth = responses(Study(perturbations=1000, genes=5000), generator)
    truth.uns["simulated"] = True
    write_h5ad(truth, folder / "responses.h5ad")
    test = truth[:500]
    for place in range(distinct):
        noise = generator.normal(0, 0.1, test.shape)
        made = anndata.AnnData((0.5 * test.X + noise).astype(np.float32), obs=test.obs[[]])
        made.var = test.var[[]]
        made.uns = {"dataset": "d", "model": f"m{place}", "strategy": "s", "split": 0, "seed": 0}
        made.uns |= {"budget": "500", "n_selected": 500}
        write_h5ad(made, folder / f"{place}.predictions.h5ad")


def score_job(folder: Path, place: int, times: int) -> Path:
    """Score one model's files, as a job of rule ``score`` does."""
    truth, made = read_h5ad(folder / "responses.h5ad"), folder / f"{place}.parquet"
    frames, of_split = [], score.Truth.of_split(truth, truth.obs_names[:500])
    for seed in range(times):
        predictions = read_h5ad(folder / f"{place}.predictions.h5ad")
        predictions.uns["seed"] = seed
        frames.append(score.score(of_split, predictions))
    write_parquet(pd.concat(frames, ignore_index=True), made)
    return made


def score_all(folder: Path, times: int) -> None:
    """Score all files, two jobs at a time, then collect them as rule ``collect_scores`` does."""
    places = range(len(list(folder.glob("*.predictions.h5ad"))))
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        made = list(pool.map(score_job, [folder] * len(places), places, [times] * len(places)))
    frames = [pd.read_parquet(path) for path in made]
    write_table(runs.run_scores(frames), "scores", folder / "scores.tsv")
    write_table(
        pd.concat(frames, ignore_index=True), "perturbation_scores", folder / "perturbation_scores.parquet"
    )


def evidence(study: Study, folder: Path) -> float:
    """Make all tables, figures and pages of a study, two jobs at a time; return the seconds.

    A job waits for the tables it reads and for no others, as in the workflow.
    """
    table = scores(study, np.random.default_rng(0))
    for name in study.dataset_names:
        made = errors_and_variances(study, name, np.random.default_rng(0))
        write_parquet(made, folder / name / "perturbation_scores.parquet")
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        list(pool.map(time.sleep, [0.1] * CORES))  # start and import before the clock does
        start = time.perf_counter()

        def submit(job: Callable[..., Any], name: str, *arguments: Any) -> tuple[str, Future]:
            return f"{job.__name__} {name}", pool.submit(timed, job, *arguments, folder)

        waiting = [submit(compare, "", table), submit(strategy_statistics, "", table, study)]
        for job, name in product([pictures, plot_risk_coverage], study.dataset_names):
            waiting.append(submit(job, name, study, name))
        compared_tables = waiting[0][1].result()[0]
        for job, name in product(
            [plot_learning_curves, plot_comparison, plot_laboratory], study.dataset_names
        ):
            waiting.append(submit(job, name, study, name, compared_tables))
        made = compared_tables | waiting[1][1].result()[0]
        waiting += [submit(plot_statistics, name, study, name, made) for name in study.dataset_names]
        for job in (explorer_page, publication_tables, table_pages, overview, plot_ranks_over_datasets):
            waiting.append(submit(job, "", study, made))
        for label, future in waiting:
            print(f"{label:44}{future.result()[1]:8.1f} s", flush=True)
        return time.perf_counter() - start


def timed(function: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """Call a function; return what it returns and its seconds."""
    start = time.perf_counter()
    return function(*arguments), time.perf_counter() - start


def compare(table: pd.DataFrame, folder: Path) -> Tables:
    """Return the tables of rules ``compare`` and ``laboratory``."""
    made = {
        "learning_curves": averaged.learning_curves(table),
        "comparisons": compared.comparisons(table),
        "areas": averaged.area_under_curve(table),
        "data_saving": saved.data_saving(table),
    }
    made["summary"] = summary.summary(made["learning_curves"], made["comparisons"])
    made["laboratory"] = laboratory.laboratory_table(made["learning_curves"], Laboratory())
    return written(made, folder)


def strategy_statistics(table: pd.DataFrame, study: Study, folder: Path) -> Tables:
    """Return the tables of the rule of this name."""
    found = rankings.rankings(table)
    measured_genes = {
        (dataset, *run): chosen
        for dataset in study.dataset_names
        for run, chosen in picks(study, np.random.default_rng(1)).items()
    }
    made = {"strategy_tests": found.tests, "ranks": found.ranks, "pairs": found.pairs}
    return written(made | {"variance": variance.variance(table, measured_genes)}, folder)


def written(made: Tables, folder: Path) -> Tables:
    """Write tables as the workflow does."""
    for name, table in made.items():
        write_table(table, name, folder / f"{name}.{'parquet' if name == 'pairs' else 'tsv'}")
    return made


def plot_learning_curves(study: Study, dataset: str, made: Tables, folder: Path) -> None:
    """Draw as the rule of this name; the other functions below too."""
    about: dict[str, Any] = {"strategies": study.strategy_names, "simulated": True}
    for metric in METRICS:
        figure = learning_curves.plot(made["learning_curves"], dataset, metrics=[metric], **about)
        save(figure, folder / dataset / f"learning_curves.{metric}")


def plot_comparison(study: Study, dataset: str, made: Tables, folder: Path) -> None:
    about: dict[str, Any] = {"strategies": study.strategy_names, "simulated": True}
    for metric in METRICS:
        figure = comparison.plot(made["comparisons"], dataset, metric=metric, **about)
        save(figure, folder / dataset / f"comparison.{metric}")


def plot_statistics(study: Study, dataset: str, made: Tables, folder: Path) -> None:
    about: dict[str, Any] = {"strategies": study.strategy_names, "metrics": METRICS[:2], "simulated": True}
    drawn = {
        "data_saving": data_saving.plot(made["data_saving"], dataset, **about),
        "critical_difference": critical_difference.plot(
            made["ranks"], made["strategy_tests"], dataset, **about
        ),
    }
    for name, figure in drawn.items():
        save(figure, folder / dataset / name)


def plot_laboratory(study: Study, dataset: str, made: Tables, folder: Path) -> None:
    table = made["laboratory"]
    save(laboratory_figure.plot(table, dataset, simulated=True), folder / dataset / "laboratory")
    figure = laboratory_scores.plot(
        made["learning_curves"],
        table,
        dataset,
        strategies=study.strategy_names,
        rounds={},
        pool=study.perturbations - len(test_part(study, 0)),
        metric=METRICS[0],
        simulated=True,
    )
    save(figure, folder / dataset / "laboratory_scores")


def plot_risk_coverage(study: Study, dataset: str, folder: Path) -> None:
    curves = risks.risk_coverage(read_parquet(folder / dataset / "perturbation_scores.parquet"))
    write_table(curves, "risk_coverage", folder / dataset / "risk_coverage.tsv")
    figure = risk_coverage.plot(curves, strategies=study.strategy_names, name=dataset, simulated=True)
    save(figure, folder / dataset / "risk_coverage")


def pictures(study: Study, dataset: str, folder: Path) -> None:
    """Draw what is drawn from selections, responses, predictions and graphs of a dataset, and no table."""
    generator = np.random.default_rng(2)
    truth, chosen, size = (
        responses(study, generator),
        picks(study, generator),
        study.sizes[len(study.sizes) // 2],
    )
    about: dict[str, Any] = {"strategies": study.strategy_names, "dataset": dataset, "simulated": True}
    test = test_part(study, 0)
    predictions = {model: truth[test].copy() for model in study.model_names}
    of_dataset = perturbation_scores(study, dataset, size, generator)
    of_run = of_dataset[
        (of_dataset[["split", "seed"]] == 0).all(axis=1) & (of_dataset["strategy"] == "random")
    ]
    three = predicted_true.best_median_worst(of_run)
    graphs = {"go": graph(study, generator), "interactions": graph(study, generator, 2)}
    near = distance.error_by_distance(
        of_dataset, graphs, {run: genes[:size] for run, genes in chosen.items()}
    )
    first = {name: chosen[name, 0, 0][:size] for name in study.strategy_names}
    parts = [set(test_part(study, split)) for split in range(study.splits)]
    picked = selected.selected(
        dataset,
        {run: selection(genes) for run, genes in chosen.items()},
        {
            split: Problem(
                np.array([gene for gene in truth.obs_names if gene not in part]), np.array(list(part))
            )
            for split, part in enumerate(parts)
        },
        truth.to_df(),
        graphs,
        dict.fromkeys(study.strategy_names, "go"),
        study.sizes,
    )
    write_table(picked, "selected", folder / dataset / "selected.tsv")
    changes = stability(study, dataset, size, generator)
    run: dict[str, Any] = {"what": "picked at random", "dataset": dataset, "simulated": True}
    rows: dict[str, Any] = {"strategies": study.strategy_names, "budget": str(size), "simulated": True}
    drawn = {
        "predictions": predicted_true.plot(truth, predictions, three, **run),
        "error_by_distance": error_by_distance.plot(near, **about),
        "response_space": response_space.plot(truth, first, test, **about),
        "selected": selected_figure.plot(picked, **about),
        "stability": stability_figure.plot(changes, dataset, **rows),
        **{f"coverage.{name}": coverage_figure.plot(coverage(study), graph=name, **about) for name in graphs},
    }
    for name, figure in drawn.items():
        save(figure, folder / dataset / name)


def explorer_page(study: Study, made: Tables, folder: Path) -> None:
    page = explorer.explorer_page(made["learning_curves"], "A large study", strategies=study.strategy_names)
    write_bytes(page.encode(), folder / "explorer.html")


def publication_tables(study: Study, made: Tables, folder: Path) -> None:
    laid_out = [
        publication.table(made["learning_curves"], made["pairs"], dataset, dataset, metric)
        for dataset in study.dataset_names
        for metric in METRICS
    ]
    write_bytes(publication.publication_page(laid_out, "Scores").encode(), folder / "publication.html")
    write_bytes(publication.publication_latex(laid_out).encode(), folder / "publication.tex")


def table_pages(study: Study, made: Tables, folder: Path) -> None:
    for name in ("summary", "learning_curves", "comparisons", "areas", "data_saving"):
        shown = made[name][made[name]["metric"].isin(METRICS)]
        write_bytes(html_tables.table_page(shown, name).encode(), folder / f"{name}.html")
    keys = dict.fromkeys(["dataset", "model", "strategy", "metric"], "category")
    kinds = [made[name].astype(keys) for name in ("learning_curves", "comparisons", "data_saving")]
    for dataset, strategy, model in product(study.dataset_names, study.strategy_names, study.model_names):
        about = {"dataset": dataset, "strategy": strategy, "model": model}
        page = strategy_page.strategy_page(*kinds, metrics=METRICS, **about)
        write_bytes(page.encode(), folder / dataset / f"{strategy}.{model}.html")


def overview(study: Study, made: Tables, folder: Path) -> None:
    sentences = five_sentences.five_sentences(
        made["summary"],
        made["data_saving"],
        made["laboratory"],
        baseline="random",
        simple=SIMPLE,
        network="gears",
    )
    text = plain_text.text_summary(
        "A large study",
        made["learning_curves"],
        made["summary"],
        METRICS,
        network="gears",
        sentences=sentences,
        notices=[],
    )
    write_bytes(text.encode(), folder / "summary.txt")


def plot_ranks_over_datasets(study: Study, made: Tables, folder: Path) -> None:
    figure = critical_difference.plot(
        made["ranks"], made["strategy_tests"], None, strategies=study.strategy_names, metrics=METRICS[:2]
    )
    save(figure, folder / "critical_difference")


if __name__ == "__main__":
    main()
