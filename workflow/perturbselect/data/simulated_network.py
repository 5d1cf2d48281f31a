"""A simulated cell's biology: modules of genes, their ontology, their interactions, and effects.

Everything follows one hidden structure, so that what the knowledge graphs say about a
gene is informative, but never complete, about what its knock-down does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy.stats import norm

SUBMODULES = 3
MODULES_PER_FAMILY = 4
MEAN_DEGREE = 20
WITHIN_MODULE = 0.75
INHIBITORY = 0.08
MISSED_EDGES = 0.2
FALSE_EDGES = 0.2
MISSED_ANNOTATIONS = 0.1
UNANNOTATED = 0.03


@dataclass(frozen=True)
class Network:
    """The hidden structure.

    Attributes
    ----------
    module, submodule : ndarray of int, shape (G,)
        Module of each gene, and sub-module (numbered over all modules).
    family : ndarray of int, shape (G,)
        Group of modules, the level above.
    interactions : csr_array of float, shape (G, G)
        Symmetric; +1 activating, -1 inhibiting.
    activity : ndarray of float, shape (G,)
        +1 where a gene acts with its module, -1 where against it.
    """

    module: np.ndarray
    submodule: np.ndarray
    family: np.ndarray
    interactions: sp.csr_array
    activity: np.ndarray


def draw_network(n_genes: int, n_modules: int, generator: np.random.Generator) -> Network:
    """Draw modules of unequal size and a degree-heterogeneous signed network, denser within modules.

    Parameters
    ----------
    n_genes, n_modules : int
        At least two genes a module.
    generator : numpy.random.Generator
    """
    shares = generator.dirichlet(np.full(n_modules, 2.0))
    module = np.concatenate(
        [np.arange(2 * n_modules) % n_modules, generator.choice(n_modules, n_genes - 2 * n_modules, p=shares)]
    )
    module = generator.permutation(module)
    submodule = SUBMODULES * module + generator.choice(SUBMODULES, n_genes, p=[0.5, 0.3, 0.2])

    popularity = generator.pareto(2.5, n_genes) + 0.3
    n_edges = n_genes * MEAN_DEGREE // 2
    one = generator.choice(n_genes, n_edges, p=popularity / popularity.sum())
    other = np.empty(n_edges, dtype=np.int64)
    within = generator.random(n_edges) < WITHIN_MODULE
    # Half of the edges within a module stay within the sub-module.
    block = np.where(generator.random(n_edges) < 0.5, submodule[one], -1 - module[one])
    for b in np.unique(block[within]):
        members = np.flatnonzero(submodule == b if b >= 0 else module == -1 - b)
        ends = np.flatnonzero(within & (block == b))
        other[ends] = generator.choice(members, len(ends), p=popularity[members] / popularity[members].sum())
    other[~within] = generator.choice(n_genes, (~within).sum(), p=popularity / popularity.sum())
    pairs = _unique_pairs(one, other, n_genes)
    signs = np.where(generator.random(len(pairs)) < INHIBITORY, -1.0, 1.0)
    half = sp.coo_array((signs, (pairs[:, 0], pairs[:, 1])), shape=(n_genes, n_genes))
    activity = np.where(generator.random(n_genes) < INHIBITORY, -1.0, 1.0)
    return Network(module, submodule, module // MODULES_PER_FAMILY, sp.csr_array(half + half.T), activity)


def _unique_pairs(one: np.ndarray, other: np.ndarray, n: int) -> np.ndarray:
    """Return the distinct unordered pairs of different numbers below n, shape (E, 2), sorted."""
    low, high = np.minimum(one, other), np.maximum(one, other)
    codes = np.unique((low * n + high)[low != high])
    return np.stack([codes // n, codes % n], axis=1)


def observed_interactions(
    network: Network, genes: np.ndarray, generator: np.random.Generator
) -> pd.DataFrame:
    """Return the interactions as a database would know them: some missed, some false.

    Parameters
    ----------
    network : Network
    genes : ndarray of str, shape (G,)
    generator : numpy.random.Generator

    Returns
    -------
    DataFrame
        ``gene1``, ``gene2``, ``combined_score`` (int, 150-999; unsigned: false edges
        score lower on average), one row a pair.
    """
    n = len(genes)
    true = sp.triu(network.interactions).tocoo()
    known = generator.random(true.nnz) >= MISSED_EDGES
    true_pairs = np.stack([true.row, true.col], axis=1)[known]
    n_false = round(FALSE_EDGES * true.nnz)
    ends = generator.integers(n, size=(2, n_false))
    false_pairs = _unique_pairs(ends[0], ends[1], n)
    shares = np.concatenate([generator.beta(4, 2, len(true_pairs)), generator.beta(2, 3, len(false_pairs))])
    table = pd.DataFrame(np.concatenate([true_pairs, false_pairs]), columns=["gene1", "gene2"])
    table["combined_score"] = (150 + 850 * shares).astype(int)
    table = table.sort_values("combined_score", ascending=False).drop_duplicates(["gene1", "gene2"])
    table = table.sort_values(["gene1", "gene2"], ignore_index=True)
    return table.assign(gene1=genes[table["gene1"]], gene2=genes[table["gene2"]])


def ontology(network: Network, genes: np.ndarray, generator: np.random.Generator) -> pd.DataFrame:
    """Return nested gene-term annotations: families, modules, sub-modules, and terms across them.

    Two terms follow each module and sub-module (as process and component do). Terms
    across modules, wrong and missing annotations, and genes without any annotation
    make the ontology as incomplete as real ones.

    Parameters
    ----------
    network : Network
    genes : ndarray of str, shape (G,)
    generator : numpy.random.Generator

    Returns
    -------
    DataFrame
        ``symbol``, ``go_id``, ``aspect`` (BP, CC), ``type`` (D = direct), one row a pair,
        as in a gene2go table.
    """
    n = len(genes)
    everyone = np.arange(n)
    blocks = [  # (gene, level, term within the level)
        (everyone, 1, network.family),
        (everyone, 2, network.module),
        (everyone, 3, network.module),
        (everyone, 4, network.submodule),
        (everyone, 5, network.submodule),
    ]
    rows = [np.stack([g, np.full(len(g), level), term], axis=1) for g, level, term in blocks]
    across = generator.integers(n, size=2 * n)
    n_terms = max(4, n // 12)
    popularity = generator.dirichlet(np.full(n_terms, 0.7))
    rows.append(np.stack([across, np.full(2 * n, 6), generator.choice(n_terms, 2 * n, p=popularity)], axis=1))
    annotations = np.concatenate(rows)
    annotations = annotations[generator.random(len(annotations)) >= MISSED_ANNOTATIONS]
    wrong = generator.integers(n, size=n // 4)
    borrowed = generator.integers(n, size=n // 4)
    annotations = np.concatenate(
        [annotations, np.stack([wrong, np.full(n // 4, 4), network.submodule[borrowed]], axis=1)]
    )
    unannotated = generator.choice(n, int(UNANNOTATED * n), replace=False)
    annotations = np.unique(annotations[~np.isin(annotations[:, 0], unannotated)], axis=0)
    gene, level, term = annotations.T
    return pd.DataFrame(
        {
            "symbol": genes[gene],
            # GO numbers this high are not in use.
            "go_id": [f"GO:9{number:06d}" for number in level * 100_000 + term],
            "aspect": np.where(np.isin(level, [3, 5]), "CC", "BP"),
            "type": "D",
        }
    )


def draw_effects(network: Network, perturbed: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw the true effects of knocking down each perturbed gene.

    An effect is the sum of (a) the knock-down of the gene itself, log2 fold change
    about -2; (b) what spreads from it over the signed network; (c) programmes of its
    module and sub-module, and those of its neighbours in the network, times the gene's
    strength; (d) a stress programme common to all, times the strength; (e) a programme
    of its own. Programmes are sparse and signed. Strengths are log-normal: many weak,
    a few strong; they are alike within a module.

    Parameters
    ----------
    network : Network
    perturbed : ndarray of int, shape (P,)
        The knocked-down genes.
    generator : numpy.random.Generator

    Returns
    -------
    ndarray of float64, shape (P, G)
        Log2 fold changes against control.
    """
    n_genes = len(network.module)
    degree = np.maximum(np.asarray(abs(network.interactions).sum(axis=1)).ravel(), 1)
    scaling = sp.diags_array(degree**-0.5)
    spread = sp.csr_array(scaling @ network.interactions @ scaling)

    n_modules, n_submodules = network.module.max() + 1, network.submodule.max() + 1
    of_module = _programmes(n_modules, np.arange(n_modules), network, generator)
    of_submodule = _programmes(n_submodules, np.arange(n_submodules) // SUBMODULES, network, generator)
    of_gene = _programmes(n_genes, network.module, network, generator)
    stress = _programmes(1, np.zeros(1, dtype=int), network, generator)

    module, submodule = network.module[perturbed], network.submodule[perturbed]
    reach = spread + 0.5 * spread @ spread
    from_neighbours = (reach - sp.diags_array(reach.diagonal()))[perturbed] @ of_gene
    from_neighbours /= np.sqrt((from_neighbours**2).mean(axis=1, keepdims=True)) + 1e-9
    log_strength = (
        0.5 * _normal_scores(n_modules, generator)[module]
        + 0.3 * _normal_scores(n_submodules, generator)[submodule]
        + 0.3 * _normal_scores(len(perturbed), generator)
    )
    strength = 0.4 * np.exp(log_strength)[:, None]
    programme = (
        network.activity[perturbed, None] * (0.9 * of_module[module] + 0.6 * of_submodule[submodule])
        + 0.4 * from_neighbours
        + 0.2 * of_gene[perturbed]
        + 0.4 * stress
    )
    knock_down = np.zeros((len(perturbed), n_genes))
    knock_down[np.arange(len(perturbed)), perturbed] = np.minimum(
        generator.normal(-2, 0.5, len(perturbed)), -0.7
    )
    downstream = 0.4 * knock_down @ spread
    effects = np.clip(strength * programme + downstream, -3, 3)
    own = knock_down != 0
    effects[own] = knock_down[own]
    return effects


def _normal_scores(n: int, generator: np.random.Generator) -> np.ndarray:
    """Return n quantiles of the normal distribution in random order: its spread without its luck."""
    return generator.permutation(norm.ppf((np.arange(n) + 0.5) / n))


def _programmes(n: int, home: np.ndarray, network: Network, generator: np.random.Generator) -> np.ndarray:
    """Draw n sparse signed programmes over genes, denser in the home module; rows have unit mean square."""
    density = np.where(network.module[None, :] == home[:, None], 0.4, 0.05)
    values = generator.standard_normal((n, len(network.module)))
    values *= generator.random(values.shape) < density
    return values / (np.sqrt((values**2).mean(axis=1, keepdims=True)) + 1e-9)
