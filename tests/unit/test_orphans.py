"""Jobs that a killed run left on a cluster; SLURM's commands are stubs (test_slurm.py has a real one)."""

import os

import pytest

from perturbselect.errors import InputError
from perturbselect.orphans import cancel, main

STUBS = {
    "squeue": 'cat "$QUEUE"',
    "scancel": 'echo "$@" >> "$CANCELLED"; for n in "$@"; do sed -i "/^$n\t/d" "$QUEUE"; done',
}


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """Return the file of a queue: two jobs of a study, two of other studies, one of another program."""
    (tmp_path / "study").mkdir()
    for name, body in STUBS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    queue = tmp_path / "queue"
    jobs = [
        ("11", "perturbselect_a-1", f"{tmp_path}/study", "rule_simulate|1"),
        ("12", "perturbselect_a-1", f"{tmp_path}/other", "rule_split"),
        ("13", "assembly", f"{tmp_path}/study", "(null)"),
        ("14", "perturbselect_b-2", f"{tmp_path}/study", "rule_train_gears"),
        ("15", "perturbselect_c-3", f"{tmp_path}/one|two", "rule_split"),
    ]
    queue.write_text("".join("\t".join(job) + "\n" for job in jobs))
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("QUEUE", str(queue))
    monkeypatch.setenv("CANCELLED", str(tmp_path / "cancelled"))
    return queue


def test_the_study_s_own_jobs_are_cancelled_and_no_others(queue, tmp_path, capsys):
    main(["--study", str(tmp_path / "study")])
    assert (tmp_path / "cancelled").read_text() == "11 14\n"
    assert [line.split("\t")[0] for line in queue.read_text().splitlines()] == ["12", "13", "15"]
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


def test_a_folder_with_a_bar_in_its_name(queue, tmp_path):
    assert [job.number for job in cancel(tmp_path / "one|two")] == ["15"]


def test_a_job_that_ends_by_itself_meanwhile_is_no_failure(queue, tmp_path, monkeypatch):
    """Then scancel fails, but cancels the other jobs."""
    monkeypatch.setenv("WORDS", "scancel: error: Kill job error on job id 11: Invalid job id specified")
    forgets = 'sed -i "/^1[14]\t/d" "$QUEUE"; echo "$WORDS" >&2; exit 1'
    (tmp_path / "scancel").write_text(f"#!/bin/sh\n{forgets}\n")
    assert [job.number for job in cancel(tmp_path / "study")] == ["11", "14"]
    (tmp_path / "scancel").write_text("#!/bin/sh\necho 'Access/permission denied' >&2; exit 1\n")
    with pytest.raises(InputError, match="scancel failed: Access/permission denied"):
        cancel(tmp_path / "other")


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
