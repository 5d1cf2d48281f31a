"""With cell-gears' weights, our network gives its outputs, gradients and optimiser steps."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from perturbselect.graphs.graph import Graph
from perturbselect.graphs.propagation import propagation_matrix

torch = pytest.importorskip("torch")

from perturbselect.models.neural.batches import batch_of_cells  # noqa: E402
from perturbselect.models.neural.examples import Examples  # noqa: E402
from perturbselect.models.neural.hop import sparse_tensor  # noqa: E402
from perturbselect.models.neural.loss import targets_of  # noqa: E402
from perturbselect.models.neural.network import Network  # noqa: E402
from perturbselect.models.neural.training import Run, Schedule  # noqa: E402

pytestmark = pytest.mark.peer

HERE = Path(__file__).parent
SINGLES = ["3", "7", "3", "ctrl", "0", "7", "3", "ctrl", "11", "5"]
PAIRS = ["3+8", "7", "2+3", "ctrl", "3+8", "0", "12+7", "7", "3+8", "4"]
SMALL = {
    "genes": 20,
    "nodes": 14,
    "hidden": 6,
    "steps": 4,
    "learning_rate": 1e-2,
    "dtype": "float64",
    "uncertainty": False,
    "coexpression": True,
}
PAPER = SMALL | {"genes": 300, "nodes": 150, "hidden": 64, "learning_rate": 1e-3, "dtype": "float32"}
CASES = {
    "singles": SMALL | {"seed": 0, "conditions": SINGLES},
    "pairs": SMALL | {"seed": 1, "conditions": PAIRS},
    "control_first": SMALL | {"seed": 2, "conditions": ["ctrl", *PAIRS, *SINGLES]},
    "one_perturbed_cell": SMALL | {"seed": 3, "conditions": ["ctrl", "5", "ctrl"]},
    "uncertainty": SMALL | {"seed": 4, "conditions": PAIRS, "uncertainty": True},
    "no_coexpression": SMALL | {"seed": 5, "conditions": PAIRS, "coexpression": False},
    "size_of_the_paper": PAPER | {"seed": 6, "conditions": (PAIRS + SINGLES) * 2},
}

MLPS = {
    "emb_trans_v2": "gene_mlp",
    "pert_fuse": "perturbation_mlp",
    "recovery_w": "decoder",
    "cross_gene_state": "cross_gene_mlp",
}
LAYERS = {"0": "first", "1": "first_norm", "3": "second", "4": "second_norm"}
NAMES = {
    "gene_emb.weight": "gene_base",
    "emb_pos.weight": "gene_position",
    "pert_emb.weight": "node",
    "bn_emb": "base_norm",
    "bn_pert_base": "sum_norm",
    "layers_emb_pos.0.lin": "gene_convolution",
    "sim_layers.0.lin": "node_convolution",
    "indv_w1": "gene_weight",
    "indv_b1": "gene_bias",
    "indv_w2": "output_weight",
    "indv_b2": "output_bias",
    **{f"{a}.network.{i}": f"{b}.{layer}" for a, b in MLPS.items() for i, layer in LAYERS.items()},
    **{f"uncertainty_w.network.{3 * i}": f"uncertainty.layers.{i}" for i in range(3)},
    **{f"uncertainty_w.network.{3 * i + 1}": f"uncertainty.norms.{i}" for i in range(3)},
}
STATISTICS = {"running_mean": "mean", "running_var": "variance"}
UNUSED = ("pert_w.", "bn_pert_base_trans.")  # layers of cell-gears that take no part
# Before a batch normalisation a bias has no effect: its true gradient is 0.
WITHOUT_EFFECT = (
    *(f"{mlp}.{layer}.bias" for mlp in MLPS.values() for layer in ("first", "second")),
    "gene_convolution.bias",
    "gene_mlp.second_norm.bias",
    "uncertainty.layers.0.bias",
    "uncertainty.layers.1.bias",
    "uncertainty.layers.2.bias",
)


def our_name(theirs):
    """Name of a parameter or statistic of cell-gears in our network; None for layers without use."""
    if theirs.startswith(UNUSED):
        return None
    if theirs in NAMES:
        return NAMES[theirs]
    module, _, last = theirs.rpartition(".")
    return f"{NAMES[module]}.{STATISTICS.get(last, last)}"


def renamed(found, prefix):
    """Arrays whose name begins with `prefix`, by our names."""
    names = {name: our_name(name.removeprefix(prefix)) for name in found if name.startswith(prefix)}
    return {ours: torch.from_numpy(found[theirs]) for theirs, ours in names.items() if ours is not None}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What cell-gears did in each of `CASES`: arrays by name."""
    repository = HERE.parents[1]
    python = Path(os.environ.get("PERTURBSELECT_PEERS", repository / ".venv-peers" / "bin" / "python"))
    if not python.exists():
        pytest.skip(
            f"no environment with cell-gears at {python}: `make peers` makes it, or set PERTURBSELECT_PEERS"
        )
    folder = tmp_path_factory.mktemp("cell_gears")
    (folder / "configs.json").write_text(json.dumps(CASES))
    command = [python, HERE / "run_cell_gears.py", folder / "configs.json", folder]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    arrays = {}
    for case in CASES:
        with np.load(folder / f"{case}.npz", allow_pickle=False) as file:
            arrays[case] = dict(file)
    return arrays


