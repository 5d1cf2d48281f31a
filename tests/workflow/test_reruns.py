"""What a change makes the workflow do again: that, and nothing else."""

import pytest
from mutations import MUTATIONS

# One of each kind; the other changes are slow tests, for their number.
FIRST = (
    *("nothing", "a fresh clone", "option of a strategy", "seed added", "budget added", "line in a strategy"),
    *("comment in a strategy", "new metric", "style of the figures", "upgrade of matplotlib"),
)


@pytest.mark.parametrize(
    "mutation",
    [
        pytest.param(mutation, id=mutation.name, marks=[] if mutation.name in FIRST else [pytest.mark.slow])
        for mutation in MUTATIONS
    ],
)
def test_exactly_what_depends_on_a_change_runs_again(copy_of_finished, mutation):
    mutation.change(copy_of_finished)
    assert copy_of_finished.planned() == mutation.jobs


def test_there_are_mutations_enough_and_each_has_a_name_of_its_own():
    names = {mutation.name for mutation in MUTATIONS}
    assert len(names) == len(MUTATIONS) >= 25
    assert names.issuperset(FIRST)


def test_a_deleted_selection_is_made_again_to_the_byte(copy_of_finished):
    """Asked for alone, nothing follows, since it is the same as before."""
    picks = "tiny/selections/random/split1.seed0.tsv"
    before = copy_of_finished.files(picks)
    (copy_of_finished.results / picks).unlink()
    assert copy_of_finished.jobs_run(f"results/{picks}") == {"select_random": 1}
    assert copy_of_finished.files(picks) == before
    assert copy_of_finished.planned() == {}


def test_another_copy_of_the_repository(copy_of_finished, own_repository):
    copy_of_finished.repository = own_repository
    assert copy_of_finished.planned() == {}


def test_the_profile_applies_in_another_folder(finished):
    """`rerun-triggers` and `max-checksum-file-size` stand there; the tests above need both."""
    printed = (finished.folder / "run.txt").read_text()
    assert f"Using workflow specific profile {finished.repository}/profiles/default" in printed
