"""The losses from moments against the mean over all pairings of cells and controls."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from perturbselect.models.neural.loss import Targets, direction, fourth_power, squared, targets_of  # noqa: E402

GENES = 6


@pytest.fixture
def screen():
    """Cells of three perturbations of different size, controls, and which genes are expressed."""
    generator = np.random.default_rng(3)
    controls = generator.gamma(1, 1, (8, GENES))
    cells = [generator.gamma(1 + u, 1, (count, GENES)) for u, count in enumerate((4, 7, 5))]
    expressed = generator.random((3, GENES)) < 0.7
    expressed[:, 0] = True
    delta = torch.from_numpy(generator.standard_normal((3, GENES))).requires_grad_()
    return controls, cells, expressed, delta


def responses(controls, cells):
    return [(y[:, None] - controls[None]).reshape(-1, GENES) for y in cells]


def targets_for(controls, cells, expressed, moments=True):
    m = [np.stack([(r**k).mean(axis=0) for r in responses(controls, cells)]) for k in (1, 2, 3, 4)]
    m = [torch.from_numpy(x) for x in m]
    return targets_of(m[0], tuple(m[1:]) if moments else None, torch.from_numpy(expressed).double())


def brute_force(controls, cells, expressed, delta, power):
    """1/conditions sum_p 1/(n_p |S_p|) sum over cells and genes in S_p, for every pairing."""
    total = 0
    for u, r in enumerate(responses(controls, cells)):
        for pair in torch.from_numpy(r):
            for g in np.flatnonzero(expressed[u]):
                total = total + (delta[u, g] - pair[g]) ** power / (len(r) * expressed[u].sum() * len(cells))
    return total


@pytest.mark.parametrize(("loss", "power"), [(fourth_power, 4), (squared, 2)])
def test_moment_loss_equals_the_mean_over_all_pairings(screen, loss, power):
    controls, cells, expressed, delta = screen
    measured = loss(delta, targets_for(controls, cells, expressed)).mean()
    expected = brute_force(controls, cells, expressed, delta, power)
    assert measured.item() == pytest.approx(expected.item(), rel=1e-6)
    (mine,) = torch.autograd.grad(measured, delta)
    (theirs,) = torch.autograd.grad(expected, delta)
    assert torch.allclose(mine, theirs, rtol=1e-6, atol=1e-9)


def test_squared_loss_without_moments_has_the_same_gradient(screen):
    controls, cells, expressed, delta = screen
    gradients = [
        torch.autograd.grad(squared(delta, targets_for(controls, cells, expressed, moments)).sum(), delta)[0]
        for moments in (True, False)
    ]
    assert torch.allclose(*gradients, rtol=1e-12, atol=1e-12)


def test_rows_are_those_perturbations(screen):
    controls, cells, expressed, delta = screen
    rows = torch.tensor([2, 0])
    chosen = targets_for(controls, [cells[2], cells[0]], expressed[[2, 0]])
    all_rows = targets_for(controls, cells, expressed).rows(rows)
    assert torch.allclose(fourth_power(delta[rows], all_rows), fourth_power(delta[rows], chosen))


def test_direction_has_a_gradient_towards_the_measured_side():
    targets = Targets(
        torch.tensor([[1.0, -1.0, 0.0]]),
        None,
        torch.full((1, 3), 1 / 3),
        torch.tensor([1.0, 0.5, 1.0]),
    )
    delta = torch.zeros(1, 3, requires_grad=True)
    loss = direction(delta, targets)
    assert loss.item() == pytest.approx((np.tanh(1) ** 2 + np.tanh(2) ** 2) / 3)
    loss.backward()
    assert delta.grad[0, 0] < 0 < delta.grad[0, 1]
    assert delta.grad[0, 2] == 0
    assert direction(targets.m1, targets).item() == 0