def propagation(edges, weight, nodes):
    adjacency = sp.csr_array((weight, (edges[1], edges[0])), shape=(nodes, nodes))
    return propagation_matrix(Graph(np.arange(nodes).astype(str), adjacency, np.ones(nodes, bool)))


def load(network, arrays):
    """Load by name, whatever way a vector lies; every name must be known."""
    ours = dict(network.named_parameters()) | dict(network.named_buffers())
    with torch.no_grad():
        for name, value in arrays.items():
            ours[name].copy_(value.reshape(ours[name].shape))


def ours(found, config):
    """Our run on the peer's batch: network, examples (a row of the network each) and batch."""
    dtype = getattr(torch, config["dtype"])
    conditions = np.array(config["conditions"])
    present, index = np.unique(conditions, return_inverse=True)
    batch = batch_of_cells(index)
    hop = propagation(found["gene_edges"], found["gene_weight"], config["genes"])
    network = Network(sparse_tensor(hop, dtype), config["nodes"], config["hidden"], config["uncertainty"]).to(
        dtype
    )
    load(network, renamed(found, "weight/"))

    membership = np.zeros((len(present), config["nodes"]))
    for row, condition in enumerate(present):
        if condition != "ctrl":
            membership[row, [int(node) for node in condition.split("+")]] = 1
    composition = membership @ propagation(found["node_edges"], found["node_weight"], config["nodes"])
    # The peer pairs each cell with one control cell: the moments are over these pairs,
    # and the first cell, which has a row of its own, has moments of its own.
    r = found["cells"] - found["controls"]
    is_first = np.arange(len(conditions)) == 0
    in_row = [is_first] + [(index == row) & ~is_first for row in batch.rows[1:]]
    moments = [torch.from_numpy(np.stack([(r[c] ** n).mean(axis=0) for c in in_row])) for n in (1, 2, 3, 4)]
    # cell-gears counts every gene of the control.
    expressed = np.stack([found["expressed"][c][0] | (conditions[c][0] == "ctrl") for c in in_row])
    m1, *higher = [m.to(dtype) for m in moments]
    examples = Examples(
        torch.from_numpy(composition[batch.rows]).to(dtype),
        torch.from_numpy(membership[batch.rows].sum(axis=1)).to(dtype),
        batch.share,
        targets_of(m1, tuple(higher), torch.from_numpy(expressed).to(dtype)),
    )
    batch = replace(batch, rows=np.arange(len(batch.rows)))
    schedule = Schedule(config["steps"], 2, config["learning_rate"], 5e-4, True, 0.1, peer_compatible=True)
    run = Run(network, examples, schedule, np.random.default_rng(0))
    row_of_cell = np.array([int(np.flatnonzero([c[i] for c in in_row])[0]) for i in range(len(conditions))])
    return run, batch, row_of_cell


