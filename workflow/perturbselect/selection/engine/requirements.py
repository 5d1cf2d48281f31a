"""From the names and tables of the config's `constraints` to positions among the candidates."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from perturbselect.data.labels import canonical_names
from perturbselect.errors import InputError
from perturbselect.graphs.membership import membership
from perturbselect.graphs.source_table import read_columns
from perturbselect.registry import suggestion
from perturbselect.selection.engine.constraints import Constraints

if TYPE_CHECKING:
    from perturbselect import config
    from perturbselect.data.gene_names import Aliases

LISTS = ("include", "exclude", "measured")


def requirements(
    section: config.Constraints,
    files: Mapping[str, str],
    candidates: np.ndarray,
    queries: np.ndarray,
    aliases: Aliases,
) -> tuple[Constraints, dict[str, Any]]:
    """Look up what a study requires of every selection.

    Parameters
    ----------
    section : config.Constraints
    files : mapping of str to path
        Of the tables ``cost``, ``expressed_above`` and ``max_per_group``, those there are.
    candidates : ndarray of str, shape (n,)
    queries : ndarray of str, shape (q,)
        Held out in this split: what the config asks of them has no effect.
    aliases : Aliases

    Returns
    -------
    constraints : Constraints
    facts : dict
        JSON-ready: perturbations of the lists that are held out, how many are not expressed, and
        how many names of each table are the screen's.

    Raises
    ------
    InputError
        If a name is not in the screen, stands in two lists or cannot be chosen, or a table is wrong
        or has none of the screen's names.
    """
    everyone = np.r_[candidates, queries]
    names = {key: known_names(getattr(section, key), everyone, aliases, key) for key in LISTS}
    check_lists(names)
    position = {name: place for place, name in enumerate(candidates)}

    def places(wanted: Iterable[str]) -> np.ndarray:
        return np.array(sorted(position[name] for name in wanted if name in position), dtype=np.int64)

    excluded = {name for name in candidates if name in names["exclude"] or _hits(name, names["exclude"])}
    facts: dict[str, Any] = {
        "held_out": sorted({*names["include"], *names["measured"]} - {*candidates}),
        "not_expressed": 0,
        "matched": matched(section, files, everyone, aliases),
    }
    if section.expressed_above is not None:
        silent = _silent(section.expressed_above, files["expressed_above"], candidates, aliases)
        for name in silent & {*names["include"]}:
            raise InputError(
                f"constraints.include: {name} is not expressed above "
                f"{section.expressed_above.threshold:g} (constraints.expressed_above); remove it from one"
            )
        facts["not_expressed"] = len(silent)
        excluded |= silent
    excluded -= {*names["measured"]}
    include, measured = places(names["include"]), places(names["measured"])
    cost, money = None, np.inf
    if section.cost is not None:
        cost, money = prices(section.cost, files["cost"], candidates, aliases), section.cost.money
        if cost[include].sum() > money:
            raise InputError(
                f"constraints.include: the {len(include)} perturbations cost {cost[include].sum():g}, "
                f"more than constraints.cost.money ({money:g}); raise it, or include fewer"
            )
    groups, limit = None, 0
    if section.max_per_group is not None:
        limit = section.max_per_group.limit
        groups, labels = _groups(section.max_per_group, files["max_per_group"], candidates, aliases)
        # what is measured may fill a group alone, but nobody can be included in a full one
        count, own = (
            np.asarray(groups[who].sum(axis=0)).ravel() for who in (np.r_[measured, include], include)
        )
        over = np.where(own > 0, count, 0)
        if (over > limit).any():
            group = int(over.argmax())
            members = candidates[[place for place in include if groups[place, group]]]
            beside = f", with {count[group] - own[group]:g} measured" if count[group] > own[group] else ""
            raise InputError(
                f"constraints.include: has {own[group]:g} of group '{labels[group]}' "
                f"({', '.join(members)}){beside}, but constraints.max_per_group.limit is {limit} "
                f"({files['max_per_group']}); raise it, or include fewer"
            )
    return Constraints(measured, include, places(excluded), cost, money, groups, limit), facts


def check_constraints(
    section: config.Constraints,
    files: Mapping[str, str],
    perturbations: Iterable[str] | None,
    aliases: Aliases | None,
) -> None:
    """Check before any job runs what can be known of the constraints by then.

    Parameters
    ----------
    section, files
        As for `requirements`; files that are here already.
    perturbations : iterable of str, or None
        Names of the screen, as its file spells them. None: not known yet.
    aliases : Aliases or None
        None: not here yet.

    Raises
    ------
    InputError
        As `requirements`.
    """
    if aliases is None:
        return
    if section.cost is not None and "cost" in files:
        _price_table(files["cost"], section.cost.columns, aliases)
    if section.expressed_above is not None and "expressed_above" in files:
        columns = section.expressed_above.columns
        read_numbers(files["expressed_above"], columns, aliases, "constraints.expressed_above")
    named = {key: getattr(section, key) for key in LISTS}
    known = perturbations is not None
    if perturbations is None:
        perturbations = [name for listed in named.values() for name in listed]
    everyone = _canonical(perturbations, aliases).values()
    if known:
        matched(section, files, everyone, aliases)
    check_lists({key: known_names(listed, everyone, aliases, key) for key, listed in named.items()})


def matched(
    section: config.Constraints, files: Mapping[str, str], perturbations: Iterable[str], aliases: Aliases
) -> dict[str, int]:
    """Return how many names of each table are those of genes or perturbations of the screen.

    Only a table of prices is looked up by whole perturbations, too.

    Raises
    ------
    InputError
        If a table has none of them: it speaks of other genes, or in other names.
    """
    perturbations = {str(name) for name in perturbations}
    genes = {gene for name in perturbations for gene in name.split("+")}
    counts = {}
    for key, path in files.items():
        column, _ = getattr(section, key).columns
        names = read_columns(path, [column])[column]
        known = genes | perturbations if key == "cost" else genes
        counts[key] = len({*united(names, aliases)} & known)
        if not counts[key]:
            raise InputError(
                f"{path}: none of its {names.nunique()} names is a gene of the screen, e.g. "
                f"'{names.iloc[0]}' (the screen has '{min(genes)}'); "
                f"name the right column in constraints.{key}.columns, or translate the table"
            )
    return counts


def _canonical(names: Iterable[str], aliases: Aliases) -> dict[str, str]:
    return canonical_names({name: name.split("+") for name in names}, aliases)[0]


def known_names(listed: Iterable[str], perturbations: Iterable[str], aliases: Aliases, key: str) -> set[str]:
    """Return the canonical names of a list, if the screen has them all.

    `exclude` may also name a gene that is perturbed only in combinations.

    Raises
    ------
    InputError
        Naming the first that the screen does not have.
    """
    listed, perturbations = list(listed), set(perturbations)
    canonical = _canonical(listed, aliases)
    genes = {gene for name in perturbations for gene in name.split("+")} if key == "exclude" else set()
    for name in listed:
        if canonical[name] not in perturbations | genes:
            raise InputError(
                f"constraints.{key}: the screen has no perturbation '{name}'; "
                + suggestion(name, sorted(perturbations)).partition("known: ")[0]
                + "remove or mend it"
            )
    return set(canonical.values())


def check_lists(names: Mapping[str, set[str]]) -> None:
    """Refuse a perturbation that the lists treat in two ways.

    Raises
    ------
    InputError
        Naming it and both lists.
    """
    for first, second in (("include", "exclude"), ("include", "measured"), ("measured", "exclude")):
        for name in sorted(names[first]):
            if name in names[second] or (second == "exclude" and _hits(name, names[second])):
                raise InputError(
                    f"constraints: {name} stands in both {first} and {second}; remove it from one of them"
                )


def _hits(name: str, genes: set[str]) -> bool:
    """Whether a perturbation hits one of some genes."""
    return not genes.isdisjoint(name.split("+"))


def prices(section: config.Cost, path: str, candidates: np.ndarray, aliases: Aliases) -> np.ndarray:
    """Return the price of each candidate: of its own row, else the sum of its genes' prices.

    Returns
    -------
    ndarray of float64, shape (n,)

    Raises
    ------
    InputError
        If a price is not above 0, or a gene has none and there is no default.
    """
    price, default = _price_table(path, section.columns, aliases), section.default

    def of(name: str) -> float:
        if name in price.index:
            return float(price[name])
        parts = name.split("+")
        if len(parts) > 1:
            return sum(of(gene) for gene in parts)
        if default is None:
            raise InputError(
                f"{path}: has no cost of {name}, which may be picked; add it, or set constraints.cost.default"
            )
        return default

    return np.array([of(name) for name in candidates])


def _price_table(path: str, columns: tuple[str, str], aliases: Aliases) -> pd.Series:
    price = read_numbers(path, columns, aliases, "constraints.cost")
    if (price <= 0).any():
        name = price.index[price <= 0][0]
        raise InputError(f"{path}: the cost of {name} is {price[name]:g}; every cost must be above 0")
    return price


def _silent(section: config.Expression, path: str, candidates: np.ndarray, aliases: Aliases) -> set[str]:
    """Return the candidates with a gene that is not expressed above the threshold, or not in the table."""
    level = read_numbers(path, section.columns, aliases, "constraints.expressed_above")
    expressed = set(level.index[level > section.threshold])
    return {name for name in candidates if not expressed.issuperset(name.split("+"))}


def _groups(
    section: config.Groups, path: str, candidates: np.ndarray, aliases: Aliases
) -> tuple[sp.csr_array, np.ndarray]:
    """Return which groups each candidate is in, through any of its genes, and the groups' names."""
    table = read_columns(path, section.columns)
    table.columns = pd.Index(["gene", "group"])
    table["gene"] = united(table["gene"], aliases)
    genes = np.unique([gene for name in candidates for gene in str(name).split("+")])
    table = table[table["gene"].isin(genes)].drop_duplicates()
    labels, column = np.unique(table["group"].to_numpy(str), return_inverse=True)
    row = pd.Index(genes).get_indexer(table["gene"])
    of_gene = sp.csr_array((np.ones(len(row)), (row, column)), shape=(len(genes), len(labels)))
    return sp.csr_array((membership(candidates, genes) @ of_gene) > 0), labels


def read_numbers(path: str | os.PathLike, columns: tuple[str, str], aliases: Aliases, key: str) -> pd.Series:
    """Read a table of a name and a number: float64, by canonical name.

    Raises
    ------
    InputError
        If the file cannot be read, a value is no finite number, or a name has two different ones.
    """
    table = read_columns(path, columns)
    table.columns = pd.Index(["name", "number"])
    number = pd.to_numeric(table["number"], errors="coerce").astype(float)
    wrong = ~np.isfinite(number)
    if wrong.any():
        row = table[wrong].iloc[0]
        raise InputError(f"{path}: '{row['number']}' of {row['name']} is no number ({key})")
    table = pd.DataFrame({"name": united(table["name"], aliases), "number": number}).drop_duplicates()
    repeated = table["name"].duplicated()
    if repeated.any():
        name = table.loc[repeated, "name"].iloc[0]
        raise InputError(f"{path}: {name} has two different values ({key}); keep one")
    return table.set_index("name")["number"]


def united(names: pd.Series, aliases: Aliases) -> np.ndarray:
    """Return the canonical name of each perturbation of a table."""
    names = names.str.strip()
    return names.map(_canonical(names.unique(), aliases)).to_numpy()
