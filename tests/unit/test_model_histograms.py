"""The models of distributions: tilts by hand, recovery on a simulated screen, floor and truth, bad input."""

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from small_study import check, small_study

from perturbselect.data.histograms import Histograms, as_shares, bin_values
from perturbselect.errors import InputError
from perturbselect.models.distribution.tilts import Base
from perturbselect.models.histogram_network import HistogramNetwork
from perturbselect.models.model import Knowledge
from perturbselect.models.training_histogram import TrainingHistogram
from perturbselect.scores.distributions import Distributions, energy_distance_of_histograms

torch = pytest.importorskip("torch")

from perturbselect.models.distribution.member import Member, Screen  # noqa: E402
from perturbselect.models.distribution.training import choose, distance, tilted  # noqa: E402

NAMES = np.array([f"g{i:02d}" for i in range(48)])
GENES = np.array([*NAMES[:20], *(f"x{i}" for i in range(20))])
TRAINED, CELLS, BINS = 32, 200, 20
SMALL = HistogramNetwork(kernel="prior", folds=3, hidden=8, steps=40, batch=256)


def screen(strength=1.0, seed=0):
    """Histograms whose tilts follow a kernel, the true shares behind them, and the kernel."""
    generator = np.random.default_rng(seed)
    features = generator.normal(size=(len(NAMES), 3))
    width = generator.uniform(0.1, 0.3, len(GENES))
    values = bin_values(width, BINS)
    shares = np.exp(-0.5 * (values / (width[:, None] * 5) - 1) ** 2)
    shares[:, 0] = generator.uniform(1, 8, len(GENES))
    base = Base.of(shares / shares.sum(axis=1, keepdims=True), values)
    effect = generator.normal(size=(3, len(GENES), 3)) * [0.4, 0.3, 0.1]
    tilts = strength * np.einsum("pf,fgj->pgj", features, effect)
    truth = base.shares * np.exp(np.einsum("pgj,gkj->pgk", tilts, base.directions))
    truth /= truth.sum(axis=2, keepdims=True)
    first, second = (generator.multinomial(CELLS // 2, truth).astype(np.uint32) for _ in range(2))
    histograms = Histograms(NAMES, GENES, width.astype(np.float32), first, second, first[0])
    kernel = pd.DataFrame(features @ features.T, index=NAMES, columns=NAMES)
    responses = np.sum(histograms.shares() * values, axis=2) - np.sum(base.shares * values, axis=1)
    everything = AnnData(
        responses.astype(np.float32), obs=pd.DataFrame(index=NAMES), var=pd.DataFrame(index=GENES)
    )
    return everything, histograms, truth, kernel


def rows_of(histograms, rows):
    return Histograms(
        NAMES[rows],
        GENES,
        histograms.width,
        histograms.first[rows],
        histograms.second[rows],
        histograms.control,
    )


def predict(made, model=SMALL, n=TRAINED, seed=0):
    everything, histograms, _, kernel = made
    known = Knowledge({}, {"prior": kernel}, rows_of(histograms, np.arange(n)))
    return model.predict(everything[:n].copy(), NAMES[TRAINED:], known, seed, "cpu")


def errors(made, shares):
    """Energy distance of each test perturbation to its cells."""
    test = rows_of(made[1], np.arange(TRAINED, len(NAMES)))
    return Distributions.beside(test, shares).each(energy_distance_of_histograms)


def test_directions_are_standardised_and_tilts_undo_small_changes():
    _, histograms, _, _ = screen()
    values = bin_values(histograms.width, BINS)
    base = Base.of(histograms.shares()[0], values)
    np.testing.assert_allclose(base.statistics(base.shares[None]), 0, atol=1e-12)
    squares = np.einsum("gk,gkj->gj", base.shares, base.directions**2)
    np.testing.assert_allclose(squares, 1, rtol=1e-6)
    wanted = np.random.default_rng(0).normal(size=(1, len(GENES), 3)) * 0.01
    to = tilted(*(torch.as_tensor(a) for a in (base.shares, base.directions, wanted[0])))[None].numpy()
    found = base.tilts(base.statistics(to))
    assert np.corrcoef(found.ravel(), wanted.ravel())[0, 1] > 0.9


def test_a_gene_that_is_never_seen_has_no_directions():
    base = Base.of(np.array([[1.0, 0, 0]]), np.zeros((1, 3)))
    assert not base.directions.any()
    assert np.isfinite(base.tilts(base.statistics(base.shares[None]))).all()


def test_the_loss_is_the_distance_that_is_scored():
    made = screen()
    shares, values = made[1].shares()[:2].astype(float), bin_values(made[1].width, BINS)
    steps = torch.as_tensor(np.diff(values, axis=1))
    loss = distance(torch.as_tensor(shares[0]), torch.as_tensor(shares[1]), steps).numpy()
    many = np.round(shares[1] * 1e9).astype(int)  # so many cells that there is no bias
    np.testing.assert_allclose(loss, energy_distance_of_histograms(shares[0], many, values), atol=1e-6)


def test_training_histogram_is_the_mean_over_the_measured():
    made = screen()
    predicted = predict(made, TrainingHistogram())
    expected = as_shares((made[1].first + made[1].second)[:TRAINED]).mean(axis=0)
    np.testing.assert_allclose(predicted.histograms[3], expected, rtol=1e-5)
    np.testing.assert_allclose(predicted.mean[5], made[0].X[:TRAINED].mean(axis=0), rtol=1e-5)


def test_recovers_histograms_better_than_the_floor_and_worse_than_the_truth():
    made = screen()
    network, floor = (predict(made, model).histograms for model in (SMALL, TrainingHistogram()))
    np.testing.assert_allclose(network.sum(axis=2), 1, rtol=1e-5)
    of_truth, of_network, of_floor = (errors(made, s).mean() for s in (made[2][TRAINED:], network, floor))
    assert abs(of_truth) < 0.05 * of_floor  # without bias
    assert of_truth < of_network < 0.5 * of_floor
    gap = errors(made, floor) - errors(made, network)
    assert (gap > 0).mean() > 0.8


def test_the_mean_response_follows_the_histogram():
    made = screen()
    predicted = predict(made)
    values = bin_values(made[1].width, BINS)
    training = TrainingHistogram().predict(
        made[0][:TRAINED],
        NAMES[TRAINED:],
        Knowledge(histograms=rows_of(made[1], np.arange(TRAINED))),
        0,
        "cpu",
    )
    change = np.sum((predicted.histograms - training.histograms) * values, axis=2)
    np.testing.assert_allclose(predicted.mean - training.mean, change, atol=1e-4)
    true = made[0].X[TRAINED:]
    assert np.corrcoef(predicted.mean.ravel(), true.ravel())[0, 1] > 0.8


def test_without_signal_it_is_the_floor():
    made = screen(strength=0.0)
    predicted, floor = predict(made), predict(made, TrainingHistogram())
    assert errors(made, predicted.histograms).mean() < 1.1 * errors(made, floor.histograms).mean() + 1e-4
    assert choose(-np.ones((2, 4, 9))) is None
    assert choose(np.stack([np.zeros((4, 9)), np.ones((4, 9))])) == (1, 0.25)
    mixed = np.zeros((1, 4, 9))
    mixed[0, 2, :2] = 1, -0.5  # rows that lose count as much as those that gain
    assert choose(mixed) == (0, 0.75)
    mixed[0, 2, 1] = -1
    assert choose(mixed) is None


@pytest.mark.parametrize("n", [1, 3, 4])
def test_few_measured(n):
    made = screen()
    predicted = predict(made, n=n)
    assert np.isfinite(predicted.histograms).all()
    if n < 4:
        np.testing.assert_array_equal(
            predicted.histograms, predict(made, TrainingHistogram(), n=n).histograms
        )


def test_the_same_seed_gives_the_same_bytes_and_another_does_not():
    made = screen()
    one, same, other = (predict(made, seed=seed).histograms for seed in (0, 0, 1))
    assert one.tobytes() == same.tobytes()
    assert one.tobytes() != other.tobytes()


def test_a_training_row_is_seen_without_itself():
    """The tilts that kernel ridge predicts of it are those of a fit to the other rows."""
    made = screen()
    values = bin_values(made[1].width, BINS)
    kernel = made[3].to_numpy()
    used = np.arange(20)
    member = Member(Screen.of(made[1].shares()[:TRAINED], values, kernel, 1.0, NAMES, GENES), used)
    rest = np.arange(1, 20)
    fit = type(member.fit).of(
        kernel[np.ix_(rest, rest)], member.base.statistics(made[1].shares()[rest]).reshape(19, -1), 1.0
    )
    expected = member.base.tilts(fit.predict(kernel[np.ix_([0], rest)]).reshape(1, len(GENES), 3))
    np.testing.assert_allclose(member.own_tilts[0], expected[0], atol=1e-5)


@pytest.mark.parametrize("model", [SMALL, TrainingHistogram()])
def test_without_histograms(model):
    made = screen()
    with pytest.raises(InputError, match="no histograms of cells"):
        model.predict(made[0][:TRAINED], NAMES[TRAINED:], Knowledge({}, {"prior": made[3]}), 0, "cpu")


def test_a_dataset_without_cells_is_refused_before_any_job(tmp_path):
    study = small_study(tmp_path)
    study["models"]["training_histogram"] = {}
    with pytest.raises(
        InputError, match=r"models\.training_histogram: .*datasets\.published is of type responses"
    ):
        check(study)
    study["datasets"]["published"]["prior_only"] = True
    check(study)


def test_it_does_not_train_between_rounds(tmp_path):
    study = small_study(tmp_path)
    study["datasets"]["published"]["prior_only"] = True
    study["models"]["training_histogram"] = {}
    study["strategies"]["kmeans"] = {"acquisition": "kmeans"}
    study["rounds"] = {"model": "training_histogram", "initial": 3, "batch": 3, "count": 2}
    study["budgets"] = [9]
    with pytest.raises(InputError, match=r"strategies\.kmeans: rounds\.model: 'training_histogram'"):
        check(study)
