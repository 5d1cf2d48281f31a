"""Run either side in a process of its own; the peer's runs are kept in a folder where one is given."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

from perturbselect.files import replacing

HERE = Path(__file__).parent
PEER_VERSION = "0.1.2"
# Both sides get these: a thread that waits for another one sleeps, so that CPU seconds count work.
THREADS = {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "passive"}


def peer_run(python: str, screen: Path, settings: dict[str, int], keep: Path | None) -> tuple[Path, bool]:
    """Return the peer's result on the screen in that folder, and whether it had been kept.

    Kept runs are named by a digest of the file that the peer reads and of the settings.
    """
    key = json.dumps({"cell-gears": PEER_VERSION, **THREADS, **settings}, sort_keys=True).encode()
    digest = hashlib.sha256((screen / "peer.h5ad").read_bytes() + key).hexdigest()[:16]
    result = (keep or screen) / f"{screen.name}.{digest}.npz"
    if result.exists():
        return result, True
    arguments = [text for name, value in settings.items() for text in (f"--{name}", str(value))]
    with replacing(result) as partial:
        driver = [python, "-W", "ignore", str(HERE / "run_gears.py")]
        _run([*driver, str(screen / "peer.h5ad"), str(partial), *arguments], screen / "peer.log")
    return result, False


def our_run(screen: Path, seed: int, coexpression: float) -> Path:
    """Return our result on the screen in that folder."""
    result = screen / "ours.npz"
    command = [sys.executable, str(HERE / "run_ours.py"), str(screen), str(result)]
    _run([*command, "--seed", str(seed), "--coexpression", str(coexpression)], screen / "ours.log")
    return result


def _run(command: list[str], log: Path) -> None:
    path = os.pathsep.join([str(HERE.parents[1] / "workflow"), os.environ.get("PYTHONPATH", "")])
    with log.open("w") as output:
        environment = os.environ | THREADS | {"PYTHONPATH": path}
        code = subprocess.run(command, stdout=output, stderr=output, env=environment).returncode
    if code:
        sys.exit(f"{' '.join(command)}\nstopped with exit code {code}:\n{log.read_text()[-3000:]}")
