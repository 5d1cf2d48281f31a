"""The function that GEARS computes, one row per distinct perturbation.

GEARS: Roohani, Huang & Leskovec, Nature Biotechnology 2024 (published online 2023).
A predicted response depends on the perturbation only, never on the cell, so the
network is run once per distinct perturbation and batch normalisation weighs each
by its share of the cells; this gives what a run over the cells gives.
Shapes: G genes, N graph nodes, U perturbations, H hidden units.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from perturbselect.models.neural.grid import Hidden, Layers, Readout, Workspace
from perturbselect.models.neural.hop import Hop, transposed
from perturbselect.models.neural.normalisation import MLP, BatchNorm, UncertaintyHead


class Network(nn.Module):
    """From a perturbation's place in the knowledge graph to the response of every gene.

    Parameters
    ----------
    hop : Tensor, sparse (CSR), shape (G, G)
        Propagation over the co-expression graph (normalised, with self loops).
    nodes : int
        Nodes of the perturbation graph.
    hidden : int
        H.
    uncertainty : bool
        Whether the network also has step 13, the uncertainty head.

    Notes
    -----
    Initial weights come from torch's global generator, as in every torch module:
    fork and seed it around the call. The output layers start small, so that the
    first predictions are close to `output_bias`.
    """

    def __init__(self, hop: Tensor, nodes: int, hidden: int, uncertainty: bool = False) -> None:
        super().__init__()
        genes = hop.shape[0]
        self.hidden = hidden
        self.workspace = Workspace()
        self.register_buffer("hop", hop, persistent=False)
        self.register_buffer("hop_transposed", transposed(hop), persistent=False)
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
        self.uncertainty = UncertaintyHead(hidden) if uncertainty else None

    @torch.no_grad()
    def renormalise(self) -> None:
        """Shrink embedding rows longer than 1 to length 1, in place; done before every forward."""
        for table in (self.gene_base, self.gene_position, self.node):
            table.div_(table.norm(dim=1, keepdim=True).clamp_(min=1))

    def forward(
        self, composition: Tensor, sizes: Tensor, share: Tensor, hopped: Tensor | None = None
    ) -> Tensor:
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
        hopped : Tensor of bool, shape (U,), or None
            For which rows the genes' embeddings pass over the co-expression graph;
            None: for all. (cell-gears does it for the first cell of a batch only:
            `peer_compatible.Batches`.)

        Returns
        -------
        Tensor, shape (U, G)
        """
        return self.with_log_variance(composition, sizes, share, hopped)[0]

    def with_log_variance(
        self, composition: Tensor, sizes: Tensor, share: Tensor, hopped: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Predict the responses, as `forward`, and log variances [U, G] if there is an uncertainty head."""
        base, shift = self._grid(composition, sizes, share, hopped)
        hidden, *moments = Hidden.apply(base, shift, share, self.workspace)
        delta = self._outputs(self._decode(hidden, moments, share), share)
        return delta, None if self.uncertainty is None else self.uncertainty(hidden, share)

    @torch.no_grad()
    def keep_statistics(
        self,
        composition: Tensor,
        sizes: Tensor,
        share: Tensor,
        hopped: Tensor | None = None,
        rows: int = 2**18,
    ) -> None:
        """Make the whole training set's statistics those of evaluation, and go into evaluation.

        Arguments are those of `forward`, for all training perturbations at once. The
        U x G grid is walked about `rows` rows at a time; three passes, and three more
        with an uncertainty head.
        """
        self.train()
        self.forget_statistics()
        self.renormalise()
        base, shift = self._grid(composition, sizes, share, hopped)
        at_once = max(1, rows // base.shape[-2])
        bases = [base] * len(shift) if base.dim() == 2 else base.split(at_once)
        parts = list(zip(bases, shift.split(at_once), share.split(at_once), strict=False))

        def hidden_parts() -> Iterator[tuple[list[Tensor], Tensor]]:
            for b, f, s in parts:
                yield Hidden.apply(b, f, s, self.workspace), s

        weight, bias = self._first_layer(*_sums([moments for (_, *moments), _ in hidden_parts()]))
        second = self.decoder.second.weight
        moments = [
            Layers.apply(hidden, weight, bias, second, s, self.workspace)[1:]
            for (hidden, *_), s in hidden_parts()
        ]
        self._second_norm(*_sums(moments))
        self.decoder.eval()
        decoded = [self._decode(hidden, moments, s) for (hidden, *moments), s in hidden_parts()]
        self._outputs(torch.cat(decoded), share)
        if self.uncertainty is not None:
            self.uncertainty.keep_statistics(lambda: ((hidden, s) for (hidden, *_), s in hidden_parts()))
        self.eval()
        self.workspace.clear()

    def forget_statistics(self) -> None:
        """Let the next batch's statistics of every batch normalisation replace those kept."""
        for module in self.modules():
            if isinstance(module, BatchNorm):
                module.forget()

    @torch.no_grad()
    def predict(
        self, composition: Tensor, sizes: Tensor, hopped: Tensor | None = None, rows: int = 2**18
    ) -> tuple[Tensor, Tensor | None]:
        """Predict in evaluation, about `rows` rows of the U x G grid at a time: as `with_log_variance`."""
        self.renormalise()
        at_once = max(1, rows // len(self.gene_base))
        parts = [
            self.with_log_variance(composition[i], sizes[i], sizes[i], None if hopped is None else hopped[i])
            for i in torch.arange(len(sizes), device=sizes.device).split(at_once)
        ]
        log_variances = [part[1] for part in parts if part[1] is not None]
        return torch.cat([part[0] for part in parts]), torch.cat(log_variances) if log_variances else None

    @torch.no_grad()
    def last_layer(self, composition: Tensor, sizes: Tensor, rows: int = 2**18) -> Tensor:
        """Return the inputs of the output layer in evaluation, [U, G + H]: o, and v times √G."""
        self.renormalise()
        at_once = max(1, rows // len(self.gene_base))
        parts = []
        for i in torch.arange(len(sizes), device=sizes.device).split(at_once):
            base, shift = self._grid(composition[i], sizes[i], sizes[i], None)
            hidden, *moments = Hidden.apply(base, shift, sizes[i], self.workspace)
            decoded = self._decode(hidden, moments, sizes[i])
            shared = self.cross_gene_mlp(decoded, sizes[i])
            parts.append(torch.cat([decoded, len(self.gene_base) ** 0.5 * shared], dim=1))
        return torch.cat(parts)

    def _genes(self, share: Tensor, hopped: Tensor | None) -> tuple[Tensor, Tensor]:
        """Take steps 1 to 3: [1, G, H] and its weight [1]; or with and without the hop, [2, G, H] and [2]."""
        genes = len(self.gene_base)
        even = self.gene_base.new_full((genes,), 1 / genes)
        base = torch.relu(self.base_norm(self.gene_base, even))
        position = Hop.apply(self.gene_position, self.hop, self.hop_transposed)[None]
        weight = share.new_ones(1)
        if hopped is not None:
            position = torch.cat([self.gene_position[None], position])
            weight = torch.stack([share[~hopped].sum(), share[hopped].sum()])
        rows = (base + 0.2 * self.gene_convolution(position)).flatten(0, 1)
        gene = self.gene_mlp(rows, (weight[:, None] * even).flatten())
        return gene.unflatten(0, (len(weight), genes)), weight

    def _grid(
        self, composition: Tensor, sizes: Tensor, share: Tensor, hopped: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Take steps 1 to 7: gene part [G, H] or, by row, [U, G, H], and perturbation part [U, H].

        h = ReLU(their sum).
        """
        gene, weight = self._genes(share, hopped)

        # Sum over genes of (propagated row) W' + b: the bias counts once per gene.
        summed = (composition @ self.node) @ self.node_convolution.weight.T
        summed = summed + sizes[:, None] * self.node_convolution.bias
        perturbed = (sizes > 0).to(share)
        among = share * perturbed / (share * perturbed).sum().clamp(min=1e-30)
        perturbation = self.perturbation_mlp(summed, among) * perturbed[:, None]  # control: 0

        kind = 0 if hopped is None else hopped.long()  # which of the gene parts a row has
        if self.training:
            # Within a row only the gene part varies, so the variance is that within
            # the gene parts and that of the rows' means.
            row_mean = perturbation + gene.mean(dim=1)[kind]
            mean = share @ row_mean
            variance = weight @ gene.var(dim=1, correction=0) + share @ (row_mean - mean).square()
            scale, shift = self.sum_norm.affine(mean, variance)
        else:
            scale, shift = self.sum_norm.affine()
        return (gene * scale)[kind], torch.addcmul(shift, perturbation, scale)

    def _decode(self, hidden: Tensor, moments: list[Tensor], share: Tensor) -> Tensor:
        """Take steps 8 and 9, from h [U, G, H] and its first two moments to o [U, G].

        The first normalisation is folded into the first layer. Its statistics come
        from mean and covariance of h, so the U x G x 2H tensor is written once. The
        second is folded into the genes' weights.
        """
        keep = self.decoder.training
        weight, bias = self._first_layer(*moments) if keep else self._first_layer()
        second = self.decoder.second.weight
        decoded, *moments = Layers.apply(hidden, weight, bias, second, share, self.workspace)
        scale, offset = self._second_norm(*moments) if keep else self._second_norm()
        gene_weight = self.gene_weight * scale
        constant = self.gene_weight @ offset + self.gene_bias[:, 0]
        return Readout.apply(decoded, gene_weight, self.workspace) + constant

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


def _sums(moments: list[list[Tensor]]) -> tuple[Tensor, Tensor]:
    """Add up the moments of the parts of a grid."""
    first, second = zip(*moments, strict=True)
    return torch.stack(first).sum(dim=0), torch.stack(second).sum(dim=0)
