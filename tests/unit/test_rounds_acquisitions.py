"""Every acquisition: against its rule written out, and what it does where the rule says nothing."""

import dataclasses
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from perturbselect.errors import InputError
from perturbselect.rounds import ACQUISITIONS
from perturbselect.rounds.acquisition import Candidates
from perturbselect.rounds.engine.transforms import posterior

LABELLED, POOL, FEATURES = 6, 25, 8
NAMES = np.array([f"G{i:02d}" for i in range(LABELLED + POOL)])
ALL = sorted(ACQUISITIONS)
NO_MODEL = {"prior_only", "v_optimal_rounds"}
RANDOM = {"badge", "acs_fw", "kmeans", "typiclust"}  # their picks draw numbers beside the ties


def build(name, **options):
    needs = {
        "iterpert": {"priors": ["prior"]},
        "prior_only": {"priors": ["prior"]},
        "v_optimal_rounds": {"kernel": "prior", "universe": "pool"},
    }
    return ACQUISITIONS.build(name, needs.get(name, {}) | options)[1]


def candidates(features, labelled=LABELLED):
    factor = np.random.default_rng(8).normal(size=(len(features), 5))
    prior = pd.DataFrame(factor @ factor.T, NAMES[: len(features)], NAMES[: len(features)])
    names = NAMES[: len(features)]
    responses = factor[:labelled] @ np.random.default_rng(9).normal(size=(5, 7))
    return Candidates(
        names[:labelled], names[labelled:], {"effect": features}, {"prior": prior}, responses=responses
    )


@pytest.fixture
def screen():
    return candidates(np.random.default_rng(5).normal(size=(LABELLED + POOL, FEATURES)))


def split(screen):
    return screen.matrices("effect")


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", ALL)
def test_picks_are_different_members_of_the_pool_and_repeatable(name, screen):
    batch = build(name).acquire(screen, 7, rng())
    again = build(name).acquire(screen, 7, rng())
    assert len(set(batch.order)) == 7
    assert set(batch.order) <= set(range(POOL))
    assert (batch.order == again.order).all()
    assert (batch.gain == again.gain).all()
    assert batch.dry_after is None
    assert np.isfinite(batch.gain).all()
    assert (batch.tied >= 1).all()
    table = batch.table(screen.pool)
    assert list(table["gene"]) == list(screen.pool[batch.order])
    assert list(table["rank"]) == list(range(1, 8))
    assert set(table["decided_by"]) == {"criterion"}


@pytest.mark.parametrize("name", sorted(set(ALL) - RANDOM))
def test_without_ties_the_seed_decides_nothing(name, screen):
    first, second = (build(name).acquire(screen, 7, rng(seed)).order for seed in (1, 2))
    assert (first == second).all()


@pytest.mark.parametrize("name", sorted(RANDOM))
def test_random_acquisitions_vary_with_the_seed(name, screen):
    orders = {tuple(build(name).acquire(screen, 7, rng(seed)).order) for seed in range(5)}
    assert len(orders) > 1


@pytest.mark.parametrize("name", sorted(set(ALL) - NO_MODEL))
def test_picks_depend_on_the_features(name, screen):
    other = candidates(np.random.default_rng(6).normal(size=(LABELLED + POOL, FEATURES)))
    assert (build(name).acquire(screen, 7, rng()).order != build(name).acquire(other, 7, rng()).order).any()


@pytest.mark.parametrize("name", ALL)
def test_nothing_labelled_is_allowed(name):
    screen = candidates(np.random.default_rng(5).normal(size=(POOL, FEATURES)), labelled=0)
    batch = build(name).acquire(screen, POOL, rng())
    assert sorted(batch.order) == list(range(POOL))


@pytest.mark.parametrize("name", ALL)
def test_the_whole_pool_can_be_taken_and_not_more(name, screen):
    assert sorted(build(name).acquire(screen, POOL, rng()).order) == list(range(POOL))
    with pytest.raises(InputError, match=r"a batch of 26 .* from the 25 that are left; lower"):
        build(name).acquire(screen, POOL + 1, rng())
    with pytest.raises(InputError, match="a batch of 0"):
        build(name).acquire(screen, 0, rng())


@pytest.mark.parametrize("value", [0.0, 2.5])
@pytest.mark.parametrize("name", sorted(set(ALL) - NO_MODEL - {"iterpert"}))
def test_where_all_are_alike_the_rest_is_drawn_at_random(name, value):
    screen = candidates(np.full((LABELLED + POOL, FEATURES), value))
    batches = [build(name).acquire(screen, 6, rng(seed)) for seed in range(4)]
    assert len({tuple(batch.order) for batch in batches}) == 4
    for batch in batches:
        alike_but_certain = value != 0 and name in {"bald", "acs_fw", "bait", "batchbald", "badge"}
        if alike_but_certain:  # there is variance left, but all candidates tie at the first pick
            assert batch.tied[0] == POOL
            continue
        assert batch.dry_after == 0
        assert (batch.gain == 0).all()
        assert list(batch.tied) == [25, 24, 23, 22, 21, 20]
        assert set(batch.table(screen.pool)["decided_by"]) == {"fallback"}


