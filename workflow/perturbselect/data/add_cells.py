"""Add newly measured cells to a screen: ``python -m perturbselect.data.add_cells screen.h5ad new.h5ad``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from perturbselect.errors import InputError
from perturbselect.files import read_h5ad, write_h5ad

if TYPE_CHECKING:
    from anndata import AnnData


def add_cells(screen: AnnData, new: AnnData) -> AnnData:
    """Return the cells of both, those of the screen first, with the screen's genes in their order.

    Raises
    ------
    InputError
        If the new cells lack a gene, a column or a layer of the screen, or have a cell that it has.
    """
    import anndata

    for what, theirs, ours in (
        ("gene", new.var_names, screen.var_names),
        ("column of obs", new.obs.columns, screen.obs.columns),
        ("layer", new.layers, screen.layers),
    ):
        lacking = [name for name in ours if name not in set(theirs)]
        if lacking:
            raise InputError(
                f"the new cells have no {what} '{lacking[0]}' ({len(lacking)} such); the screen has"
            )
    twice = screen.obs_names.intersection(new.obs_names)
    if len(twice):
        raise InputError(
            f"cell '{twice[0]}' is in the screen already ({len(twice)} such): give cells names of their own"
        )
    both = anndata.concat([screen, new[:, screen.var_names]], join="inner", merge="first", uns_merge="first")
    both.var = screen.var
    return both


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
