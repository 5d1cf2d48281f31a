"""A screen's counts, checked block by block before any job: as the import and the filters would."""

import gzip

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData
from scipy.io import mmwrite

from perturbselect.config import CellsDataset
from perturbselect.data import matrix_blocks
from perturbselect.data.cells import read_cells
from perturbselect.data.check_counts import check_10x_counts, check_h5ad_counts
from perturbselect.data.gene_names import Aliases
from perturbselect.data.preprocess import preprocess
from perturbselect.data.tenx import read_10x
from perturbselect.errors import InputError

FORMS = {"dense": np.asarray, "csr": sp.csr_matrix, "csc": sp.csc_matrix}
GENES = ["A", "B", "G2", "G3", "MT-1"]


@pytest.fixture(params=[None, 7], ids=["one block", "small blocks"])
def block(request, monkeypatch):
    """Whole, and in blocks of one row or column."""
    if request.param:
        monkeypatch.setattr(matrix_blocks, "BLOCK", request.param)
        monkeypatch.setattr(matrix_blocks, "ENTRIES", request.param)
    return request.param


def screen():
    """Counts and labels of 4 controls, 4 x A, 4 x B and 2 cells without a target."""
    counts = np.random.default_rng(0).poisson(3.0, (14, len(GENES))).astype(np.float32)
    counts[0] = 1
    labels = ["control"] * 4 + ["A"] * 4 + ["B"] * 4 + [None, "nan"]
    return counts, pd.DataFrame({"perturbation": labels}, index=[f"c{i}" for i in range(14)])


def dataset(**options):
    settings = {"highly_variable_genes": None, "min_cells": 2} | options
    return CellsDataset(type="cells", source={"path": "x"}, preprocess=settings)


def wrong(counts, value, cell=5, gene=2):
    counts[cell, gene] = value


def silent_but_in_left_out_cells(counts):
    counts[:12, 3] = 0
    counts[12:, 3] = 9


def mitochondrial_controls(counts):
    counts[:4, :4], counts[:4, 4] = 1, 40


SPOILT = {
    "negative": (lambda counts: wrong(counts, -2), {}, "G2 in cell c5 is negative"),
    "fraction": (lambda counts: wrong(counts, 0.5), {}, "not a whole number"),
    "missing": (lambda counts: wrong(counts, np.nan, cell=13), {}, "G2 in cell c13 is missing"),
    "silent gene": (silent_but_in_left_out_cells, {}, r"1 gene\(s\) have no count in any cell \(G3\)"),
    "empty cell": (lambda counts: wrong(counts, 0, 6, slice(None)), {}, "cell 'c6' has no UMIs"),
    "no control": (mitochondrial_controls, {"filters": {"max_mito_share": 0.9}}, "0 of 4 control cells pass"),
    "few cells": (lambda counts: None, {"min_cells": 5}, "0 of 2 perturbations have at least 5 cells"),
    "few genes": (lambda counts: None, {"filters": {"min_genes": 6}}, "0 of 4 control cells pass"),
    "few umis": (lambda counts: None, {"filters": {"min_total_umis": 99}}, "0 of 4 control cells pass"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("what", SPOILT)
def test_says_what_the_import_and_the_filters_would(tmp_path, block, form, what):
    counts, obs = screen()
    change, options, words = SPOILT[what]
    path, chosen = tmp_path / "cells.h5ad", dataset(**options)
    AnnData(FORMS[form](counts), obs, pd.DataFrame(index=GENES)).write_h5ad(path)
    if what not in ("few cells", "few genes", "few umis", "no control"):
        check_h5ad_counts(str(path), chosen, Aliases(), "s")
    change(counts)
    AnnData(FORMS[form](counts), obs, pd.DataFrame(index=GENES)).write_h5ad(path)
    with pytest.raises(InputError, match=words) as before:
        check_h5ad_counts(str(path), chosen, Aliases(), "s")
    with pytest.raises(InputError, match=words) as job:
        preprocess(read_cells(path, chosen.source, Aliases(), "s")[0], chosen.preprocess, "s")
    # A block knows only its own wrong values.
    assert str(before.value).partition(" such values")[0] == str(job.value).partition(" such values")[0]


@pytest.mark.parametrize("what", SPOILT)
def test_10x_says_what_the_import_and_the_filters_would(tmp_path, block, what):
    counts, obs = screen()
    change, options, words = SPOILT[what]
    change(counts)
    chosen = dataset(**options)
    with gzip.open(tmp_path / "matrix.mtx.gz", "wb") as file:
        mmwrite(file, sp.coo_matrix(np.c_[counts, np.full(14, -1)].T))  # a guide's count is no gene's
    kinds = ["Gene Expression"] * len(GENES) + ["CRISPR Guide Capture"]
    lines = [f"{gene}\t{gene}\t{kind}" for gene, kind in zip([*GENES, "sg"], kinds, strict=True)]
    (tmp_path / "features.tsv").write_text("\n".join(lines) + "\n")
    (tmp_path / "barcodes.tsv").write_text("\n".join(obs.index) + "\n")
    obs.to_csv(tmp_path / "table.tsv", sep="\t", index_label="cell")
    table = str(tmp_path / "table.tsv")
    with pytest.raises(InputError, match=words) as before:
        check_10x_counts(str(tmp_path), table, chosen, Aliases(), "s")
    with pytest.raises(InputError, match=words) as job:
        preprocess(read_10x(tmp_path, table, chosen.source, Aliases(), "s")[0], chosen.preprocess, "s")
    assert str(before.value).partition(" such values")[0] == str(job.value).partition(" such values")[0]


@pytest.mark.parametrize("form", FORMS)
def test_blocks_are_the_whole_matrix(tmp_path, block, form):
    counts, obs = screen()
    AnnData(FORMS[form](counts), obs, pd.DataFrame(index=GENES)).write_h5ad(tmp_path / "x.h5ad")
    together, number = np.full(counts.shape, np.nan), 0
    with h5py.File(tmp_path / "x.h5ad") as file:
        for cells, genes, part in matrix_blocks.stored_blocks(file["X"]):
            assert np.isnan(together[cells, genes]).all()
            together[cells, genes] = part.toarray() if sp.issparse(part) else part
            number += 1
    np.testing.assert_array_equal(together, counts)
    assert number == (1 if block is None else 5 if form == "csc" else 14)


def test_blocks_of_a_market_file(tmp_path, block):
    counts, _ = screen()
    path = tmp_path / "matrix.mtx"
    mmwrite(path, sp.coo_matrix(counts.T), comment="a comment\nand another")
    parts = list(matrix_blocks.market_blocks(path))
    np.testing.assert_array_equal(sum(parts).toarray(), counts)
    assert len(parts) == (1 if block is None else -(-np.count_nonzero(counts) // 7))
    mmwrite(path, counts.T)  # not as 10x writes it
    np.testing.assert_array_equal(sum(matrix_blocks.market_blocks(path)).toarray(), counts)


@pytest.mark.parametrize("packed", [False, True])
def test_a_market_file_that_ends_early(tmp_path, block, packed):
    counts, _ = screen()
    mmwrite(tmp_path / "matrix.mtx", sp.coo_matrix(counts.T))
    whole = (tmp_path / "matrix.mtx").read_bytes()
    path = tmp_path / ("short.mtx.gz" if packed else "short.mtx")
    lines = whole.splitlines(keepends=True)
    path.write_bytes(gzip.compress(whole)[:-20] if packed else b"".join(lines[:-3]))
    with pytest.raises(InputError, match=r"short\.mtx.*truncated"):
        list(matrix_blocks.market_blocks(path))
