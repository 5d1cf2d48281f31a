"""Strategies against each other: against scikit-posthocs, statsmodels' and hand-computed numbers."""

import numpy as np
import pandas as pd
import pytest
import scikit_posthocs as posthocs
from hand_made_scores import REFERENCES, rounded_study, study
from scipy.stats import friedmanchisquare

from perturbselect.scores.rankings import critical_difference, friedman, rankings
from perturbselect.table_schema import check_table, table_schema

RUNS = [(split, seed) for split in range(4) for seed in range(2)]


def noisy(strategies=4, runs=RUNS, metric="mse", dataset="d", seed=0, budgets=1):
    """Scores of strategies whose losses differ by 1 each, with noise in every run."""
    generator = np.random.default_rng(seed)
    parts = [
        study({f"s{i}": [value] * budgets}, runs=[run], metric=metric)
        for i in range(strategies)
        for run, value in zip(runs, i + generator.normal(0, 1.5, len(runs)), strict=True)
    ]
    return pd.concat(parts, ignore_index=True).assign(dataset=dataset)


def one_budget(table, dataset="d"):
    """Rows of budget 10, of one dataset or (None) over datasets."""
    of_dataset = table["dataset"].isna() if dataset is None else table["dataset"] == dataset
    return table[of_dataset & (table["budget"] == "10")]


def test_equals_scipy_and_scikit_posthocs():
    scores = noisy()
    blocks = scores.pivot(index=["split", "seed"], columns="strategy", values="value").astype(float)
    found = rankings(scores)
    test = one_budget(found.tests).iloc[0]
    expected = friedmanchisquare(*blocks.to_numpy().T)
    assert (test["statistic"], test["p"]) == pytest.approx((expected.statistic, expected.pvalue))
    assert test[["n_strategies", "n_blocks", "n_left_out"]].tolist() == [4, 8, 0]
    ranks = one_budget(found.ranks).set_index("strategy")["mean_rank"]
    np.testing.assert_allclose(ranks, blocks.rank(axis=1).mean())
    holm = posthocs.posthoc_wilcoxon(list(blocks.to_numpy().T), p_adjust="holm").to_numpy()
    pairs = one_budget(found.pairs)
    np.testing.assert_allclose(pairs["p_holm"], holm[np.triu_indices(4, 1)])
    for pair in pairs.itertuples():
        assert pair.difference == pytest.approx((blocks[pair.strategy] - blocks[pair.other]).mean())
    # Nemenyi's p is below 0.05 where, and only where, the mean ranks lie a critical difference apart.
    nemenyi = posthocs.posthoc_nemenyi_friedman(blocks.to_numpy())
    apart = np.abs(np.subtract.outer(ranks.to_numpy(), ranks.to_numpy())) >= test["critical_difference"]
    np.testing.assert_array_equal(nemenyi.to_numpy() < 0.05, apart)
    assert apart.any()
    assert not apart.all()


def test_critical_difference_of_demsars_example():
    """Demšar (2006), section 3.2.2: four classifiers, fourteen datasets."""
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


def test_groups_are_the_strategies_less_than_a_critical_difference_apart():
    """Always in the order s0 < s1 < ... < s5 over 8 runs: ranks 1 to 6, critical difference 2.67."""
    found = rankings(study({f"s{i}": [float(i)] for i in range(6)}, runs=RUNS))
    assert one_budget(found.tests)["critical_difference"].iloc[0] == pytest.approx(2.666, abs=1e-3)
    groups = one_budget(found.ranks).set_index("strategy")["group"]
    assert groups.tolist() == ["a", "ab", "abc", "bcd", "cd", "d"]


def test_one_group_where_friedman_finds_nothing():
    found = rankings(study({name: [1.0] for name in "pqr"}, runs=RUNS))
    test = one_budget(found.tests).iloc[0]
    assert (test["statistic"], test["p"]) == (0, 1)
    assert one_budget(found.ranks)["group"].tolist() == ["a", "a", "a"]
    assert one_budget(found.ranks)["mean_rank"].tolist() == [2, 2, 2]
    assert one_budget(found.pairs)["p_holm"].tolist() == [1, 1, 1]


def test_better_when_higher():
    found = rankings(study({"a": [1.0], "b": [3.0], "c": [2.0]}, runs=RUNS, metric="pearson_delta"))
    ranks = one_budget(found.ranks).set_index("strategy")["mean_rank"]
    assert ranks.to_dict() == {"a": 3, "b": 1, "c": 2}
    pairs = one_budget(found.pairs).set_index(["strategy", "other"])
    assert pairs.loc[("a", "b"), ["difference", "effect_size"]].tolist() == [-2, -1]
    assert set(pairs["better"]) == {"higher"}


