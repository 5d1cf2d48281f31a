"""Training: epochs, validation, resuming after a kill, memory that runs out."""

import io
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

torch = pytest.importorskip("torch")

from perturbselect.errors import InputError  # noqa: E402
from perturbselect.models.neural import evaluation, training  # noqa: E402
from perturbselect.models.neural.checkpoint import Checkpoint  # noqa: E402
from perturbselect.models.neural.examples import Examples  # noqa: E402
from perturbselect.models.neural.hop import sparse_tensor  # noqa: E402
from perturbselect.models.neural.loss import targets_of  # noqa: E402
from perturbselect.models.neural.network import Network  # noqa: E402
from perturbselect.models.neural.training import Run, Schedule, train  # noqa: E402

GENES, NODES = 12, 10
SCHEDULE = Schedule(24, 4, 1e-2, 5e-4, True, 0.1)  # 10 perturbations: 3 steps an epoch


def network(uncertainty=False, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Network(sparse_tensor(sp.eye_array(GENES, format="csr")), NODES, 6, uncertainty)


def examples(n=10, seed=0):
    generator = np.random.default_rng(seed)
    composition = torch.from_numpy(np.eye(NODES, dtype=np.float32)[np.arange(n) % NODES])
    composition += 0.2
    m1 = torch.from_numpy(generator.standard_normal((n, GENES)).astype(np.float32))
    variance = 0.1
    higher = (
        m1**2 + variance,
        m1**3 + 3 * m1 * variance,
        m1**4 + 6 * m1**2 * variance + 3 * variance**2,
    )
    return Examples(
        composition,
        torch.ones(n),
        generator.integers(5, 40, n).astype(float),
        targets_of(m1, higher, None),
    )


def trained(schedule=SCHEDULE, uncertainty=False, seed=0, **options):
    net = network(uncertainty)
    history = train(net, examples(), schedule, np.random.default_rng(seed), **options)
    return net, history


def weights(net):
    return {name: value.numpy().tobytes() for name, value in net.state_dict().items()}


def test_an_epoch_is_a_pass_and_each_is_watched():
    seen = []
    _, history = trained(watch=seen.append)
    assert list(history["step"]) == list(range(3, 25, 3))
    assert list(history["epoch"]) == list(range(1, 9))
    assert [row["loss"] for row in seen] == list(history["loss"])
    assert history["validation"].isna().all()
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert history["learning_rate"].argmax() <= 1
    assert history["learning_rate"].iloc[-1] < 0.1 * SCHEDULE.learning_rate


def test_the_epoch_with_the_least_validation_error_is_kept(monkeypatch):
    states = []
    remember = Run.epoch

    def epoch(run, *arguments):
        remember(run, *arguments)
        states.append({name: p.detach().clone() for name, p in run.network.named_parameters()})

    monkeypatch.setattr(Run, "epoch", epoch)
    # The validation perturbations respond at random: the longer the training, the worse.
    net, history = trained(validation=examples(6, seed=1))
    best = int(history["validation"].argmin())
    assert best < len(history) - 1
    for name, parameter in net.named_parameters():
        assert torch.allclose(parameter, states[best][name], rtol=1e-6), name
    last, _ = trained()
    assert weights(last) != weights(net)


def test_validation_error_is_that_of_the_responses():
    held_back, net = examples(6, seed=1), network()
    run = Run(net, examples(), SCHEDULE, np.random.default_rng(0))
    run.epoch(held_back)
    net.eval()
    delta = net(held_back.composition, held_back.sizes, torch.ones(6) / 6)
    expected = ((delta - held_back.targets.m1) ** 2).mean().item()
    assert run.history[0]["validation"] == pytest.approx(expected, rel=1e-5)


KILLED = """
import os, signal, sys
sys.path[:0] = [{tests!r}, {package!r}]
import numpy as np, torch
torch.set_num_threads({threads})  # another number adds up in another order
from test_model_neural_training import SCHEDULE, examples, network
from perturbselect.models.neural.checkpoint import Checkpoint
from perturbselect.models.neural.training import train

Checkpoint.every = 0
def watch(row):
    if row["epoch"] == 5:
        os.kill(os.getpid(), signal.SIGKILL)
train(network({uncertainty}), examples(), SCHEDULE, np.random.default_rng(0), examples(6, seed=1),
      Checkpoint({path!r}, {{"seed": 0}}), watch)
"""


@pytest.mark.parametrize("uncertainty", [False, True])
def test_killed_and_resumed_ends_in_the_same_bytes(tmp_path, repository, uncertainty):
    path = tmp_path / "budget.checkpoint"
    code = KILLED.format(
        tests=str(Path(__file__).parent),
        package=str(repository / "workflow"),
        path=str(path),
        uncertainty=uncertainty,
        threads=torch.get_num_threads(),
    )
    killed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert Checkpoint(path, {"seed": 0}).load()["step"] == 12  # four epochs of three
    undisturbed, history = trained(uncertainty=uncertainty, validation=examples(6, seed=1))
    epochs = []
    resumed, resumed_history = trained(
        uncertainty=uncertainty,
        seed=99,  # the generator's state is the checkpoint's
        validation=examples(6, seed=1),
        checkpoint=Checkpoint(path, {"seed": 0}),
        watch=lambda row: epochs.append(row["epoch"]),
    )
    assert epochs == [5, 6, 7, 8]
    assert weights(resumed) == weights(undisturbed)
    assert resumed_history.equals(history)


def test_checkpoint_of_another_training_is_ignored_with_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(Checkpoint, "every", 0)
    path = tmp_path / "budget.checkpoint"
    trained(checkpoint=Checkpoint(path, {"hidden": 6, "genes": GENES}))
    with pytest.warns(
        UserWarning, match=r"another training \(genes: 12 there, 13 here; hidden: 6 there, 8 here"
    ):
        assert Checkpoint(path, {"hidden": 8, "genes": 13}).load() is None
    undisturbed, _ = trained()
    with pytest.warns(UserWarning, match="starts from the beginning"):
        net, history = trained(checkpoint=Checkpoint(path, {"hidden": 6, "genes": 13}))
    assert weights(net) == weights(undisturbed)
    assert len(history) == 8


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a file", b"not a tensor"])
def test_checkpoint_that_cannot_be_read_is_ignored_with_a_warning(tmp_path, content):
    path = tmp_path / "budget.checkpoint"
    path.write_bytes(content)
    with pytest.warns(UserWarning, match=r"budget\.checkpoint is ignored: it cannot be read"):
        assert Checkpoint(path, {}).load() is None


def test_a_checkpoint_is_not_unpickled(tmp_path):
    path = tmp_path / "budget.checkpoint"
    torch.save({"training": {}, "state": Path("/")}, path)  # needs code to load
    with pytest.warns(UserWarning, match="cannot be read"):
        assert Checkpoint(path, {}).load() is None


def test_checkpoints_are_rare(tmp_path, monkeypatch):
    path = tmp_path / "budget.checkpoint"
    trained(checkpoint=Checkpoint(path, {}))  # takes less than `every`
    assert not path.exists()


@pytest.mark.parametrize("interactive", [True, False])
def test_progress_bar_where_somebody_looks(monkeypatch, interactive):
    terminal = io.StringIO()
    terminal.isatty = lambda: interactive
    monkeypatch.setattr(sys, "stderr", terminal)
    trained()
    assert ("/24 [" in terminal.getvalue()) == interactive
    assert interactive or terminal.getvalue() == ""


def fails(times, function):
    """Let `function` run out of memory the first few times."""
    left = [times]

    def failing(*arguments, **options):
        if left[0] > 0:
            left[0] -= 1
            raise torch.OutOfMemoryError("CUDA out of memory")
        return function(*arguments, **options)

    return failing


def test_training_goes_on_in_parts_where_memory_runs_out(monkeypatch):
    monkeypatch.setattr(Run, "loss", fails(1, Run.loss))
    with pytest.warns(UserWarning, match="memory ran out: each batch is now computed in 2 parts"):
        _, history = trained()
    assert np.isfinite(history["loss"]).all()
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    assert history["step"].iloc[-1] == 24  # as many steps as without


def test_parts_add_up_to_the_loss_of_the_batch():
    run = Run(network().eval(), examples(), SCHEDULE, np.random.default_rng(0))
    (batch, *_) = training.one_pass(run.training.cells, 7, np.random.default_rng(0))
    whole = run.loss(batch, np.arange(5)).item()
    assert whole == pytest.approx(sum(run.loss(batch, p).item() for p in (np.arange(2), np.arange(2, 5))))


def test_memory_for_not_even_one_perturbation(monkeypatch):
    monkeypatch.setattr(Run, "loss", fails(10**6, Run.loss))
    with (
        pytest.warns(UserWarning, match="memory ran out"),
        pytest.raises(InputError, match="one perturbation at a time"),
    ):
        trained()


def test_prediction_in_smaller_chunks_where_memory_runs_out(monkeypatch):
    net, _ = trained()
    asked = examples(7, seed=2)
    expected, _ = evaluation.predict(net, asked.composition, asked.sizes)
    monkeypatch.setattr(evaluation, "ROWS", 4 * GENES)
    monkeypatch.setattr(Network, "predict", fails(1, Network.predict))
    with pytest.warns(UserWarning, match="memory ran out: now 24 rows"):
        chunked, _ = evaluation.predict(net, asked.composition, asked.sizes)
    assert torch.allclose(chunked, expected, atol=1e-6)
    monkeypatch.setattr(Network, "predict", fails(10**6, Network.predict))
    with (
        pytest.warns(UserWarning, match="memory ran out"),
        pytest.raises(InputError, match="memory does not suffice"),
    ):
        evaluation.predict(net, asked.composition, asked.sizes)


def test_a_loss_that_is_not_finite_is_said():
    with pytest.raises(InputError, match="diverged"):
        trained(Schedule(30, 4, 1e30, 5e-4, True, 0.1))


def test_statistics_of_the_uncertainty_head_are_those_of_a_training_forward():
    net, training_set = network(uncertainty=True), examples()
    share = training_set.tensor(training_set.cells / training_set.cells.sum())
    net.train()
    net.renormalise()
    net.forget_statistics()
    with torch.no_grad():
        _, expected = net.with_log_variance(training_set.composition, training_set.sizes, share)
    in_training = {n: b.clone() for n, b in net.named_buffers() if n.startswith("uncertainty")}
    assert len(in_training) == 6
    net.keep_statistics(training_set.composition, training_set.sizes, share, rows=3 * GENES)
    for name, buffer in in_training.items():
        assert torch.allclose(dict(net.named_buffers())[name], buffer, rtol=1e-4, atol=1e-6), name
    _, log_variance = net.predict(training_set.composition, training_set.sizes)
    assert torch.allclose(log_variance, expected, rtol=1e-3, atol=1e-3)
