"""Files are whole or absent, and the same content gives the same bytes."""

import gzip
import os
import subprocess
import time

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from perturbselect import files
from perturbselect.errors import InputError

TABLE = pd.DataFrame({"gene": ["NA", "nan", "B"], "value": [0.1, np.nan, 3.0], "count": [1, 2, 3]})


def cells() -> anndata.AnnData:
    rng = np.random.default_rng(0)
    return anndata.AnnData(
        sp.csr_matrix(rng.poisson(0.5, (6, 4)).astype(np.int32)),
        obs=pd.DataFrame({"kind": pd.Categorical(["b", "a"] * 3)}, index=[f"c{5 - i}" for i in range(6)]),
        uns={"simulated": True},
    )


WRITERS = {
    "table.tsv": lambda path: files.write_tsv(TABLE, path),
    "table.tsv.gz": lambda path: files.write_tsv(TABLE, path),
    "table.parquet": lambda path: files.write_parquet(TABLE, path),
    "value.json": lambda path: files.write_json({"b": 1, "a": [2.5, None]}, path),
    "cells.h5ad": lambda path: files.write_h5ad(cells(), path),
    "bytes.bin": lambda path: files.write_bytes(b"\x00\x01", path),
}
every_writer = pytest.mark.parametrize("name", WRITERS)


@every_writer
def test_same_content_same_bytes(tmp_path, name, monkeypatch):
    """On another day, in another folder, by another process."""
    WRITERS[name](tmp_path / "one" / name)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1e6)
    monkeypatch.setattr(os, "getpid", lambda: 77)
    WRITERS[name](tmp_path / "two" / name)
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@every_writer
def test_nothing_else_is_left_in_the_folder(tmp_path, name):
    WRITERS[name](tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path):
    """Of the same file only: another process may be writing its neighbour."""
    (tmp_path / ".partial.123.table.tsv").touch()
    neighbours = [
        ".partial.123.a.table.tsv",
        ".partial.123.table.tsv.gz",
        ".partial.x.table.tsv",
        "table.tsv",
    ]
    for name in neighbours:
        (tmp_path / name).touch()
    files.write_tsv(TABLE, tmp_path / "table.tsv")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(neighbours)


def test_scripts_that_killed_jobs_left_go_unless_a_run_goes_on(tmp_path):
    files.remove_left_scripts(tmp_path)  # a new folder
    scripts, lock = tmp_path / ".snakemake" / "scripts", tmp_path / ".snakemake" / "locks" / "0.input.lock"
    scripts.mkdir(parents=True)
    lock.parent.mkdir()
    left = scripts / "tmpabc.split.py"
    left.touch()
    lock.touch()
    files.remove_left_scripts(tmp_path)
    assert left.exists()
    lock.unlink()
    files.remove_left_scripts(tmp_path)
    assert not left.exists()


def test_failure_leaves_the_old_file_and_no_partial_one(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text("old")

    def write() -> None:
        with files.replacing(path) as partial:
            partial.write_text("half of the new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_target_appears_at_the_end_only(tmp_path):
    path = tmp_path / "new" / "cells.h5ad"
    with files.replacing(path) as partial:
        assert partial.parent == path.parent  # renaming needs the same file system
        assert partial.suffix == ".h5ad"
        partial.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"


def test_a_table_that_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(Exception, match="kind"):
        files.write_parquet(pd.DataFrame({"kind": [1, "mixed", object()]}), tmp_path / "table.parquet")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_tsv_keeps_genes_that_are_called_na(tmp_path, ending):
    path = tmp_path / f"table.tsv{ending}"
    files.write_tsv(TABLE, path)
    pd.testing.assert_frame_equal(files.read_tsv(path), TABLE)
    content = gzip.decompress(path.read_bytes()) if ending else path.read_bytes()
    assert content.decode() == "gene\tvalue\tcount\nNA\t0.1\t1\nnan\t\t2\nB\t3.0\t3\n"


def test_gzip_holds_no_date(tmp_path):
    files.write_bytes(b"x", tmp_path / "x.gz")
    assert (tmp_path / "x.gz").read_bytes()[4:8] == b"\0\0\0\0"


def test_json_is_sorted(tmp_path):
    files.write_json({"b": 1, "a": 2}, tmp_path / "x.json")
    assert (tmp_path / "x.json").read_text() == '{\n  "a": 2,\n  "b": 1\n}\n'
    assert files.read_json(tmp_path / "x.json") == {"a": 2, "b": 1}


def test_h5ad_round_trip_names_and_origin(tmp_path):
    path = tmp_path / "cells.h5ad"
    files.write_h5ad(cells(), path)
    found = files.read_h5ad(path)
    np.testing.assert_array_equal(found.X.toarray(), cells().X.toarray())
    assert found.X.dtype == np.int32
    assert files.read_names(path).tolist() == [f"c{i}" for i in range(6)]
    assert files.is_simulated(path) is True


def test_names_are_read_without_the_matrix(tmp_path):
    """Splits and graphs read names only; a file without its matrix is enough for them."""
    path = tmp_path / "cells.h5ad"
    files.write_h5ad(cells(), path)
    with h5py.File(path, "r+") as file:
        del file["X"]
    assert len(files.read_names(path)) == 6


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.99])
def test_truncated_h5ad(tmp_path, keep):
    path = tmp_path / "cells.h5ad"
    files.write_h5ad(cells(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: keep if isinstance(keep, int) else int(keep * len(whole))])
    with pytest.raises(InputError, match=r"cells\.h5ad: cannot be read as \.h5ad .*truncated.*again"):
        files.read_h5ad(path)


