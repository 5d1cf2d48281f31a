"""Jobs that a killed run left on a cluster; SLURM's commands are stubs (test_slurm.py has a real one)."""

import os

import pytest

from perturbselect.errors import InputError
from perturbselect.orphans import cancel, main

STUBS = {
    "squeue": 'cat "$QUEUE"',
    "scancel": 'echo "$@" >> "$CANCELLED"; for n in "$@"; do sed -i "/^$n|/d" "$QUEUE"; done',
}


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """Return the file of a queue: two jobs of a study, one of another study, one of another program."""
    (tmp_path / "study").mkdir()
    for name, body in STUBS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    queue = tmp_path / "queue"
    queue.write_text(
        f"11|perturbselect_a-1|{tmp_path}/study|rule_simulate|1\n"
        f"12|perturbselect_a-1|{tmp_path}/other|rule_split\n"
        f"13|assembly|{tmp_path}/study|(null)\n"
        f"14|perturbselect_b-2|{tmp_path}/study|rule_train_gears\n"
    )
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("QUEUE", str(queue))
    monkeypatch.setenv("CANCELLED", str(tmp_path / "cancelled"))
    return queue


def test_the_study_s_own_jobs_are_cancelled_and_no_others(queue, tmp_path, capsys):
    main(["--study", str(tmp_path / "study")])
    assert (tmp_path / "cancelled").read_text() == "11 14\n"
    assert [line.split("|")[0] for line in queue.read_text().splitlines()] == ["12", "13"]
    assert capsys.readouterr().out.splitlines() == [
        "cancelled 11 rule_simulate|1",
        "cancelled 14 rule_train_gears",
        f"2 jobs of {tmp_path / 'study'} were in the queue",
    ]
    assert cancel(tmp_path / "study") == []


def test_the_folder_may_be_where_one_is(queue, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path / "study")
    main([])
    assert (tmp_path / "cancelled").read_text() == "11 14\n"


def test_a_job_that_does_not_go_is_said(queue, tmp_path):
    (tmp_path / "scancel").write_text("#!/bin/sh\n")
    with pytest.raises(InputError, match="jobs 11, 14 are still in the queue"):
        cancel(tmp_path / "study", patience=0)


def test_slurm_s_own_words_are_passed_on(queue, tmp_path, monkeypatch):
    (tmp_path / "squeue").write_text("#!/bin/sh\necho 'cannot reach the controller' >&2; exit 1\n")
    with pytest.raises(InputError, match="squeue failed: cannot reach the controller"):
        cancel(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(SystemExit, match="there is no 'squeue'"):
        main([])
