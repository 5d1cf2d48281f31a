"""A screen grows: cells are appended, and nothing of what it had changes."""

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
