"""Components of variance: by hand, and against statsmodels' mixed model."""

import numpy as np
import pandas as pd
import pytest
from hand_made_scores import REFERENCES, scores_of
from statsmodels.regression.mixed_linear_model import MixedLM

from perturbselect.scores.variance import variance
from perturbselect.table_schema import check_table, table_schema


def runs(values, strategy="s", model="m"):
    """Scores of one curve at budget 2: values of shape (splits, seeds)."""
    return scores_of(
        [
            ("d", model, strategy, split, seed, "2", 2, "mse", value)
            for split, row in enumerate(values)
            for seed, value in enumerate(row)
        ]
    )


def same_picks(strategy="s", splits=9, seeds=9):
    return {("d", strategy, split, seed): ["A", "B", "C"] for split in range(splits) for seed in range(seeds)}


def other_picks(strategy="s", splits=9, seeds=9):
    return {key: ["A", f"{key[3]}"] for key in same_picks(strategy, splits, seeds)}


def parts(table, strategy="s"):
    return table[table["strategy"] == strategy].set_index("component")["variance"].to_dict()


def test_by_hand():
    """Splits {1, 3} and {6, 8}: within 2; between 2·(2.5² + 2.5²) = 25; (25 − 2) / 2 = 11.5."""
    table = variance(runs([[1, 3], [6, 8]]), same_picks())
    assert parts(table) == pytest.approx({"split": 11.5, "selection": 0, "training": 2})
    assert table["share"].tolist() == pytest.approx([11.5 / 13.5, 0, 2 / 13.5])
    assert table[["n_splits", "n_runs"]].to_numpy().tolist() == [[2, 4]] * 3


def test_splits_of_unequal_size_by_hand():
    """{1} and {3, 5, 7}: within 8 / 2 = 4, between 12, and 4 − 10 / 4 = 1.5 runs of a split."""
    table = variance(runs([[1], [3, 5, 7]]), same_picks())
    assert parts(table) == pytest.approx({"split": (12 - 4) / 1.5, "selection": 0, "training": 4})


def test_training_is_known_from_seeds_that_picked_the_same():
    """Of `fixed` every seed picks the same set: its variance 2 is the training's, in `s` too."""
    scores = pd.concat([runs([[1, 3], [6, 8]], "fixed"), runs([[0, 4], [5, 9]])])
    picks = same_picks("fixed") | other_picks("s")
    assert parts(variance(scores, picks)) == pytest.approx(
        {"split": (25 - 8) / 2, "selection": 6, "training": 2}
    )
    alone = variance(runs([[0, 4], [5, 9]]), picks)
    assert parts(alone) == pytest.approx({"split": 8.5, "selection and training": 8})
    assert parts(variance(runs([[0, 4], [5, 9]]), {})) == parts(alone)


def test_only_the_picks_of_the_budget_count():
    """Seeds that differ in the third pick picked the same two, in whatever order."""
    picks = {
        ("d", "s", split, seed): [*"AB"[:: 1 - 2 * seed], str(seed)] for split in (0, 1) for seed in (0, 1)
    }
    assert set(parts(variance(runs([[1, 3], [6, 8]]), picks))) == {"split", "selection", "training"}


def test_what_runs_cannot_tell():
    one_seed = variance(runs([[1], [3]]), same_picks())
    assert parts(one_seed) == {"split, selection and training": 2}
    assert one_seed["share"].tolist() == [1]
    one_split = variance(runs([[1, 3]]), same_picks())
    assert parts(one_split) == {"selection": 0, "training": 2}
    assert variance(runs([[1]]), same_picks()).empty
    assert variance(runs([[1, 1], [1, 1]]), same_picks())["share"].isna().all()


def test_splits_that_differ_less_than_seeds_have_no_variance():
    assert parts(variance(runs([[0, 4], [1, 3]]), same_picks()))["split"] == 0


def test_equals_a_mixed_model():
    """Balanced and positive: the restricted maximum likelihood is the analysis of variance."""
    generator = np.random.default_rng(0)
    values = generator.normal(size=(8, 1)) * 2 + generator.normal(size=(8, 5))
    found = parts(variance(runs(values), other_picks()))
    splits = np.repeat(np.arange(8), 5)
    fit = MixedLM(values.ravel(), np.ones((40, 1)), groups=splits).fit(reml=True)
    assert found["split"] == pytest.approx(float(fit.cov_re[0, 0]), rel=1e-3)
    assert found["selection and training"] == pytest.approx(fit.scale, rel=1e-3)


def test_recovers_the_variances_of_unequal_splits():
    generator = np.random.default_rng(1)
    sizes = generator.integers(1, 8, size=600)
    values = [generator.normal() * 3 + generator.normal(size=size) for size in sizes]
    found = parts(variance(runs(values), other_picks(splits=600)))
    assert found["split"] == pytest.approx(9, rel=0.15)
    assert found["selection and training"] == pytest.approx(1, rel=0.1)


def test_fits_its_schema(whole):
    for scores in (whole, whole.iloc[:0], REFERENCES):
        table = variance(scores, {})
        check_table(table, table_schema("variance"))
        assert list(table.columns) == list(table_schema("variance")["properties"])
