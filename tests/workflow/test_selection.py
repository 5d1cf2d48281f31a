"""Selections with kernels and constraints, in the workflow."""

import json
import re

import numpy as np
import pytest
from anndata import read_h5ad

from perturbselect.files import read_json, read_tsv, write_h5ad
from perturbselect.models.run_file import by_budget
from perturbselect.records.record import read_records
from perturbselect.selection import STRATEGIES
from perturbselect.table_schema import check_table, table_schema

KERNEL_STRATEGIES = ("facility_location", "v_optimal", "oracle")
TARGETS = [f"results/tiny/selections/{name}/split0.seed0.tsv" for name in ("random", *KERNEL_STRATEGIES)]


@pytest.fixture
def study(copy_of_finished):
    """The finished study, now with kernel strategies."""
    copy_of_finished.change(
        "strategies", {"random": {}, **{name: {"kernel": "prior"} for name in KERNEL_STRATEGIES}}
    )
    return copy_of_finished


def test_only_the_oracle_reads_responses(study):
    study.finish(*TARGETS)
    selecting = [output for output in study.outputs() if output.file in TARGETS]
    assert {output.rule for output in selecting} == {
        f"select_{name}" for name in ("random", *KERNEL_STRATEGIES)
    }
    for output in selecting:
        inputs = {re.sub(r"split\d", "split", file) for file in output.inputs}
        expected = {"results/tiny/splits/split.tsv"}
        if output.rule != "select_random":
            expected |= {"results/tiny/kernels/prior.h5ad"}
        if output.rule == "select_oracle":
            expected |= {"results/tiny/responses.h5ad"}
        assert inputs == expected
    assert [name for name, kind in STRATEGIES.items() if getattr(kind, "sees_responses", False)] == ["oracle"]


def test_constraints_reach_every_strategy_and_the_training(study):
    split = read_tsv(study.results / "tiny/splits/split0.tsv")
    pool = split.loc[split["part"] == "pool", "perturbation"].tolist()
    held_out = split.loc[split["part"] == "test", "perturbation"].iloc[0]
    (study.folder / "prices.tsv").write_text(
        "gene\tcost\n"
        + "".join(f"{name}\t{1 + place % 3}\n" for place, name in enumerate(split["perturbation"]))
    )
    study.change(
        "constraints",
        {
            "include": [pool[3], held_out],
            "exclude": pool[:2],
            "measured": [pool[5]],
            "cost": {"path": "prices.tsv", "money": 12},
        },
    )
    model = "results/tiny/predictions/training_mean/v_optimal/split0.seed0/predictions.h5ad"
    ran = study.jobs_run(*TARGETS, model)
    assert ran == {
        "train_training_mean": 1,  # trains on both splits' picks
        **{f"select_{name}": 1 for name in ("random", *KERNEL_STRATEGIES)},
        "select_v_optimal": 2,
    }
    for target in TARGETS:
        table = read_tsv(study.folder / target)
        assert table.loc[table["rank"] == 0, "gene"].tolist() == [pool[5]]
        assert table["gene"][1] == pool[3]
        assert table["decided_by"].tolist()[:2] == ["measured", "include"]
        assert not {*pool[:2], held_out} & {*table["gene"]}
        summary = read_json((study.folder / target).with_suffix(".json"))
        assert summary["money_spent"] <= 12
        assert summary["held_out"] == [held_out]
        assert summary["picks"] == len(table) - 1
        assert {"strategy", "options", "seed", "seconds", "peak_memory_mb"} <= summary.keys()
        assert "prices.tsv" in summary["digests"]
    prediction = next(by_budget(read_h5ad(study.folder / model)))
    assert prediction.uns["n_selected"] == 4  # the one measured already trains too, but is paid for
    table = read_tsv(study.results / "tiny/selections/v_optimal/split0.seed0.tsv")
    trained = read_h5ad(study.results / "tiny/responses.h5ad")[table["gene"][:5].tolist()]
    np.testing.assert_allclose(prediction.X[0], trained.X.mean(axis=0), atol=1e-6)


def test_bad_constraints_stop_before_any_job(study):
    study.change("constraints", {"include": ["GENE29"], "exclude": ["GENE29"]})
    result = study.run(*TARGETS)
    assert result.returncode != 0
    assert "GENE29 stands in both include and exclude" in result.stdout
    assert "Traceback" not in result.stdout
    study.change("constraints", {"include": ["NOBODY"]})
    result = study.run(TARGETS[0])
    assert "constraints.include: the screen has no perturbation 'NOBODY'" in result.stdout
    assert "Traceback" not in result.stdout


