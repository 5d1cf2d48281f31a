"""Histograms of the cells of each perturbation: counted cell by cell, read by perturbation."""

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from perturbselect.data import count_histograms
from perturbselect.data.count_histograms import bin_numbers, write_histograms
from perturbselect.data.histograms import HistogramFile, as_shares, bin_values
from perturbselect.errors import InputError
from perturbselect.files import read_h5ad, write_h5ad

BINS = 8
CELLS = {"control": 50, "B": 20, "A": 31, "A+C": 12}


@pytest.fixture
def expression():
    generator = np.random.default_rng(5)
    labels = generator.permutation(np.repeat(list(CELLS), list(CELLS.values())))
    values = np.log1p(generator.poisson(1.0, (len(labels), 9)) * 2.0).astype(np.float32)
    values[:, 7] = 0
    return anndata.AnnData(
        sp.csr_matrix(values),
        obs=pd.DataFrame(
            {"perturbation": pd.Categorical(labels), "is_control": labels == "control"},
            index=[f"c{i}" for i in range(len(labels))],
        ),
        var=pd.DataFrame(index=[f"G{i}" for i in range(9)]),
    )


def counted(values, largest):
    """The definition: bin 0 for zeros, else equally wide bins up to the largest value."""
    counts = np.zeros(BINS, int)
    for value in values:
        k = 0
        while value > 1e-9 and k < BINS - 1 and value > k * largest / (BINS - 1) * (1 + 1e-6):
            k += 1
        counts[k] += 1
    return counts


@pytest.mark.parametrize("at_once", [1, 16])
def test_equals_counting_cell_by_cell(expression, tmp_path, monkeypatch, at_once):
    monkeypatch.setattr(count_histograms, "AT_ONCE", at_once)
    write_histograms(expression, np.random.default_rng(0), tmp_path / "h.h5", BINS)
    found = HistogramFile(tmp_path / "h.h5").of(["B", "A", "A+C"])
    values, labels = expression.X.toarray().astype(float), expression.obs["perturbation"].to_numpy(str)
    for row, name in enumerate(["B", "A", "A+C"]):
        for g in range(9):
            expected = counted(values[labels == name, g], values[:, g].max())
            assert (found.first + found.second)[row, g].tolist() == expected.tolist()
    for g in range(9):
        expected = counted(values[labels == "control", g], values[:, g].max())
        assert found.control[g].tolist() == expected.tolist()
    assert found.first.sum(axis=2)[:, 0].tolist() == [10, 16, 6]  # the odd cell is in the first half
    assert found.second.sum(axis=2)[:, 0].tolist() == [10, 15, 6]
    assert found.genes.tolist() == list(expression.var_names)
    np.testing.assert_allclose(found.shares().sum(axis=2), 1, rtol=1e-6)


def test_from_a_file_the_same_bytes(expression, tmp_path):
    write_h5ad(expression, tmp_path / "e.h5ad")
    for number, source in enumerate([expression, read_h5ad(tmp_path / "e.h5ad", backed="r")]):
        write_histograms(source, np.random.default_rng(0), tmp_path / f"{number}.h5")
    assert (tmp_path / "0.h5").read_bytes() == (tmp_path / "1.h5").read_bytes()


def test_bins_keep_the_mean(expression, tmp_path):
    write_histograms(expression, np.random.default_rng(0), tmp_path / "h.h5", 200)
    found = HistogramFile(tmp_path / "h.h5").of(["A"])
    mean = np.sum(found.shares()[0] * bin_values(found.width, 200), axis=1)
    of_cells = expression.X.toarray()[expression.obs["perturbation"] == "A"].mean(axis=0)
    np.testing.assert_allclose(mean, of_cells, atol=0.5 * found.width.max())


def test_bins_by_hand():
    assert bin_numbers(np.array([0, 0.1, 1, 1.1, 3, 9]), np.ones(6), 4).tolist() == [0, 1, 1, 2, 3, 3]
    assert bin_values(np.array([2.0]), 4).tolist() == [[0, 1, 3, 5]]
    assert as_shares(np.array([[1, 3]])).tolist() == [[0.25, 0.75]]


def test_what_cannot_be_counted_or_read(expression, tmp_path):
    write_histograms(expression, np.random.default_rng(0), tmp_path / "h.h5")
    with pytest.raises(InputError, match="no histogram of perturbation 'Z'"):
        HistogramFile(tmp_path / "h.h5").of(["A", "Z"])
    expression.X.data[3] = -1
    with pytest.raises(InputError, match="negative"):
        write_histograms(expression, np.random.default_rng(0), tmp_path / "h.h5")


def test_a_job_without_the_file():
    assert HistogramFile.among([]) is None
