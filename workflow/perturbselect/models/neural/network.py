"""The function that GEARS computes, one row per distinct perturbation.

GEARS: Roohani, Huang & Leskovec, Nature Biotechnology 2024 (published online 2023).
A predicted response depends on the perturbation only, never on the cell, so the
network is run once per distinct perturbation and batch normalisation weighs each
by its share of the cells; this gives what a run over the cells gives.
Shapes: G genes, N graph nodes, U perturbations, H hidden units.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from perturbselect.models.neural.grid import Hidden, Layers, Readout, Workspace

EPSILON = 1e-5  # of batch normalisation


class BatchNorm(nn.Module):
    """Batch normalisation over rows of unequal weight.

    In training, the statistics are the batch's and are kept; in evaluation they
    are the last ones kept (`Network.keep_statistics` makes these the whole
    training set's). The variance is the biased one.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def affine(self, mean: Tensor | None = None, variance: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return scale and shift, from the given statistics or from those kept."""
        if mean is None or variance is None:
            mean, variance = self.mean, self.variance
        else:
            with torch.no_grad():
                self.mean.copy_(mean)
                self.variance.copy_(variance)
        scale = self.weight * torch.rsqrt(variance + EPSILON)
        return scale, self.bias - mean * scale

    def forward(self, x: Tensor, share: Tensor) -> Tensor:
        """Normalise the columns of x [rows, width]; `share` [rows] sums to 1."""
        if self.training:
            mean = share @ x
            scale, shift = self.affine(mean, share @ (x - mean).square())
        else:
            scale, shift = self.affine()
        return torch.addcmul(shift, x, scale)


class MLP(nn.Module):
    """Linear, normalisation, ReLU, linear, normalisation."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.first, self.first_norm = nn.Linear(inputs, hidden), BatchNorm(hidden)
        self.second, self.second_norm = nn.Linear(hidden, outputs), BatchNorm(outputs)

    def forward(self, x: Tensor, share: Tensor) -> Tensor:
        """Map x [rows, inputs] to [rows, outputs]."""
        return self.second_norm(self.second(torch.relu(self.first_norm(self.first(x), share))), share)


class Network(nn.Module):
    """From a perturbation's place in the knowledge graph to the response of every gene.

    Parameters
    ----------
    hop : Tensor, sparse, shape (G, G)
        Propagation over the co-expression graph (normalised, with self loops).
    nodes : int
        Nodes of the perturbation graph.
    hidden : int
        H.

    Notes
    -----
    Initial weights come from torch's global generator, as in every torch module:
    fork and seed it around the call. The output layers start small, so that the
    first predictions are close to `output_bias`.
    """

    def __init__(self, hop: Tensor, nodes: int, hidden: int) -> None:
        super().__init__()
        genes = hop.shape[0]
        self.hidden = hidden
        self.workspace = Workspace()
        self.register_buffer("hop", hop, persistent=False)
        self.gene_base = nn.Parameter(torch.randn(genes, hidden))
        self.gene_position = nn.Parameter(torch.randn(genes, hidden))
        self.node = nn.Parameter(torch.randn(nodes, hidden))
        self.base_norm = BatchNorm(hidden)
        self.gene_convolution = nn.Linear(hidden, hidden)
        self.gene_mlp = MLP(hidden, hidden, hidden)
        self.node_convolution = nn.Linear(hidden, hidden)
        self.perturbation_mlp = MLP(hidden, hidden, hidden)
        self.sum_norm = BatchNorm(hidden)
        self.decoder = MLP(hidden, 2 * hidden, hidden)
        self.gene_weight = nn.Parameter(torch.empty(genes, hidden))
        self.gene_bias = nn.Parameter(torch.empty(genes, 1))
        self.cross_gene_mlp = MLP(genes, hidden, hidden)
        self.output_weight = nn.Parameter(torch.empty(1, genes, hidden + 1))
        self.output_bias = nn.Parameter(torch.empty(genes, 1))
        for parameter in (self.gene_weight, self.gene_bias, self.output_weight, self.output_bias):
            nn.init.xavier_normal_(parameter)

    @torch.no_grad()
    def renormalise(self) -> None:
        """Shrink embedding rows longer than 1 to length 1, in place; done before every forward."""
        for table in (self.gene_base, self.gene_position, self.node):
            table.div_(table.norm(dim=1, keepdim=True).clamp_(min=1))

    def forward(self, composition: Tensor, sizes: Tensor, share: Tensor) -> Tensor:
        """Predict the responses to U perturbations.

        Parameters
        ----------
        composition : Tensor, shape (U, N)
            Sum, over the genes of each perturbation, of their rows of the
            propagation over the perturbation graph.
        sizes : Tensor, shape (U,)
            Number of genes of each perturbation (0: control).
        share : Tensor, shape (U,)
            Each perturbation's share of the cells; sums to 1. Without effect in evaluation.

        Returns
        -------
        Tensor, shape (U, G)
        """
        base, shift = self._grid(composition, sizes, share)
        return self._outputs(self._decode(base, shift, share), share)

    @torch.no_grad()
    def keep_statistics(self, composition: Tensor, sizes: Tensor, share: Tensor, rows: int = 2**18) -> None:
        """Make the whole training set's statistics those of evaluation, and go into evaluation.

        Arguments are those of `forward`, for all training perturbations at once. The
        U x G grid is walked about `rows` rows at a time; four passes.
        """
        self.train()
        self.renormalise()
        base, shift = self._grid(composition, sizes, share)
        at_once = max(1, rows // len(base))
        parts = list(zip(shift.split(at_once), share.split(at_once), strict=True))
        weight, bias = self._first_layer(
            *_sums([Hidden.apply(base, f, s, self.workspace)[1:] for f, s in parts])
        )
        self._second_norm(*_sums([self._layer_moments(base, f, s, weight, bias) for f, s in parts]))
        self.decoder.eval()
        self._outputs(torch.cat([self._decode(base, f, s) for f, s in parts]), share)
        self.eval()
        self.workspace.clear()

    @torch.no_grad()
    def predict(self, composition: Tensor, sizes: Tensor, rows: int = 2**18) -> Tensor:
        """Predict in evaluation, about `rows` rows of the U x G grid at a time: [U, G]."""
        self.renormalise()
        at_once = max(1, rows // len(self.gene_base))
        parts = zip(composition.split(at_once), sizes.split(at_once), strict=True)
        return torch.cat([self(c, s, s / s.sum()) for c, s in parts])

    def _grid(self, composition: Tensor, sizes: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
        """Take steps 1 to 7: gene part [G, H] and perturbation part [U, H]; h = ReLU(their sum)."""
        genes = len(self.gene_base)
        even = self.gene_base.new_full((genes,), 1 / genes)
        base = torch.relu(self.base_norm(self.gene_base, even))
        position = self.gene_convolution(torch.sparse.mm(self.hop, self.gene_position))
        gene = self.gene_mlp(base + 0.2 * position, even)

        # Sum over genes of (propagated row) W' + b: the bias counts once per gene.
        summed = (composition @ self.node) @ self.node_convolution.weight.T
        summed = summed + sizes[:, None] * self.node_convolution.bias
        perturbed = (sizes > 0).to(share)
        among = share * perturbed / (share * perturbed).sum().clamp(min=1e-30)
        perturbation = self.perturbation_mlp(summed, among) * perturbed[:, None]  # control: 0

        if self.training:
            # Over the grid gene + perturbation, the two parts are independent:
            # means add, and so do variances.
            gene_mean, mean = gene.mean(dim=0), share @ perturbation
            variance = gene.var(dim=0, correction=0) + share @ (perturbation - mean).square()
            scale, shift = self.sum_norm.affine(gene_mean + mean, variance)
        else:
            scale, shift = self.sum_norm.affine()
        return gene * scale, torch.addcmul(shift, perturbation, scale)

    def _decode(self, base: Tensor, shift: Tensor, share: Tensor) -> Tensor:
        """Take steps 8 and 9, from the two parts of the grid to o [U, G].

        The first normalisation is folded into the first layer. Its statistics come
        from mean and covariance of h, so the U x G x 2H tensor is written once. The
        second is folded into the genes' weights.
        """
        keep = self.decoder.training
        hidden, *moments = Hidden.apply(base, shift, share, self.workspace)
        weight, bias = self._first_layer(*moments) if keep else self._first_layer()
        second = self.decoder.second.weight
        decoded, *moments = Layers.apply(hidden, weight, bias, second, share, self.workspace)
        scale, offset = self._second_norm(*moments) if keep else self._second_norm()
        gene_weight = self.gene_weight * scale
        constant = self.gene_weight @ offset + self.gene_bias[:, 0]
        return Readout.apply(decoded, gene_weight, self.workspace) + constant

    def _layer_moments(
        self, base: Tensor, shift: Tensor, share: Tensor, weight: Tensor, bias: Tensor
    ) -> tuple[Tensor, Tensor]:
        hidden, *_ = Hidden.apply(base, shift, share, self.workspace)
        second = self.decoder.second.weight
        return Layers.apply(hidden, weight, bias, second, share, self.workspace)[1:]

    def _first_layer(self, mean: Tensor | None = None, second: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """First layer of the decoder with its normalisation folded in: weight [2H, H], bias [2H].

        `mean` and `second` are the first two moments of h; none in evaluation.
        """
        layer, norm = self.decoder.first, self.decoder.first_norm
        if mean is None or second is None:
            scale, shift = norm.affine()
        else:
            covariance = second - torch.outer(mean, mean)
            variance = ((layer.weight @ covariance) * layer.weight).sum(dim=1).clamp(min=0)
            scale, shift = norm.affine(layer.weight @ mean + layer.bias, variance)
        return layer.weight * scale[:, None], torch.addcmul(shift, layer.bias, scale)

    def _second_norm(self, mean: Tensor | None = None, square: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Scale and offset (layer's bias included) that normalise the second layer, given its moments."""
        bias, norm = self.decoder.second.bias, self.decoder.second_norm
        if mean is None or square is None:
            scale, shift = norm.affine()
        else:
            scale, shift = norm.affine(mean + bias, (square - mean.square()).clamp(min=0))
        return scale, torch.addcmul(shift, bias, scale)

    def _outputs(self, decoded: Tensor, share: Tensor) -> Tensor:
        """Take steps 10 and 11: [U, G]."""
        across = self.cross_gene_mlp(decoded, share)
        own, crossed = self.output_weight[0, :, 0], self.output_weight[0, :, 1:]
        return torch.addmm(self.output_bias[:, 0] + decoded * own, across, crossed.T)


def _sums(moments: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Add up the moments of the parts of a grid."""
    first, second = zip(*moments, strict=True)
    return torch.stack(first).sum(dim=0), torch.stack(second).sum(dim=0)


def sparse_tensor(matrix: sp.csr_array, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return a scipy matrix as a sparse (COO) tensor."""
    entries = matrix.tocoo()
    index = torch.from_numpy(np.stack([entries.row, entries.col]).astype(np.int64))
    values = torch.from_numpy(entries.data).to(dtype)
    return torch.sparse_coo_tensor(index, values, entries.shape, check_invariants=True).coalesce()
