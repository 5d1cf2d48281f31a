"""Picks as a driver makes them."""

from __future__ import annotations

import numpy as np

from perturbselect.selection.strategy import Picks


class Record:
    """The growing columns of a `Picks`."""

    def __init__(self) -> None:
        self.order: list[int] = []
        self.gain: list[float] = []
        self.tied: list[int] = []
        self.decided_by: list[str] = []

    def add(self, candidate: int, gain: float, tied: int, decided_by: str) -> None:
        """Note a pick."""
        self.order.append(int(candidate))
        self.gain.append(float(gain))
        self.tied.append(int(tied))
        self.decided_by.append(decided_by)

    def picks(
        self,
        *,
        gain: np.ndarray | None = None,
        zero_gain: np.ndarray | None = None,
        upper_bound: np.ndarray | None = None,
        stopped: str = "",
    ) -> Picks:
        """Return all picks; a gain given here replaces those noted, a bound not given is none."""
        gain = np.array(self.gain, dtype=np.float64) if gain is None else gain
        return Picks(
            order=np.array(self.order, dtype=np.int64),
            gain=gain,
            tied=np.array(self.tied, dtype=np.int64),
            decided_by=self.decided_by,
            zero_gain=gain == 0 if zero_gain is None else zero_gain,
            upper_bound=np.full(len(gain), np.nan) if upper_bound is None else upper_bound,
            stopped=stopped,
        )
