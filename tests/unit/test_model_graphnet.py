"""The model `graphnet`: its head, what each fold may see, and what the network adds."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

from perturbselect.errors import InputError
from perturbselect.graphs.graph import Graph
from perturbselect.models.graph_network import base as base_module
from perturbselect.models.graph_network.base import fit_base, folds_of, told_apart
from perturbselect.models.graph_network.head import Head, PrincipalResponses
from perturbselect.models.graph_network.pairs import PairFeatures, pair_features
from perturbselect.models.graphnet import Graphnet, shrunk
from perturbselect.models.kernel_ridge import KernelRidge
from perturbselect.models.model import Knowledge
from perturbselect.models.ridge.fit import RidgeFit
from perturbselect.scores.metrics import centroid_accuracy

torch = pytest.importorskip("torch")

from perturbselect.models.graph_network.network import Ensemble, Schedule  # noqa: E402

NAMES = np.array([f"g{i:02d}" for i in range(60)])  # every perturbed gene is predicted too
GENES = np.array([*NAMES, *(f"x{i}" for i in range(20))])
RIDGE = KernelRidge(("a", "b"), towards_equal=base_module.EQUAL)
SMALL = Graphnet(kernel=("a", "b"), graph="ring", folds=4, hidden=8, steps=80, batch=512)


def ring():
    after = np.roll(np.eye(len(NAMES)), 1, axis=0)
    return Graph(NAMES, sp.csr_array((after + after.T).astype(np.float32)), np.ones(len(NAMES), bool))


def screen(own=0.0, noise=0.3, seed=0, strength=1.0):
    """Responses from two kernels' features; each perturbed gene falls by `own`."""
    generator = np.random.default_rng(seed)
    features = generator.standard_normal((2, len(NAMES), 6)) / np.sqrt(6)
    effect = generator.standard_normal((6, len(GENES)))
    responses = strength * features[0] @ effect + noise * generator.standard_normal((len(NAMES), len(GENES)))
    responses[:, : len(NAMES)] -= own * np.eye(len(NAMES))
    kernels = {
        name: pd.DataFrame(z @ z.T, index=NAMES, columns=NAMES)
        for name, z in zip("ab", features, strict=True)
    }
    everything = AnnData(
        responses.astype(np.float32), obs=pd.DataFrame(index=NAMES), var=pd.DataFrame(index=GENES)
    )
    return everything, Knowledge({"ring": ring()}, kernels)


def predict(everything, knowledge, model=SMALL, n=44, seed=0, test=None):
    test = NAMES[n:] if test is None else np.array(test)
    return model.predict(everything[:n].copy(), test, knowledge, seed, "cpu")


def numbers(knowledge, n=60):
    return np.array([kernel.to_numpy()[:n, :n] for kernel in knowledge.kernels.values()])


def test_head_without_taper_is_kernel_ridge():
    everything, knowledge = screen()
    kernel, responses = numbers(knowledge)[0], everything.X.astype(float)
    head = Head.of(kernel[:40, :40], PrincipalResponses.of(responses[:40]))
    expected = RidgeFit.of(kernel[:40, :40], responses[:40], 0.4).predict(kernel[40:, :40])
    np.testing.assert_allclose(head.predict(kernel[40:, :40], 0.4, 0.0), expected, atol=1e-10)


def test_taper_is_a_penalty_for_each_principal_response():
    everything, knowledge = screen()
    kernel, responses = numbers(knowledge)[0], everything.X.astype(float)[:40]
    targets = PrincipalResponses.of(responses)
    head = Head.of(kernel[:40, :40], targets)
    scores = head.predict_scores(kernel[40:, :40] @ head.vectors, 0.4, 1.5)
    values = np.linalg.svd(responses - responses.mean(axis=0), compute_uv=False)
    for j in (0, 3, 30):
        penalty = 0.4 * (values[0] / values[j]) ** 1.5
        alone = RidgeFit.of(kernel[:40, :40], targets.scores[:, [j]], penalty).predict(kernel[40:, :40])
        np.testing.assert_allclose(scores[:, [j]], alone, atol=1e-10)
    np.testing.assert_allclose(targets.scores @ targets.components + targets.mean, responses, atol=1e-10)


