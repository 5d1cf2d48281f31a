"""Properties of pairing moments that hold for any cells."""

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from perturbselect.data.moments import group_power_sums, pairing_moments

VALUES = st.floats(0, 9, width=32)
CELLS = hnp.arrays(np.float64, st.tuples(st.integers(1, 6), st.just(3)), elements=VALUES)


def moments_of(perturbed: np.ndarray, controls: np.ndarray) -> np.ndarray:
    cells = np.vstack([controls, perturbed])
    groups = np.repeat([0, 1], [len(controls), len(perturbed)])
    sums = group_power_sums([sp.csr_array(cells)], groups, 2)
    return pairing_moments(sums[:, 1:], np.array([len(perturbed)]), sums[:, 0], len(controls))[:, 0]


def brute_force(perturbed: np.ndarray, controls: np.ndarray) -> np.ndarray:
    differences = (perturbed[:, None, :] - controls[None, :, :]).reshape(-1, perturbed.shape[1])
    return np.stack([(differences**n).mean(axis=0) for n in range(1, 5)])


@settings(max_examples=150, deadline=None)
@given(CELLS, CELLS)
def test_equal_to_all_pairs(perturbed, controls):
    np.testing.assert_allclose(
        moments_of(perturbed, controls), brute_force(perturbed, controls), rtol=1e-10, atol=1e-9
    )


@settings(max_examples=100, deadline=None)
@given(CELLS, CELLS, st.floats(0, 5))
def test_a_shift_of_all_cells_changes_nothing(perturbed, controls, shift):
    np.testing.assert_allclose(
        moments_of(perturbed + shift, controls + shift), moments_of(perturbed, controls), atol=1e-8
    )


@settings(max_examples=100, deadline=None)
@given(CELLS, CELLS)
def test_exchanging_the_sides_changes_the_sign_of_odd_moments(perturbed, controls):
    signs = np.array([-1, 1, -1, 1])[:, None]
    np.testing.assert_allclose(
        moments_of(controls, perturbed), signs * moments_of(perturbed, controls), atol=1e-8
    )


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.float64, (2, 3), elements=VALUES))
def test_single_cells_give_powers_of_their_difference(pair):
    difference = pair[0] - pair[1]
    expected = np.stack([difference**n for n in range(1, 5)])
    np.testing.assert_allclose(moments_of(pair[:1], pair[1:]), expected, atol=1e-9)
