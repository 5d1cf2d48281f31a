"""Bring gene names of different sources together: current symbols, aliases, Ensembl ids."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from perturbselect.data.quotes import quoting, unquoted
from perturbselect.errors import InputError
from perturbselect.files import read_tsv
from perturbselect.registry import suggestion

ENSEMBL_ID = r"^(ENS[A-Z]*G\d+)(?:\.\d+)?$"


@dataclass(frozen=True)
class Aliases:
    """Which current symbol a gene name stands for.

    Without arguments it knows nothing: every name keeps its spelling, unchecked.

    Attributes
    ----------
    symbols : frozenset of str
        Current symbols.
    synonyms : dict of str to str
        Former and other names that stand for exactly one symbol, and that symbol.
    ambiguous : frozenset of str
        Names that are synonyms of several symbols.
    ensembl : dict of str to str
        Ensembl gene ids (without version) and their symbol; an id of a gene that has no
        symbol stands for itself.
    """

    symbols: frozenset[str] = frozenset()
    synonyms: dict[str, str] = field(default_factory=dict)
    ambiguous: frozenset[str] = frozenset()
    ensembl: dict[str, str] = field(default_factory=dict)

    def knows(self, name: str) -> bool:
        """Whether the table has this name at all, as a symbol, a synonym or an Ensembl id."""
        return name in self.symbols or name in self.synonyms or name in self.ambiguous or name in self.ensembl

    def reconcile(self, names: Iterable[str], *, unite: bool = False) -> pd.DataFrame:
        """Find the current symbol of each name of one list.

        Parameters
        ----------
        names : iterable of str, length n
            Gene names; equal names get equal answers.
        unite : bool
            Whether names of one gene get the same symbol (targets, knowledge sources) or stay
            apart (measured genes, each with its own numbers).

        Returns
        -------
        DataFrame, n rows, in the order of `names`
            ``name``; ``symbol``; ``status``: ``symbol`` (is a current symbol), ``alias`` (unique
            synonym), ``ensembl`` (Ensembl id, with or without version), ``unmatched``,
            ``ambiguous`` (synonym of several symbols), ``clash`` (stands for a symbol that another
            name of the list holds, and `unite` is off), ``unchecked`` (there is no table).
            In the last four cases the symbol is the name as it was.

        Notes
        -----
        A symbol belongs first to the name that is spelt like it, then to the first
        name of the list that stands for it.
        """
        listed = pd.Series(list(names), dtype=object)
        if not self.symbols:
            return pd.DataFrame({"name": listed, "symbol": listed, "status": "unchecked"})
        name = pd.Series(listed.unique(), dtype=object)
        by_id = name.str.extract(ENSEMBL_ID)[0].map(self.ensembl)
        by_synonym = name.map(self.synonyms)
        status = pd.Series("unmatched", index=name.index)
        status[name.isin(self.ambiguous)] = "ambiguous"
        status[by_synonym.notna()] = "alias"
        status[by_id.notna()] = "ensembl"
        status[name.isin(self.symbols)] = "symbol"
        symbol = name.where(status != "ensembl", by_id).where(status != "alias", by_synonym)

        if not unite:
            moved = symbol != name
            holders = moved.sort_values(kind="stable").index
            clash = symbol[holders].duplicated().reindex(name.index) & moved
            status[clash] = "clash"
            symbol = symbol.where(~clash, name)

        answers = pd.DataFrame({"symbol": symbol.to_numpy(), "status": status.to_numpy()}, index=name)
        return answers.loc[listed].rename_axis("name").reset_index()


def read_aliases(path: str | os.PathLike | None) -> Aliases:
    """Read an alias table, or return the empty one where there is no file (`path` is None).

    Parameters
    ----------
    path : path of a TSV (``.gz`` allowed), or None
        Columns ``ensembl_gene_id``, ``symbol``, ``synonyms`` (separated by ``|``); cells may be
        empty, further columns are ignored.

    Raises
    ------
    InputError
        If the file is absent, unreadable, lacks a column or holds no symbol.
    """
    if path is None:
        return Aliases()
    if not Path(path).exists():
        raise InputError(f"{path}: no such file (gene_names.aliases)")
    try:
        table = unquoted(read_tsv(path, dtype=str, quoting=quoting("\t"))).replace("", None)
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a table ({error}); fetch or write it again") from error
    for column in ("ensembl_gene_id", "symbol", "synonyms"):
        if column not in table:
            raise InputError(f"{path}: no column '{column}'; {suggestion(column, list(table.columns))}")
    symbols = frozenset(table["symbol"].dropna())
    if not symbols:
        raise InputError(f"{path}: the column 'symbol' is empty; an alias table needs current symbols")

    pairs = pd.DataFrame({"synonym": table["synonyms"].str.split("|"), "symbol": table["symbol"]})
    pairs = pairs.dropna().explode("synonym")
    pairs["synonym"] = pairs["synonym"].str.strip()
    pairs = pairs[(pairs["synonym"] != "") & ~pairs["synonym"].isin(symbols)].drop_duplicates()
    several = pairs["synonym"].duplicated(keep=False)

    ids = table[["ensembl_gene_id", "symbol"]].dropna(subset="ensembl_gene_id")
    ids = ids.sort_values("symbol", kind="stable", na_position="last").drop_duplicates("ensembl_gene_id")
    ids = ids.assign(symbol=ids["symbol"].fillna(ids["ensembl_gene_id"]))
    return Aliases(
        symbols=symbols,
        synonyms=dict(zip(pairs["synonym"][~several], pairs["symbol"][~several], strict=True)),
        ambiguous=frozenset(pairs["synonym"][several]),
        ensembl=dict(zip(ids["ensembl_gene_id"], ids["symbol"], strict=True)),
    )


def unique_symbols(table: pd.DataFrame) -> pd.DataFrame:
    """Tell apart different features of one file that carry the same symbol.

    Real files hold such genes (several Ensembl ids, one symbol). The first keeps the
    symbol, the others become ``SYMBOL-1``, ``SYMBOL-2``, ... with status ``duplicate``.

    Parameters
    ----------
    table : DataFrame
        What `Aliases.reconcile` returned for the features, in the order of the file.
    """
    from anndata.utils import make_index_unique

    repeated = table["symbol"].duplicated().to_numpy()
    with warnings.catch_warnings():
        # It warns where SYMBOL-1 exists already; every ending is listed in our table anyway.
        warnings.simplefilter("ignore", UserWarning)
        unique = make_index_unique(pd.Index(table["symbol"].astype(str)), join="-")
    return table.assign(symbol=unique.to_numpy(), status=table["status"].mask(repeated, "duplicate"))
