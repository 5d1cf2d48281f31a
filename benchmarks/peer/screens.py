"""The screens of the comparison, written once as files that both sides read."""

from dataclasses import dataclass
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import scipy.sparse as sp

from perturbselect.config import CellSource, CoexpressionGraph, GoGraph, Preprocess, Simulation
from perturbselect.data.cells import read_cells
from perturbselect.data.gene_names import read_aliases
from perturbselect.data.preprocess import preprocess
from perturbselect.data.simulate import simulate
from perturbselect.data.splits import split
from perturbselect.data.summarise import summarise
from perturbselect.files import write_h5ad, write_tsv
from perturbselect.graphs.coexpression import coexpression_graph
from perturbselect.graphs.go import go_graph, read_annotation
from perturbselect.graphs.graph import Graph
from perturbselect.graphs.membership import perturbed_genes
from perturbselect.seeds import generator

PREPROCESS = Preprocess(highly_variable_genes=None, all_zero_genes="drop")
TEST_SHARE, VALIDATION_SHARE = 0.25, 0.1  # the second of what the first leaves: GEARS' shares


@dataclass(frozen=True)
class Shape:
    """Size of a screen, and how long the peer trains on it; `simulation` is None for real data."""

    name: str
    seeds: int
    epochs: int
    simulation: Simulation | None = None
    coexpression: float = 0.4  # GEARS' threshold of correlation


def _simulated(name: str, genes: int, perturbations: int, cells: int, seeds: int, epochs: int) -> Shape:
    simulation = Simulation(genes=genes, perturbations=perturbations, cells_per_perturbation=cells)
    # Correlations of single simulated cells stay below 0.4.
    return Shape(name, seeds, epochs, simulation, coexpression=0.2)


SHAPES = {
    "quick": _simulated("quick", 1000, 40, 100, seeds=1, epochs=3),
    "A": _simulated("A", 1000, 100, 150, seeds=3, epochs=5),
    "B": _simulated("B", 5000, 60, 150, seeds=1, epochs=2),
    "norman": Shape("norman", seeds=1, epochs=20),
}


def write_screen(shape: Shape, seed: int, data: Path, folder: Path) -> None:
    """Write the screen of one seed.

    ``cells.h5ad`` (raw counts), ``gene2go.tsv.gz`` and ``parts.tsv`` (train, validation, test) are
    what our side reads; ``peer.h5ad`` holds the same cells log-normalised and the graphs' edges,
    ready for the peer; ``truth.h5ad`` the true responses and their rank of differential expression.
    """
    cells, gene2go = _simulate(shape, seed, folder) if shape.simulation else _norman(data)
    expression = preprocess(cells, PREPROCESS, shape.name)[0]
    truth = summarise(expression, "t-test", generator(seed, shape.name, "halves"))
    parts = _parts(truth.obs_names.to_numpy(str), generator(seed, shape.name, "split"))
    write_tsv(gene2go, folder / "gene2go.tsv.gz")
    graphs = build_graphs(expression, folder / "gene2go.tsv.gz", shape.coexpression)
    write_h5ad(cells, folder / "cells.h5ad")
    write_h5ad(truth, folder / "truth.h5ad")
    write_tsv(parts, folder / "parts.tsv")
    write_h5ad(_for_peer(expression, truth, parts, graphs), folder / "peer.h5ad")


def build_graphs(expression: anndata.AnnData, gene2go: Path, threshold: float) -> dict[str, Graph]:
    """Build the perturbation graph (GO) and the co-expression graph (control cells), GEARS' 20 neighbours.

    The nodes of the first are the measured genes that have annotations, and the perturbed ones: the
    peer's set of nodes for a screen that is not one of its own.
    """
    annotation = read_annotation(gene2go, "table", read_aliases(None))
    is_control = expression.obs["is_control"].to_numpy(bool)
    perturbed = perturbed_genes(expression.obs["perturbation"][~is_control].unique())
    nodes = np.union1d(perturbed, np.intersect1d(expression.var_names.to_numpy(str), annotation.genes))
    go = go_graph(annotation, nodes, GoGraph(type="go", source={"path": str(gene2go)}))
    return {
        "go": go,
        "coexpression": coexpression_graph(
            sp.csr_array(expression.X[is_control]),
            expression.var_names.to_numpy(str),
            CoexpressionGraph(type="coexpression", threshold=threshold),
        ),
    }


