"""Kill the tiny study with ``kill -9`` again and again; in the end it must be as an undisturbed run makes it.

``python benchmarks/kills.py``: a run is killed at a random moment (after some more jobs and a part of a
second), unlocked and started again, and so on; when a study is done before all kills are, another begins.
Every second kill hits one job only, the others the whole run. It prints a line for each kill and, last, one
line of JSON: ``kills``, how many of them ended in ``identical`` results, and ``repeated_finished_jobs``:
jobs that Snakemake had called finished and ran again all the same.
"""

import argparse
import json
import random
import re
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "tests" / "workflow"), str(REPOSITORY / "workflow")]

from command_line import TINY, Workflow, copy_repository, kill_all, measured_content  # noqa: E402

# Pages and report hold all that tables hold; the report itself has a date.
COMPARED = ("tables/*", "tiny/**/*", "simulations/**/*", "figures/**/*", "pages/*", "summary.txt")
MOST_JOBS = 8


def new_study(repository: Path, folder: Path) -> Workflow:
    """Make an empty folder with the tiny study's config."""
    folder.mkdir()
    workflow = Workflow(repository, folder)
    shutil.copy(TINY, workflow.config)
    return workflow


def jobs(log: str) -> tuple[set[str], set[str]]:
    """Return what a run's output says it started and finished, by the jobs' messages."""
    messages = dict(re.findall(r"^Job (\d+): (.+)$", log, re.M))
    finished = re.findall(r"Finished jobid: (\d+)", log)
    return set(messages.values()), {messages[number] for number in finished if number in messages}


def processes(run: int) -> list[psutil.Process]:
    """Return the jobs' own processes: those below a run that started no others."""
    try:
        below = psutil.Process(run).children(recursive=True)
        return [process for process in below if not process.children()]
    except psutil.NoSuchProcess:
        return []


def disturbed(workflow: Workflow, rng: random.Random, one_job: bool) -> tuple[bool, str]:
    """Run on, and kill at a random moment; return whether it was done before, and what the run printed."""
    wanted, delay = rng.randint(0, MOST_JOBS), rng.random()
    run = workflow.start(cores=2)
    log = workflow.folder / "run.log"
    try:
        while run.poll() is None:
            if len(re.findall("Finished jobid", log.read_text())) >= wanted and "\nJob " in log.read_text():
                time.sleep(delay)
                victims = processes(run.pid) if one_job else []
                if not victims:
                    break
                with suppress(psutil.NoSuchProcess):
                    rng.choice(victims).kill()
                run.wait()
            time.sleep(0.02)
        done = run.poll() == 0
    finally:
        kill_all(run)
    return done, log.read_text()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    asked = parser.parse_args()
    rng = random.Random(asked.seed)
    kills = identical = repeated = studies = 0
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        copy_repository(REPOSITORY, base / "repository")
        undisturbed = new_study(base / "repository", base / "undisturbed")
        undisturbed.finish()
        wanted = measured_content(undisturbed.files(*COMPARED))
        while kills < asked.kills:
            study = new_study(base / "repository", base / f"study{studies}")
            studies, own_kills, finished, done = studies + 1, 0, set(), False
            while not done:
                if any((study.folder / ".snakemake" / "locks").glob("*")):
                    study.finish("--unlock")
                if kills + own_kills < asked.kills:
                    one_job = bool((kills + own_kills) % 2)
                    done, printed = disturbed(study, rng, one_job)
                else:
                    done, printed = True, study.finish()
                started, newly = jobs(printed)
                again = finished & started
                repeated += len(again)
                finished |= newly
                if not done:
                    own_kills += 1
                    what = "one job" if one_job else "all"
                    count = f"{len(finished):4} finished, {sorted(again) or 'none'} repeated"
                    print(f"{kills + own_kills:4} {what:8}{count}", flush=True)
            patterns = ("results/**/.partial*", "results/**/*.checkpoint*", ".snakemake/scripts/*")
            left = [path for pattern in patterns for path in study.folder.glob(pattern)]
            same = measured_content(study.files(*COMPARED)) == wanted and not left
            print(
                f"study {studies}: {own_kills} kills, {'identical' if same else 'DIFFERENT'}, "
                f"{len(left)} stray files",
                flush=True,
            )
            kills += own_kills
            identical += own_kills * same
    print(json.dumps({"kills": kills, "identical": identical, "repeated_finished_jobs": repeated}))
    sys.exit(identical < kills or repeated > 0)


if __name__ == "__main__":
    main()
