"""Metrics against plain loops, hand-made cases, and the known defects of published metric code."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from scipy.stats import pearsonr

from perturbselect.errors import InputError
from perturbselect.scores import metrics
from perturbselect.scores.metrics import METRICS, strongest_genes
from perturbselect.scores.runs import run_scores
from perturbselect.scores.score import Truth, ceiling, floor, score

P, G = 7, 60
OF_VARIANCE = {"calibration", "error_to_variance"}
OF_CELLS = {"e_distance", "wasserstein"}  # test_distributions.py


@pytest.fixture
def data():
    generator = np.random.default_rng(4)
    true = generator.normal(size=(P, G))
    predicted = 0.4 * true + 0.5 * generator.normal(size=(P, G)) + 0.2
    order = np.argsort(np.argsort(-np.abs(true), axis=1), axis=1)
    return {
        "true": true,
        "predicted": predicted,
        "de_rank": order.astype(np.uint16),
        "de20": strongest_genes(order),
        "pool_mean": generator.normal(size=G) * 0.3,
        "significant": (np.abs(true) > 1).astype(np.uint8),
        "variance": generator.uniform(0.1, 2, size=(P, G)),
    }


def loop(name, d):
    """The formulas of the design note, one perturbation and gene at a time."""
    values = []
    for p in range(P):
        y, q, m = d["true"][p], d["predicted"][p], d["pool_mean"]
        de = [g for g in range(G) if d["de_rank"][p, g] < 20]
        if name in ("mse", "rmse"):
            value = sum((a - b) ** 2 for a, b in zip(q, y, strict=True)) / G
            value = value**0.5 if name == "rmse" else value
        elif name == "mse_de20":
            value = sum((q[g] - y[g]) ** 2 for g in de) / 20
        elif name == "mae":
            value = sum(abs(a - b) for a, b in zip(q, y, strict=True)) / G
        elif name == "pearson_delta":
            value = pearsonr(q, y).statistic
        elif name == "pearson_delta_de20":
            value = pearsonr(q[de], y[de]).statistic
        elif name == "pearson_delta_perturbed_ref":
            value = pearsonr(q - m, y - m).statistic
        elif name == "r2_delta":
            value = 1 - sum((q - y) ** 2) / sum(y**2)
        elif name == "direction_accuracy":
            value = sum((q[g] > 0) == (y[g] > 0) for g in de) / 20
        elif name == "centroid_accuracy":
            own = np.linalg.norm(q - y)
            others = [np.linalg.norm(q - d["true"][o]) for o in range(P) if o != p]
            value = sum(1.0 if other > own else 0.5 if other == own else 0.0 for other in others) / (P - 1)
        elif name == "de_overlap":
            wanted = set(np.flatnonzero(d["significant"][p]))
            top = sorted(range(G), key=lambda g: -abs(q[g]))[: len(wanted)]
            value = len(wanted & set(top)) / len(wanted)
        elif name == "calibration":
            half = 1.6448536269514722 * np.sqrt(d["variance"][p])
            value = sum(q[g] - half[g] <= y[g] <= q[g] + half[g] for g in range(G)) / G
        elif name == "error_to_variance":
            value = sum((a - b) ** 2 for a, b in zip(q, y, strict=True)) / sum(d["variance"][p])
        values.append(value)
    return np.array(values)


@pytest.mark.parametrize(
    "name", [n for n, m in METRICS.items() if m.level == "perturbation" and n not in OF_CELLS]
)
def test_metric_equals_loop(data, name):
    metric = METRICS[name]
    value = metric.function(data["predicted"], data["true"], *(data[need] for need in metric.needs))
    assert value.shape == (P,)
    np.testing.assert_allclose(value, loop(name, data), atol=1e-12)


def test_set_metrics_equal_loops(data):
    true, predicted, mean = data["true"], data["predicted"], data["pool_mean"]
    error = sum((predicted[p, g] - true[p, g]) ** 2 for p in range(P) for g in range(G))
    total = sum((mean[g] - true[p, g]) ** 2 for p in range(P) for g in range(G))
    assert metrics.explained_variance(predicted, true, mean) == pytest.approx(1 - error / total)
    ratios = [np.std(predicted[:, g]) / np.std(true[:, g]) for g in range(G)]
    assert metrics.spread_ratio(predicted, true) == pytest.approx(np.mean(ratios))


@pytest.mark.parametrize("name", sorted(set(METRICS) - OF_VARIANCE - OF_CELLS))  # their ideal is no error's
def test_perfect_prediction_reaches_the_ideal(data, name):
    metric = METRICS[name]
    data["significant"] = (data["de_rank"] < 9).astype(np.uint8)  # the 9 largest, so that overlap is whole
    value = metric.function(data["true"], data["true"], *(data[need] for need in metric.needs))
    np.testing.assert_allclose(value, metric.ideal, atol=1e-12)


def test_calibration_covers_ninety_percent_of_its_own_noise():
    generator = np.random.default_rng(1)
    variance = generator.uniform(0.5, 2, size=(20, 2000))
    true = generator.normal(size=variance.shape) * np.sqrt(variance)
    assert metrics.calibration(np.zeros_like(true), true, variance).mean() == pytest.approx(0.9, abs=0.01)
    assert metrics.error_to_variance(np.zeros_like(true), true, variance).mean() == pytest.approx(1, abs=0.02)
    assert np.isnan(metrics.error_to_variance(true, true, np.zeros_like(true))).all()


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_docstrings_say_range_and_source(metric):
    text = metric.function.__doc__
    assert "Range" in text
    assert "Source:" in text


def test_hand_made_values():
    predicted, true = np.array([[1.0, 0.0, 0.0, 2.0]]), np.array([[2.0, 0.0, -1.0, 2.0]])
    assert metrics.mse(predicted, true)[0] == 0.5
    assert metrics.mae(predicted, true)[0] == 0.5
    assert metrics.r2_delta(predicted, true)[0] == pytest.approx(1 - 2 / 9)
    # Gene 1 has no true direction and is left out; a predicted 0 is wrong in gene 2.
    assert metrics.direction_accuracy(predicted, true, np.array([[0, 1, 2, 3]]))[0] == pytest.approx(2 / 3)
    # 2 significant genes (0 and 2); the two largest predictions are genes 3 and 0.
    assert metrics.de_overlap(predicted, true, np.array([[1, 0, 1, 0]]))[0] == 0.5


def test_no_absolute_value_of_responses(data):
    flipped = -data["true"]
    assert np.allclose(metrics.pearson_delta(flipped, data["true"]), -1)
    assert np.all(metrics.direction_accuracy(flipped, data["true"], data["de20"]) == 0)
    assert np.all(metrics.centroid_accuracy(flipped, data["true"]) < 0.5)


def test_ties_count_half_in_any_order(data):
    true, significant = data["true"], data["significant"]
    same = np.tile(true.mean(axis=0), (P, 1))
    assert metrics.centroid_accuracy(same, true).mean() == pytest.approx(0.5)
    twins = np.tile(true[:1], (P, 1))  # all truths alike: every distance ties
    np.testing.assert_array_equal(metrics.centroid_accuracy(data["predicted"], twins), 0.5)
    # No response predicted: all genes tie, whatever their order.
    zero = np.zeros_like(true)
    expected = significant.sum(axis=1) / G
    np.testing.assert_allclose(metrics.de_overlap(zero, true, significant), expected)
    shuffled = np.random.default_rng(0).permutation(G)
    coarse = np.round(data["predicted"])
    np.testing.assert_allclose(
        metrics.de_overlap(coarse, true, significant),
        metrics.de_overlap(coarse[:, shuffled], true, significant[:, shuffled]),
    )


def test_undefined_correlations(data):
    true, mean = data["true"], data["pool_mean"]
    flat = np.full((P, G), 0.3)
    assert np.isnan(metrics.pearson_delta(flat, true)).all()
    assert np.isnan(metrics.pearson_delta_perturbed_ref(np.tile(mean, (P, 1)), true, mean)).all()
    rounded = np.tile(mean.astype(np.float32).astype(float), (P, 1))  # equal up to float32
    assert np.isnan(metrics.pearson_delta_perturbed_ref(rounded, true, mean)).all()
    assert np.isnan(metrics.de_overlap(true, true, np.zeros((P, G)))).all()
    assert np.isnan(metrics.centroid_accuracy(true[:1], true[:1])).all()


def test_strongest_genes_with_fewer_than_twenty():
    assert strongest_genes(np.array([[2, 0, 1], [1, 2, 0]])).tolist() == [[0, 1, 2], [0, 1, 2]]
    assert strongest_genes(np.array([[2, 0, 1], [1, 2, 0]]), 2).tolist() == [[1, 2], [0, 2]]


TEST = [f"P{i:02}" for i in range(P)]


@pytest.fixture
def screen(data):
    """Responses of 7 test and 5 further perturbations, and predictions of the test ones."""
    generator = np.random.default_rng(9)
    names = [f"P{i:02}" for i in range(P + 5)]
    response = np.vstack([data["true"], generator.normal(size=(5, G))]).astype(np.float32)
    rank = np.argsort(np.argsort(-np.abs(response), axis=1), axis=1).astype(np.uint16)
    genes = pd.DataFrame(index=[f"G{g}" for g in range(G)])
    responses = AnnData(response, obs=pd.DataFrame(index=names), var=genes)
    responses.layers["de_rank"] = rank
    responses.layers["de_significant"] = (np.abs(response) > 1).astype(np.uint8)
    for half in ("half_1", "half_2"):
        responses.layers[half] = response + generator.normal(size=response.shape, scale=0.1).astype(
            np.float32
        )
    shuffled = [names[i] for i in (3, 0, 6, 1, 5, 2, 4)]
    predictions = AnnData(
        data["predicted"][[3, 0, 6, 1, 5, 2, 4]].astype(np.float32),
        obs=pd.DataFrame(index=shuffled),
        var=genes,
        uns={
            "dataset": "d",
            "model": "m",
            "strategy": "s",
            "split": 0,
            "seed": 1,
            "budget": "40",
            "n_selected": 40,
            "simulated": True,
        },
    )
    return responses, predictions


def test_score_matches_rows_by_name(data, screen):
    table = score(Truth.of_split(screen[0], TEST), screen[1])
    mse = table[table["metric"] == "mse"].set_index("perturbation")["value"].sort_index()
    np.testing.assert_allclose(mse, loop("mse", data), rtol=1e-5)
    assert set(table["metric"]) == set(METRICS) - OF_VARIANCE - OF_CELLS
    assert table["undefined"].sum() == 0
    assert table.loc[table["metric"] == "spread_ratio", "perturbation"].isna().all()
    assert (table["n_selected"] == 40).all()
    assert (table["budget"] == "40").all()


def test_the_reference_is_the_mean_of_the_pool_whatever_was_measured(data, screen):
    """Another reference for each selection would reward picks that are far from the pool's mean."""
    responses, predictions = screen
    reference = {**data, "pool_mean": responses.X[P:].mean(axis=0).astype(np.float64)}
    table = score(Truth.of_split(responses, TEST), predictions).set_index("metric")["value"]
    expected = metrics.explained_variance(data["predicted"], data["true"], reference["pool_mean"])
    assert table["explained_variance"] == pytest.approx(expected, rel=1e-5)
    found = np.sort(table["pearson_delta_perturbed_ref"].to_numpy())
    np.testing.assert_allclose(found, np.sort(loop("pearson_delta_perturbed_ref", reference)), rtol=1e-4)
    predictions.var["training_mean"] = 7.0  # of the picks: plays no part
    again = score(Truth.of_split(responses, TEST), predictions).set_index("metric")["value"]
    pd.testing.assert_series_equal(again, table)


