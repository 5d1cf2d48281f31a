"""GEARS: the graph neural network of Roohani et al., trained from moments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

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
from perturbselect.models.model import Knowledge, Prediction, responses_of

if TYPE_CHECKING:
    from anndata import AnnData

MOMENTS = ("m2", "m3", "m4")


@MODELS.register
@dataclass(frozen=True)
class Gears:
    """Embeddings of genes and perturbations, passed along graphs, give each gene's response.

    Roohani, Huang & Leskovec, "Predicting transcriptional outcomes of novel multigene
    perturbations with GEARS", Nature Biotechnology 2024. The function is that of
    the paper's network (without its uncertainty head); it is trained from the moments of
    the responses instead of cell by cell, for a fixed number of steps. Departures, all
    of the training: the co-expression hop reaches every cell, the direction term has a
    gradient (`neural.loss.direction`), embeddings that no measured perturbation reaches
    are not decayed, control cells are no training condition (a perturbation's moments
    do not hold theirs), the output layer starts at the mean training response (weights 0:
    random ones are noise larger than the responses of a weak screen), and evaluation
    uses the exact batch-normalisation statistics of the training set.
    """

    uses_gpu: ClassVar[bool] = True

    graph: Annotated[str, Field(description="Perturbation graph: a key of `graphs`.")] = "go"
    coexpression: Annotated[
        str | None,
        Field(
            description="Co-expression graph over the predicted genes; `null`, or absent: self loops only."
        ),
    ] = "coexpression"
    hidden: Annotated[int, Field(ge=1, description="Hidden units.")] = 64
    hops: Annotated[int, Field(ge=1, description="Hops over the perturbation graph.")] = 1
    steps: Annotated[
        int, Field(ge=1, description="Optimiser steps, whatever the number of perturbations.")
    ] = 200
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

    def predict(
        self, training: AnnData, test: np.ndarray, knowledge: Knowledge, seed: int, device: str
    ) -> Prediction:
        """Train and predict; the same seed gives the same bytes on the same CPU."""
        import torch

        from perturbselect.models.neural.loss import targets_of
        from perturbselect.models.neural.network import Network, sparse_tensor
        from perturbselect.models.neural.training import Schedule, train

        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device == "cuda" and not torch.cuda.is_available():
            raise InputError("device: 'cuda', but this machine has no usable GPU; use 'cpu' or 'auto'")
        responses = responses_of(training)
        moments = all(name in training.layers for name in MOMENTS)
        if self.loss == "fourth_power" and not moments:
            raise InputError(
                "gears: loss 'fourth_power' needs the moments of a dataset of cells; use 'auto' or 'squared'"
            )
        graph = _named(knowledge, self.graph)
        names = training.obs_names.to_numpy(dtype=str)
        hits = membership(np.concatenate([names, test]), graph.genes)
        composition = hits @ matrix_power(propagation_matrix(graph), self.hops)
        # Other nodes' embeddings cannot influence anything.
        reached = np.flatnonzero(np.asarray(composition.sum(axis=0)))
        sizes = hits.sum(axis=1)

        def tensor(values: np.ndarray | sp.sparray, dtype: torch.dtype = torch.float32) -> torch.Tensor:
            dense = values if isinstance(values, np.ndarray) else values.toarray()
            return torch.as_tensor(dense, dtype=dtype, device=device)

        hop = propagation_matrix(_gene_graph(self.coexpression, knowledge, training.var_names))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = Network(sparse_tensor(hop), len(graph), self.hidden)
        network.node = torch.nn.Parameter(network.node.detach()[reached].clone())
        with torch.no_grad():
            network.output_weight.zero_()
            network.output_bias[:, 0] = torch.from_numpy(responses.mean(axis=0))
        network.to(device)

        n = len(names)
        higher = tuple(tensor(np.asarray(training.layers[name])) for name in MOMENTS) if moments else None
        expressed = (
            tensor(np.asarray(training.layers["expressed"])) if "expressed" in training.layers else None
        )
        targets = targets_of(tensor(responses), higher, expressed)
        cells = training.obs["n_cells"].to_numpy(float) if "n_cells" in training.obs else np.ones(n)
        composition, sizes = tensor(composition[:, reached]), tensor(sizes)
        schedule = Schedule(
            self.steps,
            self.batch,
            self.learning_rate,
            self.weight_decay,
            moments and self.loss != "squared",
            self.direction_lambda,
        )
        history = train(
            network,
            composition[:n],
            sizes[:n],
            tensor(cells),
            targets,
            schedule,
            np.random.default_rng(seed),
        )
        mean = network.predict(composition[n:], sizes[n:]).cpu().numpy()
        lonely = hits[n:] @ np.diff(graph.adjacency.indptr) == 0
        summary = {
            "parameters": sum(p.numel() for p in network.parameters()),
            "steps": self.steps,
            "device": device,
            "loss": "fourth_power" if schedule.fourth_power else "squared",
            "coexpression_edges": hop.nnz - responses.shape[1],
            "without_neighbours": np.asarray(test)[lonely].tolist(),
        }
        return Prediction(mean.astype(np.float32), history=history, summary=summary)


def _named(knowledge: Knowledge, name: str) -> Graph:
    if name not in knowledge.graphs:
        raise InputError(f"gears: there is no graph '{name}'; add it to `graphs`")
    return knowledge.graphs[name]


def _gene_graph(name: str | None, knowledge: Knowledge, genes: pd.Index) -> Graph:
    """Return the co-expression graph in the order of the predicted genes; without edges if there is none."""
    shape = (len(genes), len(genes))
    graph = knowledge.graphs.get(name) if name is not None else None
    if graph is None:
        return Graph(genes.to_numpy(), sp.csr_array(shape, dtype=np.float32), np.zeros(len(genes), bool))
    edges = graph.adjacency.tocoo()
    positions = genes.get_indexer(graph.genes)
    rows, columns = positions[edges.row], positions[edges.col]
    known = (rows >= 0) & (columns >= 0)
    adjacency = sp.csr_array((edges.data[known], (rows[known], columns[known])), shape=shape)
    return Graph(genes.to_numpy(), adjacency, genes.isin(graph.genes[graph.in_source]))
