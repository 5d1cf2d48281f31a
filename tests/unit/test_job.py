"""What a job leaves in its log and on the terminal."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from perturbselect.errors import InputError
from perturbselect.job import logged


def test_output_goes_to_the_log_and_not_to_the_terminal(tmp_path, capsys):
    log = tmp_path / "logs" / "job.log"
    with logged(str(log)):
        print("a remark")
        print("a warning", file=sys.stderr)
    assert log.read_text() == "a remark\na warning\n"
    assert capsys.readouterr() == ("", "")


def test_bad_input_is_one_message_in_both(tmp_path, capsys):
    log = tmp_path / "job.log"

    def job() -> None:
        with logged(str(log)):
            print("begun")
            raise InputError("cells.h5ad: no control cell; name one")

    with pytest.raises(SystemExit) as ended:
        job()
    assert ended.value.code == 1
    assert log.read_text() == "begun\nERROR: cells.h5ad: no control cell; name one\n"
    assert capsys.readouterr().err == "ERROR: cells.h5ad: no control cell; name one\n"


def test_a_fault_of_ours_leaves_its_traceback_in_both(tmp_path, capsys):
    log = tmp_path / "job.log"
    with pytest.raises(SystemExit) as ended, logged(str(log)):
        raise KeyError("gene")
    assert ended.value.code == 1
    for text in (log.read_text(), capsys.readouterr().err):
        assert text.startswith("Traceback")
        assert text.endswith("KeyError: 'gene'\n")


def test_the_log_is_of_the_last_try(tmp_path):
    log = tmp_path / "job.log"
    for words in ("first", "second"):
        with logged(str(log)):
            print(words)
    assert log.read_text() == "second\n"


def test_lines_are_in_the_log_while_the_job_runs(tmp_path):
    """A job that is killed leaves what it said, and was warned of, until then."""
    log = tmp_path / "job.log"
    program = (
        "import os, warnings\nfrom perturbselect.job import logged\n"
        f"with logged({str(log)!r}):\n    print('step 1')\n    warnings.warn('small')\n    os._exit(9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": ":".join(sys.path)})
    assert ended.returncode == 9
    assert log.read_text().startswith("step 1\n")
    assert "UserWarning: small" in log.read_text()


def test_a_terminated_job_leaves_nothing_half_written(tmp_path, repository):
    program = """
import sys, time
from pathlib import Path
from perturbselect.files import replacing
from perturbselect.job import logged
with logged("job.log"), replacing("table.tsv") as partial:
    partial.write_text("half")
    Path("ready").touch()
    time.sleep(60)
"""
    environment = os.environ | {"PYTHONPATH": str(repository / "workflow")}
    process = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=environment)
    while not (tmp_path / "ready").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.terminate()
    assert process.wait(timeout=30) == 143
    assert {path.name for path in tmp_path.iterdir()} == {"ready", "job.log"}
    assert (
        tmp_path / "job.log"
    ).read_text() == "ERROR: ended by SIGTERM: past its time limit, or cancelled\n"


def test_the_end_of_memory_is_one_message(tmp_path, capsys):
    log = tmp_path / "job.log"
    with pytest.raises(SystemExit) as ended, logged(str(log)):
        np.zeros(2**57)
    assert ended.value.code == 1
    assert log.read_text().startswith("ERROR: memory ran out (Unable to allocate 1.00 EiB")
    assert log.read_text().endswith("give the job more, or run fewer at once\n")
    assert capsys.readouterr().err == log.read_text()
