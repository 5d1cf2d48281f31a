"""GEARS: the graph neural network of Roohani et al., trained from moments."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp
from pydantic import Field
from scipy.sparse.linalg import matrix_power

from perturbselect.errors import InputError
from perturbselect.graphs.graph import Graph
from perturbselect.graphs.membership import membership
from perturbselect.graphs.propagation import propagation_matrix
from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge, Prediction, finite, responses_of
from perturbselect.seeds import integer_seed

if TYPE_CHECKING:
    from anndata import AnnData

    from perturbselect.models.neural.examples import Examples

MOMENTS = ("m2", "m3", "m4")
LEAST_VALIDATION = 5  # perturbations; fewer say too little to choose by


@MODELS.register
@dataclass(frozen=True)
class Gears:
    """Embeddings of genes and perturbations, passed along graphs, give each gene's response.

    Roohani, Huang & Leskovec, "Predicting transcriptional outcomes of novel multigene
    perturbations with GEARS", Nature Biotechnology 2024. The function is that of
    the paper's network; it is trained from the moments of the responses instead of
    cell by cell, for a fixed number of steps. Departures, all of the training: the
    co-expression hop reaches every cell, the direction term has a
    gradient (`neural.loss.direction`), embeddings that no measured perturbation reaches
    are not decayed, control cells are no training condition (a perturbation's moments
    do not hold theirs), the output layer starts at the mean training response (weights 0:
    random ones are noise larger than the responses of a weak screen), and evaluation
    uses the exact batch-normalisation statistics of the training set. `peer_compatible`
    takes all of these back but the last.
    """

    uses_gpu: ClassVar[bool] = True
    resumable: ClassVar[bool] = True

    graph: Annotated[str, Field(description="Perturbation graph: a key of `graphs`.")] = "go"
    coexpression: Annotated[
        str | None,
        Field(
            description="Co-expression graph over the predicted genes; `null`, or absent: self loops only."
        ),
    ] = "coexpression"
    absent: Annotated[
        Literal["error", "drop", "isolated"],
        Field(
            description="Perturbations of genes that the graph does not have: an `error`; `drop`: not "
            "trained on, predicted as the mean training response, and counted; `isolated`: nodes "
            "without neighbours."
        ),
    ] = "error"
    hidden: Annotated[int, Field(ge=1, description="Hidden units.")] = 64
    hops: Annotated[int, Field(ge=1, description="Hops over the perturbation graph.")] = 1
    steps: Annotated[
        int, Field(ge=1, description="Optimiser steps, whatever the number of perturbations.")
    ] = 200
    members: Annotated[
        int,
        Field(
            ge=1,
            description="Networks, each trained from a seed of its own; their mean is predicted, and their "
            "spread is a predictive variance.",
        ),
    ] = 1
    batch: Annotated[int, Field(ge=2, description="Perturbations per step, at most.")] = 16
    learning_rate: Annotated[float, Field(gt=0, description="Highest learning rate of Adam.")] = 3e-3
    weight_decay: Annotated[float, Field(ge=0, description="Adam's weight decay.")] = 5e-4
    loss: Annotated[
        Literal["auto", "fourth_power", "squared"],
        Field(
            description="Loss per cell and gene; `auto`: the paper's fourth power where moments are known."
        ),
    ] = "auto"
    direction_lambda: Annotated[float, Field(ge=0, description="Weight of the direction term.")] = 0.1
    validation_share: Annotated[
        float,
        Field(
            ge=0,
            lt=1,
            description="Share of the measured perturbations held back to choose the epoch; "
            f"with fewer than {LEAST_VALIDATION} of them, or 0, the last one is kept.",
        ),
    ] = 0.0
    uncertainty: Annotated[
        bool, Field(description="Train the paper's uncertainty head too; gives predictive variances.")
    ] = False
    peer_compatible: Annotated[
        bool,
        Field(
            description="Train as cell-gears 0.1.2 does, faults included: for comparisons. "
            "`batch` and `direction_lambda` are then without effect."
        ),
    ] = False

    @property
    def features(self) -> tuple[str, ...]:
        """Kinds of features for acquisitions; variances need the uncertainty head, or several members."""
        has_variance = self.uncertainty or self.members > 1
        return ("effect", "variance", "ll", "grad") if has_variance else ("effect", "ll", "grad")

    def predict(
        self,
        training: AnnData,
        test: np.ndarray,
        knowledge: Knowledge,
        seed: int,
        device: str,
        checkpoint: Path | None = None,
        features: tuple[str, ...] = (),
    ) -> Prediction:
        """Train and predict; the same seed gives the same bytes on the same CPU.

        With a `checkpoint` path, the training saves its state there now and then, and
        goes on from it if it was ended. `features`: ``ll`` or ``grad`` of the test perturbations too
        (`neural.features`); those that the graph does not have get the mean of the others. Of several
        members the first gives them.
        """
        each = []
        for member in range(self.members):
            # The first is what a single network is: its seed and its checkpoint too.
            own_seed = seed if member == 0 else integer_seed(seed, "member", member)
            own_file = checkpoint
            if checkpoint is not None and member > 0:
                own_file = checkpoint.with_name(f"{checkpoint.name}{member}")
            own_features = features if member == 0 else ()
            each.append(self._member(training, test, knowledge, own_seed, device, own_file, own_features))
        if self.members == 1:
            return each[0]
        as_mean = np.isin(test, each[0].summary["predicted_as_mean"])
        return _together(each, as_mean, responses_of(training).var(axis=0))

    def _member(
        self,
        training: AnnData,
        test: np.ndarray,
        knowledge: Knowledge,
        seed: int,
        device: str,
        checkpoint: Path | None,
        features: tuple[str, ...],
    ) -> Prediction:
        """Train one network and predict."""
        import torch

        from perturbselect.models.neural.checkpoint import Checkpoint
        from perturbselect.models.neural.device import usable
        from perturbselect.models.neural.evaluation import predict, variance_scale
        from perturbselect.models.neural.features import gradients, last_layer
        from perturbselect.models.neural.hop import sparse_tensor
        from perturbselect.models.neural.knowledge import gene_graph, place
        from perturbselect.models.neural.network import Network
        from perturbselect.models.neural.training import Schedule, train

        device = usable(device)
        responses_of(training)
        moments = all(name in training.layers for name in MOMENTS)
        if self.loss == "fourth_power" and not moments:
            raise InputError(
                "gears: loss 'fourth_power' needs the moments of a dataset of cells; use 'auto' or 'squared'"
            )
        measured = training.obs_names.to_numpy(dtype=str)
        graph, known = place(
            np.concatenate([measured, test]), _named(knowledge, self.graph), self.absent, self.graph
        )
        trained, predicted = known[: len(measured)], known[len(measured) :]
        if not trained.any():
            raise InputError(f"gears: no measured perturbation is in the graph '{self.graph}'")
        fallback = responses_of(training).mean(axis=0)
        training = training[trained]
        names = np.concatenate([measured[trained], np.asarray(test)[predicted]])
        hits = membership(names, graph.genes)
        composition = hits @ matrix_power(propagation_matrix(graph), self.hops)
        # Other nodes' embeddings cannot influence anything.
        reached = np.flatnonzero(np.asarray(composition.sum(axis=0)))

        def tensor(values: np.ndarray | sp.sparray) -> torch.Tensor:
            dense = values if isinstance(values, np.ndarray) else values.toarray()
            return torch.as_tensor(dense, dtype=torch.float32, device=device)

        composition, sizes = tensor(composition[:, reached]), tensor(hits.sum(axis=1))
        n = training.n_obs
        examples = _examples(training, composition[:n], sizes[:n], moments)
        generator = np.random.default_rng(seed)
        held_back = self._held_back(n, generator)
        learnt = examples.rows(np.setdiff1d(np.arange(n), held_back))
        validation = examples.rows(held_back) if len(held_back) else None
        if self.peer_compatible:
            learnt = _with_control(learnt, int(training.uns.get("n_control_cells", 1)))

        coexpression = None if self.coexpression is None else knowledge.graphs.get(self.coexpression)
        hop = propagation_matrix(gene_graph(coexpression, training.var_names))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = Network(sparse_tensor(hop), len(graph), self.hidden, self.uncertainty)
        network.node = torch.nn.Parameter(network.node.detach()[reached].clone())
        if not self.peer_compatible:
            with torch.no_grad():
                network.output_weight.zero_()
                network.output_bias[:, 0] = learnt.targets.m1.mean(dim=0)
        network.to(device)

        schedule = Schedule(
            self.steps,
            self.batch,
            self.learning_rate,
            self.weight_decay,
            moments and self.loss != "squared",
            self.direction_lambda,
            self.peer_compatible,
        )
        saved = None
        if checkpoint is not None:
            saved = Checkpoint(checkpoint, self._identity(seed, examples, hop, composition))
        history = train(network, learnt, schedule, generator, validation, saved)
        shape = (len(test), training.n_vars)
        mean, variance = np.broadcast_to(fallback, shape).copy(), None
        delta, log_variance = predict(network, composition[n:], sizes[n:], self.peer_compatible)
        mean[predicted] = delta.cpu().numpy()
        if log_variance is not None:
            scale = variance_scale(network, validation or examples, self.peer_compatible)
            # What is not in the graph is predicted as the mean: its variance is that of the responses.
            variance = np.broadcast_to(responses_of(training).var(axis=0), shape).copy()
            variance[predicted] = (scale * log_variance.exp()).cpu().numpy()
        said = {}
        for kind in features:
            if kind == "ll":
                rows = last_layer(network, composition[n:], sizes[n:])
            else:
                rows = gradients(network, composition[n:], sizes[n:], seed)
            said[kind] = np.tile(rows.mean(dim=0).cpu().numpy(), (len(test), 1))
            said[kind][predicted] = rows.cpu().numpy()
        lonely = hits[n:] @ np.diff(graph.adjacency.indptr) == 0
        summary = {
            "parameters": sum(p.numel() for p in network.parameters()),
            "steps": self.steps,
            "kept_step": _kept_step(history),
            "validation_perturbations": len(held_back),
            "device": device,
            "loss": "fourth_power" if schedule.fourth_power else "squared",
            "coexpression_edges": hop.nnz - training.n_vars,
            "without_neighbours": names[n:][lonely].tolist(),
            "dropped": int((~trained).sum()),
            "predicted_as_mean": np.asarray(test)[~predicted].tolist(),
        }
        return Prediction(mean, variance, history, summary, said)

    def _held_back(self, n: int, generator: np.random.Generator) -> np.ndarray:
        """Draw the validation perturbations: their indices, sorted; none if they would be too few."""
        count = round(self.validation_share * n)
        if count < LEAST_VALIDATION:
            return np.zeros(0, dtype=np.int64)
        return np.sort(generator.choice(n, count, replace=False))

    def _identity(self, seed: int, examples: Examples, hop: sp.csr_array, composition: Any) -> dict[str, Any]:
        """Say which training a checkpoint is of."""
        import torch

        digest = hashlib.sha256()
        targets = examples.targets
        for values in (targets.m1, *(targets.higher or ()), targets.weight, composition):
            digest.update(values.cpu().numpy().tobytes())
        for part in (hop.data, hop.indices, examples.cells):
            digest.update(np.ascontiguousarray(part).tobytes())
        return (
            asdict(self)
            | {
                "members": 1,  # seeds tell them apart
                "seed": seed,
                "perturbations": len(examples),
                "genes": targets.m1.shape[1],
                "data": digest.hexdigest()[:16],
                "torch": str(torch.__version__),
            }
        )


def _together(each: list[Prediction], as_mean: np.ndarray, spread: np.ndarray) -> Prediction:
    """Return the mean of the members' predictions.

    The variance is that between the members (Lakshminarayanan, Pritzel and Blundell 2017), and beside
    it, where they predict variances, the mean of these. All members agree on what is predicted `as_mean`,
    shape (t,): its variance is `spread`, that of the responses, shape (G,).
    """
    means = np.array([one.mean for one in each])
    variance = means.var(axis=0)
    variances = [one.variance for one in each if one.variance is not None]
    if variances:
        variance = variance + np.mean(variances, axis=0)
    else:
        variance[as_mean] = spread
    history = pd.concat([one.history.assign(member=member) for member, one in enumerate(each)])
    summary = each[0].summary | {
        "parameters": sum(one.summary["parameters"] for one in each),
        "kept_step": [one.summary["kept_step"] for one in each],
    }
    return Prediction(means.mean(axis=0), variance, history, summary, each[0].features)


def _named(knowledge: Knowledge, name: str) -> Graph:
    if name not in knowledge.graphs:
        raise InputError(f"gears: there is no graph '{name}'; add it to `graphs`")
    return knowledge.graphs[name]


def _examples(training: AnnData, composition: Any, sizes: Any, moments: bool) -> Examples:
    """Put the measured perturbations, all in the graph, into tensors beside `composition`."""
    from perturbselect.models.neural.examples import Examples
    from perturbselect.models.neural.loss import targets_of

    def layer(name: str) -> Any:
        values = finite(training.layers[name], training, f"layer '{name}'")
        return composition.new_tensor(values)

    m1 = composition.new_tensor(responses_of(training))
    higher = tuple(layer(name) for name in MOMENTS) if moments else None
    expressed = layer("expressed") if "expressed" in training.layers else None
    cells = training.obs["n_cells"].to_numpy(float) if "n_cells" in training.obs else np.ones(len(m1))
    return Examples(composition, sizes, cells, targets_of(m1, higher, expressed))


def _with_control(examples: Examples, cells: int) -> Examples:
    """Add the control as a condition, as cell-gears does: each of its cells paired with itself, r = 0."""
    import torch

    from perturbselect.models.neural.examples import Examples
    from perturbselect.models.neural.loss import Targets

    def with_row(values: Any, value: float = 0.0) -> Any:
        return torch.cat([values, values.new_full((1, *values.shape[1:]), value)])

    targets = examples.targets
    higher = None if targets.higher is None else tuple(with_row(moment) for moment in targets.higher)
    weight = with_row(targets.weight, 1 / targets.m1.shape[1])
    return Examples(
        with_row(examples.composition),
        with_row(examples.sizes),
        np.append(examples.cells, cells),
        Targets(with_row(targets.m1), higher, weight, targets.scale),
    )


def _kept_step(history: Any) -> int:
    """Return the step whose weights were kept."""
    errors = history["validation"]
    return int(history["step"].iloc[-1 if errors.isna().all() else int(errors.argmin())])
