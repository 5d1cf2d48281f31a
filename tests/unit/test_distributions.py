"""Distances between distributions: against scipy and loops over cells, without bias, in scores."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy.stats import energy_distance, wasserstein_distance

from perturbselect.data.count_histograms import write_histograms
from perturbselect.data.histograms import HistogramFile, Histograms, as_shares, bin_values
from perturbselect.errors import InputError
from perturbselect.scores import score as scoring
from perturbselect.scores.distributions import (
    Distributions,
    energy_distance_of_cells,
    energy_distance_of_histograms,
    wasserstein_of_histograms,
)
from perturbselect.scores.score import Truth, ceiling, floor, score

GENES, BINS = 5, 12


@pytest.fixture
def pair():
    generator = np.random.default_rng(2)
    predicted = generator.dirichlet(np.ones(BINS), GENES)
    observed = generator.multinomial(30, np.ones(BINS) / BINS, GENES)
    return predicted, observed, bin_values(generator.uniform(0.1, 1, GENES), BINS)


def cells_of(counts, values):
    return np.repeat(values, counts)


def test_wasserstein_is_scipys(pair):
    predicted, observed, values = pair
    found = wasserstein_of_histograms(*pair)
    for g in range(GENES):
        expected = wasserstein_distance(values[g], values[g], predicted[g], observed[g])
        assert found[g] == pytest.approx(expected)


def test_energy_distance_is_scipys_but_for_the_bias(pair):
    predicted, observed, values = pair
    found = energy_distance_of_histograms(*pair)
    for g in range(GENES):
        squared = energy_distance(values[g], values[g], predicted[g], observed[g]) ** 2
        y = cells_of(observed[g], values[g])
        over_all = np.mean(np.abs(y[:, None] - y))
        over_different = np.abs(y[:, None] - y).sum() / (len(y) * (len(y) - 1))
        assert found[g] == pytest.approx(squared + over_all - over_different)


def test_of_two_samples_it_equals_loops_over_pairs_of_cells():
    generator = np.random.default_rng(0)
    counts = generator.integers(0, 4, (2, 1, BINS))
    values = bin_values(np.array([0.3]), BINS)
    found = energy_distance_of_histograms(
        as_shares(counts[0]).astype(float), counts[1], values, counts[0].sum()
    )
    x, y = (cells_of(c[0], values[0]) for c in counts)
    between = sum(abs(a - b) for a in x for b in y) / (len(x) * len(y))
    within = [
        sum(abs(z[i] - z[j]) for i in range(len(z)) for j in range(len(z)) if i != j)
        / (len(z) * (len(z) - 1))
        for z in (x, y)
    ]
    assert found[0] == pytest.approx(2 * between - sum(within), rel=1e-5)
    both = energy_distance_of_cells(x[:, None], y[:, None])
    assert both == pytest.approx(2 * between - sum(within))


def test_of_cells_in_several_genes_it_equals_loops():
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(6, 3)), generator.normal(size=(9, 3)) + 0.5

    def mean(a, b, same):
        norms = [
            np.linalg.norm(p - q) for i, p in enumerate(a) for j, q in enumerate(b) if not same or i != j
        ]
        return np.mean(norms)

    expected = 2 * mean(x, y, False) - mean(x, x, True) - mean(y, y, True)
    assert energy_distance_of_cells(x, y) == pytest.approx(expected)


@pytest.mark.parametrize("size", [4, 40])
def test_a_perfect_prediction_is_at_0_in_expectation_whatever_the_number_of_cells(size):
    generator = np.random.default_rng(3)
    genes = 4000
    truth = generator.dirichlet(np.ones(BINS), genes)
    values = bin_values(np.ones(genes), BINS)
    observed = np.array([generator.multinomial(size, row) for row in truth])
    other = np.array([generator.multinomial(size + 3, row) for row in truth])
    for predicted, cells in ((truth, None), (as_shares(other).astype(float), size + 3)):
        found = energy_distance_of_histograms(predicted, observed, values, cells)
        assert abs(found.mean()) < 4 * found.std() / np.sqrt(genes)
    assert wasserstein_of_histograms(truth, observed, values).mean() > 0.1  # which is why it has a ceiling


def test_with_one_observed_cell_it_is_undefined():
    counts = np.array([[0, 1, 0]])
    values = bin_values(np.ones(1), 3)
    assert np.isnan(energy_distance_of_histograms(as_shares(counts), counts, values)).all()
    assert wasserstein_of_histograms(as_shares(counts), counts, values)[0] == 0


def test_all_are_compared_with_the_second_half_of_the_cells():
    first, second = np.array([[[4, 0, 0]]]), np.array([[[0, 2, 0]]])
    measured = Histograms(np.array(["A"]), np.array(["g"]), np.ones(1), first, second, first[0])
    # Bins at 0, 0.5 and 1.5: the prediction is 1 away from the second half.
    predicted = np.array([[[0, 0, 1.0]]])
    assert Distributions.beside(measured, predicted).each(wasserstein_of_histograms).tolist() == [1]
    assert Distributions.beside(measured, predicted[0]).each(wasserstein_of_histograms).tolist() == [1]
    halves = Distributions.of_halves(measured)
    assert halves.each(wasserstein_of_histograms).tolist() == [0.5]
    assert halves.predicted_cells.tolist() == [4]


@pytest.fixture
def screen(tmp_path):
    """Cells of four perturbations and the control, their responses and histograms, test A and B."""
    generator = np.random.default_rng(4)
    labels = np.repeat(["control", "A", "B", "C", "D"], 40)
    shift = {"control": 0, "A": 1.0, "B": 2.0, "C": 1.2, "D": 1.8}
    cells = generator.gamma(2, size=(200, GENES)) + np.array([shift[label] for label in labels])[:, None]
    genes = pd.DataFrame(index=[f"G{g}" for g in range(GENES)])
    obs = pd.DataFrame(
        {"perturbation": labels, "is_control": labels == "control"}, index=[str(i) for i in range(200)]
    )
    write_histograms(AnnData(cells.astype(np.float32), obs, genes), generator, tmp_path / "h.h5")
    names = list("ABCD")
    means = np.array([cells[labels == name].mean(axis=0) - cells[:40].mean(axis=0) for name in names])
    responses = AnnData(means.astype(np.float32), obs=pd.DataFrame(index=names), var=genes)
    responses.layers["half_1"] = responses.layers["half_2"] = responses.X
    return responses, HistogramFile(tmp_path / "h.h5")


def predictions_of(responses, histograms, shares):
    return AnnData(
        responses["A"].X,
        obs=pd.DataFrame(index=["A"]),
        var=responses.var,
        obsm={"histograms": shares},
        uns={"dataset": "d", "model": "m"},
    )


def test_scores_of_predicted_histograms(screen, tmp_path):
    responses, histograms = screen
    truth, measured = Truth.of_split(responses, ["A"]), histograms.of(["A"])
    near, far = histograms.of(["C"]).shares(), histograms.of(["B"]).shares()
    values = {
        name: score(truth, predictions_of(responses, histograms, shares), histograms)
        .set_index("metric")["value"][["e_distance", "wasserstein"]]
        .to_numpy()
        for name, shares in (("near", near), ("far", far))
    }
    assert (values["near"] < values["far"]).all()
    expected = Distributions.beside(measured, near)
    assert values["near"][0] == expected.each(energy_distance_of_histograms)[0]
    without = score(truth, predictions_of(responses, histograms, near))
    assert not {"e_distance", "wasserstein"} & set(without["metric"])
    for broken in (near * np.nan, near * 0.9, near - 2 * near.max() * (np.arange(32) == 3)):
        with pytest.raises(InputError, match="no shares of cells"):
            score(truth, predictions_of(responses, histograms, broken), histograms)


def test_floors_and_ceiling_of_distributions(screen):
    responses, histograms = screen
    args = responses, ["A", "B"], "d", 0
    table = pd.concat([floor(*args, histograms), ceiling(*args, histograms)])
    mean = table.groupby(["model", "metric"])["value"].mean()
    for metric in ("e_distance", "wasserstein"):
        assert mean["split_half", metric] < mean["training_mean", metric] < mean["control_mean", metric]
    pool = histograms.of(["C", "D"])
    expected = Distributions.beside(histograms.of(["A", "B"]), pool.shares().mean(axis=0))
    assert mean["training_mean", "wasserstein"] == pytest.approx(
        expected.each(wasserstein_of_histograms).mean()
    )
    assert "wasserstein" not in set(floor(*args)["metric"])
    assert "wasserstein" not in set(ceiling(*args)["metric"])


def test_the_floor_reads_many_perturbations_at_once(screen, monkeypatch):
    """Each read opens the file: of the pool (B, C, D) two and one, and the test set twice (once a floor)."""
    responses, histograms = screen
    whole = floor(responses, ["A"], "d", 0, histograms)
    read, original = [], HistogramFile.of
    monkeypatch.setattr(
        HistogramFile, "of", lambda file, names: read.append(len(names)) or original(file, names)
    )
    monkeypatch.setattr(scoring, "AT_ONCE", 2)
    pd.testing.assert_frame_equal(floor(responses, ["A"], "d", 0, histograms), whole)
    assert sorted(read) == [1, 1, 1, 1, 2]
