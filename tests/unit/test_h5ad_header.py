"""The names in an .h5ad, read without its numbers."""

import numpy as np
import pandas as pd
from anndata import AnnData

from perturbselect.data.h5ad_header import header


def test_header_reads_what_anndata_wrote(tmp_path):
    obs = pd.DataFrame(
        {
            "category": pd.Categorical(["x", None, "y"]),
            "text": ["a", "b", "c"],
            "number": [1, 2, 3],
            "measure": [1.5, np.nan, 2],
            "nullable": pd.array([1, None, 3], dtype="Int64"),
        },
        index=["i", "j", "k"],
    )
    AnnData(np.zeros((3, 1)), obs).write_h5ad(tmp_path / "x.h5ad")
    with header(tmp_path / "x.h5ad") as file:
        assert file.columns("obs") == list(obs.columns)
        assert file.index("obs").tolist() == ["i", "j", "k"]
        assert file.column("obs", "category").tolist() == ["x", None, "y"]
        assert file.column("obs", "text").tolist() == ["a", "b", "c"]
        assert file.column("obs", "number").tolist() == ["1", "2", "3"]
        assert file.column("obs", "measure").tolist() == ["1.5", None, "2.0"]
        assert file.column("obs", "nullable").tolist() == ["1", None, "3"]
        assert file.layers == []