def test_score_uses_the_variance_if_there_is_one(screen):
    responses, predictions = screen
    predictions.layers["variance"] = np.full(predictions.shape, 1e6, dtype=np.float32)
    table = score(Truth.of_split(responses, TEST), predictions)
    assert (table.loc[table["metric"] == "calibration", "value"] == 1).all()
    ratio, mse = (table.loc[table["metric"] == name, "value"] for name in ("error_to_variance", "mse"))
    np.testing.assert_allclose(mse.to_numpy() / ratio.to_numpy(), 1e6, rtol=1e-6)
    said = table[table["metric"] == "predicted_variance"]
    assert said["perturbation"].tolist() == list(TEST)
    assert (said["value"] == 1e6).all()
    assert "predicted_variance" not in set(run_scores([table])["metric"])  # it is no metric


def test_undefined_correlations_are_zero_and_counted(screen):
    responses, predictions = screen
    predictions.X = np.tile(responses.X[P:].mean(axis=0), (P, 1))
    table = score(Truth.of_split(responses, TEST), predictions)
    chosen = table[table["metric"] == "pearson_delta_perturbed_ref"]
    assert (chosen["value"] == 0).all()
    assert chosen["undefined"].sum() == P
    assert table.loc[table["metric"] == "mse", "undefined"].sum() == 0


