"""Import of counts from .h5ad: spellings, checks, and what is listed."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

from perturbselect.config import CellSource, Columns
from perturbselect.data.cells import read_cells
from perturbselect.data.gene_names import Aliases
from perturbselect.errors import InputError

UNCHECKED = Aliases()
LABELS = ["ctrl", "ctrl", "A+ctrl", "B+A", "A+B", "ctrl+OLD"]
COUNTS = np.array([[1, 0, 2], [0, 0, 3], [4, 0, 0], [0, 5, 0], [0, 0, 6], [7, 0, 0]])


def screen(labels=LABELS, counts=COUNTS, genes=("A", "B", "C"), **obs):
    return AnnData(
        X=counts,
        obs=pd.DataFrame({"condition": labels, **obs}, index=[f"cell{i}" for i in range(len(labels))]),
        var=pd.DataFrame(index=list(genes)),
    )


@pytest.fixture
def read(tmp_path):
    def read(file, aliases=UNCHECKED, **source):
        path = tmp_path / "screen.h5ad"
        file.write_h5ad(path)
        return read_cells(path, CellSource(**{"path": "x", "naming": "gears"} | source), aliases, "demo")

    return read


def test_gears_spelling(read):
    cells, names = read(screen())
    assert cells.obs["perturbation"].tolist() == ["control", "control", "A", "A+B", "A+B", "OLD"]
    assert cells.obs["is_control"].tolist() == [True, True, False, False, False, False]
    assert cells.obs["is_control"].dtype == bool
    assert set(names["status"]) == {"unchecked"}
    assert sorted(names.loc[names["role"] == "perturbation", "name"]) == ["A", "B", "OLD"]


@pytest.mark.parametrize(
    "form",
    [
        lambda x: x.astype(float),
        lambda x: sp.csc_matrix(x, dtype=np.float32),
        lambda x: sp.csr_matrix(x, dtype=np.uint16),
    ],
)
def test_counts_become_csr_int32(read, form):
    cells, _ = read(screen(counts=form(COUNTS)))
    assert sp.isspmatrix_csr(cells.X)
    assert cells.X.dtype == np.int32
    assert (cells.X.toarray() == COUNTS).all()


def test_names_are_reconciled_on_both_sides(read):
    aliases = Aliases(frozenset({"A", "B", "NEW"}), {"OLD": "NEW"})
    cells, names = read(screen(genes=("A", "OLD", "C")), aliases)
    assert cells.var_names.tolist() == ["A", "NEW", "C"]
    assert cells.var["name_in_source"].tolist() == ["A", "OLD", "C"]
    assert cells.obs["perturbation"].tolist()[-1] == "NEW"
    listed = names.set_index(["role", "name"])["status"]
    assert listed["gene", "OLD"] == "alias"
    assert listed["gene", "C"] == "unmatched"
    assert listed["perturbation", "OLD"] == "alias"


def test_scperturb_spelling_and_layer(read):
    file = screen(["control", "A_B", "A", "B_A", "control", "A"], COUNTS / 3, guide_id=list("uvwxyz"))
    file.obs = file.obs.rename(columns={"condition": "perturbation"})
    file.layers["raw"] = COUNTS
    cells, _ = read(file, naming="scperturb", layer="raw")
    assert cells.obs["perturbation"].tolist() == ["control", "A+B", "A", "A+B", "control", "A"]
    assert cells.obs["guide"].tolist() == list("uvwxyz")
    with pytest.raises(InputError, match=r"no layer 'row'.*did you mean 'raw'"):
        read(file, naming="scperturb", layer="row")


def test_columns_of_quality(read):
    file = screen(umi=[1, 2, 3, 4, 5, 6], share=["0.5"] * 6)
    columns = Columns(perturbation="condition", guide_umis="umi", guide_share="share")
    cells, _ = read(file, columns=columns)
    assert cells.obs["guide_umis"].tolist() == [1, 2, 3, 4, 5, 6]
    assert cells.obs["guide_share"].dtype == np.float32
    file.obs["share"] = ["0.5", "high", *["1"] * 4]
    with pytest.raises(InputError, match=r"'share'.*'high' for cell cell1"):
        read(file, columns=columns)


def test_gene_column_and_duplicate_symbols(read):
    file = screen(genes=("ENSG1", "ENSG2", "ENSG3"))
    file.var["gene_name"] = ["A", "B", "A"]
    cells, names = read(file)
    assert cells.var_names.tolist() == ["A", "B", "A-1"]
    duplicate = names[names["status"] == "duplicate"]
    assert duplicate[["name", "symbol", "role"]].to_numpy().tolist() == [["A", "A-1", "gene"]]


def test_cells_without_label_are_counted_and_listed(read):
    labels = ["ctrl", None, "A+ctrl", "*", "nan", "A+ctrl"]
    cells, names = read(screen(labels))
    assert cells.obs_names.tolist() == ["cell0", "cell2", "cell5"]
    assert cells.uns["unlabelled_cells"] == 3
    assert (cells.X.toarray() == COUNTS[[0, 2, 5]]).all()
    assert names.loc[names["status"] == "left out", "name"].tolist() == ["*", "nan"]


def test_a_missing_guide_is_no_guide(read):
    """Missing, empty, or a word for "unassigned": none of them is a guide's name."""
    file = screen()
    file.obs["sgrna"] = ["nt1", None, "a1", "", "*", "c1"]
    cells, _ = read(file, columns=Columns(guide="sgrna"))
    assert cells.obs["guide"].cat.categories.tolist() == ["a1", "c1", "nt1"]
    assert cells.obs["guide"].isna().tolist() == [False, True, False, True, True, False]


