"""Downloads, against a server on this machine that misbehaves on demand."""

import hashlib
import io
import logging
import re
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest

from perturbselect.data.download import CHUNK, download
from perturbselect.errors import InputError

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
MD5 = "md5:" + hashlib.md5(CONTENT).hexdigest()
HALF = len(CONTENT) // 2 // CHUNK * CHUNK  # what is on disk when half of it was sent
WRONG = "sha256:" + "0" * 64


class Handler(BaseHTTPRequestHandler):
    """Serves one file; the server's `behaviour` has one word for each request to come."""

    def do_GET(self):
        server = self.server
        word = server.behaviour.pop(0) if server.behaviour else "good"
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        server.log.append(self.headers.get("Range"))
        if word.isdigit():
            self.send_error(int(word))
            return
        start = int(wanted[1]) if wanted and server.ranges else 0
        if wanted and server.ranges and start >= len(server.content):
            self.send_error(416)
            return
        self.send_response(206 if wanted and server.ranges else 200)
        if wanted and server.ranges:
            self.send_header(
                "Content-Range", f"bytes {start}-{len(server.content) - 1}/{len(server.content)}"
            )
        self.send_header("Content-Length", str(len(server.content) - start))
        self.end_headers()
        body = server.content[start:]
        if word == "cut":
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.connection.close()
            return
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.log, server.behaviour, server.ranges, server.content = [], [], True, CONTENT
    server.url = f"http://127.0.0.1:{server.server_port}/file.bin"
    server.handle_error = lambda *_: None  # a connection that we cut ourselves
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(server, path, checksum, **options):
    download(server.url, path, checksum, pause=0.01, **options)


@pytest.mark.parametrize("checksum", [SHA256, MD5])
def test_good(server, tmp_path, checksum):
    path = tmp_path / "new" / "file.bin"
    fetch(server, path, checksum)
    assert path.read_bytes() == CONTENT
    assert [file.name for file in path.parent.iterdir()] == ["file.bin"]
    fetch(server, path, checksum)
    assert server.log == [None]  # it was there: not fetched again


def test_cut_connection_is_resumed(server, tmp_path):
    server.behaviour = ["cut", "cut", "good"]
    fetch(server, tmp_path / "file.bin", SHA256)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.log == [None, f"bytes={HALF}-", f"bytes={HALF + (300_000 - HALF) // 2 // CHUNK * CHUNK}-"]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_later_call_resumes(server, tmp_path):
    server.behaviour = ["cut"]
    with pytest.raises(InputError, match="download failed"):
        fetch(server, tmp_path / "file.bin", SHA256, attempts=1)
    assert [file.name for file in tmp_path.iterdir()] == ["file.bin.part"]
    fetch(server, tmp_path / "file.bin", SHA256)
    assert server.log == [None, f"bytes={HALF}-"]
    assert [file.name for file in tmp_path.iterdir()] == ["file.bin"]


def test_server_without_ranges(server, tmp_path):
    server.ranges, server.behaviour = False, ["cut", "good"]
    fetch(server, tmp_path / "file.bin", SHA256)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.log == [None, f"bytes={HALF}-"]


def test_partial_file_that_is_too_long(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(CONTENT + b"x")
    fetch(server, tmp_path / "file.bin", SHA256)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.log == ["bytes=300001-", None]


def test_stale_partial_file_is_given_up(server, tmp_path):
    (tmp_path / "file.bin.part").write_bytes(b"an older version")
    fetch(server, tmp_path / "file.bin", SHA256)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert server.log == ["bytes=16-", None]


def test_passing_faults_are_retried_and_others_not(server, tmp_path):
    server.behaviour = ["503", "429", "good"]
    fetch(server, tmp_path / "file.bin", SHA256)
    assert len(server.log) == 3
    server.behaviour, server.log = ["404"], []
    with pytest.raises(InputError) as caught:
        fetch(server, tmp_path / "other.bin", SHA256)
    assert len(server.log) == 1
    for word in (server.url, "404", str(tmp_path / "other.bin"), SHA256, "path"):
        assert word in str(caught.value)
    assert not (tmp_path / "other.bin").exists()


def test_attempts_end(server, tmp_path):
    server.behaviour = ["500"] * 9
    with pytest.raises(InputError, match="after 3 attempts: the server answered 500"):
        fetch(server, tmp_path / "file.bin", SHA256, attempts=3)
    assert len(server.log) == 3


@pytest.mark.parametrize("checksum", [WRONG, "md5:" + "0" * 32])
def test_wrong_checksum_leaves_nothing(server, tmp_path, checksum):
    with pytest.raises(InputError, match="wrong checksum"):
        fetch(server, tmp_path / "file.bin", checksum)
    assert list(tmp_path.iterdir()) == []
    assert len(server.log) == 1


def test_wrong_checksum_after_resuming_leaves_nothing(server, tmp_path):
    server.behaviour = ["cut"]
    with pytest.raises(InputError, match="wrong checksum"):
        fetch(server, tmp_path / "file.bin", WRONG)
    assert list(tmp_path.iterdir()) == []
    assert server.log == [None, f"bytes={HALF}-", None]


def test_no_checksum_is_said(server, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        fetch(server, tmp_path / "file.bin", None)
    assert "NOT VERIFIED" in caplog.text
    assert SHA256 in caplog.text


def test_nobody_there(tmp_path):
    with pytest.raises(InputError, match="after 2 attempts"):
        download("http://127.0.0.1:9/x", tmp_path / "x", SHA256, attempts=2, pause=0.01)
    with pytest.raises(InputError, match="download failed: "):
        download("no address", tmp_path / "x", SHA256, pause=0.01)
    assert list(tmp_path.iterdir()) == []


def test_file_inside_an_archive(server, tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("norman/perturb_processed.h5ad", b"cells")
    server.content = packed.getvalue()
    checksum = "md5:" + hashlib.md5(server.content).hexdigest()
    fetch(server, tmp_path / "file.h5ad", checksum, member="norman/perturb_processed.h5ad")
    assert (tmp_path / "file.h5ad").read_bytes() == b"cells"
    assert [file.name for file in tmp_path.iterdir()] == ["file.h5ad"]
    with pytest.raises(InputError, match=r"has no 'adamson.h5ad'; it holds norman/perturb_processed\.h5ad"):
        fetch(server, tmp_path / "other.h5ad", checksum, member="adamson.h5ad")
    assert not (tmp_path / "other.h5ad").exists()


def test_progress(server, tmp_path):
    terminal = io.StringIO()
    fetch(server, tmp_path / "file.bin", SHA256, progress=terminal)
    assert "100%" in terminal.getvalue()