@pytest.mark.parametrize("name", ["batchbald", "core_set", "lcmd", "badge", "iterpert", "prior_only", "bait"])
def test_copies_of_one_point_run_dry_once_it_is_chosen(name):
    points = np.random.default_rng(2).normal(size=(4, FEATURES))
    screen = candidates(np.vstack([np.zeros((1, FEATURES)), points[np.arange(20) % 4]]), labelled=1)
    kernel = screen.features["effect"] @ screen.features["effect"].T
    screen = Candidates(
        screen.labelled,
        screen.pool,
        screen.features,
        {"prior": pd.DataFrame(kernel, NAMES[:21], NAMES[:21])},
    )
    batch = build(name).acquire(screen, 9, rng())
    if name == "bait":  # noise: a second measurement of a point still tells something
        assert batch.dry_after is None
    else:
        assert batch.dry_after == 4
        assert sorted(batch.order[:4] % 4) == [0, 1, 2, 3]
        assert (batch.gain[4:] == 0).all()
        assert name == "badge" or (batch.tied[:4] == 5).all()  # a draw has no ties
        assert list(batch.table(screen.pool)["decided_by"]) == ["criterion"] * 4 + ["fallback"] * 5


@pytest.mark.parametrize("name", sorted(set(ALL) - NO_MODEL))
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_no_numbers_are_refused(name, value, screen):
    features = screen.features["effect"].copy()
    features[9, 2] = value
    broken = Candidates(screen.labelled, screen.pool, {"effect": features}, screen.priors)
    with pytest.raises(InputError, match=r"features: effect: .*'G09' \(1 in all\) are not finite"):
        build(name).acquire(broken, 3, rng())


def test_a_model_without_gradients_is_refused(screen):
    with pytest.raises(InputError, match=r"features: grad: the model gives no such features .*gives: effect"):
        build("badge", features="grad").acquire(screen, 3, rng())


def test_features_of_the_wrong_number_of_perturbations_are_refused(screen):
    short = Candidates(screen.labelled, screen.pool, {"effect": screen.features["effect"][:-1]})
    with pytest.raises(InputError, match="one row for each"):
        build("bald").acquire(short, 3, rng())


def test_bald_takes_the_largest_posterior_variances(screen):
    _, pool = posterior(*split(screen), 0.1)
    variance = (pool**2).sum(axis=1)
    batch = build("bald").acquire(screen, 5, rng())
    assert list(batch.order) == list(np.argsort(-variance)[:5])
    assert np.allclose(batch.gain, variance[batch.order])


def test_bald_takes_the_largest_variances_that_a_model_gives(screen):
    given = np.random.default_rng(3).uniform(size=(LABELLED + POOL, 4))
    seen = Candidates(screen.labelled, screen.pool, {"variance": given})
    batch = build("bald", features="variance").acquire(seen, 5, rng())
    assert list(batch.order) == list(np.argsort(-given[LABELLED:].sum(axis=1))[:5])
    blind = Candidates(screen.labelled, screen.pool, {"variance": np.zeros_like(given)})
    batch = build("bald", features="variance").acquire(blind, 5, rng())
    assert batch.dry_after == 0
    assert list(batch.order) == list(rng().permutation(POOL).argsort()[:5])


def test_batchbald_takes_the_largest_determinant_at_each_step(screen):
    _, pool = posterior(*split(screen), 0.1)
    batch = build("batchbald").acquire(screen, 5, rng())
    taken = []
    for pick, gain in zip(batch.order, batch.gain, strict=True):
        value = [
            np.linalg.det(pool[[*taken, i]] @ pool[[*taken, i]].T) if i not in taken else -1
            for i in range(POOL)
        ]
        assert pick == np.argmax(value)
        before = np.linalg.det(pool[taken] @ pool[taken].T) if taken else 1.0
        assert gain == pytest.approx(max(value) / before)
        taken.append(pick)


