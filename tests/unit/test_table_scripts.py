"""The last scripts of a study whose names are all digits (Entrez ids), one of which was measured already."""

import runpy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from hand_made_scores import scores_of

from perturbselect.config import Constraints
from perturbselect.files import write_h5ad, write_parquet, write_tsv
from perturbselect.graphs.graph import read_graph
from perturbselect.report import response_space, style
from perturbselect.scores.runs import read_scores
from perturbselect.selection import STRATEGIES
from perturbselect.selection.engine.read_problem import read_problem
from perturbselect.table_schema import read_table, write_table

MEASURED = "0999"
GENES = [MEASURED, *(str(1001 + place) for place in range(6))]
POOL, TEST = GENES[1:5], GENES[5:]
RUNS = [(strategy, split, seed) for strategy in ("random", "7") for split in (0, 1) for seed in (0, 1)]


class Files(list):
    """Snakemake's lists with names."""

    def __init__(self, *paths, **named):
        super().__init__([*paths, *named.values()])
        self.__dict__.update(named)

    def __getitem__(self, key):
        return vars(self)[key] if isinstance(key, str) else super().__getitem__(key)

    def get(self, key, default):
        return vars(self).get(key, default)


@pytest.fixture
def study(tmp_path, monkeypatch, repository):
    """Files of a study; returns what runs a script in it."""
    monkeypatch.chdir(tmp_path)
    rows = []
    for strategy, split, seed in RUNS:
        order = np.roll(POOL, (seed if strategy == "random" else 0) + split)
        picks = pd.DataFrame({"rank": range(5), "gene": [MEASURED, *order], "decided_by": "criterion"})
        picks = picks.assign(gain=0.5, value=1.0, upper_bound=None, zero_gain=0, tied=1)
        write_table(picks, "selections", f"results/2021/selections/{strategy}/split{split}.seed{seed}.tsv")
        for budget in (2, 3):
            value = 1 / budget + split / 10 + seed / 50 + (strategy == "7") / 20
            rows.append(("2021", "1", strategy, split, seed, str(budget), budget, "mse", value))
    scores = scores_of(rows)
    write_table(scores, "scores", "scores.tsv")
    by_name = scores.drop(columns="n_perturbations").merge(pd.DataFrame({"perturbation": TEST}), how="cross")
    # A floor that errs by 4 in split 0 and by 6 in split 1.
    floors = [
        ("2021", "training_mean", None, split, None, None, None, "mse", 4.0 + 2 * split) for split in (0, 1)
    ]
    floors = scores_of(floors).drop(columns="n_perturbations")
    floors = floors.merge(pd.DataFrame({"perturbation": TEST}), how="cross")
    write_parquet(pd.concat([by_name, floors]), "perturbation_scores.parquet")
    parts = pd.DataFrame({"perturbation": GENES, "part": ["pool"] * 5 + ["test"] * 2, "unseen_genes": 0})
    for split in (0, 1):
        write_table(parts, "splits", f"results/2021/splits/split{split}.tsv")
    responses = np.random.default_rng(0).standard_normal((7, 5)).astype(np.float32)
    write_h5ad(
        AnnData(responses, pd.DataFrame(index=GENES), uns={"simulated": True, "type": "responses"}),
        "results/2021/responses.h5ad",
    )
    edges = pd.DataFrame({"target": [MEASURED, POOL[3]], "source": TEST, "weight": 1.0})
    write_tsv(edges, "go.edges.tsv.gz")
    write_tsv(pd.DataFrame({"gene": GENES, "in_source": True}), "go.nodes.tsv")

    def run(script, given, made, **params):
        job = Files(log=["job.log"])
        job.input, job.output, job.params = given, made, Files(**params)
        job.wildcards = Files(dataset="2021")
        runpy.run_path(str(repository / "workflow" / "scripts" / f"{script}.py"), {"snakemake": job})

    return run


def picks_of(*runs):
    return [f"results/2021/selections/{s}/split{split}.seed{seed}.tsv" for s, split, seed in runs]


def test_comparisons_and_statistics(study):
    tables = ("learning_curves", "comparisons", "areas", "data_saving", "summary")
    made = Files(**{name: f"{name}.tsv" for name in tables})
    about = {"seed": 0, "baseline": "random", "marks": [], "network": "1", "simple": ["control_mean"]}
    study("compare", Files("scores.tsv"), made, **about)
    best = read_table("summary", "summary.tsv")
    assert best[["dataset", "model", "strategy", "budget"]].iloc[0].tolist() == ["2021", "1", "random", "3"]

    made = Files(tests="tests.tsv", ranks="ranks.tsv", pairs="pairs.parquet", variance="variance.tsv")
    study("strategy_statistics", Files(scores="scores.tsv", picks=picks_of(*RUNS)), made, marks=[])
    found = read_table("variance", "variance.tsv")
    assert set(found["strategy"]) == {"random", "7"}
    assert set(found["component"]) == {
        "split",
        "selection",
        "training",
    }  # 7 picked the same set with both seeds

    names = ["areas", "learning_curves", "comparisons", "data_saving"]
    given = Files(tables=[f"{name}.tsv" for name in names], responses=["results/2021/responses.h5ad"])
    made = Files(tables=[f"{name}.html" for name in names], strategies=["7.html"])
    one = {"dataset": "2021", "strategy": "7", "model": "1"}
    about = {"tables": names, "metrics": ["mse"], "pages": [one], "titles": {"2021": "Screen"}}
    study("table_pages", given, made, **about)
    assert "2021" in Path("areas.html").read_text()
    assert "7 with 1, Screen (simulated data)" in Path("7.html").read_text()


