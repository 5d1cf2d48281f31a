"""A comparison as text."""

import numpy as np
from comparison import Comparison, Run


def _pair(seconds: np.ndarray) -> str:
    """Wall and CPU seconds."""
    return " / ".join(f"{s:.3g}" if np.isfinite(s) else "never" for s in seconds)


def _rate(run: Run, step_seconds: np.ndarray, peak: dict[str, float]) -> str:
    """GFLOP per wall second and per CPU second, and the share of the peak that the latter is."""
    wall, cpu = run.facts["flop_per_step"] / step_seconds / 1e9
    return f"{wall:.1f} / {cpu:.1f} ({cpu / peak['cpu']:.0%})"


def table(comparison: Comparison, peak: dict[str, float], kept: bool) -> str:
    """Return the comparison of one screen, a line a quantity; pairs of seconds are wall / CPU."""
    peer, ours, mean = comparison.peer, comparison.ours, comparison.mean_test
    sizes = ", ".join(f"{count} {part}" for part, count in comparison.perturbations.items())
    target, own = peer.validation.min(), ours.validation.min()
    peer_step = peer.seconds[-1] / peer.steps[-1]
    our_step = np.array(ours.facts["step_s"])
    our_pass = ours.facts["perturbations"] / ours.facts["batch"]
    rows = [
        ("", "cell-gears", "ours", "training mean"),
        ("parameters", f"{peer.facts['parameters']:,}", f"{ours.facts['parameters']:,}", ""),
        (
            "seconds a pass over the data",
            _pair(peer_step * peer.facts["steps_per_epoch"]),
            _pair(our_step * our_pass),
            "",
        ),
        ("seconds a step", _pair(peer_step), _pair(our_step), ""),
        (
            "GFLOP/s (share of the peak)",
            _rate(peer, peer_step, peak),
            _rate(ours, our_step, peak),
            "",
        ),
        ("peak memory, GB", f"{peer.facts['peak_gb']:.2f}", f"{ours.facts['peak_gb']:.2f}", ""),
        ("validation MSE-DE20, least", f"{target:.4f}", f"{own:.4f}", f"{comparison.mean_validation:.4f}"),
        ("  after steps", str(peer.steps[peer.best]), str(ours.steps[ours.best]), ""),
        (
            "seconds to the peer's least",
            _pair(peer.seconds_until(target)),
            _pair(ours.seconds_until(target)),
            "",
        ),
        ("seconds to our least", _pair(peer.seconds_until(own)), _pair(ours.seconds_until(own)), ""),
    ]
    labels = ("test MSE", "test MSE-DE20", "test Pearson delta")
    for label, *values in zip(labels, peer.test[peer.best], ours.test[ours.best], mean, strict=True):
        rows.append((label, *(f"{value:.4f}" for value in values)))
    lines = [
        f"{comparison.shape}, seed {comparison.seed}: perturbations: {sizes}"
        + ("; the peer's run was kept" if kept else ""),
        *("{:30}{:>24}{:>24}{:>16}".format(*row).rstrip() for row in rows),
        "speed-up to the peer's least validation error: {:.1f} by wall, {:.1f} by CPU seconds".format(
            *comparison.speedup
        ),
        "ours, seconds: "
        + ", ".join(f"{name} {s:.2f}" for name, s in ours.facts["seconds_of_part"].items())
        + "; after 10, 20, 40, ... steps: "
        + ", ".join(f"{s:.1f}" for s in ours.seconds[:, 0]),
        "validation by step, peer: "
        + ", ".join(f"{s}: {e:.3f}" for s, e in zip(peer.steps, peer.validation, strict=True)),
        "validation by step, ours: "
        + ", ".join(f"{s}: {e:.3f}" for s, e in zip(ours.steps, ours.validation, strict=True)),
    ]
    if comparison.mean_validation <= target:
        lines.append(
            "The training mean, which costs nothing, is as good on validation as the peer ever gets:"
            " the speed-up says nothing here."
        )
    return "\n".join(lines) + "\n"