@pytest.mark.parametrize("features", [3, 60], ids=["few features", "features outnumber perturbations"])
def test_bait_takes_the_largest_fall_of_the_summed_variance(features):
    screen, sigma = candidates(np.random.default_rng(1).normal(size=(LABELLED + POOL, features))), 0.3
    batch = build("bait", sigma=sigma).acquire(screen, 6, rng())
    every = np.vstack(posterior(*split(screen), sigma))
    kernel = every @ every.T

    def summed_variance(taken):
        rows = [LABELLED + i for i in taken]
        inverse = np.linalg.inv(kernel[np.ix_(rows, rows)] + sigma**2 * np.eye(len(rows)))
        return np.trace(kernel) - np.trace(kernel[:, rows] @ inverse @ kernel[rows])

    taken = []
    for pick, gain in zip(batch.order, batch.gain, strict=True):
        after = [summed_variance([*taken, i]) if i not in taken else np.inf for i in range(POOL)]
        assert pick == np.argmin(after)
        before = summed_variance(taken) if taken else np.trace(kernel)
        assert gain == pytest.approx(before - min(after), rel=1e-6)
        taken.append(pick)


def test_core_set_takes_the_farthest_point_from_labelled_and_chosen(screen):
    labelled, pool = split(screen)
    batch, centres = build("core_set").acquire(screen, 6, rng()), list(labelled)
    for pick, gain in zip(batch.order, batch.gain, strict=True):
        nearest = [min(((x - c) ** 2).sum() for c in centres) for x in pool]
        assert pick == np.argmax(nearest)
        assert gain == pytest.approx(max(nearest))
        centres.append(pool[pick])


def test_lcmd_takes_the_farthest_point_of_the_largest_cluster(screen):
    labelled, pool = split(screen)
    batch, centres = build("lcmd").acquire(screen, 8, rng()), list(labelled)
    for pick in batch.order:
        distance = ((pool[:, None] - np.array(centres)) ** 2).sum(axis=2)
        owner, nearest = distance.argmin(axis=1), distance.min(axis=1)
        spread = np.bincount(owner, nearest, len(centres))
        assert pick == np.argmax(np.where(owner == spread.argmax(), nearest, -1))
        centres.append(pool[pick])
    assert (batch.order != build("core_set").acquire(screen, 8, rng()).order).any()


def test_lcmd_sketches_where_there_are_many_features():
    wide = candidates(np.random.default_rng(1).normal(size=(LABELLED + POOL, 900)))
    orders = [tuple(build("lcmd", sketch=4).acquire(wide, 8, rng(seed)).order) for seed in range(3)]
    assert len(set(orders)) == 3
    kept = [tuple(build("lcmd", sketch=900).acquire(wide, 8, rng(seed)).order) for seed in range(3)]
    assert len(set(kept)) == 1


def test_badge_draws_by_squared_distance():
    # Three far groups: k-means++ seeds fall into all three nearly always, uniform draws seldom.
    generator = np.random.default_rng(0)
    places = np.array([[0, 0], [100, 0], [0, 100]])[np.r_[[0] * 23, 1, 2]]
    points = places + generator.normal(size=(25, 2))
    screen = candidates(np.vstack([np.zeros((LABELLED, 2)), points]))
    together = [
        {0, 1, 2} == set(np.maximum(build("badge").acquire(screen, 3, rng(s)).order - 22, 0))
        for s in range(50)
    ]
    assert sum(together) > 45


def test_kmeans_takes_a_point_from_the_middle_of_each_cluster():
    generator = np.random.default_rng(0)
    group = np.repeat(np.arange(3), [9, 8, 8])
    points = 50 * np.eye(3)[group] + generator.normal(size=(POOL, 3))
    screen = candidates(np.vstack([np.zeros((LABELLED, 3)), points]))
    batch = build("kmeans").acquire(screen, 3, rng())
    expected = {
        int(rows[np.argmin(np.linalg.norm(points[rows] - points[rows].mean(axis=0), axis=1))])
        for rows in (np.flatnonzero(group == g) for g in range(3))
    }
    assert set(batch.order) == expected
    assert group[batch.order[0]] == 0


def test_typiclust_takes_typical_points_of_uncovered_clusters():
    generator = np.random.default_rng(0)
    group = np.repeat(np.arange(4), [7, 6, 6, 6])
    points = 80 * np.eye(4)[group] + generator.normal(size=(POOL, 4))
    labelled = 80 * np.eye(4)[[0] * LABELLED] + generator.normal(size=(LABELLED, 4))
    screen = candidates(np.vstack([labelled, points]))
    batch = build("typiclust", neighbours=3).acquire(screen, 3, rng())
    assert 0 not in group[batch.order]  # that cluster holds all that is measured
    labels = np.r_[[0] * LABELLED, group]
    every = np.vstack([labelled, points])
    single = Candidates(
        NAMES[:1], NAMES[1:8], {"effect": np.vstack([np.full(4, 1e3), points[7:13], points[7:8] + 500])}
    )
    batch = build("typiclust", neighbours=3).acquire(single, 1, rng())
    inside = every[labels == 1]
    distance = np.sort(np.linalg.norm(inside[:, None] - inside, axis=2), axis=1)[:, 1:4].mean(axis=1)
    assert batch.order[0] == np.argmin(distance)
    assert batch.gain[0] == pytest.approx(-distance.min())


