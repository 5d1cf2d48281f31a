"""Import of a 10x folder with its cell table."""

import gzip

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.io import mmwrite

from perturbselect.config import CellSource, Columns
from perturbselect.data.gene_names import Aliases
from perturbselect.data.tenx import read_10x
from perturbselect.errors import InputError

COUNTS = np.array([[1, 0, 2], [0, 3, 0], [4, 0, 0], [0, 0, 5]])  # cells x features
FEATURES = "ENSG1\tA\tGene Expression\nENSG2\tB\tGene Expression\nguide1\tguide1\tCRISPR Guide Capture\n"
TABLE = "cell\ttarget\tsgrna\nAA-1\tcontrol\tnt1\nTT-1\tB\tb1\nCC-1\tA+B\tab\nXX-1\tA\ta1\n"
SOURCE = CellSource(path="x", format="10x", columns=Columns(perturbation="target", guide="sgrna"))


@pytest.fixture
def folder(tmp_path):
    with gzip.open(tmp_path / "matrix.mtx.gz", "wb") as file:
        mmwrite(file, sp.coo_matrix(COUNTS.T))
    (tmp_path / "features.tsv.gz").write_bytes(gzip.compress(FEATURES.encode()))
    (tmp_path / "barcodes.tsv.gz").write_bytes(gzip.compress(b"AA-1\nCC-1\nGG-1\nTT-1\n"))
    (tmp_path / "cells.tsv").write_text(TABLE)
    return tmp_path


def read(folder, table="cells.tsv", source=SOURCE):
    return read_10x(folder, folder / table, source, Aliases(), "demo")


def test_cells_features_and_what_is_left_out(folder):
    cells, names = read(folder)
    assert cells.obs_names.tolist() == ["AA-1", "CC-1", "TT-1"]
    assert cells.obs["perturbation"].tolist() == ["control", "A+B", "B"]
    assert cells.obs["guide"].tolist() == ["nt1", "ab", "b1"]
    assert cells.var_names.tolist() == ["A", "B"]
    assert cells.X.toarray().tolist() == COUNTS[[0, 1, 3]][:, :2].tolist()
    assert cells.X.dtype == np.int32
    assert cells.uns["unlabelled_cells"] == 1
    assert cells.uns["cells_not_in_matrix"] == 1
    assert names.loc[names["status"] == "not a gene", "name"].tolist() == ["guide1"]


def test_old_layout_and_csv(folder):
    (folder / "matrix.mtx").write_bytes(gzip.decompress((folder / "matrix.mtx.gz").read_bytes()))
    (folder / "genes.tsv").write_text("ENSG1\tA\nENSG2\tB\nENSG3\tC\n")
    (folder / "barcodes.tsv").write_text("AA-1\nCC-1\nGG-1\nTT-1\n")
    for name in ("matrix.mtx.gz", "features.tsv.gz", "barcodes.tsv.gz"):
        (folder / name).unlink()
    (folder / "cells.csv").write_text(TABLE.replace("\t", ","))
    cells, _ = read(folder, "cells.csv")
    assert cells.var_names.tolist() == ["A", "B", "C"]
    assert cells.X.toarray().tolist() == COUNTS[[0, 1, 3]].tolist()


def test_missing_files(folder):
    with pytest.raises(InputError, match="no such folder"):
        read_10x(folder / "absent", folder / "cells.tsv", SOURCE, Aliases(), "demo")
    with pytest.raises(InputError, match=r"no such file .*datasets\.demo\.source\.cells"):
        read(folder, "absent.tsv")
    (folder / "barcodes.tsv.gz").unlink()
    with pytest.raises(InputError, match=r"barcodes\.tsv\.gz"):
        read(folder)


def test_truncated_matrix(folder):
    path = folder / "matrix.mtx.gz"
    path.write_bytes(path.read_bytes()[:-15])
    with pytest.raises(InputError, match=r"matrix\.mtx\.gz: cannot be read"):
        read(folder)
    text = gzip.decompress(gzip.compress(b"%%MatrixMarket matrix coordinate integer general\n3 4 5\n1 1 1\n"))
    path.write_bytes(gzip.compress(text))
    with pytest.raises(InputError, match=r"matrix\.mtx\.gz"):
        read(folder)


def test_sizes_disagree(folder):
    (folder / "barcodes.tsv.gz").write_bytes(gzip.compress(b"AA-1\nCC-1\n"))
    with pytest.raises(InputError, match=r"3 rows and 4 columns.*lists 3 genes.*2 cells"):
        read(folder)


def test_bad_tables(folder):
    table = folder / "cells.tsv"
    table.write_text(TABLE.replace("-1", ""))
    with pytest.raises(InputError, match=r"none of its cells \(first: AA\).*\(first: AA-1\)"):
        read(folder)
    table.write_text(TABLE + "AA-1\tB\tb1\n")
    with pytest.raises(InputError, match="barcode AA-1 stands there more than once"):
        read(folder)
    table.write_text(TABLE.replace("target", "gene"))
    with pytest.raises(InputError, match="no column 'target'"):
        read(folder)
    table.write_text(TABLE.replace("control", "wt"))
    with pytest.raises(InputError, match="no control cell"):
        read(folder)


def test_no_counts(folder):
    with gzip.open(folder / "matrix.mtx.gz", "wb") as file:
        mmwrite(file, sp.coo_matrix(np.log1p(COUNTS.T)))
    with pytest.raises(InputError, match="gene A in cell AA-1 is not a whole number"):
        read(folder)


def test_cells_without_a_row_or_target_need_no_word_for_it(folder):
    (folder / "cells.tsv").write_text(TABLE.replace("TT-1\tB", "TT-1\t"))
    cells, _ = read(folder, source=SOURCE.model_copy(update={"unassigned": ["unknown"]}))
    assert cells.obs["perturbation"].tolist() == ["control", "A+B"]
    assert cells.uns["unlabelled_cells"] == 2


def test_a_double_quote_swallows_no_rows(folder):
    features = FEATURES.replace("\tA\t", '\t"A\t', 1).replace("\tB\t", '\t"B\t', 1)
    (folder / "features.tsv.gz").write_bytes(gzip.compress(features.encode()))
    rows = TABLE.replace("sgrna", "sgrna\tnote").replace("nt1", 'nt1\t"open').replace("b1", "b1\tx")
    (folder / "cells.tsv").write_text(rows.replace("ab", "ab\tx").replace("a1", "a1\tx"))
    cells, _ = read(folder)
    assert cells.var_names.tolist() == ['"A', '"B']
    assert cells.obs["perturbation"].tolist() == ["control", "A+B", "B"]


def test_a_table_with_quotes_around_every_cell(folder):
    lines = ["\t".join(f'"{cell}"' for cell in line.split("\t")) for line in TABLE.splitlines()]
    (folder / "cells.tsv").write_text("\n".join(lines))
    assert read(folder)[0].obs["perturbation"].tolist() == ["control", "A+B", "B"]
