import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp

from perturbselect.config import Filters, Preprocess
from perturbselect.data.preprocess import highly_variable, log_normalise, preprocess
from perturbselect.errors import InputError
from perturbselect.table_schema import write_table


def screen(n_genes=30, seed=0):
    """A screen of perturbations A (20 cells), B (15), G1 (12), C (3) and 25 controls."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(["control", "A", "B", "G1", "C"], [25, 20, 15, 12, 3])
    guides = np.array([f"{p}_g{i % 2}" for i, p in enumerate(labels)])
    counts = rng.poisson(rng.gamma(1, 4, n_genes) + 0.5, (len(labels), n_genes)).astype(np.int32)
    counts[0] += 1
    names = [f"G{i}" for i in range(n_genes - 2)] + ["MT-1", "MT-2"]
    return anndata.AnnData(
        sp.csr_matrix(counts),
        obs=pd.DataFrame(
            {
                "perturbation": pd.Categorical(labels),
                "is_control": labels == "control",
                "guide": pd.Categorical(guides),
                "guide_umis": np.arange(len(labels)) % 10,
                "guide_share": 1 - (np.arange(len(labels)) % 5) / 10,
            },
            index=[f"c{i}" for i in range(len(labels))],
        ),
        var=pd.DataFrame(index=names),
        uns={"simulated": True},
    )


ALL_GENES = {"highly_variable_genes": None}


def test_normalisation_by_hand():
    counts = sp.csr_matrix(np.array([[1, 0, 3], [0, 2, 0]], dtype=np.int32))
    result = log_normalise(counts, np.array([4.0, 10.0]), 100.0)
    expected = np.log1p([[25, 0, 75], [0, 20, 0]])
    np.testing.assert_allclose(result.toarray(), expected, rtol=1e-6)
    assert result.dtype == np.float32


def test_agrees_with_scanpy_where_the_file_holds_all_genes():
    cells = screen()
    expression, _ = preprocess(cells, Preprocess(min_cells=2, **ALL_GENES), "s")
    peer = cells.copy()
    peer.X = peer.X.astype(np.float32)
    sc.pp.normalize_total(peer, target_sum=1e4)
    sc.pp.log1p(peer)
    np.testing.assert_allclose(expression.X.toarray(), peer.X.toarray(), rtol=1e-5)
    assert list(expression.obs_names) == list(cells.obs_names)
    assert list(expression.obs.columns) == ["perturbation", "is_control", "guide"]
    assert expression.uns["simulated"] is True


def test_total_umis_of_the_source_are_used():
    cells = screen()
    cells.obs["total_umis"] = np.float32(1e5)
    expression, _ = preprocess(cells, Preprocess(min_cells=2, **ALL_GENES), "s")
    np.testing.assert_allclose(expression.X.toarray(), np.log1p(cells.X.toarray() / 10), rtol=1e-5)


def test_input_is_left_alone():
    cells = screen()
    before = cells.X.toarray(), cells.obs.copy()
    preprocess(cells, Preprocess(), "s")
    np.testing.assert_array_equal(cells.X.toarray(), before[0])
    pd.testing.assert_frame_equal(cells.obs, before[1])


def test_each_filter_counts_what_it_removes_in_order():
    cells = screen()
    cells.obs["total_umis"] = 1000 + 100.0 * np.arange(75)
    cells.obs["n_genes"] = 10 + np.arange(75) % 3
    cells.obs["mito_share"] = np.linspace(0, 0.3, 75)
    filters = Filters(
        min_guide_umis=1,
        min_guide_share=0.65,
        min_total_umis=1200,
        max_total_umis=8000,
        min_genes=11,
        max_mito_share=0.28,
        min_cells_per_guide=3,
    )
    expression, table = preprocess(cells, Preprocess(filters=filters, min_cells=3, **ALL_GENES), "s")
    obs = cells.obs
    kept = obs["guide_umis"] >= 1
    expected = [(~kept).sum()]
    for passed in (
        obs["guide_share"] >= 0.65,
        obs["total_umis"] >= 1200,
        obs["total_umis"] <= 8000,
        obs["n_genes"] >= 11,
        obs["mito_share"] <= 0.28,
    ):
        expected.append((kept & ~passed).sum())
        kept &= passed
    cell_steps = table[table["unit"] == "cells"]
    assert list(cell_steps["removed"]) == expected
    assert all(n > 0 for n in expected[:3])
    assert list(cell_steps["step"]) == [
        "min_guide_umis = 1",
        "min_guide_share = 0.65",
        "min_total_umis = 1200",
        "max_total_umis = 8000",
        "min_genes = 11",
        "max_mito_share = 0.28",
    ]
    sizes = obs["guide"][kept].value_counts()
    few = sorted(sizes.index[(sizes < 3) & (sizes > 0)])
    guides = table[table["unit"] == "guides"].iloc[0]
    assert guides["removed"] == len(few) > 0
    assert all(guide in guides["detail"] for guide in few)
    kept &= ~obs["guide"].isin(few)
    kept_sizes = obs["perturbation"][kept].value_counts()
    assert set(expression.obs["perturbation"]) == set(kept_sizes.index[kept_sizes >= 3])
    assert expression.n_obs == kept_sizes[kept_sizes >= 3].sum()
    assert (table["before"] - table["removed"] == table["after"]).all()


def test_cells_without_a_guide_are_no_guide_of_their_own():
    """Controls whose guide nobody knows, fewer than a guide needs: they stay, and are counted."""
    cells = screen()
    guides = cells.obs["guide"].astype(object)
    guides[cells.obs["is_control"].to_numpy() | (cells.obs_names == "c30")] = None
    cells.obs["guide"] = pd.Categorical(guides)
    options = Preprocess(min_cells=2, filters=Filters(min_cells_per_guide=7), **ALL_GENES)
    expression, filters = preprocess(cells, options, "s")
    step = filters.iloc[0]
    assert (step["step"], step["before"], step["removed"]) == ("min_cells_per_guide = 7", 8, 4)
    assert step["detail"] == "15 cells of C_g0, C_g1, G1_g0, G1_g1; 26 cells without a guide stay"
    assert expression.obs["is_control"].sum() == 25
    assert "c30" in expression.obs_names
    assert expression.obs["guide"].isna().sum() == 26


def test_perturbations_with_too_few_cells_are_named():
    expression, table = preprocess(screen(), Preprocess(min_cells=13, **ALL_GENES), "s")
    step = table[table["unit"] == "perturbations"].iloc[0]
    assert (step["before"], step["removed"], step["detail"]) == (4, 2, "C (3 cells), G1 (12 cells)")
    assert set(expression.obs["perturbation"].cat.categories) == {"control", "A", "B"}


def test_a_cell_without_a_value_does_not_pass():
    cells = screen()
    cells.obs["guide_umis"] = cells.obs["guide_umis"].astype(float)
    cells.obs.iloc[30, cells.obs.columns.get_loc("guide_umis")] = np.nan
    expression, _ = preprocess(cells, Preprocess(filters=Filters(min_guide_umis=0.5), min_cells=2), "s")
    assert "c30" not in expression.obs_names


def test_quality_is_computed_where_the_source_gave_none():
    cells = screen()
    counts = cells.X.toarray()
    share = counts[:, -2:].sum(axis=1) / counts.sum(axis=1)
    limit = float(np.quantile(share, 0.8))
    _, table = preprocess(cells, Preprocess(filters=Filters(max_mito_share=limit), min_cells=2), "s")
    assert table.iloc[0]["removed"] == (share > limit).sum()
    n_genes = (counts > 0).sum(axis=1)
    _, table = preprocess(cells, Preprocess(filters=Filters(min_genes=26), min_cells=2), "s")
    assert table.iloc[0]["removed"] == (n_genes < 26).sum() > 0


def test_missing_columns_are_named_with_both_keys():
    cells = screen()
    del cells.obs["guide_umis"], cells.obs["guide"]
    with pytest.raises(
        InputError,
        match=r"datasets\.s\.preprocess\.filters\.min_guide_umis.*'guide_umis'.*"
        r"datasets\.s\.source\.columns\.guide_umis",
    ):
        preprocess(cells, Preprocess(filters=Filters(min_guide_umis=2)), "s")
    with pytest.raises(InputError, match="min_cells_per_guide"):
        preprocess(cells, Preprocess(filters=Filters(min_cells_per_guide=2)), "s")
    without_mito = cells[:, :-2].copy()
    with pytest.raises(InputError, match=r"max_mito_share.*MT-"):
        preprocess(without_mito, Preprocess(filters=Filters(max_mito_share=0.1)), "s")


def test_all_zero_genes():
    cells = screen()
    counts = cells.X.toarray()
    counts[:, [3, 7, 8, 9, 10, 11]] = 0
    cells.X = sp.csr_matrix(counts)
    with pytest.raises(InputError, match=r"6 gene\(s\).*G3, G7, G8, G9, G10, \.\.\..*all_zero_genes: drop"):
        preprocess(cells, Preprocess(), "s")
    expression, table = preprocess(cells, Preprocess(all_zero_genes="drop", **ALL_GENES), "s")
    assert expression.n_vars == 24
    step = table[table["step"] == "no count in any cell"].iloc[0]
    assert step["removed"] == 6
    assert step["detail"] == "G3, G7, G8, G9, G10, G11"


def test_genes_whose_cells_were_all_removed_go_too():
    cells = screen()
    counts = cells.X.toarray()
    counts[:, 4] = 0
    counts[-1, 4] = 5  # a cell of C, which has too few cells
    cells.X = sp.csr_matrix(counts)
    expression, table = preprocess(cells, Preprocess(**ALL_GENES), "s")
    assert "G4" not in expression.var_names
    assert table[table["step"] == "no count in a kept cell"].iloc[0]["detail"] == "G4"


def test_controls_and_two_perturbations_must_remain():
    cells = screen()
    cells.obs["guide_share"] = np.where(cells.obs["is_control"], 0.1, 0.9)
    with pytest.raises(InputError, match=r"0 of 25 control cells.*min_guide_share = 0.5 left 50 cells"):
        preprocess(cells, Preprocess(filters=Filters(min_guide_share=0.5)), "s")
    with pytest.raises(InputError, match=r"1 of 4 perturbations.*datasets\.s\.preprocess\.min_cells"):
        preprocess(cells, Preprocess(min_cells=16), "s")


def test_a_cell_without_umis_is_named():
    cells = screen()
    counts = cells.X.toarray()
    counts[30] = 0
    cells.X = sp.csr_matrix(counts)
    with pytest.raises(InputError, match=r"'c30'.*min_total_umis: 1"):
        preprocess(cells, Preprocess(), "s")


def test_variable_genes_see_control_cells_only():
    cells = screen(n_genes=60)
    options = Preprocess(highly_variable_genes=12, min_cells=2)
    first, _ = preprocess(cells, options, "s")
    changed = cells.copy()
    counts = changed.X.toarray()
    perturbed = ~changed.obs["is_control"].to_numpy()
    # The same totals, so that nothing but the perturbed cells' genes differs.
    counts[perturbed] = counts[perturbed][:, ::-1]
    changed.X = sp.csr_matrix(counts)
    second, _ = preprocess(changed, options, "s")
    assert list(first.var_names) == list(second.var_names)
    assert first.var["highly_variable"].sum() == 12
    assert first.var.loc["G1", "perturbed"]
    assert set(first.var_names[first.var["perturbed"]]) == {"G1"}
    kept_in_order = [gene for gene in cells.var_names if gene in set(first.var_names)]
    assert list(first.var_names) == kept_in_order


def test_variable_genes_are_scanpys():
    expression, _ = preprocess(screen(n_genes=200), Preprocess(min_cells=2, **ALL_GENES), "s")
    controls = expression[expression.obs["is_control"].to_numpy()].copy()
    sc.pp.highly_variable_genes(controls, n_top_genes=50, flavor="seurat")
    ours, theirs = highly_variable(expression, 50), controls.var["highly_variable"].to_numpy()
    assert ours.sum() == 50
    assert theirs[ours].all()
    # scanpy keeps all genes that tie for the last place: here two, alone in their bins.
    dispersion = controls.var["dispersions_norm"].to_numpy()
    assert (dispersion[theirs & ~ours] == dispersion[ours].min()).all()


def test_deterministic():
    one, _ = preprocess(screen(), Preprocess(highly_variable_genes=10), "s")
    two, _ = preprocess(screen(), Preprocess(highly_variable_genes=10), "s")
    np.testing.assert_array_equal(one.X.toarray(), two.X.toarray())
    assert list(one.var_names) == list(two.var_names)


def test_real_screen(data_root):
    """Papalexi 2021 holds 303 of the genes: its own total_umis must be used."""
    cells = anndata.read_h5ad(data_root / "papalexi2021" / "cells.h5ad")
    cells.obs = pd.DataFrame(
        {
            "perturbation": cells.obs["target"].astype(str).replace("non-targeting", "control"),
            "is_control": cells.obs["target"] == "non-targeting",
            "guide": cells.obs["guide"],
            "guide_share": cells.obs["guide_frac"],
            "total_umis": cells.obs["total_umis"],
        }
    )
    options = Preprocess(filters=Filters(min_guide_share=0.5, min_cells_per_guide=50), min_cells=60)
    expression, table = preprocess(cells, options, "papalexi")
    assert expression.n_vars == 303
    removed = table.set_index("unit")["removed"]
    assert removed["cells"] == (cells.obs["guide_share"] < 0.5).sum()
    assert "SPI1" in table.set_index("unit").loc["perturbations", "detail"]
    i, j = expression.X.nonzero()[0][0], expression.X.nonzero()[1][0]
    cell = cells[expression.obs_names[i]]
    count = cell[:, expression.var_names[j]].X.toarray()[0, 0]
    expected = np.log1p(count * 1e4 / cell.obs["total_umis"].iloc[0])
    np.testing.assert_allclose(expression.X[i, j], expected, rtol=1e-5)


def test_cells_left_out_at_import_come_first(tmp_path):
    cells = screen()
    cells.uns |= {"unlabelled_cells": np.int64(5), "cells_not_in_matrix": np.int64(2)}
    _, table = preprocess(cells, Preprocess(min_cells=2, **ALL_GENES), "s")
    assert table.iloc[:2, :5].to_numpy().tolist() == [
        ["in the cell table, not in the matrix", "cells", 82, 2, 80],
        ["no known target", "cells", 80, 5, 75],
    ]
    write_table(table, "filters", tmp_path / "filters.tsv")
    _, table = preprocess(screen(), Preprocess(min_cells=2, **ALL_GENES), "s")
    assert "no known target" not in set(table["step"])
