import anndata
import numpy as np
import pytest
import scipy.sparse as sp

from perturbselect.data.moments import group_power_sums, pairing_moments, row_chunks


@pytest.fixture
def cells():
    rng = np.random.default_rng(1)
    return np.log1p(rng.poisson(1.5, (60, 7)) * 3.0)


def test_power_sums_by_hand():
    cells = sp.csr_array(np.array([[1.0, 0.0], [2.0, 3.0], [5.0, 0.0]]))
    sums = group_power_sums([cells], np.array([1, 1, 0]), 3)
    np.testing.assert_array_equal(sums[:, 0], [[5, 0], [25, 0], [125, 0], [625, 0]])
    np.testing.assert_array_equal(sums[:, 1], [[3, 3], [5, 9], [9, 27], [17, 81]])
    assert not sums[:, 2].any()


def test_negative_groups_are_left_out(cells):
    groups = np.arange(60) % 3 - 1
    sums = group_power_sums([sp.csr_array(cells)], groups, 2)
    np.testing.assert_allclose(sums[2, 1], (cells[groups == 1] ** 3).sum(axis=0))


def test_blocks_give_the_same_as_one_pass_in_memory_and_backed(cells, tmp_path):
    groups = np.random.default_rng(2).integers(4, size=60)
    whole = group_power_sums([sp.csr_array(cells)], groups, 4)
    data = anndata.AnnData(sp.csr_matrix(cells))
    data.write_h5ad(tmp_path / "cells.h5ad")
    for source in (data, anndata.read_h5ad(tmp_path / "cells.h5ad", backed="r")):
        blocks = list(row_chunks(source, size=17))
        assert [b.shape[0] for b in blocks] == [17, 17, 17, 9]
        np.testing.assert_allclose(group_power_sums(blocks, groups, 4), whole, rtol=1e-13)


def test_too_few_labels_are_refused(cells):
    with pytest.raises(ValueError, match="60 cells"):
        group_power_sums([sp.csr_array(cells)], np.zeros(59, dtype=int), 1)


def test_pairing_moments_equal_all_pairs(cells):
    groups = np.repeat([0, 1, 2], [25, 34, 1])
    sums = group_power_sums([sp.csr_array(cells)], groups, 3)
    moments = pairing_moments(sums[:, 1:], np.array([34, 1]), sums[:, 0], 25)
    for p in (1, 2):
        differences = cells[groups == p][:, None, :] - cells[groups == 0][None]
        for n in range(1, 5):
            np.testing.assert_allclose(
                moments[n - 1, p - 1], (differences**n).mean(axis=(0, 1)), rtol=1e-10, atol=1e-10
            )


def test_they_give_the_fourth_power_loss_of_any_prediction(cells):
    """The reason they exist: E(Δ - r)^4 without the cells."""
    control, perturbed = cells[:20], cells[20:]
    sums = group_power_sums([sp.csr_array(cells)], np.repeat([0, 1], [20, 40]), 2)
    m1, m2, m3, m4 = pairing_moments(sums[:, 1:], np.array([40]), sums[:, 0], 20)[:, 0]
    delta = np.linspace(-1, 1, 7)
    r = perturbed[:, None, :] - control[None]
    np.testing.assert_allclose(
        delta**4 - 4 * delta**3 * m1 + 6 * delta**2 * m2 - 4 * delta * m3 + m4,
        ((delta - r) ** 4).mean(axis=(0, 1)),
        rtol=1e-10,
    )
