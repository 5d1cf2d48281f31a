"""A screen grows: cells are appended, and nothing of what it had changes."""

import time

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from perturbselect.data.add_cells import add_cells, main
from perturbselect.errors import InputError
from perturbselect.files import read_h5ad, write_h5ad


def cells(labels, genes="abc", first=0):
    counts = np.arange(len(labels) * len(genes), dtype=np.int32).reshape(len(labels), -1) + 10 * first
    return anndata.AnnData(
        sp.csr_matrix(counts),
        obs=pd.DataFrame(
            {"perturbation": pd.Categorical(labels)}, index=[f"c{first + i}" for i in range(len(labels))]
        ),
        var=pd.DataFrame({"length": range(len(genes))}, index=list(genes)),
        uns={"simulated": True},
    )


def test_cells_are_appended_gene_by_gene():
    both = add_cells(cells(["A", "control"]), cells(["B", "A"], genes="cbda", first=5))
    assert both.X.toarray().tolist() == [[0, 1, 2], [3, 4, 5], [53, 51, 50], [57, 55, 54]]
    assert both.X.dtype == np.int32
    assert both.obs_names.tolist() == ["c0", "c1", "c5", "c6"]
    assert both.obs["perturbation"].astype(str).tolist() == ["A", "control", "B", "A"]
    assert both.var["length"].tolist() == [0, 1, 2]
    assert both.uns == {"simulated": True}


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (cells(["B"], genes="ab", first=5), r"no gene 'c' \(1 such\)"),
        (cells(["B"]), r"cell 'c0' is in the screen already \(1 such\)"),
        (
            anndata.AnnData(np.ones((1, 3)), var=pd.DataFrame(index=list("abc"))),
            "no column of obs 'perturbation'",
        ),
    ],
)
def test_what_cannot_be_added(new, words):
    with pytest.raises(InputError, match=words):
        add_cells(cells(["A", "control"]), new)


@pytest.mark.parametrize(("what", "words"), [("var_names", "gene 'a'"), ("obs_names", "cell 'c5'")])
@pytest.mark.filterwarnings("ignore:(Variable|Observation) names are not unique")
def test_names_that_stand_twice(what, words):
    new = cells(["B", "A"], genes="abcd", first=5)
    names = getattr(new, what).tolist()
    setattr(new, what, [*names[:-1], names[0]])
    with pytest.raises(InputError, match=rf"{words} twice \(1 such\)"):
        add_cells(cells(["A", "control"]), new)


def with_raw(data, genes):
    data.raw = data[:, list(genes)].copy()
    return data


def with_part(data, part, key, value):
    getattr(data, part)[key] = value
    return data


@pytest.mark.parametrize(
    ("screen", "new", "words"),
    [
        (
            with_part(cells(["A", "A"]), "obsm", "pca", np.ones((2, 4))),
            cells(["B"], first=5),
            "no entry of obsm 'pca'",
        ),
        (
            with_part(cells(["A", "A"]), "obsm", "pca", np.ones((2, 4))),
            with_part(cells(["B"], first=5), "obsm", "pca", np.ones((1, 3))),
            "obsm 'pca' has 3 columns in the new cells and 4 in the screen",
        ),
        (with_raw(cells(["A"]), "ab"), cells(["B"], first=5), r"no gene of raw 'a' \(2 such\)"),
        (
            with_raw(cells(["A"]), "ab"),
            with_raw(cells(["B"], first=5), "bc"),
            r"no gene of raw 'a' \(1 such\)",
        ),
        (with_part(cells(["A"]), "layers", "raw", np.ones((1, 3))), cells(["B"], first=5), "no layer 'raw'"),
        (
            with_part(cells(["A"]), "obsp", "near", sp.eye_array(1).tocsr()),
            cells(["B"], first=5),
            "obsp 'near'",
        ),
    ],
)
def test_nothing_of_the_screen_is_dropped(screen, new, words):
    with pytest.raises(InputError, match=words):
        add_cells(screen, new)


def test_what_both_have_is_kept():
    parts = [cells(["A"]), cells(["B", "A"], first=5)]
    for part in parts:
        with_part(with_raw(part, "cb"), "obsm", "pca", np.full((part.n_obs, 2), part.n_obs))
    both = add_cells(*parts)
    assert both.obsm["pca"].tolist() == [[1, 1], [2, 2], [2, 2]]
    assert both.raw.var_names.tolist() == ["c", "b"]
    assert both.raw.X.toarray().tolist() == [[2, 1], [52, 51], [55, 54]]


def test_many_genes_are_compared_at_once():
    """A set made anew for each gene took 89 s for 20,000."""
    genes = [f"G{place}" for place in range(20000)]
    empty = [
        anndata.AnnData(sp.csr_matrix((1, 20000)), pd.DataFrame(index=[cell]), pd.DataFrame(index=genes))
        for cell in ("c0", "c1")
    ]
    start = time.process_time()
    assert add_cells(*empty).shape == (2, 20000)
    assert time.process_time() - start < 10


def test_the_command_says_what_is_new(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_h5ad(cells(["A", "control"]), "screen.h5ad")
    write_h5ad(cells(["C", "B", "A"], first=5), "new.h5ad")
    main(["screen.h5ad", "new.h5ad"])
    assert capsys.readouterr().out == "screen.h5ad: 2 cells, 3 new ones; new perturbations: B, C\n"
    assert read_h5ad("screen.h5ad").n_obs == 5
    with pytest.raises(SystemExit, match="cell 'c5' is in the screen already"):
        main(["screen.h5ad", "new.h5ad"])
    with pytest.raises(SystemExit, match="no column 'gene'; there are perturbation"):
        main(["screen.h5ad", "new.h5ad", "--column", "gene"])
    assert read_h5ad("screen.h5ad").n_obs == 5
