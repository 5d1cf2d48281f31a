"""What all sections of the config share, and where a file comes from."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
Share = Annotated[float, Field(gt=0, lt=1)]


def plain_place(place: str | None) -> str | None:
    """Return a path or address; ValueError for characters that a shell would read as its own.

    A cluster's plugin puts the names of a job's files into a command line.
    """
    if bad := re.search(r"[$`\"'\\\x00-\x1f]", place or ""):
        raise ValueError(f"{place!r} holds {bad[0]!r}, which means something to a shell; rename the file")
    return place


class Section(BaseModel):
    """A part of the config; unknown keys are errors, and so are numbers that are not finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Source(Section):
    """Where a file comes from: exactly one of `path`, `url` and `preset`."""

    path: str | None = Field(
        None,
        description="Local file (for 10x: folder). `{data_root}` stands for the key of that name; "
        "other relative paths start at the working directory.",
    )
    url: str | None = Field(None, description="Address to download from, once, into `resources/downloads/`.")
    checksum: str | None = Field(
        None,
        pattern=r"^(sha256|md5):[0-9a-f]+$",
        description="`sha256:…` or `md5:…` of the downloaded file; required with `url`.",
    )
    preset: str | None = Field(None, description="A public archive's file, by name; see docs/data.md.")

    _plain = field_validator("path", "url")(plain_place)

    @model_validator(mode="after")
    def _one_origin(self) -> Source:
        if sum(origin is not None for origin in (self.path, self.url, self.preset)) != 1:
            raise ValueError("give exactly one of path, url and preset")
        if (self.url is None) != (self.checksum is None):
            raise ValueError("url and checksum go together")
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            raise ValueError(
                f"url: '{self.url}' must start with http:// or https://; a local file goes under path"
            )
        return self
