"""Splits by perturbed gene."""

import numpy as np
import pytest

from perturbselect.data.splits import held_out_genes, split
from perturbselect.errors import InputError


def test_singles():
    names = np.array([f"g{i:03d}" for i in range(40)])
    table = split(np.random.default_rng(1).permutation(names), 0.25, np.random.default_rng(0))
    assert table["perturbation"].tolist() == sorted(names)
    assert (table["part"] == "test").sum() == 10
    assert (table["unseen_genes"] == (table["part"] == "test")).all()


def test_no_pool_perturbation_has_a_test_gene():
    genes = [f"g{i}" for i in range(12)]
    names = [*genes, *(f"{a}+{b}" for a, b in zip(genes[::2], genes[1::2], strict=True)), "g0+g5", "g3+x"]
    for seed in range(40):
        table = split(np.array(names), 0.3, np.random.default_rng(seed))
        pool = table[table["part"] == "pool"]
        seen = {gene for name in pool["perturbation"] for gene in name.split("+")}
        for name, part, unseen in table.itertuples(index=False):
            assert unseen == sum(gene not in seen for gene in name.split("+"))
            assert (part == "pool") == (unseen == 0)
        # g0 to g11 and x: 30 % of 13 genes is 4
        assert len({gene for name in names for gene in name.split("+")} - seen) >= 4


def test_same_seed_same_split_other_seed_other_split():
    names = np.array([f"g{i}" for i in range(60)])
    first, again, other = (split(names, 0.25, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first.equals(again)
    assert not first.equals(other)


@pytest.mark.parametrize(
    ("genes", "share", "count"), [(10, 0.25, 3), (10, 0.24, 2), (3, 0.01, 1), (585, 0.25, 146)]
)
def test_number_of_test_genes(genes, share, count):
    assert held_out_genes(genes, share) == count


def test_nothing_left():
    with pytest.raises(InputError, match="leaves no pool"):
        split(np.array(["A"]), 0.5, np.random.default_rng(0))
    with pytest.raises(InputError, match="pool is empty"):
        split(np.array(["A+B", "A+C", "B+C"]), 0.6, np.random.default_rng(0))
