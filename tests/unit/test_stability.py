"""How alike selections are: by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from perturbselect.scores.stability import (
    expected_jaccard,
    jaccard,
    reselection,
    run_of,
    stability,
)
from perturbselect.table_schema import check_table, table_schema

POOL = set("ABCDEFGHIJ")


def picks(genes, ranks=None):
    return pd.DataFrame({"rank": ranks or range(1, len(genes) + 1), "gene": list(genes)})


def test_jaccard():
    assert jaccard(set("ABC"), set("BCD")) == 0.5
    assert jaccard(set(), set()) == 1


def test_expected_jaccard_of_random_sets():
    assert expected_jaccard(4, 4, POOL, POOL) == pytest.approx(4 / (2 * 10 - 4))
    assert expected_jaccard(4, 4, POOL, set("KLMN")) == 0
    generator = np.random.default_rng(0)
    names = [sorted(set("ABCDEFGHIJ")), sorted(set("FGHIJKLMNO"))]
    drawn = [jaccard(*(set(generator.choice(pool, 4, replace=False)) for pool in names)) for _ in range(4000)]
    assert np.mean(drawn) == pytest.approx(expected_jaccard(4, 4, *map(set, names)), abs=0.02)


def test_table():
    selections = {
        ("k562", "reach", 0, 0): list("ABCD"),
        ("k562", "reach", 0, 1): list("ABEF"),
        ("k562", "reach", 1, 0): list("CDGH"),
    }
    again = pd.concat(
        [
            reselection(picks("BAEF"), "ties", draw=1),
            reselection(picks("ACBD"), "ties", draw=2),
            reselection(picks("ABCE"), "drop0.05.draw0"),
            reselection(picks("EFGH"), "drop0.05.draw1"),
            reselection(picks("XABDC", [0, 1, 2, 3, 4]), "string"),
        ]
    )
    check_table(again, table_schema("reselections"))
    pools = {("k562", 0): POOL, ("k562", 1): set("CDGHKLMNOP")}
    table = stability(selections, {("k562", "reach", 0): again}, pools, [2, "40%"])
    check_table(table, table_schema("stability"))
    found = table.set_index(["change", "budget"])
    assert set(table["change"]) == {"seeds", "splits", "ties", "drop", "string"}
    assert found.loc[("seeds", "2"), "jaccard"] == 1
    assert found.loc[("seeds", "40pct"), "jaccard"] == pytest.approx(2 / 6)
    assert found.loc[("splits", "40pct"), "jaccard"] == pytest.approx(2 / 6)
    assert found.loc[("splits", "40pct"), "expected"] == pytest.approx(0.64 / (8 - 0.64))
    ties = found.loc[("ties", "40pct")]
    assert (ties["n_pairs"], ties["low"], ties["high"]) == (3, pytest.approx(2 / 6), 1)
    assert ties["jaccard"] == pytest.approx((2 / 6 + 1 + 2 / 6) / 3)
    drop = found.loc[("drop", "40pct")]
    assert (drop["share"], drop["n_pairs"]) == (0.05, 2)
    assert drop["jaccard"] == pytest.approx((3 / 5 + 0) / 2)
    assert drop["expected"] == pytest.approx(4 / 16)
    assert found.loc[("string", "2"), "jaccard"] == 1  # what was measured already does not count
    assert found.loc[("string", "40pct"), "n_selected"] == 4


def test_names_of_files():
    assert run_of(Path("results/k562/selections/reach/split3.seed1.tsv")) == ("k562", "reach", 3, 1)


def test_no_selections():
    assert stability({}, {}, {}, [2]).empty
