"""Acquisitions against bmdal-reg (Holzmüller et al. 2023): same features in, same selections out."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from perturbselect.rounds import ACQUISITIONS
from perturbselect.rounds.acquisition import Candidates
from perturbselect.rounds.acs_fw import frank_wolfe
from perturbselect.rounds.engine.transforms import acs_random_features

pytestmark = pytest.mark.peer
PROBLEMS, LABELLED, POOL, FEATURES = 12, 9, 40, 15
SIGMA, SIZE, SEEDS = 0.1, 10, 1000


@pytest.fixture(scope="module")
def given():
    generator = np.random.default_rng(11)
    spread = generator.uniform(0.2, 2, size=FEATURES)
    return {
        "labelled": generator.normal(size=(PROBLEMS, LABELLED, FEATURES)) * spread,
        "pool": generator.normal(size=(PROBLEMS, POOL, FEATURES)) * spread + 0.3,
        "sigma": SIGMA,
        "size": SIZE,
        "seeds": SEEDS,
    }


@pytest.fixture(scope="module")
def theirs(given, repository, tmp_path_factory):
    python = os.environ.get("PERTURBSELECT_PEERS", repository / ".venv-peers" / "bin" / "python")
    if not Path(python).exists():
        pytest.skip(f"no peers' environment at {python}: `make peers` makes it, or set PERTURBSELECT_PEERS")
    if subprocess.run([python, "-c", "import bmdal_reg"], capture_output=True).returncode:
        pytest.skip(f"{python} has no bmdal-reg: remove that environment and `make peers`")
    folder = tmp_path_factory.mktemp("bmdal")
    np.savez(folder / "given.npz", **given)
    script = Path(__file__).with_name("bmdal_selections.py")
    command = [python, script, folder / "given.npz", folder / "made.npz"]
    subprocess.run(command, check=True, env={"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"})
    return np.load(folder / "made.npz")


def ours(name, given, problem, seed=0):
    features = np.vstack([given["labelled"][problem], given["pool"][problem]])
    names = np.array([f"G{i:02d}" for i in range(len(features))])
    candidates = Candidates(names[:LABELLED], names[LABELLED:], {"effect": features})
    return ACQUISITIONS[name]().acquire(candidates, SIZE, np.random.default_rng(seed)).order


@pytest.mark.parametrize("name", ["batchbald", "bait", "core_set", "lcmd"])
def test_same_picks_in_the_same_order(name, given, theirs):
    for problem in range(PROBLEMS):
        assert ours(name, given, problem).tolist() == theirs[name][problem].tolist()


def test_bald_takes_the_same_set(given, theirs):
    for problem in range(PROBLEMS):  # theirs lists the batch the other way round
        assert ours("bald", given, problem).tolist() == theirs["bald"][problem][::-1].tolist()


def test_frank_wolfe_takes_the_same_picks_in_the_same_order(given, theirs):
    for problem in range(PROBLEMS):
        batch = frank_wolfe(given["pool"][problem], SIZE, np.random.default_rng(0))
        assert batch.order.tolist() == theirs["frank_wolfe"][problem].tolist()


def test_random_features_of_the_utility_have_the_same_kernel_up_to_a_factor(given, theirs):
    # At noise 1 only: elsewhere theirs leaves the factor σ² out of the posterior covariance. The factor, by
    # which they divide, is the number of features that came in; it changes no pick.
    _, utility = acs_random_features(
        given["labelled"][0], given["pool"][0], 20_000, 1.0, np.random.default_rng(0)
    )
    kernel, expected = utility @ utility.T, theirs["acs_kernel"]
    assert np.trace(kernel) / np.trace(expected) == pytest.approx(FEATURES, rel=0.05)
    assert np.allclose(kernel, FEATURES * expected, rtol=0.1, atol=0.03 * kernel.max())


def test_badge_draws_from_the_same_distribution(given, theirs):
    drawn = np.array([ours("badge", given, 0, seed) for seed in range(SEEDS)])
    for place in range(SIZE):
        counts = [np.bincount(picks[:, place], minlength=POOL) for picks in (drawn, theirs["badge"])]
        seen = np.sum(counts, axis=0) > 10
        assert chi2_contingency(np.array(counts)[:, seen]).pvalue > 0.001, f"pick {place}"
    # and the test could tell: farthest points are drawn more often than others
    assert np.bincount(drawn.ravel(), minlength=POOL).std() > 3 * np.sqrt(SEEDS * SIZE / POOL)
