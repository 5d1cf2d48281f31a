"""Every use of randomness has a seed of its own, the same everywhere."""

import itertools
import subprocess
import sys

import numpy as np

from perturbselect.seeds import generator, integer_seed, seed_sequence

USES = [
    (0, "split", "tiny", 0),
    (0, "split", "tiny", 1),
    (0, "select", "tiny", "random", 0, 0),
    (0, "select", "tiny", "random", 0, 1),
    (0, "select", "tiny", "random", 1, 0),
    (1, "split", "tiny", 0),
    (0, "split", "tin", "y0"),
    (0,),
]


def test_known_numbers():
    """Numbers of version 0.1: changing them changes every result of every study."""
    assert integer_seed(0, "split", "tiny", 0) == 817591909389959407
    assert generator(7, "simulate", "demo").integers(0, 1000, 4).tolist() == [797, 494, 145, 379]


def test_uses_differ():
    for one, other in itertools.combinations(USES, 2):
        assert integer_seed(*one) != integer_seed(*other)
        assert not np.array_equal(generator(*one).random(3), generator(*other).random(3))


def test_order_of_words_counts():
    assert integer_seed(0, "a", "b") != integer_seed(0, "b", "a")


def test_the_same_use_is_the_same():
    for use in USES:
        np.testing.assert_array_equal(generator(*use).random(5), generator(*use).random(5))


def test_seeds_fit_into_63_bits():
    seeds = [integer_seed(0, word) for word in range(200)]
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert max(seeds) > 2**61  # and use them


def test_no_dependence_on_the_process():
    """Python salts the hash of words anew in every process."""
    program = "from perturbselect.seeds import integer_seed; print(integer_seed(0, 'split', 'tiny', 0))"
    for salt in ("1", "2"):
        printed = subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": salt, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert int(printed) == integer_seed(0, "split", "tiny", 0)


def test_numpy_integers_and_integers_are_the_same_words():
    assert integer_seed(0, "split", np.int64(3)) == integer_seed(0, "split", 3)
    assert seed_sequence(0, "3").entropy == seed_sequence(0, 3).entropy