def test_frank_wolfe_follows_the_rule_written_out():
    from perturbselect.rounds.acs_fw import frank_wolfe

    pool = np.random.default_rng(4).normal(size=(POOL, 6)) + 0.3
    batch, centre = frank_wolfe(pool, 6, rng()), np.zeros(6)
    norm = np.linalg.norm(pool, axis=1)
    for number, pick in enumerate(batch.order):
        score = pool @ (pool.sum(axis=0) - centre) / norm
        score[batch.order[:number]] = -np.inf
        assert pick == score.argmax()
        assert batch.gain[number] == pytest.approx(score.max())
        atom = norm.sum() / norm[pick] * pool[pick]
        steps = np.linspace(-1, 2, 3001)
        error = [np.linalg.norm(pool.sum(axis=0) - (1 - g) * centre - g * atom) for g in steps]
        best = steps[np.argmin(error)]
        exact = (atom - centre) @ (pool.sum(axis=0) - centre) / ((atom - centre) ** 2).sum()
        assert exact == pytest.approx(best, abs=1e-3)
        centre = (1 - exact) * centre + exact * atom


def test_ties_go_to_the_first_of_a_seeded_permutation():
    screen = candidates(np.vstack([np.zeros((LABELLED, POOL)), np.eye(POOL)]))
    for name in ("bald", "batchbald", "core_set", "lcmd", "bait"):
        batch = build(name).acquire(screen, 4, rng(9))
        priority = rng(9).permutation(POOL)
        assert list(batch.order) == list(np.argsort(priority)[:4]), name
        assert batch.tied[0] == POOL
        assert batch.tied[1] == POOL - 1


def test_iterpert_is_k_center_on_the_mean_of_max_normalised_kernels(screen):
    features, prior = screen.features["effect"], screen.priors["prior"].to_numpy()
    gram = features @ features.T
    kernel = (gram / gram.max() + prior / prior.max()) / 2
    diagonal = np.diagonal(kernel)
    distance = diagonal[:, None] + diagonal - 2 * kernel
    centres = list(range(LABELLED))
    for pick in build("iterpert").acquire(screen, 6, rng()).order:
        nearest = distance[LABELLED:, centres].min(axis=1)
        assert pick == nearest.argmax()
        centres.append(LABELLED + pick)


def test_prior_only_reads_no_model_and_rounds_change_nothing(screen):
    blind = Candidates(screen.labelled, screen.pool, {}, screen.priors)
    at_once = build("prior_only").acquire(blind, 6, rng())
    first = build("prior_only").acquire(blind, 3, rng())
    rest = np.setdiff1d(np.arange(POOL), first.order)
    then = Candidates(np.r_[blind.labelled, blind.pool[first.order]], blind.pool[rest], {}, blind.priors)
    second = build("prior_only").acquire(then, 3, rng())
    assert list(blind.pool[at_once.order]) == [*blind.pool[first.order], *then.pool[second.order]]


@pytest.mark.parametrize("name", ["iterpert", "prior_only", "v_optimal_rounds"])
def test_a_kernel_that_lacks_genes_is_refused_by_name(name, screen):
    kernel = screen.priors["prior"].drop(index=["G03", "G20"], columns=["G03", "G20"])
    short = dataclasses.replace(screen, priors={"prior": kernel})
    with pytest.raises(InputError, match=r"kernel 'prior' lacks 2 of 31 perturbations: G03, G20; give it"):
        build(name).acquire(short, 3, rng())


@pytest.mark.parametrize("name", ["iterpert", "prior_only"])
def test_a_kernel_that_is_not_there_is_named(name, screen):
    with pytest.raises(InputError, match="there is no kernel 'other'; known: prior"):
        build(name, priors=["other"]).acquire(screen, 3, rng())


def test_options_are_checked():
    with pytest.raises(InputError, match=r"acquisitions\.bald\.sigma"):
        ACQUISITIONS.build("bald", {"sigma": 0})
    with pytest.raises(InputError, match=r"acquisitions.mine.prior: unknown option; did you mean 'priors'"):
        ACQUISITIONS.build("mine", {"acquisition": "iterpert", "prior": ["go"]})
    with pytest.raises(InputError, match="unknown acquisition 'blad'; did you mean 'bald'"):
        ACQUISITIONS.build("blad", {})


def test_registry_imports_no_heavy_package():
    script = (
        "import sys; from perturbselect.rounds import ACQUISITIONS; list(ACQUISITIONS); "
        "print([m for m in ('torch', 'sklearn', 'scanpy', 'matplotlib') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env={"PYTHONPATH": "workflow"}
    )
    assert result.stdout.strip() == "[]", result.stderr
