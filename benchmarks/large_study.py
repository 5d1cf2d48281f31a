"""A large study made of random numbers, to measure its statistics and figures, and to look at them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from perturbselect.graphs.graph import Graph
from perturbselect.scores.metrics import METRICS
from perturbselect.scores.runs import CURVE, RUN, ordered
from perturbselect.scores.score import CEILING, FLOORS, PREDICTED_VARIANCE, REFERENCES
from perturbselect.selection.strategy import FALLBACK

INTEGERS = ["split", "seed", "n_selected", "n_perturbations", "undefined"]


@dataclass(frozen=True)
class Study:
    """Its shape; runs are splits x seeds."""

    strategies: int = 20
    splits: int = 5
    seeds: int = 2
    budgets: int = 8
    datasets: int = 5
    models: int = 2
    perturbations: int = 400
    genes: int = 500

    @property
    def strategy_names(self) -> list[str]:
        """Labels of the strategies, the baseline first."""
        return ["random", *(f"strategy_{i:02}" for i in range(1, self.strategies))]

    @property
    def dataset_names(self) -> list[str]:
        """Keys of the datasets."""
        return [f"screen_{i}" for i in range(1, self.datasets + 1)]

    @property
    def model_names(self) -> list[str]:
        """Labels of the models."""
        return ["gears", "kernel_ridge", "graphnet", "knn_graph"][: self.models]

    @property
    def sizes(self) -> list[int]:
        """Perturbations measured, by budget."""
        return [20 + 10 * i for i in range(self.budgets)]

    @property
    def runs(self) -> list[tuple[int, int]]:
        """Splits and seeds."""
        return [(split, seed) for split in range(self.splits) for seed in range(self.seeds)]


def scores(study: Study, generator: np.random.Generator) -> pd.DataFrame:
    """Table ``scores``: strategies that differ a little, splits that differ more, noise."""
    names = [study.dataset_names, study.model_names, study.strategy_names, range(study.splits)]
    index = pd.MultiIndex.from_product(
        [*names, range(study.seeds), study.sizes, list(METRICS)],
        names=[*CURVE, *RUN, "n_selected", "metric"],
    )
    shape = [study.datasets, study.models, study.strategies, study.splits, study.seeds, study.budgets, 1]
    skill = 1 + 0.25 * generator.uniform(-1, 1, shape[2]).reshape(1, 1, -1, 1, 1, 1, 1)
    of_split = 1 + 0.1 * generator.normal(size=[shape[0], 1, 1, shape[3], 1, 1, 1])
    reached = skill * of_split * np.log(np.array(study.sizes)).reshape(1, 1, 1, 1, 1, -1, 1) / 10
    reached = reached + 0.02 * generator.normal(size=[*shape[:6], len(METRICS)])
    higher = np.array([metric.better == "higher" for metric in METRICS.values()])
    table = index.to_frame(index=False)
    table["value"] = np.where(higher, reached, 1 - reached).ravel()
    table["budget"] = table["n_selected"].astype(str)
    references = pd.DataFrame(
        [
            (dataset, model, split, metric, value if rule.better == "higher" else 1 - value)
            for dataset in study.dataset_names
            for model, value in zip([*FLOORS, CEILING], (0.0, 0.25, 0.7), strict=True)
            for split in range(study.splits)
            for metric, rule in METRICS.items()
        ],
        columns=["dataset", "model", "split", "metric", "value"],
    )
    whole = pd.concat([table, references], ignore_index=True).assign(n_perturbations=100, undefined=0)
    whole["strategy"] = whole["strategy"].astype(object).where(whole["strategy"].notna(), None)
    columns = [*CURVE, *RUN, "budget", "n_selected", "metric", "value", "n_perturbations", "undefined"]
    return ordered(whole[columns].astype(dict.fromkeys(INTEGERS, "Int64")), [*CURVE, "n_selected", *RUN])


def responses(study: Study, generator: np.random.Generator) -> AnnData:
    """Return true responses of one screen, of rank 20, with ranks of differential expression."""
    values = generator.normal(size=(study.perturbations, 20)) @ generator.normal(size=(20, study.genes))
    values = (values + generator.normal(size=values.shape)).astype(np.float32) / 10
    names = [f"G{i:04}" for i in range(study.perturbations)]
    made = AnnData(values, obs=pd.DataFrame(index=names))
    made.var_names = [f"G{i:04}" for i in range(study.genes)]
    order = np.argsort(-np.abs(values), axis=1)
    made.layers["de_rank"] = np.argsort(order, axis=1).astype(np.uint16)
    made.layers["de_significant"] = (made.layers["de_rank"] < 50).astype(np.uint8)
    return made


def graph(study: Study, generator: np.random.Generator, degree: float = 4) -> Graph:
    """Return a random graph of the perturbed genes; one gene in fifty is not in it."""
    count = study.perturbations
    links = sp.random_array((count, count), density=degree / count / 2, rng=generator, format="csr")
    genes = np.array([f"G{i:04}" for i in range(count)])
    return Graph(genes, sp.csr_array(links + links.T, dtype=np.float32), np.arange(count) % 50 > 0)


def test_part(study: Study, split: int) -> list[str]:
    """Perturbations held out in a split: a quarter."""
    return [f"G{i:04}" for i in range(study.perturbations) if i % 4 == split % 4]


def picks(study: Study, generator: np.random.Generator) -> dict[tuple[str, int, int], list[str]]:
    """Return picks by (strategy, split, seed): random, for every other strategy the same with all seeds."""
    found = {}
    for place, strategy in enumerate(study.strategy_names):
        for split in range(study.splits):
            pool = sorted({f"G{i:04}" for i in range(study.perturbations)} - set(test_part(study, split)))
            fixed = generator.permutation(pool)[: study.sizes[-1]].tolist()
            for seed in range(study.seeds):
                again = generator.permutation(pool)[: study.sizes[-1]].tolist()
                found[strategy, split, seed] = fixed if place % 2 else again
    return found


def selection(genes: list[str]) -> pd.DataFrame:
    """Table ``selections`` of one run, of a criterion whose last ten picks gain nothing."""
    rank = np.arange(1, len(genes) + 1)
    idle = rank > len(genes) - 10
    return pd.DataFrame(
        {"rank": rank, "gene": genes, "gain": np.where(idle, 0.0, 1 / rank), "zero_gain": idle}
        | {"decided_by": np.where(idle, FALLBACK, "value")}
    )


def perturbation_scores(
    study: Study, dataset: str, size: int, generator: np.random.Generator
) -> pd.DataFrame:
    """Table ``perturbation_scores`` of one dataset, budget and metric, with floors and ceiling."""
    frames = [
        pd.DataFrame(
            {"strategy": strategy, "split": split, "seed": seed, "perturbation": test_part(study, split)}
        )
        for strategy in study.strategy_names
        for split, seed in study.runs
    ]
    table = pd.concat(
        [pd.concat(frames).assign(model=model) for model in study.model_names], ignore_index=True
    )
    table["budget"] = str(size)
    references = [
        pd.DataFrame({"model": model, "split": split, "perturbation": test_part(study, split)})
        for model in REFERENCES
        for split in range(study.splits)
    ]
    table = pd.concat([table, *references], ignore_index=True)
    table["value"] = generator.normal(0.3, 0.1, len(table))
    return table.assign(dataset=dataset, metric="pearson_delta_perturbed_ref")


def errors_and_variances(study: Study, dataset: str, generator: np.random.Generator) -> pd.DataFrame:
    """Table ``perturbation_scores`` of one dataset: errors and predicted variances at all budgets."""
    frames = []
    for size in study.sizes:
        table = perturbation_scores(study, dataset, size, generator).dropna(subset=["strategy"])
        table["n_selected"] = size
        for metric in ("mse", PREDICTED_VARIANCE):
            values = generator.gamma(2, 0.01, len(table)).astype(np.float32)
            frames.append(table.assign(metric=metric, value=values))
    return pd.concat(frames, ignore_index=True)


def stability(study: Study, dataset: str, size: int, generator: np.random.Generator) -> pd.DataFrame:
    """Table ``stability`` of one dataset and budget."""
    changes = [("seeds", np.nan), ("splits", np.nan), ("ties", np.nan), ("another_graph", np.nan)]
    changes += [(kind, share) for kind in ("drop", "rewire") for share in (0.01, 0.05, 0.1, 0.2)]
    rows = [
        (dataset, strategy, change, share, str(size), size, generator.uniform(), 0.1)
        for strategy in study.strategy_names
        for change, share in changes
    ]
    columns = ["dataset", "strategy", "change", "share", "budget", "n_selected", "jaccard", "expected"]
    return pd.DataFrame(rows, columns=columns)


def coverage(study: Study) -> pd.DataFrame:
    """Table ``coverage`` of one graph."""
    rank = np.arange(1, study.sizes[-1] + 1)
    frames = [
        pd.DataFrame(
            {"strategy": strategy, "split": split, "seed": seed, "rank": rank}
            | {"coverage": 1 - np.exp(-rank * (1 + 0.1 * place + 0.05 * split) / 60)}
        )
        for place, strategy in enumerate(study.strategy_names)
        for split, seed in study.runs
    ]
    return pd.concat(frames, ignore_index=True)
