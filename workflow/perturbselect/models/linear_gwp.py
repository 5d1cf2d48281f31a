"""A bilinear model: embeddings of genes, embeddings of perturbations, and a matrix between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import Field

from perturbselect.graphs.membership import perturbed_genes
from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge, Prediction, responses_of

if TYPE_CHECKING:
    from anndata import AnnData


@MODELS.register
@dataclass(frozen=True)
class LinearGwp:
    """Y = G W P' + b with PCA embeddings: the linear model of Ahlmann-Eltze et al.

    Y (genes x perturbations) holds the training responses and b their mean. G holds the
    genes' scores on the first principal components of the training responses. P holds,
    without a kernel, the row of G of each perturbed gene, as in the publication; a gene
    that is not among the predicted ones has the row 0, so that its prediction is b. With a
    kernel, P holds the perturbations' scores on the kernel's first principal components
    (our definition: kernel principal components over all perturbations of the run, so that
    a gene needs no measured expression). A combination is the sum of its genes' rows without
    a kernel. W has the least squared error with ridge penalties on both sides:
    W = (G'G + ridge I)^-1 G' (Y - b) P (P'P + ridge I)^-1.

    Ahlmann-Eltze, Huber & Anders, "Deep-learning-based gene perturbation effect prediction
    does not yet outperform simple linear baselines", Nature Methods 2025.
    """

    kernel: Annotated[
        str | None,
        Field(description="Kernel that P comes from; `null`: from the training responses."),
    ] = None
    dimensions: Annotated[int, Field(ge=1, description="Principal components of G and of P, at most.")] = 10
    ridge: Annotated[float, Field(gt=0, description="Ridge penalty on both sides of W.")] = 0.1

    def predict(
        self, training: AnnData, test: np.ndarray, knowledge: Knowledge, seed: int, device: str
    ) -> Prediction:
        """Predict `test`: O(n^2 G) without, and O((n + t)^3) more with a kernel."""
        n = training.n_obs
        perturbations = np.concatenate([training.obs_names.to_numpy(dtype=str), test])
        responses = responses_of(training).astype(np.float64)
        mean = responses.mean(axis=0)
        genes = principal_scores(responses.T, self.dimensions)
        if self.kernel is None:
            embedding = _rows_of_genes(genes, training.var_names.to_numpy(dtype=str), perturbations)
        else:
            embedding = kernel_scores(knowledge.kernel(self.kernel, perturbations), self.dimensions)
        left = np.linalg.solve(_with_ridge(genes, self.ridge), genes.T @ (responses - mean).T)
        measured = embedding[:n]
        weights = np.linalg.solve(_with_ridge(measured, self.ridge), (left @ measured).T).T
        predicted = embedding[n:] @ weights.T @ genes.T + mean
        summary = {"unknown": int(np.sum(~embedding[n:].any(axis=1)))}
        return Prediction(predicted.astype(np.float32), summary=summary)


def principal_scores(rows: np.ndarray, dimensions: int) -> np.ndarray:
    """Return the rows' scores on their first principal components, shape (rows, at most dimensions)."""
    left, values, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    return left[:, :dimensions] * values[:dimensions]


def kernel_scores(kernel: np.ndarray, dimensions: int) -> np.ndarray:
    """Return scores on the first principal components of a kernel's features, (n, at most dimensions)."""
    centred = kernel - kernel.mean(axis=0)
    values, vectors = np.linalg.eigh(centred - centred.mean(axis=1, keepdims=True))
    return vectors[:, : -dimensions - 1 : -1] * np.sqrt(values[: -dimensions - 1 : -1].clip(min=0))


def _rows_of_genes(scores: np.ndarray, measured: np.ndarray, perturbations: np.ndarray) -> np.ndarray:
    """Return the sum of the scores of each perturbation's genes; 0 for genes that are not measured."""
    row = dict(zip(measured, scores, strict=True))
    of_gene = {gene: row.get(gene, np.zeros(scores.shape[1])) for gene in perturbed_genes(perturbations)}
    return np.array([sum(of_gene[gene] for gene in name.split("+")) for name in perturbations])


def _with_ridge(embedding: np.ndarray, ridge: float) -> np.ndarray:
    return embedding.T @ embedding + ridge * np.eye(embedding.shape[1])
