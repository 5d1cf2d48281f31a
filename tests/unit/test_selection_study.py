"""The pieces of benchmarks/selection_study.py."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

from perturbselect.load_config import load_config
from perturbselect.models.kernel_ridge import KernelRidge
from perturbselect.models.model import Knowledge

NAMES = np.array([f"G{i:02d}" for i in range(80)])


@pytest.fixture
def study(repository, monkeypatch):
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    import study.contenders
    import study.factors
    import study.fast_ridge
    import study.prior_kernels
    import study.screens

    return study


@pytest.fixture
def screen(study):
    """A simulated screen whose kernel is the truth; no files."""
    generator = np.random.default_rng(0)
    features = generator.standard_normal((80, 10))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    kernel = pd.DataFrame(features @ features.T, index=NAMES, columns=NAMES)
    responses = features @ generator.standard_normal((10, 30)) + 0.3 * generator.standard_normal((80, 30))
    raw = study.screens.study_of("k562", "data")
    raw["strategies"] = {"random": {}, "v_optimal": {"kernel": "mix"}, "oracle": {"kernel": "mix"}}
    return study.screens.Screen(
        "simulated",
        load_config(raw, "simulated"),
        AnnData(responses.astype(np.float32), obs=pd.DataFrame(index=NAMES)),
        Knowledge(kernels={"mix": kernel, "nothing": pd.DataFrame(np.eye(80), index=NAMES, columns=NAMES)}),
    )


@pytest.mark.parametrize("name", ["k562", "rpe1", "k562_vectors", "adamson2016"])
def test_studies_are_accepted(study, name):
    config = load_config(study.screens.study_of(name, "data"), name)
    assert name in study.screens.SCREENS
    assert [key for key, dataset in config.datasets.items() if not dataset.prior_only] == [name]
    for model, plan in study.contenders.PLANS.items():
        assert model in config.models
        assert {*plan.strategies, *plan.left_out} <= {*config.strategies}


def test_all_strategies_of_the_registry_take_part(study):
    from perturbselect.selection import STRATEGIES

    entries = study.screens.study_of("k562", "data")["strategies"]
    assert {entry.get("strategy", label) for label, entry in entries.items()} == {*STRATEGIES}
    for label, entry in entries.items():
        STRATEGIES.build(label, entry)


def test_scores_are_kept_until_what_they_depend_on_changes(study, screen, monkeypatch, tmp_path):
    """A kernel's text makes those measure again that use it, as strategy or model; nobody else."""
    import selection_study

    asked = []
    monkeypatch.setattr(
        selection_study, "measured", lambda *about: asked.append(about[1:3]) or pd.DataFrame()
    )
    monkeypatch.setattr(selection_study, "read_tsv", lambda path: path)

    def measured(changed):
        config = screen.config.model_copy(update={"kernels": screen.config.kernels | changed})
        now = dataclasses.replace(screen, config=config)
        asked.clear()
        for model in ("kernel_ridge", "kernel_ridge_with_other"):
            for strategy in ("random", "v_optimal", "v_optimal_own"):
                selection_study.kept(tmp_path, now, model, strategy, 0, 2)
        return list(asked)

    everyone = measured({})
    assert len(everyone) == 6
    assert measured({}) == measured({"sized": "jaccard(go)"}) == []
    assert measured({"with_other": "jaccard(go)"}) == [
        ("kernel_ridge_with_other", strategy) for strategy in ("random", "v_optimal", "v_optimal_own")
    ]
    assert ("kernel_ridge_with_other", "v_optimal") in measured({"mix": "jaccard(go)"})


@pytest.mark.parametrize("n", [20, 60])
def test_fast_ridge_predicts_as_the_model_does(study, screen, n):
    training, test = screen.responses[NAMES[:n]].copy(), NAMES[n:]
    expected = KernelRidge("mix").predict(training, test, screen.knowledge, 0, "cpu").mean
    kernel = screen.knowledge.kernel("mix", NAMES)
    found = study.fast_ridge.predictions(kernel[:n, :n], np.asarray(training.X, np.float64), kernel[n:, :n])
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow
def test_the_factor_of_random_picks_is_about_one_and_of_good_ones_more(study, screen):
    contenders = study.contenders
    tables = []
    for number in range(6):
        tables += [contenders.measured(screen, "kernel_ridge", "random", number, 20)]
        again = contenders.measured(screen, "kernel_ridge", "random", 100 + number, 20)
        tables += [again.assign(strategy="again", split=number)]
        tables += [contenders.measured(screen, "kernel_ridge", "oracle", number, 1)]
    scores = pd.concat(tables, ignore_index=True)
    shares = scores["split"].nunique(), scores.loc[scores["strategy"] == "random", "budget"].nunique()
    assert shares == (6, len(screen.config.budgets) + len(contenders.FARTHER))

    saving = study.factors.factors(scores)
    saving = saving[saving["metric"] == "mse"]
    assert (saving["low"] <= saving["factor"]).all()
    assert (saving["factor"] <= saving["high"]).all()
    middle = saving[saving["budget"].isin(["20%", "30%", "40%", "60%"])].groupby("strategy")["factor"].mean()
    assert 0.6 < middle["again"] < 1.7  # other test sets: about as hard
    assert middle["oracle"] > 1.3
    area = study.factors.areas(scores, screen.config.budgets)
    assert set(area["n_budgets"]) == {len(screen.config.budgets)}
    relative = study.factors.relative_areas(scores, screen.config.budgets).loc["simulated", "kernel_ridge"]
    assert relative.loc["random", ["ratio", "low", "high"]].tolist() == [1, 1, 1]
    assert relative.loc["oracle", "high"] < 1
    text = study.factors.printed(
        saving, study.factors.relative_areas(scores, screen.config.budgets), screen.config.budgets
    )
    assert "(oracle)" in text
    assert "random" in text


def test_kernel_errors_tell_a_kernel_that_knows_from_one_that_does_not(study, screen):
    errors = study.prior_kernels.kernel_errors(screen, 2)
    assert errors["mix"] < 0.6
    assert errors["nothing"] == pytest.approx(1, abs=0.01)
