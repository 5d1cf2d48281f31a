"""Change a finished study in every way of ``tests/workflow/mutations.py``; compare what would run again.

``python benchmarks/reruns.py`` runs the tiny study of the tests (simulated) once, then plans it after each
change, in a copy of its own. It prints a line for each and, last, one line of JSON: ``mutations`` and how
many of them were ``exact``: the expected jobs of each rule, and no others. It fails if one was not.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "tests" / "workflow"), str(REPOSITORY / "workflow")]

from command_line import TINY, Workflow, copy_repository  # noqa: E402
from mutations import MUTATIONS, Mutation  # noqa: E402


def finished_study(folder: Path) -> Workflow:
    """Run the tiny study, from counts to report, with a copy of the repository."""
    folder.mkdir(parents=True)
    copy_repository(REPOSITORY, folder / "repository")
    (folder / "study").mkdir()
    workflow = Workflow(folder / "repository", folder / "study")
    shutil.copy(TINY, workflow.config)
    workflow.finish()
    return workflow


def difference(mutation: Mutation, finished: Workflow) -> dict[str, str]:
    """Rules with another number of jobs than expected: "expected → planned"."""
    with tempfile.TemporaryDirectory() as name:
        study = Path(name) / "study"
        shutil.copytree(finished.folder, study)
        workflow = Workflow(finished.repository, study)
        mutation.change(workflow)
        planned = workflow.planned()
    wanted = mutation.jobs
    rules = sorted(set(wanted) | set(planned))
    return {
        rule: f"{wanted.get(rule, 0)} → {planned.get(rule, 0)}"
        for rule in rules
        if wanted.get(rule, 0) != planned.get(rule, 0)
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("only", nargs="*", help="names of changes; default: all")
    only = parser.parse_args().only
    chosen = [mutation for mutation in MUTATIONS if not only or mutation.name in only]
    exact = 0
    with tempfile.TemporaryDirectory() as folder:
        finished = finished_study(Path(folder) / "finished")
        for mutation in chosen:
            wrong = difference(mutation, finished)
            exact += not wrong
            print(f"{mutation.name:36}{sum(mutation.jobs.values()):5} jobs  {wrong or 'exact'}", flush=True)
    print(json.dumps({"mutations": len(chosen), "exact": exact}))
    sys.exit(exact < len(chosen))


if __name__ == "__main__":
    main()
