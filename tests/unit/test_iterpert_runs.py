"""IterPert's published runs, against the values that our evaluation quotes."""

import pandas as pd
import pytest

from perturbselect.errors import InputError
from perturbselect.scores.comparisons import comparisons
from perturbselect.scores.curves import area_under_curve, learning_curves
from perturbselect.scores.data_saving import data_saving
from perturbselect.scores.iterpert_runs import CONTENDERS, iterpert_scores, read_recorded
from perturbselect.table_schema import check_table, table_schema

# Mean over runs of Pearson Δ at 100 and 600 perturbations, and of the MSE over 20 DE genes at 600.
QUOTED = {
    "random": (0.111, 0.256, 0.0927),
    "iterpert": (0.112, 0.272, 0.0851),
    "prior_only": (0.111, 0.289, 0.0845),
    "typiclust": (0.114, 0.279, 0.0870),
    "bald": (0.111, 0.228, 0.0961),
}
# Mean fourth power of the error at 600, times 1000, of the model's kernel fused with one prior.
QUOTED_PRIORS = {
    "rpe1_kernel": 1.41,
    "ops_HeLa_HPLM_kernel": 1.39,
    "ops_A549_kernel": 1.80,
    "biogpt_kernel": 1.69,
    "pops_kernel": 1.90,
    "esm_kernel": 1.98,
    "node2vec_kernel": 2.28,
    "ground_truth_delta": 1.45,
}


@pytest.fixture(scope="module")
def recorded(data_root):
    return read_recorded(data_root / "iterpert_reference" / "metrics_long.csv.gz")


@pytest.fixture(scope="module")
def scores(recorded):
    return iterpert_scores(recorded)


@pytest.fixture(scope="module")
def contenders(scores):
    return scores[scores["strategy"].isin(list(CONTENDERS))]


def test_all_runs_are_read(recorded, scores):
    assert recorded.groupby(["strategy", "run"]).ngroups == 422
    assert scores.groupby(["strategy", "seed"]).ngroups == 422
    assert not scores.duplicated(["strategy", "seed", "budget", "metric"]).any()
    check_table(scores, table_schema("scores"))


def test_contenders_have_all_rounds_of_all_runs(contenders):
    runs = contenders[contenders["metric"] == "mse"].groupby("strategy")
    assert runs["seed"].nunique().to_dict() == dict.fromkeys(CONTENDERS, 10) | {"random": 5}
    assert (runs.size() == 6 * runs["seed"].nunique()).all()


@pytest.mark.parametrize("strategy", QUOTED)
def test_learning_curves_reproduce_the_quoted_values(strategy, contenders):
    curves = learning_curves(contenders).set_index(["strategy", "metric", "budget"])["mean"]
    start, end, error = QUOTED[strategy]
    assert round(curves[strategy, "pearson_delta", "100"], 3) == start
    assert round(curves[strategy, "pearson_delta", "600"], 3) == end
    assert round(curves[strategy, "mse_de20", "600"], 4) == error


def test_priors_reproduce_the_quoted_values(recorded):
    last = recorded[(recorded["metric"] == "test_round_mse_4_non_dropout") & (recorded["round"] == 5)]
    loss = 1000 * last.groupby("strategy")["value"].mean()
    for prior, quoted in QUOTED_PRIORS.items():
        label = f"ess_1k_fix_eval_priormean_new_max_single_{prior}/Core-Set_diff_effect"
        assert round(loss[label], 2) == quoted, prior
    assert round(loss["random"], 2) == 1.88


def test_the_same_statistics_run_on_them(contenders):
    tables = {
        "learning_curves": learning_curves(contenders),
        "areas": area_under_curve(contenders),
        "comparisons": comparisons(contenders, "prior_only"),
        "data_saving": data_saving(contenders, "random"),
    }
    for name, table in tables.items():
        check_table(table, table_schema(name))
    # The loop beats its prior alone at 300, the prior alone beats the loop at 600 (Pearson Δ, 10 pairs).
    pearson = tables["comparisons"].query("metric == 'pearson_delta' and strategy == 'iterpert'")
    pearson = pearson.set_index("budget")
    assert pearson.loc["300", "difference"] > 0
    assert pearson.loc["600", "difference"] < 0
    assert pearson.loc["600", "p"] < 0.01
    assert pearson.loc["600", "n_pairs"] == 10


def row(**changes):
    name = "GEARS_1_v2_ess_1k_fix_eval_run3_BALD_cross_gene_out"
    values = {
        "metric": "test_round_pearson_delta",
        "round": 2,
        "value": 0.5,
        "kernel": "ess_1k_fix_eval",
        "exp": name,
    }
    return pd.DataFrame([values | changes])


def test_a_row_is_taken_apart(tmp_path):
    row().to_csv(tmp_path / "runs.csv")
    scores = iterpert_scores(read_recorded(tmp_path / "runs.csv"))
    assert scores.loc[0, ["strategy", "seed", "budget", "n_selected", "metric", "value"]].tolist() == [
        "bald", 3, "300", 300, "pearson_delta", 0.5,
    ]  # fmt: skip


def test_opposite_directions_become_right_ones(tmp_path):
    metric = "test_round_frac_opposite_direction_top20_non_dropout"
    row(metric=metric, value=0.3).to_csv(tmp_path / "runs.csv")
    scores = iterpert_scores(read_recorded(tmp_path / "runs.csv"))
    assert scores.loc[0, ["metric", "value"]].tolist() == ["direction_accuracy", 0.7]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exp": "GEARS_1"}, "row 0: run 'GEARS_1' of kernel 'ess_1k_fix_eval' cannot be read"),
        ({"kernel": "other"}, "of kernel 'other' cannot be read"),
        ({"value": None}, "row 0"),
    ],
)
def test_rows_that_make_no_sense_are_refused(changes, message, tmp_path):
    row(**changes).to_csv(tmp_path / "runs.csv")
    with pytest.raises(InputError, match=message):
        read_recorded(tmp_path / "runs.csv")


def test_a_missing_column_is_named(tmp_path):
    row().drop(columns="kernel").to_csv(tmp_path / "runs.csv")
    with pytest.raises(InputError, match=r"runs\.csv: column 'kernel' is missing"):
        read_recorded(tmp_path / "runs.csv")