def noisy_small_components():
    """Thirty features act through three directions of response; all other directions are noise."""
    generator = np.random.default_rng(3)
    features = generator.standard_normal((80, 30))
    effect = generator.standard_normal((30, 3)) @ generator.standard_normal((3, 200)) / 5
    responses = features @ effect + generator.standard_normal((80, 200))
    return responses, features @ features.T / 30, folds_of(80, 5, generator)


def test_taper_is_chosen_where_small_components_are_noise():
    responses, kernel, fold = noisy_small_components()
    base = fit_base(kernel[None], responses, fold)
    assert base.summary["taper"] >= 1
    assert base.summary["head_gain"] > 0.01


def test_told_apart_is_the_centroid_accuracy():
    generator = np.random.default_rng(5)
    true, predicted = generator.standard_normal((2, 12, 40))
    components = np.linalg.qr(generator.standard_normal((40, 6)))[0].T
    predicted = predicted @ components.T @ components  # within the components, as a head's are
    predicted[:3] = 0
    share = told_apart(predicted @ components.T, true @ components.T, np.sum(true**2, axis=1))
    np.testing.assert_allclose(share, centroid_accuracy(predicted, true), atol=1e-12)
    assert told_apart(predicted[:1], true[:1], np.ones(1)) == 0.5


def test_head_that_tells_less_apart_is_not_chosen(monkeypatch):
    """Here that is said of every head that predicts larger differences than kernel ridge."""
    responses, kernel, fold = noisy_small_components()
    ones = {"told_apart": lambda predicted, true, square: np.ones(len(true))}
    sizes = {"told_apart": lambda predicted, true, square: np.full(len(true), -np.sum(predicted**2))}
    size = {}
    for name, changes in (("plain", {"ERRORS": 1e12}), ("error alone", ones), ("both", sizes)):
        with monkeypatch.context() as patch:
            for attribute, value in changes.items():
                patch.setattr(base_module, attribute, value)
            base = fit_base(kernel[None], responses, fold)
        size[name] = np.sum((base.predicted - base.mean) ** 2)
    assert size["both"] <= size["plain"] < size["error alone"]


def test_told_apart_counts_a_tie_as_half():
    true = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    share = told_apart(np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]), true, np.sum(true**2, axis=1))
    np.testing.assert_allclose(share, [0.75, 0.75, 1.0])


def test_responses_that_are_all_alike():
    base = fit_base(np.eye(12)[None], np.ones((12, 5)), folds_of(12, 4, np.random.default_rng(0)))
    assert base.value == base.summary["head_gain"] == 0


@pytest.mark.parametrize("worth", [0.0, -1e6])
def test_network_that_tells_less_apart_is_left_out(monkeypatch, worth):
    """The same corrections of the same error, with and without a loss by the second mark."""
    everything, knowledge = screen(own=3.0)
    apart = Graphnet._apart
    monkeypatch.setattr(Graphnet, "_apart", lambda *arguments: apart(*arguments) + worth)
    assert (predict(everything, knowledge).summary["network_factor"] > 0) == (worth == 0)


def without_choices(monkeypatch):
    """Mixture, penalty and head fixed, so that rows influence each other through the fits alone."""
    fixed = (np.array([0.6, 0.4]), 0.5, None)
    monkeypatch.setattr(base_module, "leave_one_out_mixture", lambda *_: fixed)
    monkeypatch.setattr(base_module, "ERRORS", 1e12)


