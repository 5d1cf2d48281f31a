import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp
from scipy import stats

from perturbselect.data.differential_expression import (
    rank_genes,
    significant_genes,
    welch_t_test,
    wilcoxon_test,
)
from perturbselect.data.moments import group_power_sums, row_chunks
from perturbselect.errors import InputError


@pytest.fixture(scope="module")
def expression():
    rng = np.random.default_rng(3)
    means = np.vstack([np.full(40, 1.0), rng.gamma(2, 0.6, (3, 40))])
    groups = np.repeat([0, 1, 2, 3], [90, 30, 25, 12])
    values = np.log1p(rng.poisson(means[groups])).astype(np.float32)
    values[:, 5] = 0
    values[:, 6] = np.float32(0.7)
    labels = np.array(["control", "A", "B", "C+D"])[groups]
    return anndata.AnnData(
        sp.csr_matrix(values),
        obs=pd.DataFrame(
            {"perturbation": pd.Categorical(labels), "is_control": groups == 0},
            index=[f"c{i}" for i in range(len(groups))],
        ),
        var=pd.DataFrame(index=[f"G{i}" for i in range(40)]),
    )


NAMES = np.array(["A", "B", "C+D"])


def test_welch_from_sums_equals_scanpy(expression):
    groups = expression.obs["perturbation"].map({"control": 0, "A": 1, "B": 2, "C+D": 3}).to_numpy(int)
    sums = group_power_sums(row_chunks(expression), groups, 4)
    n = np.bincount(groups)
    scores, p_values = welch_t_test(sums[:, 1:], n[1:], sums[:, 0], n[0])

    peer = expression.copy()
    sc.tl.rank_genes_groups(peer, "perturbation", reference="control", method="t-test", n_genes=40)
    for row, name in enumerate(NAMES):
        table = sc.get.rank_genes_groups_df(peer, name).set_index("names").loc[peer.var_names]
        varying = np.setdiff1d(np.arange(40), [5, 6])
        np.testing.assert_allclose(scores[row, varying], table["scores"].to_numpy()[varying], rtol=1e-5)
        np.testing.assert_allclose(p_values[row, varying], table["pvals"].to_numpy()[varying], rtol=1e-4)
        adjusted = (table["pvals_adj"] < 0.05).to_numpy()
        np.testing.assert_array_equal(significant_genes(p_values)[row, varying], adjusted[varying])


def test_genes_without_variation_score_nothing(expression):
    groups = expression.obs["perturbation"].map({"control": 0, "A": 1, "B": 2, "C+D": 3}).to_numpy(int)
    sums = group_power_sums(row_chunks(expression), groups, 4)
    n = np.bincount(groups)
    scores, p_values = welch_t_test(sums[:, 1:], n[1:], sums[:, 0], n[0])
    assert not scores[:, [5, 6]].any()
    assert (p_values[:, [5, 6]] == 1).all()


def test_wilcoxon_equals_scipy(expression):
    scores, p_values = wilcoxon_test(expression, NAMES)
    values = expression.X.toarray()
    labels = expression.obs["perturbation"].to_numpy()
    for row, name in enumerate(NAMES):
        for gene in (0, 1, 17, 39):
            peer = stats.mannwhitneyu(
                values[labels == name, gene],
                values[labels == "control", gene],
                use_continuity=False,
                method="asymptotic",
            )
            np.testing.assert_allclose(p_values[row, gene], peer.pvalue, rtol=1e-5)
            shift = values[labels == name, gene].mean() - values[labels == "control", gene].mean()
            assert abs(shift) < 0.1 or np.sign(scores[row, gene]) == np.sign(shift)
    assert not scores[:, 5].any()


def test_one_perturbation_has_no_say_in_anothers_test(expression):
    together, _ = wilcoxon_test(expression, NAMES)
    alone, _ = wilcoxon_test(expression[expression.obs["perturbation"] != "B"].copy(), NAMES[[0, 2]])
    np.testing.assert_allclose(together[[0, 2]], alone)


def test_ranks_are_a_full_order_by_size_with_ties_in_the_genes_order():
    ranks = rank_genes(np.array([[0.5, -3.0, 0.5, 1.0, -0.5], [0.0, 0, 0, 0, 1]]))
    assert ranks.dtype == np.uint16
    np.testing.assert_array_equal(ranks, [[2, 0, 3, 1, 4], [1, 2, 3, 4, 0]])


def test_too_many_genes_to_rank():
    with pytest.raises(InputError, match="highly_variable_genes"):
        rank_genes(np.zeros((1, 70_000), dtype=np.float32))


def test_significance_is_adjusted_within_the_perturbation():
    # Benjamini-Hochberg by hand: 0.01 * 4 / 1 and 0.012 * 4 / 1 are below 0.05; 0.03 * 4 / 2 is not.
    p_values = np.array([[0.01, 0.03, 0.9, 0.9], [0.012, 0.9, 0.9, 0.9]])
    np.testing.assert_array_equal(significant_genes(p_values), [[1, 0, 0, 0], [1, 0, 0, 0]])
