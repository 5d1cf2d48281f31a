"""Our optimiser makes torch's steps."""

import subprocess
import sys

import pytest

pytest.importorskip("torch")

import torch

from perturbselect.models.neural.adam import Adam


def problem():
    """Two parameters, one of which has a gradient in every second step only."""
    generator = torch.Generator().manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in ((5, 3), (4,))]


def gradients(step, parameters):
    generator = torch.Generator().manual_seed(100 + step)
    for place, parameter in enumerate(parameters):
        gradient = torch.randn(parameter.shape, generator=generator)
        parameter.grad = None if place == 1 and step % 2 else gradient


@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_as_torch(weight_decay):
    ours, theirs = problem(), problem()
    adam = Adam(ours, weight_decay)
    reference = torch.optim.Adam(theirs, weight_decay=weight_decay, fused=True)
    for step in range(12):
        rate = 0.1 / (1 + step)
        gradients(step, ours)
        gradients(step, theirs)
        adam.step(rate)
        reference.param_groups[0]["lr"] = rate
        reference.step()
        for mine, its in zip(ours, theirs, strict=True):
            assert torch.equal(mine, its)


def test_goes_on_from_its_state():
    whole, halted = problem(), problem()
    first, second = Adam(whole, 0.1), Adam(halted, 0.1)
    for step in range(8):
        if step == 4:
            saved = second.state()
            second = Adam(halted, 0.1)
            second.restore(saved)
        for adam in (first, second):
            gradients(step, adam.parameters)
            adam.step(0.05)
    for mine, its in zip(whole, halted, strict=True):
        assert torch.equal(mine, its)


def test_a_step_does_not_import_the_compiler():
    """Three seconds of every short training."""
    code = (
        "import sys, torch; from perturbselect.models.neural.adam import Adam; "
        "p = torch.nn.Parameter(torch.ones(3)); p.grad = torch.ones(3); Adam([p]).step(0.1); "
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
