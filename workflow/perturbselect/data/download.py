"""Fetch a file from a public archive: verified, retried, resumed where the server allows."""

from __future__ import annotations

import logging
import os
import shutil
import time
import zipfile
from pathlib import Path
from typing import TextIO

import pooch
import requests
from tqdm import tqdm

from perturbselect.errors import InputError
from perturbselect.files import replacing

log = logging.getLogger(__name__)

# Bytes read at a time; what arrived of an unfinished chunk is lost when a connection breaks.
CHUNK = 1 << 14
TIMEOUT_S = 60
# Answers that may be different the next time: time-out, too many requests, server faults.
PASSING = {408, 425, 429, 500, 502, 503, 504}


class TransferError(Exception):
    """A transfer that failed; `passing` says whether another try may help."""

    def __init__(self, message: str, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing


def download(
    url: str,
    destination: str | os.PathLike,
    checksum: str | None,
    *,
    member: str | None = None,
    attempts: int = 4,
    pause: float = 2.0,
    progress: TextIO | None = None,
) -> None:
    """Download a file; the destination exists only once its checksum is right.

    What arrived before a connection broke stays as ``<destination>.part`` and the next
    attempt, also one of a later call, goes on from there. A file with a wrong checksum
    is removed. A destination that already has the checksum is left as it is.

    Parameters
    ----------
    url : str
        http or https.
    destination : path
    checksum : str or None
        ``sha256:...`` or ``md5:...`` of what is downloaded. None: nothing is verified, and a
        warning in the log says so and gives the SHA-256 found.
    member : str, optional
        Path inside the downloaded zip archive of the file that is wanted; the archive is removed.
    attempts : int
        Tries in all.
    pause : float
        Seconds before the second try; doubled before each further one.
    progress : text stream, optional
        Terminal to draw a progress bar on; default: none.

    Raises
    ------
    InputError
        If the file cannot be had: names the URL, what happened, and how to put it by hand.
    """
    destination = Path(destination)
    archive = destination if member is None else destination.with_name(destination.name + ".zip")
    transfer = _Transfer(archive.with_name(archive.name + ".part"), progress)
    pooch_log = pooch.get_logger()
    level = pooch_log.level
    pooch_log.setLevel(logging.WARNING)
    try:
        for attempt in range(1, attempts + 1):
            try:
                pooch.retrieve(url, checksum, archive.name, archive.parent, downloader=transfer)
                break
            except TransferError as error:
                problem, again = str(error), error.passing
            except ValueError as error:
                # Pooch's word for a wrong checksum. A resumed file may be stitched from two
                # versions, so it gets one try from the start; a whole one is simply another file.
                problem, again = f"wrong checksum ({error})", transfer.resumed
            if not again or attempt == attempts:
                raise InputError(_by_hand(url, destination, checksum, member, problem, attempt))
            log.warning("%s: %s; attempt %d of %d", url, problem, attempt + 1, attempts)
            time.sleep(pause * 2 ** (attempt - 1))
    finally:
        pooch_log.setLevel(level)
    if checksum is None:
        log.warning(
            "%s: NOT VERIFIED, no checksum is known; sha256:%s was received",
            url,
            pooch.file_hash(str(archive)),
        )
    if member is not None:
        _extract(archive, member, destination)


class _Transfer:
    """Pooch downloader that keeps what it has in a ``.part`` file and goes on from there."""

    def __init__(self, part: Path, progress: TextIO | None) -> None:
        self.part, self.progress, self.resumed = part, progress, False

    def __call__(self, url: str, output_file: str, _: pooch.Pooch | None) -> None:
        try:
            self._fetch(url)
        except requests.RequestException as error:
            # A malformed address is a ValueError too, and stays malformed.
            raise TransferError(str(error), passing=not isinstance(error, ValueError)) from error
        except OSError as error:
            raise TransferError(f"cannot write {self.part}: {error}", passing=False) from error
        os.replace(self.part, output_file)

    def _fetch(self, url: str) -> None:
        have = self.part.stat().st_size if self.part.exists() else 0
        # Compression on the way would make byte positions meaningless.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as answer:
            if answer.status_code == 416:
                self.part.unlink()
                raise TransferError("the server has no bytes beyond the partial file", passing=True)
            if answer.status_code not in (200, 206):
                raise TransferError(
                    f"the server answered {answer.status_code} {answer.reason}", answer.status_code in PASSING
                )
            span = answer.headers.get("Content-Range", "")
            self.resumed = answer.status_code == 206 and span.startswith(f"bytes {have}-")
            if answer.status_code == 206 and not self.resumed:
                self.part.unlink(missing_ok=True)
                raise TransferError(f"the server sent another range ({span}) than asked", passing=True)
            have = have if self.resumed else 0
            length = answer.headers.get("Content-Length")
            with (
                open(self.part, "ab" if self.resumed else "wb") as file,
                tqdm(
                    total=have + int(length) if length else None,
                    initial=have,
                    unit="B",
                    unit_scale=True,
                    desc=self.part.stem,
                    file=self.progress,
                    disable=self.progress is None,
                ) as bar,
            ):
                for chunk in answer.iter_content(CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))


def _by_hand(
    url: str, destination: Path, checksum: str | None, member: str | None, problem: str, attempts: int
) -> str:
    """Say what failed and how to do without."""
    what = f"take {member} out of it, and save that" if member else "save it"
    tries = f" after {attempts} attempts" if attempts > 1 else ""
    expected = f" (expected {checksum} of the download)" if checksum else ""
    return (
        f"{url}: download failed{tries}: {problem}. Start again to go on, or fetch the file by other means, "
        f"{what} as {destination}{expected}; or give its place as 'path' in the config"
    )


def _extract(archive: Path, member: str, destination: Path) -> None:
    """Take one file out of a zip archive and remove the archive."""
    try:
        with zipfile.ZipFile(archive) as file:
            if member not in file.namelist():
                raise InputError(f"{archive}: has no '{member}'; it holds {', '.join(file.namelist()[:10])}")
            with replacing(destination) as partial, file.open(member) as stored, open(partial, "wb") as out:
                shutil.copyfileobj(stored, out, 1 << 20)
    except zipfile.BadZipFile as error:
        raise InputError(
            f"{archive}: is no whole zip archive ({error}); remove it and start again"
        ) from error
    archive.unlink()
