import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from perturbselect.config import Preprocess, Simulation
from perturbselect.data.preprocess import preprocess
from perturbselect.data.simulate import simulate
from perturbselect.data.simulated_network import draw_effects, draw_network
from perturbselect.data.summarise import summarise
from perturbselect.errors import InputError

OPTIONS = Simulation(
    perturbations=60, cells_per_perturbation=40, control_cells=400, genes=300, modules=8, depth=4000
)


@pytest.fixture(scope="module")
def screen():
    return simulate(OPTIONS, np.random.default_rng(0))


@pytest.fixture(scope="module")
def responses(screen):
    cells = screen.cells.copy()
    cells.obs["is_control"] = (cells.obs["perturbation"] == "control").to_numpy()
    expression, _ = preprocess(cells, Preprocess(), "simulated")
    return summarise(expression, "t-test", np.random.default_rng(0))


def test_form(screen):
    cells = screen.cells
    assert cells.shape == (60 * 40 + 400, 300)
    assert isinstance(cells.X, sp.csr_matrix)
    assert cells.X.dtype == np.int32
    assert cells.uns["simulated"] is True
    assert list(cells.obs.columns) == ["perturbation", "guide", "guide_umis", "guide_share"]
    assert cells.obs_names.is_unique
    assert cells.var_names.is_unique
    assert cells.var_names.str.startswith("MT-").sum() == 3
    assert (np.asarray(cells.X.sum(axis=0)).ravel() > 0).all()
    targets = set(cells.obs["perturbation"]) - {"control"}
    assert targets == set(screen.truth.index)
    assert targets <= set(cells.var_names)
    assert (cells.obs["perturbation"] == "control").sum() == 400
    assert cells.obs["guide"][cells.obs["perturbation"] == "control"].str.startswith("non-targeting_").all()
    pairs = cells.obs[cells.obs["perturbation"] != "control"]
    assert (pairs["guide"].str.rpartition("_g")[0] == pairs["perturbation"].astype(str)).all()
    assert cells.obs["guide_share"].between(0, 1).all()
    assert cells.obs["guide_umis"].min() >= 1


def test_same_generator_same_screen_other_generator_another(screen):
    again = simulate(OPTIONS, np.random.default_rng(0))
    assert (screen.cells.X != again.cells.X).nnz == 0
    pd.testing.assert_frame_equal(screen.cells.obs, again.cells.obs)
    pd.testing.assert_frame_equal(screen.gene2go, again.gene2go)
    pd.testing.assert_frame_equal(screen.interactions, again.interactions)
    other = simulate(OPTIONS, np.random.default_rng(1))
    assert (screen.cells.X != other.cells.X).nnz > 0


def test_counts_look_like_a_droplet_screen(screen):
    totals = np.asarray(screen.cells.X.sum(axis=1)).ravel()
    assert 0.75 < np.median(totals) / OPTIONS.depth < 1.25
    assert 0.2 < np.log(totals[totals > 1000]).std() < 0.6
    controls = screen.cells.X[(screen.cells.obs["perturbation"] == "control").to_numpy()].toarray()
    kept = controls.sum(axis=1) > 1500
    scaled = controls[kept] * (OPTIONS.depth / controls[kept].sum(axis=1, keepdims=True))
    mean, variance = scaled.mean(axis=0), scaled.var(axis=0)
    abundant = (mean > 5) & ~screen.cells.var_names.str.startswith("MT-")
    size = mean**2 / np.maximum(variance - mean * (OPTIONS.depth / controls[kept].sum(axis=1)).mean(), 1e-9)
    assert 3.5 < np.median(size[abundant]) < 8  # 5.3 in K562


def test_knock_down_lowers_the_target(screen, responses):
    own = np.array([responses[p, p].X.item() for p in responses.obs_names])
    efficacy = screen.guides.groupby("target")["efficacy"].mean()[responses.obs_names].to_numpy()
    assert (own[efficacy > 0.5] < 0).mean() > 0.95
    assert (
        screen.truth.to_numpy()[np.arange(60), screen.truth.columns.get_indexer(screen.truth.index)].max()
        <= -0.7
    )


def test_measured_responses_follow_the_truth(screen, responses):
    truth = screen.truth.loc[responses.obs_names, responses.var_names].to_numpy()
    strong = np.argsort(-(truth**2).sum(axis=1))[:20]
    assert np.corrcoef(truth[strong].ravel(), responses.X[strong].ravel())[0, 1] > 0.7


