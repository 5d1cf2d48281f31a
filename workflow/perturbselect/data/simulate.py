"""A simulated CRISPRi screen: raw counts, guides, and the knowledge that goes with them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.sparse as sp
from anndata import AnnData

from perturbselect.config import Simulation
from perturbselect.data.simulated_network import draw_effects, draw_network, observed_interactions, ontology
from perturbselect.errors import InputError

# Read off a 10x table of 16,395 genes of K562 cells (relative expression and negative-binomial
# size of each gene; rows of endogenous genes only):
# - log relative expression of the 10,697 genes above 3e-6: standard deviation 1.25;
# - size of the 5,000 highest genes: median 5.3, half the distance of the 16th and 84th
#   percentile of log size 0.35, slope of log size on log expression -0.1;
# - the 13 MT- genes: 6 % of all UMIs, size 1.2.
LOG_EXPRESSION_SD = 1.25
SIZE_MEDIAN = 5.3
SIZE_LOG_SD = 0.35
SIZE_SLOPE = -0.1
MITO_SHARE = 0.06
MITO_SIZE = 1.2

# Not in that table; chosen to look like published droplet screens.
MITO_GENES = 0.01  # share of genes named MT-
SHARED_VARIATION = 0.7  # share of the biological variance that is a module's activity in the cell
DEPTH_LOG_SD = 0.35
CELL_NUMBER_SHAPE = 15.0  # gamma shape of the number of cells of a guide
POOR_CELLS = 0.01  # broken cells: a tenth of the depth, four times the mitochondrial share
AMBIGUOUS_CELLS = 0.04  # two guides in a cell; half of them carry the effect of the other one
BLOCK = 2000  # cells whose dense counts are in memory at a time


@dataclass(frozen=True)
class SimulatedScreen:
    """A simulated screen, in the form of files an archive would offer.

    Attributes
    ----------
    cells : AnnData, n cells x G genes
        X csr int32 (UMI counts); ``obs``: ``perturbation`` (target, or ``control``),
        ``guide``, ``guide_umis``, ``guide_share``; ``uns['simulated']`` is True.
    gene2go : DataFrame
        ``symbol``, ``go_id``, ``aspect``, ``type``.
    interactions : DataFrame
        ``gene1``, ``gene2``, ``combined_score`` (0-1000).
    truth : DataFrame, P perturbations x G genes
        True log2 fold changes of a guide of full efficacy.
    guides : DataFrame
        ``guide``, ``target``, ``efficacy`` (0-1; 0 = inert), one row a targeting guide.
    """

    cells: AnnData
    gene2go: pd.DataFrame
    interactions: pd.DataFrame
    truth: pd.DataFrame
    guides: pd.DataFrame


def simulate(options: Simulation, generator: np.random.Generator) -> SimulatedScreen:
    """Simulate a CRISPRi screen with its ontology and interaction network.

    Counts are negative binomial: a Poisson draw around depth x relative expression
    x effect of the guide x activity of the gene's module in the cell x gamma noise.
    Dispersion and spread of expression are those of real K562 cells (see the constants).

    Parameters
    ----------
    options : Simulation
        Sizes.
    generator : numpy.random.Generator

    Returns
    -------
    SimulatedScreen

    Raises
    ------
    InputError
        If the sizes do not fit together.
    """
    n_mito = max(1, round(MITO_GENES * options.genes))
    if options.perturbations > options.genes - n_mito:
        raise InputError(
            f"simulation: {options.perturbations} perturbations need at least "
            f"{options.perturbations} genes besides {n_mito} mitochondrial ones, but genes: "
            f"{options.genes}; raise genes or lower perturbations"
        )
    if 2 * options.modules > options.genes:
        raise InputError(
            f"simulation: modules: {options.modules} need two genes each, but genes: {options.genes}; "
            "raise genes or lower modules"
        )
    width = len(str(options.genes))
    nuclear = options.genes - n_mito
    genes = np.array(
        [f"GENE{i + 1:0{width}d}" for i in range(nuclear)] + [f"MT-GENE{i + 1}" for i in range(n_mito)]
    )
    network = draw_network(options.genes, options.modules, generator)
    degree = np.diff(network.interactions.indptr)[:nuclear] + 1.0
    # Screens choose genes that matter: well-connected ones are likelier.
    weights = np.sqrt(degree) / np.sqrt(degree).sum()
    perturbed = np.sort(generator.choice(nuclear, options.perturbations, replace=False, p=weights))
    effects = draw_effects(network, perturbed, generator)
    guides = _draw_guides(genes[perturbed], options, generator)
    cells, effect_of_cell = _draw_cells(guides, options, generator)

    fold_changes = np.concatenate([np.zeros((1, options.genes)), effects])
    efficacy = np.concatenate([[0.0], guides["efficacy"].to_numpy()])
    target = np.concatenate([[0], np.repeat(np.arange(len(perturbed)) + 1, options.guides_per_target)])
    log_effects = np.log(2) * efficacy[:, None] * fold_changes[target]
    counts = _draw_counts(log_effects, effect_of_cell, network.module, n_mito, options, generator)

    screen = AnnData(X=counts, obs=cells, var=pd.DataFrame(index=pd.Index(genes)), uns={"simulated": True})
    return SimulatedScreen(
        cells=screen,
        gene2go=ontology(network, genes, generator),
        interactions=observed_interactions(network, genes, generator),
        truth=pd.DataFrame(effects, index=genes[perturbed], columns=genes),
        guides=guides,
    )


def _draw_guides(targets: np.ndarray, options: Simulation, generator: np.random.Generator) -> pd.DataFrame:
    """Draw the guides of each target and how well they work; some are inert."""
    n_guides = len(targets) * options.guides_per_target
    efficacy = generator.beta(8, 1.5, n_guides)
    inert = generator.choice(n_guides, round(options.inert_guides * n_guides), replace=False)
    efficacy[inert] = 0
    return pd.DataFrame(
        {
            "guide": [f"{t}_g{i + 1}" for t in targets for i in range(options.guides_per_target)],
            "target": np.repeat(targets, options.guides_per_target),
            "efficacy": efficacy,
        }
    )


def _draw_cells(
    guides: pd.DataFrame, options: Simulation, generator: np.random.Generator
) -> tuple[pd.DataFrame, np.ndarray]:
    """Draw the cell table, and for each cell the guide whose effect it has (0 = none, i = row i - 1)."""
    abundance = generator.gamma(CELL_NUMBER_SHAPE, size=len(guides))
    n_cells = options.perturbations * options.cells_per_perturbation
    guide = 1 + generator.choice(len(guides), n_cells, p=abundance / abundance.sum())
    guide = generator.permutation(np.concatenate([guide, np.zeros(options.control_cells, dtype=guide.dtype)]))
    effect = guide.copy()
    ambiguous = generator.random(len(guide)) < AMBIGUOUS_CELLS
    other = ambiguous & (generator.random(len(guide)) < 0.5)
    effect[other] = generator.integers(len(guides) + 1, size=other.sum())

    names = np.concatenate([[""], guides["guide"]])[guide]
    targets = np.concatenate([["control"], guides["target"]])[guide]
    controls = np.flatnonzero(guide == 0)
    n_control_guides = max(2, min(30, len(controls) // 50))
    numbers = generator.integers(n_control_guides, size=len(controls))
    names[controls] = [f"non-targeting_{i + 1}" for i in numbers]
    share = np.where(ambiguous, generator.beta(12, 10, len(guide)), generator.beta(30, 1.5, len(guide)))
    umis = 1 + generator.negative_binomial(1.2, 1.2 / (1.2 + 120), len(guide))
    cells = pd.DataFrame(
        {
            "perturbation": pd.Categorical(targets),
            "guide": pd.Categorical(names),
            "guide_umis": umis.astype(np.int32),
            "guide_share": share.astype(np.float32),
        },
        index=pd.Index([f"cell{i + 1}" for i in range(len(guide))]),
    )
    return cells, effect


def _draw_counts(
    log_effects: np.ndarray,
    effect_of_cell: np.ndarray,
    module: np.ndarray,
    n_mito: int,
    options: Simulation,
    generator: np.random.Generator,
) -> sp.csr_matrix:
    """Draw negative-binomial counts, csr int32, block by block of cells."""
    n_cells, n_genes = len(effect_of_cell), len(module)
    relative, size = _draw_baseline(n_genes, n_mito, n_cells * options.depth, generator)
    # (1 + shared) (1 + private) = 1 + 1/size: the module's activity takes its part of the gene's variance.
    shared = SHARED_VARIATION / size
    shared[n_genes - n_mito :] = 0
    private = (1 + 1 / size) / (1 + shared) - 1
    loading = np.sqrt(np.log1p(shared))

    depth = options.depth * np.exp(DEPTH_LOG_SD * generator.standard_normal(n_cells))
    poor = generator.random(n_cells) < POOR_CELLS
    depth[poor] /= 10
    blocks = []
    for start in range(0, n_cells, BLOCK):
        rows = slice(start, min(start + BLOCK, n_cells))
        activity = generator.standard_normal((rows.stop - start, module.max() + 1))[:, module]
        mean = np.exp(log_effects[effect_of_cell[rows]] + loading * activity - loading**2 / 2)
        mean *= relative
        mean[poor[rows], n_genes - n_mito :] *= 4
        mean *= depth[rows, None]
        mean *= generator.standard_gamma(np.broadcast_to(1 / private, mean.shape)) * private
        blocks.append(sp.csr_matrix(generator.poisson(mean).astype(np.int32)))
    return sp.csr_matrix(sp.vstack(blocks, format="csr"))


def _draw_baseline(
    n_genes: int, n_mito: int, total_umis: float, generator: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw relative expression (sums to 1) and negative-binomial size of each gene; MT- genes last."""
    standard = generator.standard_normal(n_genes)
    relative = np.exp(LOG_EXPRESSION_SD * standard)
    nuclear, mito = relative[: n_genes - n_mito], relative[n_genes - n_mito :]
    nuclear *= (1 - MITO_SHARE) / nuclear.sum()
    mito *= MITO_SHARE / mito.sum()
    # Every gene is seen: at least 100 UMIs are expected of it over the whole screen.
    relative = np.maximum(relative, 100 / total_umis)
    relative /= relative.sum()
    log_size = (
        np.log(SIZE_MEDIAN)
        + SIZE_SLOPE * LOG_EXPRESSION_SD * standard
        + SIZE_LOG_SD * generator.standard_normal(n_genes)
    )
    size = np.exp(log_size)
    size[n_genes - n_mito :] = MITO_SIZE
    return relative, size
