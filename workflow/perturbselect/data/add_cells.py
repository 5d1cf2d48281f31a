"""Add newly measured cells to a screen: ``python -m perturbselect.data.add_cells screen.h5ad new.h5ad``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from perturbselect.errors import InputError
from perturbselect.files import read_h5ad, write_h5ad

if TYPE_CHECKING:
    from anndata import AnnData


def add_cells(screen: AnnData, new: AnnData) -> AnnData:
    """Return the cells of both, those of the screen first, with the screen's genes in their order.

    Raises
    ------
    InputError
        If the new cells lack a gene, a column, a layer, an entry of obsm or a raw gene of the screen, have a
        cell that it has, or a cell or gene twice; or if the screen holds what new cells cannot extend
        (obsp). Nothing that the screen holds is dropped.
    """
    import anndata

    _check_has_all(screen, new)
    for what, names in (("gene", new.var_names), ("cell", new.obs_names)):
        if len(double := names[names.duplicated()].unique()):
            raise InputError(
                f"the new cells have {what} '{double[0]}' twice ({len(double)} such); name each once"
            )
    twice = screen.obs_names.intersection(new.obs_names)
    if len(twice):
        raise InputError(
            f"cell '{twice[0]}' is in the screen already ({len(twice)} such): give cells names of their own"
        )
    both = anndata.concat([screen, new[:, screen.var_names]], join="inner", merge="first", uns_merge="first")
    both.var = screen.var
    return both


def _check_has_all(screen: AnnData, new: AnnData) -> None:
    """Raise InputError if something of the screen would be lost: `anndata.concat` keeps what both have."""
    for what, theirs, ours in (
        ("gene", new.var_names, screen.var_names),
        ("column of obs", new.obs.columns, screen.obs.columns),
        ("layer", list(new.layers), list(screen.layers)),
        ("entry of obsm", list(new.obsm), list(screen.obsm)),
        (
            "gene of raw",
            *(pd.Index([]) if cells.raw is None else cells.raw.var_names for cells in (new, screen)),
        ),
    ):
        lacking = pd.Index(ours).difference(pd.Index(theirs), sort=False)
        if len(lacking):
            raise InputError(
                f"the new cells have no {what} '{lacking[0]}' ({len(lacking)} such); the screen has: "
                "add it to them, or remove it from the screen"
            )
    for key, ours in screen.obsm.items():
        if new.obsm[key].shape[1] != ours.shape[1]:
            raise InputError(
                f"obsm '{key}' has {new.obsm[key].shape[1]} columns in the new cells and {ours.shape[1]} in "
                "the screen; give both the same, or remove it"
            )
    if len(screen.obsp):
        raise InputError(
            f"the screen has obsp '{next(iter(screen.obsp))}', which relates its cells to each other and "
            "not to new ones; remove it from the screen"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the larger screen, and say which perturbations are new."""
    parser = argparse.ArgumentParser(prog="python -m perturbselect.data.add_cells", description=__doc__)
    parser.add_argument("screen", type=Path, help=".h5ad of counts; replaced by the larger one")
    parser.add_argument(
        "new", type=Path, help=".h5ad of counts of the new cells, with the same genes and columns"
    )
    parser.add_argument("--column", default="perturbation", help="of obs, with the perturbation of each cell")
    asked = parser.parse_args(arguments)
    try:
        screen, new = read_h5ad(asked.screen), read_h5ad(asked.new)
        if asked.column not in screen.obs:
            raise InputError(f"{asked.screen}: no column '{asked.column}'; there are {', '.join(screen.obs)}")
        both = add_cells(screen, new)
        write_h5ad(both, asked.screen)
    except InputError as error:
        sys.exit(f"ERROR: {error}")
    names = sorted(set(new.obs[asked.column].astype(str)) - set(screen.obs[asked.column].astype(str)))
    print(
        f"{asked.screen}: {screen.n_obs} cells, {new.n_obs} new ones; new perturbations: {', '.join(names)}"
    )


if __name__ == "__main__":
    main()
