"""What every job does around its work: keep a log and a record, and say plainly what is wrong."""

from __future__ import annotations

import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path

from perturbselect.errors import InputError
from perturbselect.records.record import recorded


class _Terminated(SystemExit):
    """SIGTERM came: leave the block as after an error, so that nothing half-written stays."""


def _terminate(*_: object) -> None:
    raise _Terminated(143)


@contextmanager
def logged(path: str) -> Iterator[None]:
    """Send all output to the log at `path`; end the process if the block fails.

    An `InputError` is shown as its message alone, on the terminal and in the
    log, and so are the end of memory and of the time allowed; anything else leaves its
    traceback in both. In a job of the workflow, what it read, wrote and cost is recorded
    (`perturbselect.records.record`).
    """
    # Snakemake gives its scripts this global; elsewhere there is no job to record.
    job = getattr(sys.modules["__main__"], "snakemake", None)
    terminal = sys.stderr
    signal.signal(signal.SIGTERM, _terminate)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", buffering=1) as log, redirect_stdout(log), redirect_stderr(log):
        try:
            with recorded(job) if job else nullcontext():
                yield
            return
        except InputError as error:
            code, message = 1, f"ERROR: {error}\n"
        except MemoryError as error:
            code, message = 1, f"ERROR: memory ran out ({error}); give the job more, or run fewer at once\n"
        except _Terminated:
            code, message = 143, "ERROR: ended by SIGTERM: past its time limit, or cancelled\n"
        except Exception:
            code, message = 1, traceback.format_exc()
        terminal.write(message)
        log.write(message)
    raise SystemExit(code)


@contextmanager
def effort() -> Iterator[dict[str, float]]:
    """Yield a dict that holds ``seconds`` of the block and ``peak_memory_mb`` of the process at its end."""
    found: dict[str, float] = {}
    start = time.perf_counter()
    yield found
    found["seconds"] = round(time.perf_counter() - start, 3)
    found["peak_memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