def test_other_files_are_no_h5ad(tmp_path):
    with pytest.raises(InputError, match=r"x\.h5ad: no such file"):
        files.read_h5ad(tmp_path / "x.h5ad")
    with h5py.File(tmp_path / "x.h5ad", "w") as file:
        file["matrix"] = np.zeros(3)
    with pytest.raises(InputError, match=r"x\.h5ad"):
        files.read_h5ad(tmp_path / "x.h5ad")


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 16 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("a small disk cannot be mounted here: it takes root")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("name", ["bytes.bin", "large.tsv", "large.parquet"])
def test_a_full_disk_is_said_and_leaves_what_was_there(small_disk, name):
    noise = np.random.default_rng(0).random((90, 90))
    write = {
        "bytes.bin": lambda path: files.write_bytes(noise.tobytes(), path),
        "large.tsv": lambda path: files.write_tsv(pd.DataFrame(noise), path),
        "large.parquet": lambda path: files.write_parquet(pd.DataFrame(noise).rename(columns=str), path),
    }[name]  # test_broken_machines.py has an .h5ad: HDF5 leaves a process that met a full disk in disorder
    (small_disk / name).write_text("old")
    with pytest.raises(InputError) as raised:
        write(small_disk / name)
    reason = "cannot be written (No space left on device); make room and run again"
    assert str(raised.value) == f"{small_disk / name}: {reason}"
    assert {path.name: path.read_text() for path in small_disk.iterdir()} == {name: "old"}


def test_a_folder_that_cannot_be_written_is_said(small_disk):
    files.check_writable(small_disk / "not" / "there" / "yet")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    message = "cannot be written.*; make it writable, or use another folder"
    with pytest.raises(InputError, match=rf"disk: {message}"):
        files.check_writable(small_disk / "not" / "there" / "yet")
    with pytest.raises(InputError, match=rf"table\.tsv: {message}"):
        files.write_tsv(TABLE, small_disk / "table.tsv")


@pytest.mark.parametrize("keep", [0, 1, 12, -1])
def test_a_truncated_table_is_said(tmp_path, keep):
    files.write_tsv(TABLE, tmp_path / "table.tsv.gz")
    whole = (tmp_path / "table.tsv.gz").read_bytes()
    (tmp_path / "table.tsv.gz").write_bytes(whole[:keep])
    with pytest.raises(InputError, match=r"table\.tsv\.gz: cannot be read as a table .* truncated"):
        files.read_tsv(tmp_path / "table.tsv.gz")


@pytest.mark.parametrize("keep", [0, 0.5, 0.98])
def test_a_truncated_parquet_is_said(tmp_path, keep):
    path = tmp_path / "scores.parquet"
    files.write_parquet(pd.DataFrame({"value": np.arange(1000.0)}), path)
    assert files.read_parquet(path, columns=["value"])["value"].sum() == 499500
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])
    with pytest.raises(
        InputError, match=r"scores\.parquet: cannot be read as Parquet .*truncated.* made again"
    ):
        files.read_parquet(path)


def test_json_knows_no_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        files.write_json({"a": float("nan")}, tmp_path / "x.json")
    assert not list(tmp_path.iterdir())