def test_held_out_rows_do_not_see_their_fold(monkeypatch):
    without_choices(monkeypatch)
    everything, knowledge = screen()
    responses, fold = everything.X.astype(float)[:40], folds_of(40, 4, np.random.default_rng(0))
    other = responses.copy()
    other[fold == 2] += np.random.default_rng(1).standard_normal((np.sum(fold == 2), len(GENES)))
    rows = fold == 2
    results = []
    for values in (responses, other):
        base = fit_base(numbers(knowledge), values, fold)
        features = pair_features(base, values, NAMES, GENES, np.zeros(len(GENES)), [ring()], 1.0)
        # Features are scaled over all rows: compare them up to a factor for each.
        seen = features.pair[:40][rows].astype(float)
        results.append(
            [
                base.predicted[:40][rows],
                base.alone[:, :40][:, rows],
                seen / np.maximum(np.abs(seen).max(axis=(0, 1)), 1e-9),
                np.argsort(features.gene[2][:, [0, 1, 3]], axis=0),
            ]
        )
    for one, two in zip(*results, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)
    whole = fit_base(numbers(knowledge), other, fold)
    assert not np.allclose(whole.predicted[40:], fit_base(numbers(knowledge), responses, fold).predicted[40:])


def test_members_do_not_see_their_fold():
    everything, knowledge = screen(own=2.0)
    responses, fold = everything.X.astype(float)[:40], folds_of(40, 4, np.random.default_rng(0))
    base = fit_base(numbers(knowledge), responses, fold)
    features = pair_features(base, responses, NAMES, GENES, np.zeros(len(GENES)), [ring()], 1.0)
    residuals = responses - base.predicted[:40]
    other = residuals.copy()
    other[fold == 2] += 1
    schedule = Schedule(hidden=8, steps=20, batch=256, learning_rate=1e-2, weight_decay=1e-3, checks=2)
    ends = [Ensemble(features, values, fold, schedule, 0, "cpu").train()[-1] for values in (residuals, other)]
    for name, weights in ends[0][3].items():
        assert torch.equal(weights[2], ends[1][3][name][2]), name
        assert not torch.equal(weights[1], ends[1][3][name][1]), name
    np.testing.assert_array_equal(ends[0][2][fold == 2], ends[1][2][fold == 2])


def test_network_learns_what_no_kernel_can():
    """Each perturbation lowers its own gene: the same rule for all, a different gene for each."""
    everything, knowledge = screen(own=3.0)
    prediction, truth = predict(everything, knowledge), everything.X[44:]
    ridge = predict(everything, knowledge, KernelRidge(("a", "b")))
    own = np.arange(16), np.arange(44, 60)
    assert prediction.summary["network_factor"] > 0.5
    assert prediction.mean[own].mean() < -2
    assert ridge.mean[own].mean() > -0.5
    assert np.sum((prediction.mean - truth) ** 2) < 0.9 * np.sum((ridge.mean - truth) ** 2)


def test_is_kernel_ridge_where_there_is_nothing_more():
    """Noise of equal size in all directions, and no rule that a pair of genes obeys."""
    everything, knowledge = screen(strength=0.0, noise=1.0, seed=1)
    prediction = predict(everything, knowledge)
    assert prediction.summary["network_factor"] == 0
    assert prediction.summary["taper"] == 0
    ridge = predict(everything, knowledge, RIDGE)
    np.testing.assert_allclose(prediction.mean, ridge.mean, atol=1e-5)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_few_training_perturbations_are_kernel_ridge(n):
    everything, knowledge = screen()
    ridge = predict(everything, knowledge, RIDGE, n=n)
    np.testing.assert_array_equal(predict(everything, knowledge, n=n).mean, ridge.mean)


def test_variance_is_kernel_ridges_and_the_members_spread():
    everything, knowledge = screen(strength=0.0, noise=1.0, seed=1)
    prediction, ridge = (predict(everything, knowledge, model) for model in (SMALL, RIDGE))
    assert prediction.summary["network_factor"] == 0  # no member corrects anything
    np.testing.assert_allclose(prediction.variance, ridge.variance, rtol=1e-4)
    everything, knowledge = screen(own=3.0)
    base = SMALL.base(everything[:44].copy(), NAMES[44:], knowledge, 0)
    kernel = base.kernel
    fit = RidgeFit.of(kernel[:44, :44], everything.X[:44].astype(float), base.penalty)
    spread = predict(everything, knowledge).variance - fit.variance(kernel[44:, :44], kernel.diagonal()[44:])
    assert spread.min() > -1e-6
    assert spread[np.arange(16), np.arange(44, 60)].min() > 1e-4  # where members correct, they differ


