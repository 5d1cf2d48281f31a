"""Files of public archives, by name.

No network was at hand when this table was written: no address was tried. Addresses and
checksums were collected from public repositories that downloaded the files. The scPerturb
MD5s are those that they recorded for Zenodo record 10044268 (Norman and Adamson: two or
more of them; Dixit and Replogle: one); the GEARS MD5s are of the zip archives as served by
Harvard Dataverse. Where no published checksum was found, `checksum` is None: the download
is then not verified, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from perturbselect.config import Source
from perturbselect.errors import InputError
from perturbselect.registry import suggestion

SCPERTURB = "https://zenodo.org/records/10044268/files/{}?download=1"
GEARS = "https://dataverse.harvard.edu/api/access/datafile/{}"
STRING = "https://stringdb-downloads.org/download/protein.{0}.v12.0/9606.protein.{0}.v12.0.txt.gz"

KINDS = {
    "counts": "the raw counts of a screen",
    "log_normalised": "log-normalised values, not counts",
    "go": "GO annotation",
    "string_links": "STRING's links",
    "string_info": "STRING's names of proteins",
}

SourceType = TypeVar("SourceType", bound=Source)


@dataclass(frozen=True)
class Preset:
    """A file of a public archive.

    Attributes
    ----------
    url : str
    checksum : str or None
        ``md5:...`` or ``sha256:...`` of what is downloaded; None where none is published.
    what : str
        What it is.
    kind : str or None
        What it holds: a key of `KINDS`; None for a file that is no preset.
    settings : mapping
        Keys of the source section that the file needs; the config may override each.
    member : str or None
        Path of the wanted file inside a downloaded zip archive.
    """

    url: str
    checksum: str | None
    what: str
    kind: str | None = None
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    member: str | None = None


def _scperturb(file: str, md5: str, what: str, **settings: Any) -> Preset:
    return Preset(
        SCPERTURB.format(file),
        f"md5:{md5}",
        what,
        "counts",
        MappingProxyType({"naming": "scperturb"} | settings),
    )


def _gears(number: int, md5: str | None, folder: str, what: str, **settings: Any) -> Preset:
    return Preset(
        GEARS.format(number),
        f"md5:{md5}" if md5 else None,
        what,
        "counts" if "layer" in settings else "log_normalised",
        MappingProxyType({"naming": "gears"} | settings),
        member=f"{folder}/perturb_processed.h5ad",
    )


PRESETS: dict[str, Preset] = {
    "norman2019_scperturb": _scperturb(
        "NormanWeissman2019_filtered.h5ad",
        "c870e6967d91c017d9da827bab183cd6",
        "Norman 2019, CRISPRa in K562, single and double perturbations, raw counts (699 MB)",
    ),
    "adamson2016_scperturb": _scperturb(
        "AdamsonWeissman2016_GSM2406681_10X010.h5ad",
        "2fa44ea61a8dd35742af618638ec65fc",
        "Adamson 2016, CRISPRi in K562, unfolded protein response, raw counts (471 MB)",
        # Non-targeting guides, named after their plasmids (63(mod)_pBA580, ...).
        controls=["control", "62(mod)", "63(mod)", "Gal4-4(mod)"],
    ),
    "dixit2016_scperturb": _scperturb(
        "DixitRegev2016.h5ad",
        "2c2a889ef63100eb44e2e0d43d691ddc",
        "Dixit 2016, transcription factors knocked out in K562, raw counts",
        # `perturbation` holds guides; the genes stand in `target`, joined by " + ".
        columns={"perturbation": "target", "guide": "perturbation"},
        separator="+",
        naming="custom",
        controls=["INTERGENIC1144056", "INTERGENIC1216445", "INTERGENIC216151", "INTERGENIC393453"],
    ),
    "replogle2022_k562_essential_scperturb": _scperturb(
        "ReplogleWeissman2022_K562_essential.h5ad",
        "d8cba17576d1a8afc0f7d71b79cad0f7",
        "Replogle 2022, CRISPRi of essential genes in K562, raw counts (1.55 GB)",
    ),
    "replogle2022_rpe1_scperturb": _scperturb(
        "ReplogleWeissman2022_rpe1.h5ad",
        "cc7f1ec50aeb3a3e1b4a6cfa713d80fa",
        "Replogle 2022, CRISPRi of essential genes in RPE1, raw counts",
    ),
    "norman2019_gears": _gears(
        6154020,
        "cdc41d6050e619c37fd9dd44d440e2b4",
        "norman",
        "Norman 2019 as GEARS distributes it: 5,045 genes, raw counts in layer `counts` (169 MB zip)",
        layer="counts",
    ),
    "adamson2016_gears": _gears(
        6154417, None, "adamson", "Adamson 2016 as GEARS distributes it; log-normalised, not raw counts"
    ),
    "dixit2016_gears": _gears(
        6154416, None, "dixit", "Dixit 2016 as GEARS distributes it; log-normalised, not raw counts"
    ),
    "replogle2022_k562_essential_gears": _gears(
        7458695,
        "84eed779531de88f83d3eb16a773a261",
        "replogle_k562_essential",
        "Replogle 2022 K562 as GEARS distributes it (filtered); log-normalised, not raw counts",
    ),
    "replogle2022_rpe1_gears": _gears(
        7458694,
        "169370a8da6093470f122172ab30f7c5",
        "replogle_rpe1_essential",
        "Replogle 2022 RPE1 as GEARS distributes it (filtered); log-normalised, not raw counts (666 MB zip)",
    ),
    "go_human_gaf": Preset(
        "https://current.geneontology.org/annotations/goa_human.gaf.gz",
        None,
        "GO annotation of human genes, current release (changes every few weeks; format: gaf)",
        "go",
    ),
    "string_v12_human_links": Preset(
        STRING.format("links"), None, "STRING v12.0 human, links with combined score (79 MB)", "string_links"
    ),
    "string_v12_human_info": Preset(
        STRING.format("info"),
        None,
        "STRING v12.0 human, preferred names of the proteins (2 MB)",
        "string_info",
    ),
}


def find_preset(name: str) -> Preset:
    """Return a preset; InputError names the closest if there is none of that name."""
    if name not in PRESETS:
        raise InputError(f"unknown preset '{name}'; {suggestion(name, list(PRESETS))}")
    return PRESETS[name]


def require_kind(name: str, kind: str | None) -> None:
    """Raise InputError unless a preset's file holds what its place in the config takes.

    Parameters
    ----------
    name : str
        Of the preset.
    kind : str or None
        Key of `KINDS`; None where no preset fits.
    """
    preset = find_preset(name)
    if kind is not None and preset.kind == kind:
        return
    fitting = [other for other in PRESETS if PRESETS[other].kind == kind] if kind else []
    same_screen = name.replace("_gears", "_scperturb")
    if same_screen != name and same_screen in fitting:
        fitting = [same_screen]
    there = f"take {' or '.join(fitting)}" if fitting else "no preset fits here: give a path or a url"
    raise InputError(f"'{name}' holds {KINDS[str(preset.kind)]}; {there}")


def with_preset(source: SourceType) -> SourceType:
    """Return a source with what its preset says of the file, under what the config says itself.

    A key that has its default value counts as not said.
    """
    if source.preset is None:
        return source
    settings, said = dict(find_preset(source.preset).settings), source.model_dump(exclude_defaults=True)
    columns = {**settings.get("columns", {}), **said.get("columns", {})}
    return type(source)(**{**settings, **said} | ({"columns": columns} if columns else {}))