def test_stability(study):
    given = Files(picks=picks_of(*RUNS), again=[])
    given.splits = [f"results/2021/splits/split{split}.tsv" for split in (0, 1)]
    study("stability", given, Files("stability.tsv"), budgets=[2])
    seeds = read_table("stability", "stability.tsv").set_index(["strategy", "change"])["jaccard"]
    assert seeds["7", "seeds"] == 1
    assert seeds["random", "seeds"] == pytest.approx(1 / 3)


def test_selecting_again_does_without_the_optimum(study, monkeypatch):
    asked = []

    def select(self, *about):
        asked.append(self.exact)
        return chosen(self, *about)

    chosen = STRATEGIES["graphreach"].select
    monkeypatch.setattr(STRATEGIES["graphreach"], "select", select)
    files = ["go.edges.tsv.gz", "go.nodes.tsv"]
    given = Files(split="results/2021/splits/split0.tsv", base=files, changed=files, others=[])
    about = {"strategy": "graphreach", "options": {"graph": "go", "exact": True}, "tables": [], "seed": [0]}
    about |= {"changes": ["drop0.05.draw0"], "others": [], "tie_orders": 2, "budgets": [2], "constraints": {}}
    study("reselect", given, Files("again.tsv"), **about)
    assert asked == [False] * 3
    assert set(read_table("reselections", "again.tsv")["change"]) == {"ties", "drop"}


def test_picks_in_figures(study, monkeypatch):
    shown = {}
    monkeypatch.setattr(response_space, "plot", lambda responses, picks, *rest, **about: shown.update(picks))
    monkeypatch.setattr(style, "save", lambda figure, path: None)
    given = Files(scores="perturbation_scores.parquet", edges=["go.edges.tsv.gz"], nodes=["go.nodes.tsv"])
    given.picks, given.responses = picks_of(*RUNS), "results/2021/responses.h5ad"
    about = {"strategies": ["random", "7"], "baseline": "random", "title": "Screen"}
    runs = [f"{strategy} {split} {seed}" for strategy, split, seed in RUNS]
    study(
        "error_by_distance",
        given,
        Files(table="distance.tsv", figure="distance.svg"),
        **about | {"runs": runs, "graphs": ["go"], "metrics": ["mse"], "budget": "2"},
    )
    found = read_table("error_by_distance", "distance.tsv")
    values = found.set_index(["strategy", "distance"])["n_values"].to_dict()
    # 0999 is near the first of TEST in all four runs; 1004 near the second, where it is among the two picks.
    assert values == {
        ("random", "1 edge"): 4 + 3,
        ("random", "no path"): 1,
        ("7", "1 edge"): 4 + 2,
        ("7", "no path"): 2,
    }
    floor = found.set_index(["strategy", "distance"])["training_mean"]
    assert floor["7", "1 edge"] == pytest.approx(
        (2 * 4 + 4 * 6) / 6
    )  # 1004 is among 7's two picks in split 1
    assert floor["7", "no path"] == 4

    given = Files(responses=given.responses, split="results/2021/splits/split0.tsv")
    given.picks = picks_of(("random", 0, 0), ("7", 0, 0))
    study("plot_response_space", given, Files("space.svg"), **about | {"budget": 2})
    assert shown == {"random": POOL[:2], "7": POOL[:2]}


def test_selected(study, monkeypatch):
    monkeypatch.setattr(style, "save", lambda figure, path: None)
    runs = [("random", 1, 0), ("7", 0, 0)]
    given = Files(picks=picks_of(*runs), edges=["go.edges.tsv.gz"], nodes=["go.nodes.tsv"])
    given.splits = [f"results/2021/splits/split{split}.tsv" for split in (0, 1)]
    given.responses = "results/2021/responses.h5ad"
    about = {
        "strategies": ["random", "7"],
        "baseline": "random",
        "marks": [],
        "title": "Screen",
        "tables": [],
    }
    about |= {"constraints": {"measured": [MEASURED]}, "runs": [" ".join(map(str, run)) for run in runs]}
    about |= {"splits": [0, 1], "graphs": ["go"], "graph_of": {"random": "go", "7": None}}
    about |= {"budgets": [2, "60%"]}
    study("selected", given, Files(table="selected.tsv", figure="selected.svg"), **about)
    found = read_table("selected", "selected.tsv")
    keys = ["dataset", "strategy", "split", "budget", "n_selected", "n_pool"]
    expected = [["2021", *run[:2], *budget, 4] for run in runs for budget in (("2", 2), ("60pct", 3))]
    assert found[keys].to_numpy().tolist() == expected
    # 1004, the first pick, has an edge; so has 0999, but it cannot be picked.
    assert found["hub_share"].fillna(-1).tolist() == pytest.approx([1 / 2, 1 / 3, -1, -1])


def test_readers(study):
    assert read_scores("scores.tsv")["dataset"].tolist() == ["2021"] * len(RUNS) * 2
    problem, _ = read_problem("results/2021/splits/split0.tsv", Constraints(), {}, None)
    assert problem.candidates.tolist() == [MEASURED, *POOL]
    assert read_graph("go.edges.tsv.gz", "go.nodes.tsv").genes.tolist() == GENES
