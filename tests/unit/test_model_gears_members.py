"""Several networks of `gears`: their mean, their variance, their checkpoints."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("torch")

from test_model_gears import SMALL, TEST, TRAINING, cliques, predict, screen

from perturbselect.models.model import Knowledge
from perturbselect.models.neural.checkpoint import Checkpoint
from perturbselect.models.neural.training import Run
from perturbselect.seeds import integer_seed


@pytest.mark.parametrize("uncertainty", [False, True])
def test_members_are_averaged_and_their_spread_is_a_variance(uncertainty):
    model = dataclasses.replace(SMALL, members=3, uncertainty=uncertainty)
    together = model.predict(screen(TRAINING), TEST, Knowledge({"go": cliques()}), 5, "cpu", features=("ll",))
    single = dataclasses.replace(model, members=1)
    seeds = [5, *(integer_seed(5, "member", member) for member in (1, 2))]
    each = [predict(single, seed=seed) for seed in seeds]
    means = np.array([one.mean for one in each])
    np.testing.assert_allclose(together.mean, means.mean(axis=0), atol=1e-6)
    spread = means.var(axis=0)
    if uncertainty:
        spread = spread + np.mean([one.variance for one in each], axis=0)
    np.testing.assert_allclose(together.variance, spread, atol=1e-6)
    assert len({one.mean.tobytes() for one in each}) == 3
    assert together.mean.dtype == together.variance.dtype == np.float32
    assert together.history.groupby("member")["step"].max().tolist() == [30, 30, 30]
    assert "variance" in model.features
    first = single.predict(screen(TRAINING), TEST, Knowledge({"go": cliques()}), 5, "cpu", features=("ll",))
    np.testing.assert_array_equal(together.features["ll"], first.features["ll"])


def test_members_do_not_agree_on_a_gene_that_the_graph_does_not_have():
    model = dataclasses.replace(SMALL, members=2, absent="drop")
    prediction = predict(model, test=np.array([TEST[0], "NOWHERE"]))
    np.testing.assert_allclose(prediction.variance[1], screen(TRAINING).X.var(axis=0), rtol=1e-5)
    assert prediction.variance[0].max() > 0
    parameters = predict(dataclasses.replace(model, members=1)).summary["parameters"]
    assert prediction.summary["parameters"] == 2 * parameters


def test_members_go_on_from_their_own_checkpoints(tmp_path, monkeypatch):
    path = tmp_path / "budget.checkpoint"
    monkeypatch.setattr(Checkpoint, "every", 0)
    seen, load = [], Checkpoint.load
    model, knowledge = dataclasses.replace(SMALL, members=2), Knowledge({"go": cliques()})
    undisturbed, alone = predict(model), predict()
    first = model.predict(screen(TRAINING), TEST, knowledge, 0, "cpu", path)
    assert first.mean.tobytes() == undisturbed.mean.tobytes()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["budget.checkpoint", "budget.checkpoint1"]
    monkeypatch.setattr(Checkpoint, "load", lambda self: seen.append(self.training) or load(self))
    monkeypatch.setattr(Run, "epoch", lambda *_: pytest.fail("begun anew"))  # both are at their ends
    again = model.predict(screen(TRAINING), TEST, knowledge, 0, "cpu", path)
    assert again.mean.tobytes() == undisturbed.mean.tobytes()
    single = SMALL.predict(screen(TRAINING), TEST, knowledge, 0, "cpu", path)
    assert single.mean.tobytes() == alone.mean.tobytes()  # from the first member's checkpoint
    assert seen[0] == seen[2] != seen[1]