def test_the_json_is_json(finished):
    for path in finished.results.glob("tiny/selections/*/*.json"):
        assert json.loads(path.read_text())["strategy"] in STRATEGIES


@pytest.mark.slow
def test_stability(copy_of_finished):
    """Graphs, annotations and kernels are changed, tie orders too; everyone selects again."""
    study = copy_of_finished
    study.change(
        "strategies",
        {
            "random": {},
            "graphreach": {"graph": "go"},
            "v_optimal": {"kernel": "prior"},
            "oracle": {"kernel": "prior"},
        },
    )
    study.change("stability", {"changes": ["drop", "rewire"], "shares": [0.2], "draws": 1, "tie_orders": 2})
    ran = study.jobs_run("results/tables/stability.tsv")
    assert ran == {
        "select_v_optimal": 2,
        "select_oracle": 2,
        "change_graph": 4,
        "change_annotation": 2,
        "changed_kernel": 2,
        **{f"reselect_{name}": 2 for name in ("random", "graphreach", "v_optimal")},
        "stability": 1,
    }
    table = read_tsv(study.results / "tables/stability.tsv")
    check_table(table, table_schema("stability"))
    changes = table.groupby("strategy")["change"].unique().map(set).to_dict()
    assert changes == {
        "random": {"splits", "ties"},
        "graphreach": {"splits", "ties", "drop", "rewire", "interactions"},
        "v_optimal": {"splits", "ties", "drop", "rewire"},
        "oracle": {"splits"},
    }
    rows = table.set_index(["strategy", "change", "budget"])
    assert rows.loc[("v_optimal", "ties", "4"), "jaccard"] == 1  # nothing is tied
    assert rows.loc[("random", "ties", "4"), "jaccard"] < 0.7
    assert rows.loc[("random", "ties", "4"), "expected"] == pytest.approx(4 / (2 * 18 - 4))
    assert rows.loc[("v_optimal", "rewire", "4"), "jaccard"] < 1
    for change in ("drop0.2.draw0", "rewire0.2.draw0"):
        kernel = read_h5ad(study.results / f"tiny/stability/{change}/prior.h5ad").to_df()
        unchanged = read_h5ad(study.results / "tiny/kernels/prior.h5ad").to_df()
        assert kernel.index.equals(unchanged.index)
        assert not np.allclose(kernel, unchanged)
    assert study.planned("results/tables/stability.tsv") == {}
    words = ["stability", "tiny"]
    seeds = {
        (record["rule"], *record["seed"])
        for record in read_records(study.folder)
        if record["rule"] in ("change_graph", "change_annotation")
    }
    assert {("change_graph", 7, *words, "go", kind, "0.2", 0) for kind in ("drop", "rewire")} <= seeds
    assert {("change_annotation", 7, *words, "go", kind, "0.2", 0) for kind in ("drop", "rewire")} <= seeds


@pytest.mark.slow
def test_another_screen_as_prior(copy_of_finished):
    """A kernel of other screens reads their responses, and of its own screen only the names."""
    study = copy_of_finished
    settings = study.study()
    settings["datasets"]["twin"] = settings["datasets"]["tiny"] | {"prior_only": True}
    settings["kernels"]["elsewhere"] = "0.5 * other_screens() + 0.5 * screen(twin)"
    settings["strategies"] = {"random": {}, "v_optimal": {"kernel": "elsewhere"}}
    study.write_config(settings)
    planned = study.planned()
    assert planned["import_h5ad"] == 1  # the twin's; nothing else is done in it
    assert planned["select_v_optimal"] == 2
    kernel = "results/tiny/kernels/elsewhere.h5ad"
    study.finish(kernel)
    [made] = [output for output in study.outputs() if output.file == kernel]
    assert set(made.inputs) == {"results/twin/responses.h5ad", "results/tiny/responses.h5ad"}
    before = (study.folder / kernel).read_bytes()
    assert not np.allclose(read_h5ad(study.folder / kernel).X, np.eye(24))

    own = read_h5ad(study.results / "tiny/responses.h5ad")
    own.X = own.X[::-1] * 3
    write_h5ad(own, study.results / "tiny/responses.h5ad")
    assert study.jobs_run(kernel) == {"kernel": 1}
    assert (study.folder / kernel).read_bytes() == before

    study.change("datasets.twin.prior_only", False)
    result = study.run(kernel)
    assert "screen(twin) would read twin's own responses" in result.stdout
    assert "Traceback" not in result.stdout
