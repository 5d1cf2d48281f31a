"""Metrics against cell-eval on random data: the same values where both define the same."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from perturbselect.scores import metrics

pytestmark = pytest.mark.peer
COUNT, GENES, TOP = 40, 120, 20


@pytest.fixture(scope="module")
def given():
    generator = np.random.default_rng(12)
    true = generator.normal(size=(COUNT, GENES)) * generator.uniform(0.2, 2, size=GENES)
    rank = np.argsort(np.argsort(-np.abs(true), axis=1), axis=1)
    return {
        "true": true,
        "predicted": 0.2 * true + generator.normal(size=true.shape) + 0.1,
        "control": generator.uniform(0, 4, size=GENES),
        "control_shift": generator.normal(size=GENES),
        "significant": rank < generator.integers(1, 60, size=(COUNT, 1)),
        "top": rank < TOP,
    }


@pytest.fixture(scope="module")
def theirs(given, repository, tmp_path_factory):
    python = os.environ.get("PERTURBSELECT_CELLEVAL", repository / ".venv-celleval" / "bin" / "python")
    if not Path(python).exists():
        pytest.skip(
            f"no environment of cell-eval at {python}: `make celleval`, or set PERTURBSELECT_CELLEVAL"
        )
    folder = tmp_path_factory.mktemp("celleval")
    np.savez(folder / "given.npz", **given)
    script = Path(__file__).with_name("run_cell_eval.py")
    command = [python, script, folder / "given.npz", folder / "made.npz"]
    subprocess.run(command, check=True, env={"PATH": os.environ["PATH"], "HOME": str(folder)})
    return np.load(folder / "made.npz")


def ours(name, given, *more):
    return getattr(metrics, name)(given["predicted"], given["true"], *more)


@pytest.mark.parametrize("name", ["mse", "mae", "pearson_delta"])
def test_the_same_values(name, given, theirs):
    np.testing.assert_allclose(ours(name, given), theirs[name], rtol=1e-9)


def test_discrimination_is_centroid_accuracy_but_for_the_divisor(given, theirs):
    # Theirs: 1 - (truths nearer than its own) / P; ours divides by the P - 1 other truths.
    expected = 1 - (1 - theirs["discrimination"]) * COUNT / (COUNT - 1)
    np.testing.assert_allclose(ours("centroid_accuracy", given), expected, atol=1e-12)
    assert np.unique(expected).size > 5


def test_overlap_is_the_same_if_every_predicted_gene_is_significant(given, theirs):
    np.testing.assert_allclose(ours("de_overlap", given, given["significant"]), theirs["overlap"], atol=1e-12)


def test_direction_match_is_the_same_on_the_same_genes(given, theirs):
    genes = np.nonzero(given["top"])[1].reshape(COUNT, TOP)
    np.testing.assert_allclose(ours("direction_accuracy", given, genes), theirs["direction"], atol=1e-12)


def test_ties_are_where_the_two_differ(given, theirs):
    """All truths alike: cell-eval ranks them by the order of the sort, here each counts one half."""
    alike = np.tile(given["predicted"][:1], (COUNT, 1))
    assert np.all(metrics.centroid_accuracy(given["predicted"], alike) == 0.5)
    assert np.ptp(theirs["discrimination_tied"]) > 0.9


def test_a_predicted_control_changes_theirs_and_never_ours(given, theirs):
    """The deltas of cell-eval subtract each side's own control, so that a model can choose its reference."""
    own = metrics.pearson_delta(given["predicted"] - given["control_shift"], given["true"])
    np.testing.assert_allclose(theirs["pearson_delta_of_made_up_control"], own, rtol=1e-9)
    assert np.abs(own - ours("pearson_delta", given)).max() > 0.1
