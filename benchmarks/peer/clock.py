"""A clock of wall and CPU seconds that can be stopped."""

import os
import signal
import time

import numpy as np


class Clock:
    """Wall and CPU seconds, while it runs."""

    def __init__(self) -> None:
        self.total = np.zeros(2)
        self.started: np.ndarray | None = None

    def start(self) -> None:
        """Go on."""
        self.started = np.array([time.perf_counter(), time.process_time()])

    def stop(self) -> None:
        """Pause; nothing happens if it does not run."""
        if self.started is not None:
            self.total += np.array([time.perf_counter(), time.process_time()]) - self.started
            self.started = None

    def pause_when_suspended(self) -> None:
        """Do not count the time for which the process is suspended by Ctrl-Z (SIGTSTP)."""

        def suspend(*_: object) -> None:
            began = time.perf_counter()
            os.kill(os.getpid(), signal.SIGSTOP)
            if self.started is not None:
                self.started[0] += time.perf_counter() - began

        signal.signal(signal.SIGTSTP, suspend)