def test_other_undefined_values_are_missing(screen):
    responses, predictions = screen
    responses.layers["de_significant"][:] = 0
    chosen = score(Truth.of_split(responses, TEST), predictions).query("metric == 'de_overlap'")
    assert chosen["value"].isna().all()
    assert chosen["undefined"].all()


def test_controls_predicted_or_measured_do_not_enter(screen):
    """Neither a prediction of control nor the control's mean changes a score."""
    responses, predictions = screen
    before = score(Truth.of_split(responses, TEST), predictions)
    responses.var["control_mean"] = 5.0
    predictions.var["control_mean"] = 1.0
    pd.testing.assert_frame_equal(score(Truth.of_split(responses, TEST), predictions), before)


def test_floor(screen):
    responses, _ = screen
    test = list(responses.obs_names[:P])
    table = floor(responses, test, "d", 2)
    assert set(table["model"]) == {"control_mean", "training_mean"}
    value = table.groupby(["model", "metric"])["value"].mean()
    assert value["control_mean", "r2_delta"] == 0
    assert value["training_mean", "explained_variance"] == pytest.approx(0)
    assert value["training_mean", "pearson_delta_perturbed_ref"] == 0
    expected = np.mean((responses.X[:P] - responses.X[P:].mean(axis=0)) ** 2)
    assert value["training_mean", "mse"] == pytest.approx(expected, rel=1e-5)
    assert table["strategy"].isna().all()
    assert table["budget"].isna().all()
    assert (table["split"] == 2).all()


