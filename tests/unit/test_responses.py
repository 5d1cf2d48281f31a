"""Import of published responses."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from anndata import AnnData

from perturbselect.config import ResponseSource
from perturbselect.data.gene_names import Aliases
from perturbselect.data.responses import read_responses
from perturbselect.errors import InputError

UNCHECKED = Aliases()
VALUES = np.array([[1.0, 1, 1, 1], [3, 1, -4, 1], [1, 2, 1, 2], [0, 0, 5, 0]])
ROWS = ["control", "B", "C+A", "A"]


def table(values=VALUES, rows=ROWS, **parts):
    genes = pd.DataFrame(index=[f"g{i}" for i in range(values.shape[1])])
    return AnnData(values, obs=pd.DataFrame(index=rows), var=genes, **parts)


@pytest.fixture
def read(tmp_path):
    def read(file, aliases=UNCHECKED, **source):
        path = tmp_path / "responses.h5ad"
        file.write_h5ad(path)
        return read_responses(path, ResponseSource(**{"path": "x"} | source), aliases, "demo")

    return read


def test_control_is_subtracted_and_dropped_and_rows_sorted(read):
    responses, _ = read(table())
    assert responses.obs_names.tolist() == ["A", "A+C", "B"]
    assert responses.X.tolist() == [[-1, -1, 4, -1], [0, 1, 0, 1], [2, 0, -5, 0]]
    assert responses.X.dtype == np.float32
    assert responses.layers["de_rank"].tolist() == [[1, 2, 0, 3], [2, 0, 3, 1], [1, 2, 0, 3]]
    assert responses.layers["de_significant"].tolist() == [[1, 1, 1, 1], [0, 1, 0, 1], [1, 0, 1, 0]]
    assert responses.uns == {"simulated": False, "type": "responses"}
    assert (responses.var["control_mean"] == 0).all()


def test_several_control_rows_are_averaged(read):
    file = table(rows=["control", "non-targeting", "B", "A"])
    responses, _ = read(file)
    assert responses["B"].X.tolist() == [[1 - 2, 2 - 1, 1 + 1.5, 2 - 1]]


def test_only_the_twenty_strongest_are_significant(read):
    values = np.random.default_rng(0).normal(size=(3, 50))
    responses, _ = read(table(values, ["A", "B", "C"]))
    significant = responses.layers["de_significant"] == 1
    assert (significant.sum(axis=1) == 20).all()
    strength = np.abs(values)
    assert all(strength[i][significant[i]].min() > strength[i][~significant[i]].max() for i in range(3))


def test_membership_keeps_the_order_of_the_source(read):
    values = np.array([[0, 1000, 998, 0, 999], [7, 0, 0, 9, 8]])
    file = table(sp.csr_matrix(values), ["A", "B"], layers={"up": sp.csr_matrix(values > 998)})
    responses, _ = read(file, coding="membership", significant="up")
    assert responses.X.tolist() == [[0, 1, 1, 0, 1], [1, 0, 0, 1, 1]]
    assert responses.layers["de_rank"].tolist() == [[3, 0, 2, 4, 1], [2, 3, 4, 0, 1]]
    assert responses.layers["de_significant"].tolist() == [[0, 1, 0, 0, 1], [0, 0, 0, 0, 0]]
    assert responses.layers["de_significant"].dtype == np.uint8


def test_the_most_variable_genes_are_kept_in_order(read):
    values = np.array([[0.0, 5, 1, 9, 1], [0, -5, 2, 9, 2], [0, 0, 3, 9, 3]])
    responses, names = read(table(values, ["A", "B", "C"]), genes=2)
    # g2 and g4 vary alike: the first of them stays
    assert responses.var_names.tolist() == ["g1", "g2"]
    assert responses.layers["de_rank"].max() == 1
    assert (names["role"] == "gene").sum() == 5
    assert read(table(values, ["A", "B", "C"]), genes=9)[0].shape == (3, 5)


def test_names_are_reconciled_and_artefacts_listed(read):
    aliases = Aliases(frozenset({"A", "NEW", "g0"}), {"OLD": "NEW", "g1": "A"})
    file = table(np.eye(4), ["OLD", "A", "*", "B"])
    responses, names = read(file, aliases)
    assert responses.obs_names.tolist() == ["A", "B", "NEW"]
    assert responses.var_names.tolist() == ["g0", "A", "g2", "g3"]
    assert responses.var["perturbed"].tolist() == [False, True, False, False]
    listed = names[names["role"] == "perturbation"].set_index("name")["status"].to_dict()
    assert listed == {"A": "symbol", "B": "unmatched", "OLD": "alias", "*": "left out"}
    assert responses["NEW"].X.tolist() == [[1, 0, 0, 0]]


def test_column_of_obs(read):
    file = table(rows=["r1", "r2", "r3", "r4"])
    file.obs["gene"] = ["control", "X", "Y", "Z"]
    assert read(file, column="gene")[0].obs_names.tolist() == ["X", "Y", "Z"]
    with pytest.raises(InputError, match=r"'gen' .*datasets\.demo\.source\.column.*did you mean 'gene'"):
        read(file, column="gen")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers(read, value):
    values = VALUES.copy()
    values[2, 1] = value
    with pytest.raises(InputError, match=rf"gene g1 to C\+A is {value}"):
        read(table(values))


def test_other_bad_input(read, tmp_path):
    with pytest.raises(InputError, match=r"perturbation A\+B has 2 rows \(B\+A, A\+B\)"):
        read(table(rows=["control", "B+A", "A+B", "C"]))
    with pytest.raises(InputError, match="every row is a control"):
        read(table(VALUES[:1], ["control"]))
    with pytest.raises(InputError, match="no responses"):
        read(table(VALUES[:0], []))
    with pytest.raises(InputError, match="no layer 'sig'"):
        read(table(), significant="sig")
    path = tmp_path / "responses.h5ad"
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(InputError, match="truncated"):
        read_responses(path, ResponseSource(path="x"), Aliases(), "demo")


@pytest.mark.parametrize(
    ("file", "rows", "columns"),
    [("norman2019", 237, 50), ("adamson2016", 90, 40), ("replogle2022/k562", 300, 50)],
)
def test_real_response_vectors(data_root, file, rows, columns):
    path = data_root / (f"{file}_response_vectors.h5ad" if "/" in file else f"{file}/response_vectors.h5ad")
    responses, _ = read_responses(path, ResponseSource(path="x"), Aliases(), "demo")
    assert responses.shape == (rows, columns)


@pytest.mark.parametrize("line", ["k562", "rpe1"])
def test_real_ranked_responses(data_root, line):
    path = data_root / "replogle2022" / f"{line}_ranked_responses.h5ad"
    source = ResponseSource(path="x", coding="membership", genes=1000, significant="sig_up")
    responses, _ = read_responses(path, source, Aliases(), line)
    assert responses.shape == (585, 1000)
    assert set(np.unique(responses.X)) == {0, 1}
    assert responses.layers["de_rank"].dtype == np.uint16
    # members come before all others, and significant genes are members
    rank, member = responses.layers["de_rank"], responses.X == 1
    assert all(rank[i][member[i]].max() == member[i].sum() - 1 for i in range(585) if member[i].any())
    assert not (responses.layers["de_significant"][~member]).any()


def test_missing_labels_need_no_word_for_them(read):
    file = table(rows=["r1", "r2", "r3", "r4"])
    file.obs["gene"] = ["control", None, "Y", " Z "]
    responses, _ = read(file, column="gene", unassigned=["unknown"])
    assert responses.obs_names.tolist() == ["Y", "Z"]


def test_two_names_of_one_target_are_two_rows_of_it(read):
    aliases = Aliases(frozenset({"CD274"}), {"PDL1": "CD274"})
    with pytest.raises(InputError, match=r"perturbation CD274 has 2 rows \(PDL1, CD274\)"):
        read(table(rows=["control", "PDL1", "CD274", "C"]), aliases)
