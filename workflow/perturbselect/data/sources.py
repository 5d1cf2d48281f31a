"""Where each input file lies: on this machine, or where the workflow downloads it to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel

from perturbselect.config import Config, Source
from perturbselect.data.presets import Preset, find_preset

FOLDER = "resources/downloads"


class Downloads:
    """The files of a study that come from the network.

    Parameters
    ----------
    study : Config

    Attributes
    ----------
    files : dict of str to Preset
        What to download, by the file's name under ``resources/downloads/``.
    """

    def __init__(self, study: Config) -> None:
        self.study = study
        self.files = {_name(source): _origin(source) for source in _sources(study) if source.path is None}

    def path(self, source: Source) -> str:
        """Return the path of a source's file."""
        if source.path is not None:
            return self.study.resolve(source.path)
        return f"{FOLDER}/{_name(source)}"


def _origin(source: Source) -> Preset:
    """Return address and checksum of a source that is not local."""
    if source.preset is not None:
        return find_preset(source.preset)
    assert source.url is not None
    return Preset(source.url, source.checksum, source.url)


def _name(source: Source) -> str:
    """Return a file name that tells apart two files that archives call the same."""
    origin = _origin(source)
    prefix = source.preset or (origin.checksum or "").partition(":")[2][:12]
    return f"{prefix}.{PurePosixPath(origin.member or urlsplit(origin.url).path).name}"


def _sources(part: Any) -> Iterator[Source]:
    """Yield every source that stands anywhere in a part of the config."""
    if isinstance(part, Source):
        yield part
    if isinstance(part, BaseModel):
        for name in type(part).model_fields:
            yield from _sources(getattr(part, name))
    elif isinstance(part, dict):
        for value in part.values():
            yield from _sources(value)
