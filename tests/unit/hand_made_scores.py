"""Scores made by hand, for the tests of the tables."""

import pandas as pd

KEYS = ["dataset", "model", "strategy", "split", "seed", "budget", "n_selected", "metric", "value"]


def scores_of(rows):
    """Table ``scores`` from rows of KEYS."""
    table = pd.DataFrame(rows, columns=KEYS).assign(n_perturbations=9, undefined=0)
    integers = ["split", "seed", "n_selected", "n_perturbations", "undefined"]
    return table.astype(dict.fromkeys(integers, "Int64"))


def study(curves, *, runs=((0, 0), (1, 0)), metric="mse", model="gears", jitter=0.0):
    """Scores of strategies with given values at budgets 10, 20, 40, ... ; each run shifted by jitter·run."""
    return scores_of(
        [
            ("d", model, strategy, split, seed, str(10 * 2**i), 10 * 2**i, metric, value + jitter * run)
            for strategy, values in curves.items()
            for run, (split, seed) in enumerate(runs)
            for i, value in enumerate(values)
        ]
    )


REFERENCES = scores_of(
    [
        ("d", model, None, split, None, None, None, metric, value)
        for model, value in [("control_mean", 0.9), ("training_mean", 0.5), ("split_half", 0.01)]
        for split in (0, 1)
        for metric in ("mse",)
    ]
)


def whole_study():
    """Two models and the references, by three metrics."""
    curves = {"random": [0.8, 0.6, 0.4], "degree": [0.9, 0.7, 0.5], "graphreach": [0.6, 0.4, 0.3]}
    simple = {"random": [0.5, 0.3, 0.2], "degree": [0.5, 0.4, 0.3], "graphreach": [0.4, 0.3, 0.1]}
    return pd.concat(
        [
            study(curves, jitter=0.1),
            study(simple, model="kernel_ridge", jitter=0.1),
            study({k: [0.1, 0.2, 0.3] for k in curves}, metric="pearson_delta_perturbed_ref"),
            study({k: [0.1, 0.2, 0.3] for k in curves}, metric="spread_ratio"),
            REFERENCES,
        ],
        ignore_index=True,
    )


def rounded_study():
    """A strategy that picks what random picks, in another order: its scores differ by rounding."""
    curves, runs = {"random": [0.8, 0.6, 0.4], "same": [0.8, 0.6, 0.4]}, [(split, 0) for split in range(8)]
    scores = study(curves, runs=runs, jitter=0.01)
    scores.loc[scores["strategy"] == "same", "value"] *= 1 - 1e-8
    return scores


def frame(values, undefined, **run):
    """What `score` returns, for one metric of level perturbation and one of level set."""
    columns = {
        "dataset": "d",
        "model": "m",
        "strategy": "s",
        "split": 0,
        "seed": 0,
        "budget": "5",
        "n_selected": 5,
    } | run
    names = [f"P{i}" for i in range(len(values))]
    table = pd.DataFrame(
        {
            **{k: [v] * (len(values) + 1) for k, v in columns.items()},
            "perturbation": [*names, None],
            "metric": ["mse"] * len(values) + ["spread_ratio"],
            "value": [*values, 0.5],
            "undefined": [*undefined, 0],
        }
    )
    return table
