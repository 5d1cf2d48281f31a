"""The model `gears` as the workflow uses it."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

from perturbselect.errors import InputError
from perturbselect.graphs.graph import Graph
from perturbselect.graphs.propagation import propagation_matrix
from perturbselect.models.gears import Gears
from perturbselect.models.model import Knowledge

torch = pytest.importorskip("torch")

from perturbselect.models.neural.checkpoint import Checkpoint  # noqa: E402
from perturbselect.models.neural.examples import Examples  # noqa: E402
from perturbselect.models.neural.hop import sparse_tensor  # noqa: E402
from perturbselect.models.neural.loss import Targets  # noqa: E402
from perturbselect.models.neural.network import Network  # noqa: E402
from perturbselect.models.neural.training import Run, Schedule, train  # noqa: E402

NODES = np.array([f"P{i:02d}" for i in range(24)])  # 4 cliques of 6
SMALL = Gears(hidden=8, steps=30, batch=4, learning_rate=1e-2)


def cliques():
    block = np.kron(np.eye(4), np.ones((6, 6))) - np.eye(24)
    return Graph(NODES, sp.csr_array(block.astype(np.float32)), np.ones(24, bool))


def screen(names, genes=15, moments=True, seed=0):
    """Responses that depend on the clique; r is normal around them with variance 0.1."""
    pattern = np.random.default_rng(7).standard_normal((4, genes))
    generator = np.random.default_rng(seed)
    clique = [[int(gene[1:]) // 6 for gene in name.split("+")] for name in names]
    m1 = np.array([pattern[c].sum(axis=0) for c in clique]) + 0.1 * generator.standard_normal(
        (len(names), genes)
    )
    layers = {
        "m2": m1**2 + 0.1,
        "m3": m1**3 + 3 * m1 * 0.1,
        "m4": m1**4 + 6 * m1**2 * 0.1 + 3 * 0.01,
        "expressed": np.ones_like(m1),
    }
    return AnnData(
        m1.astype(np.float32),
        obs=pd.DataFrame({"n_cells": generator.integers(5, 50, len(names))}, index=names),
        var=pd.DataFrame(index=[f"g{i}" for i in range(genes)]),
        layers={k: v.astype(np.float32) for k, v in layers.items()} if moments else None,
    )


TRAINING, TEST = NODES[np.arange(24) % 6 < 4], NODES[np.arange(24) % 6 >= 4]


def predict(model=SMALL, training=None, test=TEST, graphs=None, seed=0):
    training = screen(TRAINING) if training is None else training
    return model.predict(training, test, Knowledge({"go": cliques()} | (graphs or {})), seed, "cpu")


@pytest.mark.parametrize("moments", [True, False])
def test_learns_what_the_graph_explains(moments):
    training = screen(TRAINING, moments=moments)
    prediction = predict(dataclasses.replace(SMALL, steps=200), training)
    truth, mean = screen(TEST, seed=1).X, training.X.mean(axis=0)
    unexplained = np.sum((truth - prediction.mean) ** 2) / np.sum((truth - mean) ** 2)
    assert unexplained < 0.35
    assert prediction.summary["loss"] == ("fourth_power" if moments else "squared")
    assert prediction.history["step"].iloc[-1] == 200
    assert prediction.history["loss"].iloc[-1] < prediction.history["loss"].iloc[0]
    assert prediction.mean.shape == truth.shape
    assert prediction.mean.dtype == np.float32


def test_same_seed_same_bytes_and_another_seed_differs():
    state = torch.get_rng_state()
    first, second, other = predict(), predict(), predict(seed=1)
    assert first.mean.tobytes() == second.mean.tobytes()
    assert first.history.equals(second.history)
    assert first.summary == second.summary
    assert first.mean.tobytes() != other.mean.tobytes()
    assert torch.equal(state, torch.get_rng_state())  # the global generator is left alone


def test_prediction_does_not_depend_on_what_else_is_asked():
    alone = predict(test=TEST[3:4]).mean
    np.testing.assert_allclose(alone[0], predict().mean[3], rtol=1e-3, atol=1e-4)


def test_combinations_train_and_are_predicted():
    training = screen(np.append(TRAINING, ["P00+P06", "P12+P18"]))
    prediction = predict(training=training, test=np.array(["P01+P07", "P05"]))
    assert np.isfinite(prediction.mean).all()
    assert not np.allclose(prediction.mean[0], prediction.mean[1])


@pytest.mark.parametrize("n", [1, 2])
def test_one_or_two_training_perturbations(n):
    assert np.isfinite(predict(training=screen(TRAINING[:n])).mean).all()


def test_a_batch_of_one_perturbation():
    """Its normalised perturbation part is a constant: nothing is learnt of it there, and nothing breaks."""
    training = screen(TRAINING[[0, 4, 8]])  # in batches of two and one
    prediction = predict(dataclasses.replace(SMALL, batch=2), training)
    assert prediction.history["step"].iloc[0] == 2
    assert np.isfinite(prediction.history["loss"]).all()
    assert np.isfinite(prediction.mean).all()


def test_coexpression_is_used_in_the_order_of_the_predicted_genes():
    genes = [f"g{i}" for i in range(15)]
    adjacency = sp.csr_array((np.ones(2, np.float32), ([0, 3], [5, 1])), shape=(15, 15))
    graph = Graph(np.array(genes), adjacency, np.ones(15, bool))
    order = np.random.default_rng(0).permutation(15)
    shuffled = Graph(graph.genes[order], sp.csr_array(adjacency[order][:, order]), graph.in_source)
    with_graph = predict(graphs={"coexpression": graph}).mean
    np.testing.assert_array_equal(with_graph, predict(graphs={"coexpression": shuffled}).mean)
    assert not np.array_equal(with_graph, predict().mean)
    # Switched off: as if there were none.
    off = dataclasses.replace(SMALL, coexpression=None)
    np.testing.assert_array_equal(predict().mean, predict(off, graphs={"coexpression": graph}).mean)


def test_perturbations_without_neighbours_are_reported():
    adjacency = cliques().adjacency.toarray()
    adjacency[5] = 0  # P05 receives from nobody
    graph = Graph(NODES, sp.csr_array(adjacency), np.ones(24, bool))
    prediction = predict(graphs={"go": graph})
    assert prediction.summary["without_neighbours"] == ["P05"]
    assert np.isfinite(prediction.mean).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": dataclasses.replace(SMALL, graph="string")}, "'string'"),
        ({"test": np.array(["P01", "P02+NOPE"])}, r"graphs\.go: perturbation 'P02\+NOPE'"),
        (
            {
                "model": dataclasses.replace(SMALL, loss="fourth_power"),
                "training": screen(TRAINING, moments=False),
            },
            "fourth_power",
        ),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(InputError, match=message):
        predict(**change)


def with_value(name, value):
    """A training set in which one number of X or of a layer is `value`."""
    training = screen(TRAINING)
    (training.X if name == "responses" else training.layers[name])[3, 2] = value
    return training


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("responses", np.nan, "responses: perturbation 'P03', gene 'g2' is nan"),
        ("responses", np.inf, "'P03', gene 'g2' is inf"),
        ("m3", -np.inf, "layer 'm3': perturbation 'P03', gene 'g2' is -inf"),
        ("expressed", np.nan, "layer 'expressed'"),
    ],
)
def test_numbers_that_are_not_finite_are_named(name, value, message):
    with pytest.raises(InputError, match=message):
        predict(training=with_value(name, value))


def without(graph, *genes):
    """The graph without some of its genes."""
    keep = ~np.isin(graph.genes, genes)
    return Graph(graph.genes[keep], sp.csr_array(graph.adjacency[keep][:, keep]), graph.in_source[keep])


def test_perturbations_absent_from_the_graph_are_an_error_by_default():
    with pytest.raises(InputError, match=r"'P02' hits a gene that is not in the graph \(2 such .*`absent`"):
        predict(graphs={"go": without(cliques(), "P02", "P11")})


def test_dropped_they_are_not_trained_on_and_predicted_as_the_mean():
    model = dataclasses.replace(SMALL, absent="drop")
    training = screen(np.append(TRAINING, "P00+P11"))
    graph = without(cliques(), "P02", "P11")
    test = np.array(["P04", "P11", "P05"])
    prediction = predict(model, training, test, {"go": graph})
    assert prediction.summary["dropped"] == 2  # P02 and P00+P11
    assert prediction.summary["predicted_as_mean"] == ["P11"]
    np.testing.assert_allclose(prediction.mean[1], training.X.mean(axis=0), rtol=1e-5)
    kept = training[~training.obs_names.isin(["P02", "P00+P11"])].copy()
    alone = predict(model, kept, test[[0, 2]], {"go": graph})
    np.testing.assert_array_equal(prediction.mean[[0, 2]], alone.mean)


def test_dropped_their_variance_is_that_of_the_responses():
    model = dataclasses.replace(SMALL, absent="drop", uncertainty=True)
    prediction = predict(model, test=np.array(["P04", "P11"]), graphs={"go": without(cliques(), "P11")})
    np.testing.assert_allclose(prediction.variance[1], screen(TRAINING).X.var(axis=0), rtol=1e-5)
    assert not np.allclose(prediction.variance[0], prediction.variance[1])


def test_isolated_they_are_nodes_without_neighbours():
    model = dataclasses.replace(SMALL, absent="isolated")
    cut = cliques().adjacency.toarray()
    cut[[2, 11]] = cut[:, [2, 11]] = 0
    isolated = predict(model, graphs={"go": without(cliques(), "P02", "P11")})
    same = predict(graphs={"go": Graph(NODES, sp.csr_array(cut), np.ones(24, bool))})
    np.testing.assert_array_equal(isolated.mean, same.mean)
    assert isolated.summary["without_neighbours"] == ["P11"]
    assert isolated.summary["dropped"] == 0


def test_nothing_of_what_was_measured_is_in_the_graph():
    model = dataclasses.replace(SMALL, absent="drop")
    with pytest.raises(InputError, match="no measured perturbation is in the graph 'go'"):
        predict(model, screen(NODES[:2]), NODES[2:4], {"go": without(cliques(), "P00", "P01")})


def test_validation_perturbations_are_held_back_where_there_are_enough():
    shared = predict(dataclasses.replace(SMALL, validation_share=0.4))  # of 16: 6
    assert shared.summary["validation_perturbations"] == 6
    assert shared.history["validation"].notna().all()
    least = shared.history["validation"].argmin()
    assert shared.summary["kept_step"] == shared.history["step"][least]
    few = predict(dataclasses.replace(SMALL, validation_share=0.2))
    assert few.summary["validation_perturbations"] == 0
    np.testing.assert_array_equal(few.mean, predict().mean)


@pytest.mark.slow
@pytest.mark.parametrize("moments", [True, False])
def test_uncertainty_tells_noisy_genes_from_quiet_ones(moments):
    noise = np.repeat([0.05, 2.0], [10, 5])
    training = screen(TRAINING, moments=False)
    training.X += noise * np.random.default_rng(5).standard_normal(training.shape).astype(np.float32)
    if moments:
        m1 = training.X
        training.layers["m2"] = m1**2 + 0.1
        training.layers["m3"] = m1**3 + 3 * m1 * 0.1
        training.layers["m4"] = m1**4 + 6 * m1**2 * 0.1 + 3 * 0.01
    model = dataclasses.replace(SMALL, uncertainty=True, steps=200, validation_share=0.4)
    prediction = predict(model, training)
    assert prediction.variance.shape == prediction.mean.shape
    assert (prediction.variance > 0).all()
    assert prediction.variance[:, 10:].mean() > 2 * prediction.variance[:, :10].mean()
    assert predict().variance is None


def test_resumes_from_a_checkpoint_and_gives_the_same_bytes(tmp_path, monkeypatch):
    path = tmp_path / "budget.checkpoint"
    monkeypatch.setattr(Checkpoint, "every", 0)
    model = dataclasses.replace(SMALL, validation_share=0.4)
    undisturbed = predict(model)

    def ended(run, *arguments):
        if len(run.history) == 4:
            raise KeyboardInterrupt
        return whole(run, *arguments)

    whole = Run.epoch
    monkeypatch.setattr(Run, "epoch", ended)
    knowledge = Knowledge({"go": cliques()})
    with pytest.raises(KeyboardInterrupt):
        model.predict(screen(TRAINING), TEST, knowledge, 0, "cpu", path)
    monkeypatch.setattr(Run, "epoch", lambda run, *a: run.step >= 12 and whole(run, *a))  # never from 0
    resumed = model.predict(screen(TRAINING), TEST, knowledge, 0, "cpu", path)
    assert resumed.mean.tobytes() == undisturbed.mean.tobytes()
    assert resumed.history.equals(undisturbed.history)
    monkeypatch.setattr(Run, "epoch", whole)
    for change, key in (({"hidden": 9}, "hidden: 8 there, 9 here"), ({"steps": 31}, "steps: 30 there")):
        with pytest.warns(UserWarning, match=key):
            dataclasses.replace(model, **change).predict(screen(TRAINING), TEST, knowledge, 0, "cpu", path)
    with pytest.warns(UserWarning, match="genes: 15 there, 12 here; perturbations: "):
        model.predict(screen(TRAINING[:12], genes=12), TEST, knowledge, 0, "cpu", path)
    path.unlink()
    model.predict(screen(TRAINING), TEST, knowledge, 0, "cpu", path)
    with pytest.warns(UserWarning, match="data: "):
        model.predict(screen(TRAINING, seed=1), TEST, knowledge, 0, "cpu", path)


@pytest.mark.parametrize("moments", [True, False])
def test_peer_compatible_trains_and_learns(moments):
    model = dataclasses.replace(SMALL, peer_compatible=True, steps=200)
    training = screen(TRAINING, moments=moments)
    training.uns["n_control_cells"] = 60
    prediction = predict(model, training)
    truth = screen(TEST, seed=1).X
    assert np.sum((truth - prediction.mean) ** 2) < 0.5 * np.sum(truth**2)
    if moments:
        cells = training.obs["n_cells"].sum() + 60
        assert prediction.history["step"].iloc[0] == cells // 32  # a pass over the cells


def test_cuda_without_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="cuda"):
        SMALL.predict(screen(TRAINING), TEST, Knowledge({"go": cliques()}), 0, "cuda")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_cuda_agrees_with_cpu():
    on_gpu = SMALL.predict(screen(TRAINING), TEST, Knowledge({"go": cliques()}), 0, "cuda")
    assert np.corrcoef(on_gpu.mean.ravel(), predict().mean.ravel())[0, 1] > 0.98


def test_rows_that_training_does_not_reach_stay_as_they_are():
    torch.manual_seed(0)
    network = Network(sparse_tensor(sp.eye_array(15, format="csr")), 24, 8)
    network.renormalise()
    before = network.node.detach().clone()
    composition = torch.from_numpy(propagation_matrix(cliques()).toarray()[:12]).float()  # two cliques
    m1 = torch.from_numpy(screen(NODES[:12]).X)
    targets = Targets(m1, None, torch.full_like(m1, 1 / 15), torch.ones(15))
    schedule = Schedule(20, 4, 1e-2, 0.1, False, 0.1)
    examples = Examples(composition, torch.ones(12), np.ones(12), targets)
    history = train(network, examples, schedule, np.random.default_rng(0))
    assert torch.equal(network.node[12:], before[12:])
    assert (network.node[:12] != before[:12]).any(dim=1).all()
    assert list(history["step"]) == [3, 6, 9, 12, 15, 18, 20]  # an epoch is 3 batches of 4
    assert not network.training


def test_features_for_acquisitions():
    """Neighbours in the graph are alike in both; the last layer gives the responses by a linear map."""
    assert SMALL.features == ("effect", "ll", "grad")
    assert "variance" in dataclasses.replace(SMALL, uncertainty=True).features
    asked = SMALL.predict(
        screen(TRAINING), TEST, Knowledge({"go": cliques()}), 0, "cpu", features=("ll", "grad")
    )
    assert (asked.mean == predict().mean).all()
    assert asked.feature("ll").shape == (8, 15 + 8)
    assert asked.feature("grad").shape == (8, 4 * 512)
    for kind in ("ll", "grad"):
        values = asked.feature(kind).astype(np.float64)
        assert np.isfinite(values).all()
        distance = np.linalg.norm(values[:, None] - values, axis=2)
        assert distance[0, 1] < distance[0, 2:].min()  # pairs of TEST are of one clique
    with pytest.raises(InputError, match="gives no 'variance'"):
        asked.feature("variance")


def test_gradient_features_estimate_the_tangent_kernel():
    from perturbselect.models.neural import features as module

    torch.manual_seed(0)
    hop = sparse_tensor(propagation_matrix(Graph(NODES[:5], sp.csr_array((5, 5)), np.zeros(5, bool))))
    network = Network(hop, 3, 4)
    composition, sizes = torch.eye(3), torch.ones(3)
    network.keep_statistics(composition, sizes, sizes / 3)
    weights = list(network.parameters())

    def jacobian(row):
        outputs = network(composition[row : row + 1], sizes[:1], sizes[:1])[0]
        grads = [torch.autograd.grad(y, weights, retain_graph=True, allow_unused=True) for y in outputs]
        return torch.stack(
            [
                torch.cat(
                    [
                        (torch.zeros_like(w) if g is None else g).flatten()
                        for g, w in zip(gs, weights, strict=True)
                    ]
                )
                for gs in grads
            ]
        )

    exact = torch.stack([jacobian(row).flatten() for row in range(3)])
    exact = exact @ exact.T
    sketches = [module.gradients(network, composition, sizes, seed) for seed in range(60)]
    mean = torch.stack([sketch @ sketch.T for sketch in sketches]).mean(dim=0)
    assert torch.allclose(mean, exact, atol=0.15 * float(exact.diagonal().max()))
