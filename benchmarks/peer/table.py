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


def _curve(run: Run) -> str:
    return ", ".join(f"{s}: {e:.3f}" for s, e in zip(run.steps, run.validation, strict=True))


def table(comparison: Comparison, peak: dict[str, float], kept: bool) -> str:
    """Return the comparison of one screen, a line a quantity; pairs are by wall / by CPU second.

    Tests of ours: the default training; the first that reaches the peer's least validation error;
    that of our least validation error; three networks (`members: 3`), each trained by default.
    """
    peer, ours, target = comparison.peer, comparison.ours, comparison.target
    often = comparison.peer_often
    peer_step = often.seconds[-1] / often.steps[-1]
    our_step = np.array(ours.facts["step_s"])
    prepared = np.array(ours.facts["prepare_s"])
    first = ours.first(target)
    at_first = np.full(3, np.nan) if first is None else ours.test[first]
    tests = np.stack([*comparison.tests, at_first, ours.test[ours.best]], axis=1)
    tests = np.column_stack([tests, comparison.together, comparison.mean_test])
    rows: list[tuple[str, ...]] = [
        ("", "cell-gears", "ours"),
        ("parameters", f"{peer.facts['parameters']:,}", f"{ours.facts['parameters']:,}"),
        (
            "a pass over the data, s",
            _pair(peer_step * peer.facts["steps_per_epoch"]),
            _pair(our_step * ours.facts["steps_per_pass"]),
        ),
        ("a step, s", _pair(peer_step), _pair(our_step)),
        ("GFLOP/s (share of the peak)", _rate(often, peer_step, peak), _rate(ours, our_step, peak)),
        ("peak memory, GB", f"{peer.facts['peak_gb']:.2f}", f"{ours.facts['peak_gb']:.2f}"),
        ("preparation, s", f"not counted ({peer.facts['prepare_s']:.0f})", _pair(prepared)),
        ("least validation MSE-DE20", f"{target:.4f}", f"{ours.validation.min():.4f}"),
        ("  after steps", str(peer.steps[peer.best]), str(ours.steps[ours.best])),
        ("peer's least reached, s", _pair(peer.seconds_until(target)), _pair(ours.seconds_until(target))),
        (
            "our least reached, s",
            _pair(peer.seconds_until(ours.validation.min())),
            _pair(ours.seconds[ours.best]),
        ),
        ("default training, s", "", _pair(ours.seconds[-1])),
        (f"{ours.facts['together']}, s", "", _pair(np.array(ours.facts["together_s"]))),
    ]
    sizes = ", ".join(f"{count} {part}" for part, count in comparison.perturbations.items())
    lines = [
        f"{comparison.shape}, seed {comparison.seed}: {sizes} perturbations"
        + ("; the peer's run was kept" if kept else ""),
        *("{:30}{:>24}{:>24}".format(*row).rstrip() for row in rows),
        ("{:18}" + "{:>16}" * 6).format(
            "test", "cell-gears", "ours", "ours, at first", "ours, at least", "three of ours", "training mean"
        ),
        *(
            ("{:18}" + "{:16.4f}" * 6).format(label, *values)
            for label, values in zip(("MSE", "MSE-DE20", "Pearson delta"), tests, strict=True)
        ),
        "speed-up to the peer's least validation error: {:.1f} by wall, {:.1f} by CPU seconds".format(
            *comparison.speedup
        ),
    ]
    factors = peer.seconds_until(target) / ours.seconds[-1]
    lines.append("  our default training as a whole: {:.1f}, {:.1f}".format(*factors))
    if first is not None:
        tried = ours.seconds[: first + 1].sum(axis=0) - first * prepared
        factors = peer.seconds_until(target) / tried
        lines.append("  with the shorter trainings tried before counted too: {:.1f}, {:.1f}".format(*factors))
    often_target = often.validation.min()
    factors = often.seconds_until(often_target) / ours.seconds_until(often_target)
    lines += [
        f"  to the least of the peer's looks every few steps ({often_target:.4f}, which the peer does not"
        + " keep): {:.1f}, {:.1f}".format(*factors),
        f"validation by step, peer's epochs: {_curve(peer)}",
        f"validation by step, ours: {_curve(ours)}",
    ]
    if comparison.mean_validation <= target:
        lines.append(
            "The training mean, at no cost, is as good on validation as the peer at its best: "
            "the speed-up to that says nothing."
        )
    lines.append(f"validation of the training mean: {comparison.mean_validation:.3f}")
    return "\n".join(lines) + "\n"