def test_spread_of_the_members_by_hand():
    everything, knowledge = screen(own=3.0)
    responses, fold = everything.X.astype(float)[:40], folds_of(40, 4, np.random.default_rng(0))
    base = fit_base(numbers(knowledge), responses, fold)
    features = pair_features(base, responses, NAMES, GENES, np.zeros(len(GENES)), [ring()], 1.0)
    schedule = Schedule(hidden=8, steps=20, batch=256, learning_rate=1e-2, weight_decay=1e-3, checks=2)
    ensemble = Ensemble(features, responses - base.predicted[:40], fold, schedule, 0, "cpu")
    rows, weights = np.arange(40, 60), ensemble.train()[-1][3]
    mean, variance = ensemble.predict(rows, weights)
    each = [ensemble._corrections(member, rows).detach().numpy() for member in range(4)]
    np.testing.assert_allclose(mean, np.mean(each, axis=0), atol=1e-5)
    np.testing.assert_allclose(variance, np.var(each, axis=0), atol=1e-5)


def test_members_train_on_their_own_features_and_predict_by_one_formula():
    """Each pair of a batch has the features and the residual of its row and gene, as its member sees them."""
    generator = np.random.default_rng(0)
    shapes = {"pair": (12, 7, 3), "gene": (3, 7, 2), "perturbation": (12, 1)}
    features = PairFeatures(**{name: generator.standard_normal(shape) for name, shape in shapes.items()})
    residuals, fold = generator.standard_normal((9, 7)), np.arange(9) % 3
    schedule = Schedule(hidden=4, steps=5, batch=50, learning_rate=1e-2, weight_decay=0.0, checks=1)
    ensemble = Ensemble(features, residuals, fold, schedule, 0, "cpu")
    x, target = (values.numpy() for values in ensemble._batch())
    for member in range(3):
        rows = np.flatnonzero(fold != member)
        everything = ensemble._features(member, torch.as_tensor(rows)).flatten(0, 1).numpy()
        known = {tuple(pair): value for pair, value in zip(everything, residuals[rows].ravel(), strict=True)}
        np.testing.assert_allclose([known[tuple(pair)] for pair in x[member]], target[member], atol=1e-6)

    ensemble.train()
    together = ensemble.network(torch.as_tensor(x)).detach().numpy()
    weights = {name: value.detach().numpy() for name, value in ensemble.network.named_parameters()}
    for member in range(3):
        first, bias, second, direct = (
            weights[name][member] for name in ("first", "bias", "second", "direct")
        )
        by_hand = second @ np.maximum(first @ x[member].T + bias, 0) + direct @ x[member].T
        np.testing.assert_allclose(together[member], by_hand[0], atol=1e-5)
        pairs = ensemble._features(member, torch.arange(12)).numpy()
        of_rows = np.maximum(pairs @ first.T + bias[:, 0], 0) @ second[0] + pairs @ direct[0]
        np.testing.assert_allclose(ensemble._corrections(member, np.arange(12)).detach(), of_rows, atol=1e-5)


def test_same_seed_same_bytes():
    everything, knowledge = screen(own=3.0)
    first, again, other = (predict(everything, knowledge, seed=seed) for seed in (0, 0, 1))
    assert first.mean.tobytes() == again.mean.tobytes()
    assert first.mean.tobytes() != other.mean.tobytes()
    assert first.history["step"].tolist() == [0, 20, 40, 60, 80]
    assert first.mean.dtype == np.float32


def test_steps_0_trains_the_linear_layer_only():
    everything, knowledge = screen(own=3.0)
    prediction = predict(everything, knowledge, dataclasses.replace(SMALL, steps=0))
    assert prediction.history["step"].tolist() == [0]
    assert prediction.mean[np.arange(16), np.arange(44, 60)].mean() < -2


