"""From raw counts to log-normalised expression: filters, normalisation, genes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from perturbselect.config import Preprocess
from perturbselect.data.filters import Totals, filtered, perturbed_cells, record


def preprocess(cells: AnnData, options: Preprocess, name: str) -> tuple[AnnData, pd.DataFrame]:
    """Filter cells and perturbations, normalise, and choose the genes to predict.

    Order: UMIs of the guide, share of the guide, total UMIs (least, most), genes,
    mitochondrial share, cells per guide, cells per perturbation; then genes.
    Cells are scaled to ``target_sum / total_umis`` and log1p-transformed. Highly
    variable genes are chosen (scanpy, flavor seurat) **on control cells only**, so
    that no perturbation chooses the axes it is judged by; the perturbed genes are added.

    Parameters
    ----------
    cells : AnnData, n cells x G genes
        Raw counts as imported (``cells.h5ad``).
    options : Preprocess
        Thresholds and choices.
    name : str
        Name of the dataset, for messages.

    Returns
    -------
    expression : AnnData
        X csr float32; ``obs``: ``perturbation``, ``is_control`` and ``guide`` if known;
        ``var``: ``highly_variable``, ``perturbed``. Cells and genes keep their order.
    filters : DataFrame
        ``step``, ``unit``, ``before``, ``removed``, ``after``, ``detail``: what each step
        removed, with the names of guides, perturbations and genes left out. First come the
        cells that the import left out, as ``uns`` counts them.

    Raises
    ------
    InputError
        If a gene has no counts (unless they are to be dropped), a filter needs a
        column that the data lack, or no control or fewer than two perturbations remain.
    """
    cells = cells.to_memory() if cells.isbacked else cells
    counts, genes = sp.csr_matrix(cells.X), cells.var_names
    totals = Totals(len(cells), genes).add(counts)
    obs, kept_cells, kept_genes, steps = filtered(cells.obs, totals, cells.uns, options, name)

    obs, counts, genes = obs[kept_cells], counts[kept_cells], genes[kept_genes]
    if not kept_genes.all():  # a copy takes as long as the normalisation
        counts = counts[:, kept_genes]
    counts, genes = _drop_genes_of_removed_cells(counts, genes, steps)
    total = obs["total_umis"].to_numpy(np.float64)
    expression = AnnData(
        X=log_normalise(counts, total, options.target_sum),
        obs=obs[[c for c in ("perturbation", "is_control", "guide") if c in obs]].copy(),
        var=pd.DataFrame(index=genes),
        uns={"simulated": bool(cells.uns.get("simulated", False))},
    )
    for column in expression.obs.select_dtypes("category"):
        expression.obs[column] = expression.obs[column].cat.remove_unused_categories()
    return _choose_genes(expression, options.highly_variable_genes, steps), pd.DataFrame(steps)


def log_normalise(counts: sp.csr_matrix, total_umis: np.ndarray, target_sum: float) -> sp.csr_matrix:
    """Return log(1 + counts · target_sum / total_umis) as csr float32.

    Parameters
    ----------
    counts : csr_matrix of int, shape (n, G)
    total_umis : ndarray of float, shape (n,)
        UMIs of each cell over all its genes, in `counts` or not; positive.
    target_sum : float
        UMIs that every cell is scaled to.
    """
    values = np.repeat((target_sum / total_umis).astype(np.float32), np.diff(counts.indptr))
    values *= counts.data
    np.log1p(values, out=values)
    return sp.csr_matrix((values, counts.indices, counts.indptr), counts.shape)


def _drop_genes_of_removed_cells(
    counts: sp.csr_matrix, genes: pd.Index, steps: list[dict]
) -> tuple[sp.csr_matrix, pd.Index]:
    """Leave out genes whose counts were all in cells that the filters removed."""
    kept = np.asarray(counts.sum(axis=0)).ravel() > 0
    if kept.all():
        return counts, genes
    record(steps, "no count in a kept cell", "genes", len(genes), (~kept).sum(), ", ".join(genes[~kept]))
    return counts[:, kept], genes[kept]


def _choose_genes(expression: AnnData, n_genes: int | None, steps: list[dict]) -> AnnData:
    """Mark highly variable and perturbed genes, and keep those that are either."""
    perturbed_genes = {gene for p in perturbed_cells(expression.obs).unique() for gene in p.split("+")}
    expression.var["perturbed"] = expression.var_names.isin(perturbed_genes)
    if n_genes is None or n_genes >= expression.n_vars:
        expression.var["highly_variable"] = True
    else:
        expression.var["highly_variable"] = highly_variable(expression, n_genes)
    kept = (expression.var["highly_variable"] | expression.var["perturbed"]).to_numpy()
    record(
        steps,
        "highly variable or perturbed",
        "genes",
        expression.n_vars,
        (~kept).sum(),
        f"{expression.var['highly_variable'].sum()} highly variable, "
        f"{(expression.var['perturbed'] & ~expression.var['highly_variable']).sum()} more perturbed",
    )
    return expression if kept.all() else expression[:, kept].copy()


def highly_variable(expression: AnnData, n_genes: int) -> np.ndarray:
    """Mark the `n_genes` most variable genes over control cells (scanpy, flavor seurat).

    Parameters
    ----------
    expression : AnnData, n cells x G genes
        Log-normalised; ``obs['is_control']``.
    n_genes : int
        How many; exactly so: ties are broken by the genes' order.

    Returns
    -------
    ndarray of bool, shape (G,)
    """
    # Here and not above: who keeps all genes is spared scanpy's seconds of import.
    import scanpy as sc

    controls = expression[expression.obs["is_control"].to_numpy(bool)]
    controls = AnnData(X=controls.X, var=pd.DataFrame(index=controls.var_names))
    table = sc.pp.highly_variable_genes(controls, n_top_genes=n_genes, flavor="seurat", inplace=False)
    dispersion = table["dispersions_norm"].fillna(-np.inf).to_numpy()
    marked = np.zeros(expression.n_vars, dtype=bool)
    marked[np.argsort(-dispersion, kind="stable")[:n_genes]] = True
    return marked