def test_a_strategy_that_lacks_runs_leaves_the_common_ones_and_says_how_many():
    scores = noisy(3)
    scores = scores[~((scores["strategy"] == "s2") & (scores["split"] == 3) & (scores["seed"] == 1))]
    found = rankings(scores)
    assert one_budget(found.tests)[["n_blocks", "n_left_out"]].to_numpy().tolist() == [[7, 1]]
    pairs = one_budget(found.pairs).set_index(["strategy", "other"])["n_pairs"]
    assert pairs.to_dict() == {("s0", "s1"): 8, ("s0", "s2"): 7, ("s1", "s2"): 7}


@pytest.mark.parametrize(
    ("runs", "strategies", "words"),
    [
        (1, 3, "1 run that all strategies have; a test needs 6"),
        (5, 3, "5 runs that all strategies have; a test needs 6"),
        (6, 2, "2 strategies: the table of pairs compares them"),
    ],
)
def test_says_why_there_is_no_test(runs, strategies, words):
    found = rankings(noisy(strategies, RUNS[:runs]))
    test = one_budget(found.tests).iloc[0]
    assert test["why_not"] == words
    assert test[["statistic", "p", "critical_difference"]].isna().all()
    assert one_budget(found.ranks)["group"].isna().all()
    assert one_budget(found.pairs)["p"].isna().all() == (runs < 6)


def test_over_datasets_each_is_a_block():
    scores = pd.concat([noisy(4, dataset=f"d{i}", seed=i) for i in range(7)])
    found = rankings(scores)
    test = one_budget(found.tests, None).iloc[0]
    means = scores.groupby(["dataset", "strategy"])["value"].mean().unstack()
    assert test["n_blocks"] == 7
    assert (test["statistic"], test["p"]) == pytest.approx(friedman(means.to_numpy(float)))
    np.testing.assert_allclose(one_budget(found.ranks, None)["mean_rank"], means.rank(axis=1).mean())
    few = rankings(scores[scores["dataset"].isin(["d0", "d1"])])
    assert one_budget(few.tests, None)["why_not"].tolist() == [
        "2 datasets that all strategies have; a test needs 6"
    ]
    assert one_budget(rankings(noisy()).tests, None).empty


def test_over_datasets_a_mean_is_over_the_runs_that_all_strategies_have():
    """In d0, s0 is best in the first run only, which s1 lacks: of the other runs s1 is better."""
    scores = pd.concat(
        [study({"s0": [2.0], "s1": [1.0]}, runs=RUNS).assign(dataset=f"d{i}") for i in range(2)],
        ignore_index=True,
    )
    first = (scores["dataset"] == "d0") & (scores["split"] == 0) & (scores["seed"] == 0)
    scores.loc[first & (scores["strategy"] == "s0"), "value"] = -99.0
    scores = scores[~(first & (scores["strategy"] == "s1"))]
    ranks = one_budget(rankings(scores).ranks, None).set_index("strategy")
    assert ranks["mean_rank"].to_dict() == {"s0": 2, "s1": 1}
    assert ranks["n_blocks"].tolist() == [2, 2]


def test_mean_over_budgets_of_runs_that_have_them_all():
    scores = study({"a": [1.0, 2], "b": [2.0, 4], "c": [5.0, 0]}, runs=RUNS)
    found = rankings(scores)
    mean = found.ranks[found.ranks["budget"].isna()].set_index("strategy")["mean_rank"]
    assert mean.to_dict() == {"a": 1, "b": 3, "c": 2}
    lacking = (scores["strategy"] == "a") & (scores["budget"] == "20") & (scores["split"] == 0)
    tests = rankings(scores[~lacking]).tests
    assert tests.loc[tests["budget"].isna(), "n_blocks"].tolist() == [6]


def test_tables_fit_their_schemas_and_an_empty_study_has_empty_ones(whole):
    for scores in (whole, noisy(), whole.iloc[:0], REFERENCES, study({"a": [1.0]})):
        found = rankings(scores)
        for name, table in zip(("strategy_tests", "ranks", "pairs"), found, strict=True):
            check_table(table, table_schema(name))
            assert list(table.columns) == list(table_schema(name)["properties"]), name
        assert len(found.pairs) == 0 or len(scores) > 20


def test_rounding_is_a_tie():
    """The two share the first two ranks; the third is worse."""
    worse = study({"worse": [0.9, 0.9, 0.9]}, runs=[(split, 0) for split in range(8)])
    found = rankings(pd.concat([rounded_study(), worse], ignore_index=True))
    ranks = found.ranks.groupby("strategy")["mean_rank"].unique()
    assert {name: list(values) for name, values in ranks.items()} == {
        "random": [1.5],
        "same": [1.5],
        "worse": [3],
    }
    pair = found.pairs[(found.pairs["strategy"] == "random") & (found.pairs["other"] == "same")]
    assert (pair["difference"] == 0).all()
    assert (pair["p"] == 1).all()