def test_combinations_lower_both_genes():
    everything, knowledge = screen(own=3.0)
    pair = f"{NAMES[50]}+{NAMES[55]}"
    kernels = {}
    for name, kernel in knowledge.kernels.items():
        both = (kernel.loc[NAMES[50]] + kernel.loc[NAMES[55]]) / np.sqrt(2)
        wider = pd.concat([kernel, both.to_frame(pair)], axis=1)
        kernels[name] = pd.concat([wider, pd.concat([both, pd.Series({pair: 1.0})]).to_frame(pair).T])
    prediction = predict(everything, Knowledge(knowledge.graphs, kernels), test=[pair])
    assert prediction.mean[0, [50, 55]].max() < -1.5


def test_no_graphs():
    everything, knowledge = screen(own=3.0)
    model = dataclasses.replace(SMALL, graph=())
    assert np.isfinite(predict(everything, Knowledge({}, knowledge.kernels), model).mean).all()


def test_shrunk():
    residuals = np.array([[2.0, 0.0], [0.0, 4.0]])
    factor, gain = shrunk(np.array([[4.0, 0.0], [0.0, 8.0]]), residuals)
    assert factor == 0.5
    np.testing.assert_allclose(gain, [4, 16])
    assert shrunk(-residuals, residuals)[0] == 0
    assert shrunk(0 * residuals, residuals)[0] == 0
    assert shrunk(residuals / 10, residuals)[0] == 1


@pytest.mark.parametrize(
    ("change", "message"), [({"graph": "string"}, "'string'"), ({"kernel": ("a", "c")}, "'c'")]
)
def test_missing_knowledge(change, message):
    everything, knowledge = screen()
    with pytest.raises(InputError, match=message):
        predict(everything, knowledge, dataclasses.replace(SMALL, **change))


def test_response_that_is_not_finite():
    everything, knowledge = screen()
    everything.X[3, 5] = np.nan
    with pytest.raises(InputError, match="'g03', gene 'g05'"):
        predict(everything, knowledge)


def test_a_perturbation_that_a_graph_or_a_kernel_does_not_have():
    everything, knowledge = screen()
    unknown = np.append(NAMES[44:50], "NOPE")
    for known in (knowledge, Knowledge(knowledge.graphs, {})):
        with pytest.raises(InputError, match="kernel"):
            predict(everything, known, test=unknown)
    kernels = {
        name: kernel.reindex(index=[*kernel.index, "NOPE"], columns=[*kernel.columns, "NOPE"], fill_value=0)
        for name, kernel in knowledge.kernels.items()
    }
    with pytest.raises(InputError, match=r"'NOPE' .*graph's nodes"):
        predict(everything, Knowledge(knowledge.graphs, kernels), test=unknown)


def test_smaller_parts_where_memory_runs_out(monkeypatch):
    everything, knowledge = screen(own=3.0)
    expected = predict(everything, knowledge)
    features = Ensemble._features

    def too_many(ensemble, member, rows):
        if len(rows) > limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return features(ensemble, member, rows)

    monkeypatch.setattr(Ensemble, "_features", too_many)
    limit = 10
    with pytest.warns(UserWarning, match="memory ran out") as said:
        found = predict(everything, knowledge)
    assert "now 8 perturbations at once" in str(said[-1].message)
    np.testing.assert_allclose(found.mean, expected.mean, atol=1e-3)
    limit = 0
    with (
        pytest.warns(UserWarning, match="memory ran out"),
        pytest.raises(InputError, match="one perturbation at a time"),
    ):
        predict(everything, knowledge)


def test_cuda_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    everything, knowledge = screen()
    with pytest.raises(InputError, match="cuda"):
        SMALL.predict(everything[:44].copy(), NAMES[44:], knowledge, 0, "cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_cuda_agrees_with_cpu():
    everything, knowledge = screen(own=3.0)
    on_gpu = SMALL.predict(everything[:44].copy(), NAMES[44:], knowledge, 0, "cuda")
    np.testing.assert_allclose(on_gpu.mean, predict(everything, knowledge).mean, atol=0.05)