def assert_close(mine, theirs, tolerance, what, scale=0.0):
    """Relative to the norm of `theirs`, or to `scale` where that is larger."""
    theirs = theirs.reshape(mine.shape)
    error = (mine - theirs).norm() / max(theirs.norm().item(), scale)
    assert error < tolerance, f"{what}: relative error {error:.2g}"


@pytest.mark.parametrize("case", CASES)
def test_outputs_gradients_and_steps_are_those_of_cell_gears(found, case):
    config, found = CASES[case], found[case]
    # In float64 what differs is that cell-gears divides by the norm plus 1e-7.
    exact = 1e-5 if config["dtype"] == "float64" else 1e-4
    run, batch, row = ours(found, config)
    network = run.network
    everything = np.arange(len(batch.rows))
    for mode in ("train", "evaluation"):
        network.train(mode == "train")
        if mode == "evaluation":
            load(network, renamed(found, "statistic/"))
        network.renormalise()
        network.zero_grad()
        examples, hopped = run.training, torch.from_numpy(batch.hopped)
        share = examples.tensor(batch.share)
        delta, log_variance = network.with_log_variance(examples.composition, examples.sizes, share, hopped)
        theirs = torch.from_numpy(found[f"{mode}/delta"])
        assert_close(delta[row], theirs, exact, f"{mode}: responses")
        # Most of a response is common to all cells: what differs between them has to agree too.
        differences = delta[row] - delta[row].mean(dim=0)
        assert_close(differences, theirs - theirs.mean(dim=0), 1e-4, f"{mode}: differences between cells")
        if config["uncertainty"]:
            theirs = torch.from_numpy(found[f"{mode}/log_variance"])
            assert_close(log_variance[row], theirs, exact, f"{mode}: log variances")

        loss = run.loss(batch, everything)
        loss.backward()
        mine = {name: p.grad for name, p in network.named_parameters()}
        theirs = renamed(found, f"{mode}/gradient/")
        assert set(mine) == set(theirs)
        total = torch.stack([g.norm() for g in theirs.values()]).norm().item()
        for name, gradient in theirs.items():
            assert_close(mine[name], gradient, exact, f"{mode}: gradient of {name}", scale=1e-2 * total)

    run, batch, _ = ours(found, config)
    run.network.train()
    for _ in range(config["steps"]):
        run.optimise(batch, config["learning_rate"])
    before = renamed(found, "weight/")
    for name, theirs in renamed(found, "steps/weight/").items():
        if name not in WITHOUT_EFFECT:
            mine = dict(run.network.named_parameters())[name]
            moved = (theirs - before[name]).norm().item()
            assert_close(mine, theirs, 10 * exact, f"{name} after {config['steps']} steps", scale=moved)


def test_rows_that_no_cell_reaches_are_decayed_as_in_cell_gears(found):
    config = CASES["one_perturbed_cell"]
    run, batch, _ = ours(found["one_perturbed_cell"], config)
    unreached = np.flatnonzero(~(run.training.composition != 0).any(dim=0).numpy())
    assert len(unreached) > 0
    run.network.renormalise()
    before = run.network.node.detach().clone().norm(dim=1)
    run.network.train()
    for _ in range(config["steps"]):
        run.optimise(batch, config["learning_rate"])
    after = run.network.node.detach().norm(dim=1)
    assert (after[unreached] < before[unreached] - 0.5 * config["steps"] * config["learning_rate"]).all()


def test_without_coexpression_edges_every_cell_agrees_without_the_flag(found):
    """The network as `gears` uses it by default, one row a condition: no hop differs without neighbours."""
    config, found = CASES["no_coexpression"], found["no_coexpression"]
    run, _, row_of_cell = ours(found, config)
    conditions, index = np.unique(config["conditions"], return_inverse=True)
    rows = row_of_cell[[int(np.flatnonzero(index == u)[0]) for u in range(len(conditions))]]
    run.network.train()
    run.network.renormalise()
    share = torch.from_numpy(np.bincount(index) / len(index))
    delta = run.network(run.training.composition[rows], run.training.sizes[rows], share)
    assert_close(delta[index], torch.from_numpy(found["train/delta"]), 1e-6, "responses")