def test_missing_column(read):
    with pytest.raises(InputError, match=r"screen\.h5ad.*'conditoin'.*did you mean 'condition'"):
        read(screen(), columns=Columns(perturbation="conditoin"))


def test_no_controls(read):
    with pytest.raises(
        InputError, match=r"no control cell.*A \(4\), wt \(2\).*datasets\.demo\.source\.controls"
    ):
        read(screen(["A"] * 4 + ["wt"] * 2))


@pytest.mark.filterwarnings("ignore:.*names are not unique")
def test_duplicate_barcodes(read):
    file = screen()
    file.obs_names = ["x", "y", "z", "x", "x", "w"]
    with pytest.raises(InputError, match=r"barcode x .*\(2 repeats\)"):
        read(file)


@pytest.mark.parametrize(
    ("value", "words"), [(-1, "negative"), (0.5, "log-normalised"), (np.nan, "missing"), (3e9, "too large")]
)
@pytest.mark.parametrize("form", [np.asarray, sp.csc_matrix])
def test_values_that_are_no_counts(read, value, words, form):
    counts = COUNTS.astype(float)
    counts[3, 1] = value
    with pytest.raises(InputError, match=rf"gene B in cell cell3 is .*{words}.*source\.layer"):
        read(screen(counts=form(counts)))


def test_negative_integers(read):
    counts = COUNTS.copy()
    counts[0, 2] = -2
    with pytest.raises(InputError, match="-2 of gene C in cell cell0 is negative"):
        read(screen(counts=counts))


@pytest.mark.parametrize("share", [0.1, 0.5, 0.98])
def test_truncated_file(read, tmp_path, share):
    read(screen())
    path = tmp_path / "screen.h5ad"
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"screen\.h5ad: cannot be read"):
        read_cells(path, CellSource(path="x", naming="gears"), Aliases(), "demo")


def test_zeroed_block_in_the_middle(tmp_path):
    """The size is right and the header valid, but the compressed data are gone."""
    path = tmp_path / "screen.h5ad"
    counts = sp.csr_matrix(np.random.default_rng(0).integers(0, 99, (400, 300)))
    file = screen(["ctrl", *["A"] * 399], counts, [f"g{i}" for i in range(300)])
    file.write_h5ad(path, compression="gzip")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle - 20000 : middle + 20000] = bytes(40000)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"screen\.h5ad"):
        read_cells(path, CellSource(path="x", naming="gears"), Aliases(), "demo")


def test_simulated_data_stay_labelled(read):
    file = screen()
    file.uns["simulated"] = True
    assert read(file)[0].uns["simulated"] is True
    assert read(screen())[0].uns["simulated"] is False


def test_papalexi(data_root):
    columns = Columns(perturbation="target", guide="guide", guide_umis="guide_umis", guide_share="guide_frac")
    source = CellSource(path="x", columns=columns)
    cells, _ = read_cells(data_root / "papalexi2021" / "cells.h5ad", source, Aliases(), "papalexi")
    assert cells.shape == (20729, 303)
    assert int(cells.obs["is_control"].sum()) == 2386
    assert cells.obs["perturbation"].nunique() == 26
    assert cells.X.dtype == np.int32


def test_norman(data_root):
    source = CellSource(path="x", columns=Columns(perturbation="condition"))
    cells, _ = read_cells(data_root / "norman2019" / "cells.h5ad", source, Aliases(), "norman")
    assert cells.shape == (3375, 500)
    names = set(cells.obs["perturbation"]) - {"control"}
    assert sum("+" in name for name in names) == 15
    assert all(name == "+".join(sorted(name.split("+"))) for name in names)


def test_missing_labels_need_no_word_for_them(read):
    cells, names = read(screen(["ctrl", None, "A+ctrl", "unknown", "B", None]), unassigned=["unknown"])
    assert cells.obs["perturbation"].tolist() == ["control", "A", "B"]
    assert cells.uns["unlabelled_cells"] == 3
    assert names.loc[names["status"] == "left out", "name"].tolist() == ["unknown"]


def test_two_names_of_one_target_pool(read):
    aliases = Aliases(frozenset({"CD274", "TP53"}), {"PDL1": "CD274", "P53": "TP53"})
    labels = ["ctrl", "PDL1", "CD274", "P53+CD274", "P53+PDL1", "TP53"]
    cells, names = read(screen(labels, genes=("PDL1", "CD274", "C")), aliases)
    assert cells.obs["perturbation"].tolist() == ["control", *["CD274"] * 2, *["CD274+TP53"] * 2, "TP53"]
    assert cells.var_names.tolist() == ["PDL1", "CD274", "C"]  # measured genes stay apart
    listed = names.set_index(["role", "name"])["status"]
    assert (listed["gene", "PDL1"], listed["perturbation", "PDL1"]) == ("clash", "alias")
