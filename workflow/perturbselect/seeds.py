"""Independent random generators from one master seed."""

import hashlib

import numpy as np


def seed_sequence(master: int, *words: object) -> np.random.SeedSequence:
    """Derive a seed from the master seed and the words that name its use.

    Every use of randomness has its own words (dataset, split, strategy, ...),
    so that one use drawing more numbers changes nothing elsewhere.

    Parameters
    ----------
    master : int
        The study's seed, from the config.
    *words
        What the seed is for, e.g. ``("replogle", "split", 2)``.

    Returns
    -------
    numpy.random.SeedSequence
    """
    digests = [hashlib.sha256(str(word).encode()).digest() for word in words]
    return np.random.SeedSequence([master, *(int.from_bytes(d[:8], "big") for d in digests)])


def generator(master: int, *words: object) -> np.random.Generator:
    """Return a NumPy generator for the use that `words` name."""
    return np.random.default_rng(seed_sequence(master, *words))


def integer_seed(master: int, *words: object) -> int:
    """Return a 63-bit seed (for libraries that take an integer) for that use."""
    return int(seed_sequence(master, *words).generate_state(1, np.uint64)[0] >> 1)