def test_inert_guides_do_nothing():
    options = OPTIONS.model_copy(
        update={"inert_guides": 0.3, "perturbations": 20, "cells_per_perturbation": 150}
    )
    screen = simulate(options, np.random.default_rng(3))
    inert = screen.guides[screen.guides["efficacy"] == 0]
    assert len(inert) == 18
    obs, names = screen.cells.obs, screen.cells.var_names
    depth = np.asarray(screen.cells.X.sum(axis=1)).ravel()
    share = screen.cells.X.multiply(1 / depth[:, None]).tocsr()
    control = np.asarray(share[(obs["perturbation"] == "control").to_numpy()].mean(axis=0)).ravel()

    def own_fold_changes(guides):
        folds = []
        for row in guides.itertuples():
            gene = names.get_loc(row.target)
            folds.append(share[(obs["guide"] == row.guide).to_numpy()][:, [gene]].mean() / control[gene])
        return np.median(folds)

    assert 0.85 < own_fold_changes(inert) < 1.15
    assert own_fold_changes(screen.guides[screen.guides["efficacy"] > 0.7]) < 0.5


def test_effects_are_heavy_tailed(screen):
    strength = np.sqrt((screen.truth.to_numpy() ** 2).sum(axis=1))
    assert strength.max() > 2 * np.median(strength)


def test_ontology_is_nested_and_incomplete(screen):
    table = screen.gene2go
    assert list(table.columns) == ["symbol", "go_id", "aspect", "type"]
    assert not table.duplicated(["symbol", "go_id"]).any()
    assert table["go_id"].str.fullmatch(r"GO:\d{7}").all()
    assert set(table["symbol"]) < set(screen.cells.var_names)
    level = table["go_id"].str[4:5].astype(int)
    sizes = table.groupby([level, "go_id"]).size().groupby(level=0).mean()
    assert sizes[1] > sizes[2] > sizes[4]


def test_interactions_form(screen):
    table = screen.interactions
    assert table["combined_score"].between(150, 1000).all()
    assert np.issubdtype(table["combined_score"].dtype, np.integer)
    assert (table["gene1"] != table["gene2"]).all()
    pairs = set(zip(table["gene1"], table["gene2"], strict=True))
    assert len(pairs) == len(table)
    assert not {(b, a) for a, b in pairs} & pairs
    degree = pd.concat([table["gene1"], table["gene2"]]).value_counts()
    assert degree.max() > 4 * degree.median()


def test_network_is_denser_within_modules():
    network = draw_network(400, 10, np.random.default_rng(0))
    matrix = network.interactions.tocoo()
    assert (network.interactions != network.interactions.T).nnz == 0
    assert not network.interactions.diagonal().any()
    assert set(np.unique(matrix.data)) == {-1.0, 1.0}
    assert (network.module[matrix.row] == network.module[matrix.col]).mean() > 0.6
    assert np.bincount(network.module, minlength=10).min() >= 2


def test_effects_are_alike_in_a_module_and_between_neighbours():
    network = draw_network(400, 10, np.random.default_rng(0))
    effects = draw_effects(network, np.arange(400), np.random.default_rng(1))
    effects[np.arange(400), np.arange(400)] = 0
    correlation = np.corrcoef(effects)
    same = network.module[:, None] == network.module[None, :]
    off_diagonal = ~np.eye(400, dtype=bool)
    adjacent = network.interactions.toarray() > 0
    within = correlation[same & off_diagonal].mean()
    between = correlation[~same].mean()
    assert within > between + 0.3
    assert correlation[adjacent & ~same].mean() > between + 0.02
    assert within < 0.9


def test_neighbours_predict_better_than_the_training_mean(screen, responses):
    """The point of the simulation: kernel ridge on shared GO terms beats the mean, not perfectly."""
    terms = pd.crosstab(screen.gene2go["symbol"], screen.gene2go["go_id"]).clip(upper=1)
    terms = terms.reindex(responses.obs_names, fill_value=0).to_numpy(float)
    shared = terms @ terms.T
    sizes = terms.sum(axis=1)
    kernel = shared / np.maximum(sizes[:, None] + sizes - shared, 1)
    rng = np.random.default_rng(0)
    explained = []
    for _ in range(8):
        order = rng.permutation(60)
        test, pool = order[:15], order[15:]
        mean = responses.X[pool].mean(axis=0)
        weights = np.linalg.solve(kernel[np.ix_(pool, pool)] + np.eye(45), responses.X[pool] - mean)
        predicted = mean + kernel[np.ix_(test, pool)] @ weights
        truth = responses.X[test]
        explained.append(1 - ((truth - predicted) ** 2).sum() / ((truth - mean) ** 2).sum())
    assert 0.1 < np.mean(explained) < 0.8


def test_tiny_screens_are_possible():
    options = Simulation(
        perturbations=4, cells_per_perturbation=4, control_cells=10, genes=20, modules=2, guides_per_target=1
    )
    for seed in range(5):
        screen = simulate(options, np.random.default_rng(seed))
        assert (np.asarray(screen.cells.X.sum(axis=0)).ravel() > 0).all()


def test_sizes_that_do_not_fit():
    with pytest.raises(InputError, match=r"50 perturbations.*genes: 50"):
        simulate(Simulation(perturbations=50, genes=50, modules=3), np.random.default_rng(0))
    with pytest.raises(InputError, match="modules: 25"):
        simulate(Simulation(perturbations=4, genes=40), np.random.default_rng(0))