def _simulate(shape: Shape, seed: int, folder: Path) -> tuple[anndata.AnnData, pd.DataFrame]:
    screen = simulate(shape.simulation, generator(seed, shape.name, "simulation"))
    write_h5ad(screen.cells, folder / "simulated.h5ad")
    cells, _ = read_cells(
        folder / "simulated.h5ad", CellSource(path="simulated.h5ad"), read_aliases(None), shape.name
    )
    return cells, screen.gene2go


def _norman(data: Path) -> tuple[anndata.AnnData, pd.DataFrame]:
    path = data / "norman2019" / "cells.h5ad"
    # The file holds 500 of the genes; `ncounts` counts the UMIs of all.
    columns = {"perturbation": "condition", "total_umis": "ncounts"}
    source = CellSource(path=str(path), columns=columns, controls=["control"])
    cells, _ = read_cells(path, source, read_aliases(None), "norman")
    gene2go = pd.read_csv(data / "go_human" / "gene2go_propagated.tsv.gz", sep="\t", dtype=str)
    return cells, gene2go[["symbol", "go_id"]]


def _parts(perturbations: np.ndarray, random: np.random.Generator) -> pd.DataFrame:
    """Hold out a quarter of the perturbed genes for the test, then a tenth of the others for validation."""
    outer = split(perturbations, TEST_SHARE, random).set_index("perturbation")["part"]
    pool = outer.index[outer == "pool"].to_numpy(str)
    inner = split(pool, VALIDATION_SHARE, random).set_index("perturbation")["part"]
    part = outer.copy()
    part[pool] = inner[pool].map({"pool": "train", "test": "validation"})
    return part.rename("part").reset_index()


def _for_peer(
    expression: anndata.AnnData, truth: anndata.AnnData, parts: pd.DataFrame, graphs: dict[str, Graph]
) -> anndata.AnnData:
    """Spell everything as cell-gears does: `A+ctrl`, `ctrl`, sources above targets."""
    names = truth.obs_names.to_numpy(str)
    spelt = np.array([name if "+" in name else f"{name}+ctrl" for name in names])
    of_name = dict(zip(names, spelt, strict=True)) | {"control": "ctrl"}
    peer = anndata.AnnData(
        X=expression.X,
        obs=pd.DataFrame(
            {
                "condition": [of_name[name] for name in expression.obs["perturbation"].astype(str)],
                "cell_type": "cell",
            },
            index=expression.obs_names,
        ),
        var=pd.DataFrame({"gene_name": expression.var_names.to_numpy(str)}, index=expression.var_names),
    )
    peer.uns["conditions"] = spelt
    peer.uns["part"] = parts.set_index("perturbation")["part"][names].to_numpy(str)
    peer.uns["de20"] = np.argsort(truth.layers["de_rank"], axis=1)[:, :20]
    peer.uns["expressed"] = truth.layers["expressed"]
    peer.uns["nodes"] = graphs["go"].genes
    positions = {"go": graphs["go"].genes, "coexpression": expression.var_names}
    for name, graph in graphs.items():
        edges = graph.adjacency.tocoo()
        place = pd.Index(positions[name]).get_indexer(graph.genes)
        peer.uns[f"{name}_edges"] = np.stack([place[edges.col], place[edges.row]]).astype(np.int64)
        peer.uns[f"{name}_weights"] = edges.data.astype(np.float32)
    return peer
