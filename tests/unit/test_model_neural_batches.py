"""Which perturbations a step sees, and the batches of cells that cell-gears draws."""

import numpy as np
import pytest

from perturbselect.models.neural.batches import PEER_CELLS, batch_of_cells, one_pass, one_pass_over_cells


def test_a_pass_has_every_perturbation_once():
    cells = np.arange(1.0, 24.0)
    batches = list(one_pass(cells, 5, np.random.default_rng(0)))
    assert [len(b.rows) for b in batches] == [5, 5, 5, 4, 4]
    assert sorted(np.concatenate([b.rows for b in batches])) == list(range(23))
    for batch in batches:
        np.testing.assert_allclose(batch.share, cells[batch.rows] / cells[batch.rows].sum())
        assert batch.weight.sum() == pytest.approx(1)
        assert batch.hopped is None


def test_rows_stand_for_the_cells_of_a_batch():
    conditions = np.array([4, 2, 4, 7, 2, 4, 4])
    batch = batch_of_cells(conditions)
    assert list(batch.rows) == [4, 2, 4, 7]  # the first cell, then each condition's other cells
    np.testing.assert_allclose(batch.share, np.array([1, 2, 3, 1]) / 7)
    # A condition counts a third; 4 has four cells, of which the first row is one.
    np.testing.assert_allclose(batch.weight, np.array([1 / 4, 1, 3 / 4, 1]) / 3)
    assert list(batch.hopped) == [True, False, False, False]


def test_a_first_cell_without_others_of_its_condition():
    batch = batch_of_cells(np.array([4, 2, 2]))
    assert list(batch.rows) == [4, 2]
    np.testing.assert_allclose(batch.weight, [0.5, 0.5])
    np.testing.assert_allclose(batch.share, [1 / 3, 2 / 3])


def test_a_pass_over_cells_has_every_cell_once_but_for_an_incomplete_batch():
    cells = np.array([40, 25, 61])
    batches = list(one_pass_over_cells(cells, np.random.default_rng(0)))
    assert len(batches) == cells.sum() // PEER_CELLS
    seen = sum(
        np.bincount(b.rows, weights=np.rint(b.share * PEER_CELLS), minlength=3).astype(int) for b in batches
    )
    assert seen.sum() == len(batches) * PEER_CELLS
    assert (seen <= cells).all()
    assert (cells - seen < PEER_CELLS).all()


def test_fewer_cells_than_a_batch_are_one_batch():
    (batch,) = one_pass_over_cells(np.array([3, 2]), np.random.default_rng(0))
    assert batch.share.sum() == pytest.approx(1)