def test_ceiling(screen):
    responses, _ = screen
    test = list(responses.obs_names[:P])
    table = ceiling(responses, test, "d", 0)
    assert set(table["model"]) == {"split_half"}
    mse = table.loc[table["metric"] == "mse", "value"].mean()
    assert mse == pytest.approx(0.02, rel=0.2)  # two halves, each with noise of variance 0.01
    del responses.layers["half_1"]
    assert ceiling(responses, test, "d", 0).empty


def test_bad_predictions_are_refused(screen):
    responses, predictions = screen
    broken = predictions.copy()
    broken.X[2, 5] = np.nan
    with pytest.raises(InputError, match="'P06' in gene 'G5' is nan"):
        score(Truth.of_split(responses, TEST), broken)
    for value in (np.nan, np.inf):
        broken = predictions.copy()
        broken.layers["variance"] = np.ones(broken.shape, np.float32)
        broken.layers["variance"][1, 7] = value
        with pytest.raises(InputError, match=f"predicted variance of .* 'P00' in gene 'G7' is {value}"):
            score(Truth.of_split(responses, TEST), broken)
    with pytest.raises(InputError, match="gene 'G59' stands only in one"):
        score(Truth.of_split(responses, TEST), predictions[:, :-1])
    with pytest.raises(InputError, match="their order differs"):
        score(Truth.of_split(responses, TEST), predictions[:, ::-1])
    with pytest.raises(InputError, match="perturbation 'P00'"):
        score(Truth.of_split(responses[1:], TEST), predictions)
    with pytest.raises(InputError, match="there are none"):
        score(Truth.of_split(responses, TEST), predictions[:0])
    for rows in ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5, 5]):
        with pytest.raises(
            InputError, match=r"not the split's test perturbations .*'P04' stands only in one"
        ):
            score(Truth.of_split(responses, TEST), predictions[rows])
    with pytest.raises(InputError, match="stand there twice"):
        score(Truth.of_split(responses, TEST), predictions[[0, 1, 2, 3, 4, 5, 6, 6]])
