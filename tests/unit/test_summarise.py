import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from perturbselect.config import Preprocess
from perturbselect.data.preprocess import preprocess
from perturbselect.data.summarise import random_halves, summarise
from perturbselect.errors import InputError
from perturbselect.files import read_h5ad, write_h5ad


@pytest.fixture
def expression():
    rng = np.random.default_rng(5)
    labels = rng.permutation(np.repeat(["control", "B", "A", "A+C"], [50, 20, 31, 12]))
    values = np.log1p(rng.poisson(1.0, (len(labels), 9)) * 2.0).astype(np.float32)
    values[labels == "A", 0] += 1
    values[labels == "B", 4] = 0
    return anndata.AnnData(
        sp.csr_matrix(values),
        obs=pd.DataFrame(
            {"perturbation": pd.Categorical(labels), "is_control": labels == "control"},
            index=[f"c{i}" for i in range(len(labels))],
        ),
        var=pd.DataFrame(
            {"highly_variable": True, "perturbed": np.arange(9) < 3}, index=[f"G{i}" for i in range(9)]
        ),
        uns={"simulated": True},
    )


def test_contents(expression):
    responses = summarise(expression, "t-test", np.random.default_rng(0))
    assert list(responses.obs_names) == ["A", "A+C", "B"]
    assert list(responses.obs["n_cells"]) == [31, 12, 20]
    assert responses.uns == {"simulated": True, "type": "cells", "n_control_cells": 50}
    assert list(responses.var["perturbed"]) == [True] * 3 + [False] * 6
    values, labels = expression.X.toarray().astype(float), expression.obs["perturbation"].to_numpy()
    control = values[labels == "control"]
    np.testing.assert_allclose(responses.var["control_mean"], control.mean(axis=0), rtol=1e-6)
    for p in responses.obs_names:
        r = (values[labels == p][:, None] - control[None]).reshape(-1, 9)
        np.testing.assert_allclose(responses[p].X.ravel(), r.mean(axis=0), atol=1e-6)
        for n in (2, 3, 4):
            np.testing.assert_allclose(responses[p].layers[f"m{n}"].ravel(), (r**n).mean(axis=0), rtol=1e-5)
    assert responses.layers["expressed"].sum() == 3 * 9 - 1
    assert responses["B"].layers["expressed"].ravel()[4] == 0
    assert responses["A"].layers["de_rank"].ravel()[0] == 0
    assert responses["A"].layers["de_significant"].ravel()[0] == 1
    dtypes = {name: str(layer.dtype) for name, layer in responses.layers.items()}
    assert dtypes == {
        **dict.fromkeys(["m2", "m3", "m4", "half_1", "half_2"], "float32"),
        "expressed": "uint8",
        "de_rank": "uint16",
        "de_significant": "uint8",
    }


def test_halves_are_disjoint_and_add_up(expression):
    responses = summarise(expression, "t-test", np.random.default_rng(0))
    # B has 20 cells and the control 50, so both halves weigh the same.
    both = (responses["B"].layers["half_1"] + responses["B"].layers["half_2"]) / 2
    np.testing.assert_allclose(both, responses["B"].X, atol=1e-6)
    assert not np.allclose(responses["B"].layers["half_1"], responses["B"].layers["half_2"])


def test_random_halves():
    groups = np.array([2, 0, 0, 2, 2, 1, 0, 1, 0, 2, 2])
    draws = [random_halves(groups, np.random.default_rng(seed)) for seed in range(20)]
    for half in draws:
        assert [int((half[groups == g] == 0).sum()) for g in range(3)] == [2, 1, 3]
    assert len({half.tobytes() for half in draws}) > 5


def test_halves_have_independent_noise():
    """Without an effect, the two halves' responses are uncorrelated (shared controls would give 0.5)."""
    rng = np.random.default_rng(8)
    n_genes = 3000
    labels = np.repeat(["control", "A"], [40, 40])
    expression = anndata.AnnData(
        sp.csr_matrix(rng.normal(5, 1, (80, n_genes)).astype(np.float32)),
        obs=pd.DataFrame(
            {"perturbation": labels, "is_control": labels == "control"}, index=[f"c{i}" for i in range(80)]
        ),
        var=pd.DataFrame(
            {"highly_variable": True, "perturbed": False}, index=[f"G{i}" for i in range(n_genes)]
        ),
    )
    responses = summarise(expression, "t-test", rng)
    correlation = np.corrcoef(responses.layers["half_1"], responses.layers["half_2"])[0, 1]
    assert abs(correlation) < 0.1


def test_same_seed_same_bytes_also_backed(expression, tmp_path):
    write_h5ad(expression, tmp_path / "expression.h5ad")
    backed = read_h5ad(tmp_path / "expression.h5ad", backed="r")
    for test in ("t-test", "wilcoxon"):
        for name, source in (("one", expression), ("two", backed)):
            write_h5ad(summarise(source, test, np.random.default_rng(4)), tmp_path / f"{name}.h5ad")
        assert (tmp_path / "one.h5ad").read_bytes() == (tmp_path / "two.h5ad").read_bytes()


def test_a_single_cell_is_refused(expression):
    expression.obs["perturbation"] = expression.obs["perturbation"].cat.add_categories("Z")
    expression.obs.loc[expression.obs_names[~expression.obs["is_control"]][0], "perturbation"] = "Z"
    with pytest.raises(InputError, match="'Z' has fewer than 2 cells"):
        summarise(expression, "t-test", np.random.default_rng(0))


@pytest.mark.parametrize("test", ["t-test", "wilcoxon"])
def test_interferon_receptor_knock_outs_of_the_real_screen(data_root, test):
    """Papalexi 2021: without IFN-gamma signalling, its target genes fall."""
    cells = anndata.read_h5ad(data_root / "papalexi2021" / "cells.h5ad")
    chosen = cells.obs["target"].isin(["non-targeting", "STAT1", "IFNGR1", "CAV1"])
    cells = cells[chosen.to_numpy()].copy()
    cells.obs = pd.DataFrame(
        {
            "perturbation": cells.obs["target"].astype(str).replace("non-targeting", "control"),
            "is_control": cells.obs["target"] == "non-targeting",
            "total_umis": cells.obs["total_umis"],
        }
    )
    options = Preprocess(highly_variable_genes=None)
    expression, _ = preprocess(cells, options, "papalexi")
    responses = summarise(expression, test, np.random.default_rng(0))
    interferon = {"STAT1", "PSMB9", "UBE2L6", "JAK2", "STAT2", "STAT3", "TNFRSF14", "BTG1", "ANTXR1"}
    for knock_out in ("STAT1", "IFNGR1"):
        ranks = responses[knock_out].layers["de_rank"].ravel()
        top = list(responses.var_names[np.argsort(ranks)[:5]])
        assert set(top) <= interferon
        assert (responses[knock_out, ["STAT1", "PSMB9", "UBE2L6"]].X < -0.4).all()
    n_significant = responses.layers["de_significant"].sum(axis=1)
    weak = responses.obs_names.get_loc("CAV1")
    assert n_significant[weak] < 0.2 * n_significant.min(initial=10**6, where=np.arange(3) != weak)
