"""The table ``selected``: what each strategy picked, beside what random picks would be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from perturbselect.budgets import budget_label, budget_size
from perturbselect.errors import InputError
from perturbselect.graphs.centrality import node_degree
from perturbselect.graphs.graph import Graph
from perturbselect.graphs.membership import membership
from perturbselect.selection.strategy import FALLBACK, Problem

HITS, HUBS = "5%", "10%"  # shares of the pool


def highest_share(values: np.ndarray, share: str) -> np.ndarray:
    """Return which candidates have the highest values, as a weight of each.

    Candidates that are tied for the last places share them: each counts with the chance that it has in a
    random order of the ties. So no seed and no order of names decides. Our definition.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        Not negative; a candidate of value 0 never counts.
    share : str
        Share of the candidates, as ``5%``; rounded up, so that it is one at least.

    Returns
    -------
    ndarray of float, shape (n,)
        0 to 1. The sum is the number of places, or of values above 0 where these are fewer.
    """
    places = budget_size(share, len(values))
    cut = np.sort(values)[-places]
    above, tied = values > cut, (values == cut) & (cut > 0)
    return above + tied * (places - above.sum()) / max(tied.sum(), 1)


def selected(
    dataset: str,
    selections: Mapping[tuple[str, int, int], pd.DataFrame],
    problems: Mapping[int, Problem],
    responses: pd.DataFrame,
    graphs: Mapping[str, Graph],
    graph_of: Mapping[str, str | None],
    budgets: Sequence[int | str],
) -> pd.DataFrame:
    """Describe the picks of every run at every budget: saturation, gains, hits and hubs.

    Our definitions. The *pool* is what can be picked: the split's pool without what is measured already or
    excluded (``constraints``). *Hits* are the 5 % of the pool's perturbations, at least one, whose true mean
    response has the largest Euclidean norm over all genes of the responses. *Hubs* are the 10 % of the
    pool's perturbations, at least one, of highest degree in the strategy's graph: the sum of the weights
    of all edges, in and out; a combination ``A+B`` has the sum of its genes' degrees, as for
    the strategy ``degree``. Ties for the last places are shared (`highest_share`).

    What is expected of random picks is the mean of the hypergeometric distribution: of k picks from a
    pool of n that holds m hits, k·m/n are hits, i.e. a share m/n of the picks and k/n of the hits. The
    draw is uniform: it knows no include list, prices or groups.

    Parameters
    ----------
    dataset : str
    selections : mapping of (strategy, split, seed) to DataFrame
        Tables ``selections``; rows of rank 0 were measured already and are no picks.
    problems : mapping of int to Problem
        Candidates and constraints of each split.
    responses : DataFrame, perturbations × genes
        True mean responses.
    graphs : mapping of str to Graph
    graph_of : mapping of str to str or None
        Each strategy's graph, by its name in `graphs`; None: there is none, and hubs are unknown.
    budgets : sequence of int or str

    Returns
    -------
    DataFrame
        Table ``selected``, one row a strategy, split, seed and budget: dataset, strategy, split, seed,
        budget, n_selected; saturation_step: picks before the first that the criterion could not decide, in
        rounds that of the first round where it could not (empty if these picks have none);
        zero_gain_share: of the picks, those by which the criterion gained nothing (empty where none of
        them has a gain); hits_recovered: of the pool's hits, those among the picks (recall); hit_share:
        of the picks, those that are hits; graph; hub_share; expected_hits_recovered, expected_hit_share
        and expected_hub_share of random picks; n_pool, n_hits, n_hubs.

    Raises
    ------
    InputError
        If a selection picks what its pool does not have.
    """
    pools = {split: _can_be_picked(problem) for split, problem in problems.items()}
    norms = pd.Series(np.linalg.norm(responses.to_numpy(np.float64), axis=1), index=responses.index)
    hits = {split: highest_share(norms[pool].to_numpy(), HITS) for split, pool in pools.items()}
    degrees = {name: node_degree(graph, "total", weighted=True) for name, graph in graphs.items()}
    hubs = {
        (split, name): highest_share(membership(pool, graph.genes) @ degrees[name], HUBS)
        for split, pool in pools.items()
        for name, graph in graphs.items()
    }
    rows = []
    for (strategy, split, seed), table in selections.items():
        pool, graph = pools[split], graph_of[strategy]
        table = table[table["rank"] > 0]
        place = pd.Index(pool).get_indexer(table["gene"])
        if (place < 0).any():
            raise InputError(
                f"selection of '{strategy}', split {split}, seed {seed}: picks "
                f"'{table['gene'].iloc[np.argmin(place)]}', which cannot be picked there; make it anew"
            )
        is_hub = None if graph is None else hubs[split, graph]
        rank, has_gain = table["rank"].to_numpy(), table["gain"].notna().to_numpy()
        idle, undecided = table["zero_gain"].to_numpy(bool), (table["decided_by"] == FALLBACK).to_numpy()
        for budget in budgets:
            size = budget_size(budget, len(problems[split].candidates))
            now = rank <= size
            picks = place[now]
            rows.append(
                {
                    "dataset": dataset,
                    "strategy": strategy,
                    "split": split,
                    "seed": seed,
                    "budget": budget_label(budget),
                    "n_selected": len(picks),
                    **_gains(rank[now & undecided], has_gain[now], idle[now]),
                    **_hits(hits[split], picks),
                    "graph": graph,
                    **_hubs(is_hub, picks),
                }
            )
    whole, shares = ["saturation_step", "n_hubs"], ["zero_gain_share", "hub_share", "expected_hub_share"]
    may_be_empty = dict.fromkeys(whole, "Int64") | dict.fromkeys(shares, "float64")
    return pd.DataFrame(rows).astype(may_be_empty)


def _can_be_picked(problem: Problem) -> np.ndarray:
    rules = problem.constraints
    return np.delete(problem.candidates, np.union1d(rules.measured, rules.exclude))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else np.nan


def _gains(undecided: np.ndarray, has_gain: np.ndarray, idle: np.ndarray) -> dict[str, float | None]:
    """Return step of saturation and share of picks without gain, as far as these picks know."""
    return {
        "saturation_step": int(undecided.min()) - 1 if len(undecided) else None,
        "zero_gain_share": idle.mean() if has_gain.any() or idle.any() else np.nan,
    }


def _hits(is_hit: np.ndarray, picks: np.ndarray) -> dict[str, float]:
    found, there, pool = is_hit[picks].sum(), is_hit.sum(), len(is_hit)
    return {
        "hits_recovered": _share(found, there),
        "expected_hits_recovered": _share(len(picks) * there / pool, there),
        "hit_share": _share(found, len(picks)),
        "expected_hit_share": is_hit.mean(),
        "n_pool": pool,
        "n_hits": round(there),
    }


def _hubs(is_hub: np.ndarray | None, picks: np.ndarray) -> dict[str, float | None]:
    if is_hub is None:
        return {"hub_share": None, "expected_hub_share": None, "n_hubs": None}
    return {
        "hub_share": _share(is_hub[picks].sum(), len(picks)),
        "expected_hub_share": is_hub.mean(),
        "n_hubs": round(is_hub.sum()),
    }
