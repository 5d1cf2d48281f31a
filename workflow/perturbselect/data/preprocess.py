"""From raw counts to log-normalised expression: filters, normalisation, genes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from perturbselect.config import Preprocess
from perturbselect.errors import InputError

MITOCHONDRIAL = "MT-"


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
    key = f"datasets.{name}.preprocess"
    cells = cells.to_memory() if cells.isbacked else cells
    steps: list[dict] = []
    _record_left_out_at_import(cells, steps)

    counts = sp.csr_matrix(cells.X)
    obs = _with_quality(cells.obs, counts, cells.var_names)
    kept_genes = _genes_with_counts(counts, cells.var_names, options, key, steps)
    kept_cells = _keep_cells(obs, options, key, steps)
    kept_cells = _keep_perturbations(obs, kept_cells, options, key, steps)

    obs, counts = obs[kept_cells], counts[kept_cells][:, kept_genes]
    genes = cells.var_names[kept_genes]
    counts, genes = _drop_genes_of_removed_cells(counts, genes, steps)
    total = obs["total_umis"].to_numpy(np.float64)
    if not (total > 0).all():
        barcode = obs.index[~(total > 0)][0]
        raise InputError(f"{name}: cell '{barcode}' has no UMIs; set {key}.filters.min_total_umis: 1")
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


def _with_quality(obs: pd.DataFrame, counts: sp.csr_matrix, genes: pd.Index) -> pd.DataFrame:
    """Add total_umis, n_genes and mito_share where the source gave none."""
    obs = obs.copy()
    total = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    mitochondrial = genes.str.upper().str.startswith(MITOCHONDRIAL)
    if "mito_share" not in obs and mitochondrial.any():
        mito_umis = np.asarray(counts[:, mitochondrial].sum(axis=1), dtype=np.float64).ravel()
        obs["mito_share"] = mito_umis / np.maximum(total, 1)
    if "n_genes" not in obs:
        obs["n_genes"] = np.diff(counts.indptr)
    if "total_umis" not in obs:
        obs["total_umis"] = total
    return obs


def _perturbations(obs: pd.DataFrame) -> pd.Series:
    """Perturbation of each perturbed cell."""
    return obs["perturbation"].astype(str)[~obs["is_control"].to_numpy(bool)]


def _record(steps: list[dict], step: str, unit: str, before: int, removed: int, detail: str = "") -> None:
    steps.append(
        {
            "step": step,
            "unit": unit,
            "before": int(before),
            "removed": int(removed),
            "after": int(before - removed),
            "detail": detail,
        }
    )


def _record_left_out_at_import(cells: AnnData, steps: list[dict]) -> None:
    """Record the cells that the import counted and left out."""
    unlabelled = int(cells.uns.get("unlabelled_cells", 0))
    absent = int(cells.uns.get("cells_not_in_matrix", 0))
    in_matrix = cells.n_obs + unlabelled
    if absent:
        _record(steps, "in the cell table, not in the matrix", "cells", in_matrix + absent, absent)
    if unlabelled:
        _record(steps, "no known target", "cells", in_matrix, unlabelled)


def _genes_with_counts(
    counts: sp.csr_matrix, genes: pd.Index, options: Preprocess, key: str, steps: list[dict]
) -> np.ndarray:
    """Return which genes have counts; an error, or a step, where some have none."""
    kept = np.asarray(counts.sum(axis=0)).ravel() > 0
    empty = list(genes[~kept])
    if empty and options.all_zero_genes == "error":
        shown = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
        raise InputError(
            f"{key}: {len(empty)} gene(s) have no count in any cell ({shown}); "
            f"set {key}.all_zero_genes: drop, or take them out of the file"
        )
    if empty:
        _record(steps, "no count in any cell", "genes", len(genes), len(empty), ", ".join(empty))
    return kept


def _drop_genes_of_removed_cells(
    counts: sp.csr_matrix, genes: pd.Index, steps: list[dict]
) -> tuple[sp.csr_matrix, pd.Index]:
    """Leave out genes whose counts were all in cells that the filters removed."""
    kept = np.asarray(counts.sum(axis=0)).ravel() > 0
    if kept.all():
        return counts, genes
    _record(steps, "no count in a kept cell", "genes", len(genes), (~kept).sum(), ", ".join(genes[~kept]))
    return counts[:, kept], genes[kept]


def _keep_cells(obs: pd.DataFrame, options: Preprocess, key: str, steps: list[dict]) -> np.ndarray:
    """Return which cells pass the filters of cells and guides."""
    filters = options.filters
    kept = np.ones(len(obs), dtype=bool)
    for option, column, sign, threshold in (
        ("min_guide_umis", "guide_umis", 1, filters.min_guide_umis),
        ("min_guide_share", "guide_share", 1, filters.min_guide_share),
        ("min_total_umis", "total_umis", 1, filters.min_total_umis),
        ("max_total_umis", "total_umis", -1, filters.max_total_umis),
        ("min_genes", "n_genes", 1, filters.min_genes),
        ("max_mito_share", "mito_share", -1, filters.max_mito_share),
    ):
        if threshold is None or (sign > 0 and threshold == 0):
            continue
        _require(obs, column, f"{key}.filters.{option}")
        # A cell without a value (NaN) does not pass.
        passed = sign * obs[column].to_numpy(np.float64) >= sign * threshold
        _record(steps, f"{option} = {threshold:g}", "cells", kept.sum(), (kept & ~passed).sum())
        kept &= passed
    if filters.min_cells_per_guide > 0:
        _require(obs, "guide", f"{key}.filters.min_cells_per_guide")
        # A cell without a guide belongs to none, so it stays: screens often name no guide for controls.
        guides = obs["guide"].astype(object)
        sizes = guides[kept].value_counts()
        few = sorted(sizes.index[sizes < filters.min_cells_per_guide])
        without = int(guides[kept].isna().sum())
        details = [f"{sizes[few].sum()} cells of {', '.join(few)}"] if few else []
        details += [f"{without} cells without a guide stay"] if without else []
        step = f"min_cells_per_guide = {filters.min_cells_per_guide}"
        _record(steps, step, "guides", len(sizes), len(few), "; ".join(details))
        kept &= ~guides.isin(few).to_numpy()
    controls = (kept & obs["is_control"].to_numpy(bool)).sum()
    if controls < 2:
        raise InputError(
            f"{key}.filters: {controls} of {obs['is_control'].sum()} control cells pass, at least 2 must; "
            f"relax the filters ({_tally(steps)})"
        )
    return kept


def _require(obs: pd.DataFrame, column: str, option: str) -> None:
    if column not in obs:
        source = option.split(".preprocess.")[0] + ".source.columns." + column
        remedy = f"name the column in {source}, or switch the filter off"
        if column == "mito_share":
            remedy += f" (it could not be computed either: no gene is named {MITOCHONDRIAL}...)"
        raise InputError(f"{option}: the cells have no column '{column}'; {remedy}")


def _tally(steps: list[dict]) -> str:
    """Say what each step so far left, for messages."""
    return (
        "; ".join(f"{step['step']} left {step['after']} {step['unit']}" for step in steps)
        or "no filter is set"
    )


def _keep_perturbations(
    obs: pd.DataFrame, kept: np.ndarray, options: Preprocess, key: str, steps: list[dict]
) -> np.ndarray:
    """Leave out the cells of perturbations that have too few."""
    every = sorted(_perturbations(obs).unique())
    sizes = _perturbations(obs[kept]).value_counts().reindex(every, fill_value=0)
    before = len(every)
    few = sizes[sizes < options.min_cells]
    detail = ", ".join(f"{perturbation} ({n} cells)" for perturbation, n in few.items())
    _record(steps, f"min_cells = {options.min_cells}", "perturbations", before, len(few), detail)
    if before - len(few) < 2:
        raise InputError(
            f"{key}: {before - len(few)} of {before} perturbations have at least "
            f"{options.min_cells} cells, at least 2 must; lower {key}.min_cells or relax "
            f"the filters ({_tally(steps)})"
        )
    in_few = obs["perturbation"].astype(str).isin(few.index) & ~obs["is_control"].astype(bool)
    return kept & ~in_few.to_numpy()


def _choose_genes(expression: AnnData, n_genes: int | None, steps: list[dict]) -> AnnData:
    """Mark highly variable and perturbed genes, and keep those that are either."""
    perturbed_genes = {gene for p in _perturbations(expression.obs).unique() for gene in p.split("+")}
    expression.var["perturbed"] = expression.var_names.isin(perturbed_genes)
    if n_genes is None or n_genes >= expression.n_vars:
        expression.var["highly_variable"] = True
    else:
        expression.var["highly_variable"] = highly_variable(expression, n_genes)
    kept = (expression.var["highly_variable"] | expression.var["perturbed"]).to_numpy()
    _record(
        steps,
        "highly variable or perturbed",
        "genes",
        expression.n_vars,
        (~kept).sum(),
        f"{expression.var['highly_variable'].sum()} highly variable, "
        f"{(expression.var['perturbed'] & ~expression.var['highly_variable']).sum()} more perturbed",
    )
    return expression[:, kept].copy()


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
