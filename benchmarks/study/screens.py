"""The screens of the selection study: their configs, and what the workflow makes of them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from anndata import AnnData

from perturbselect.config import Config
from perturbselect.files import read_h5ad
from perturbselect.graphs.graph import read_graph
from perturbselect.graphs.kernels import Prior, kernel
from perturbselect.load_config import load_config
from perturbselect.models.model import Knowledge

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
SCREENS = ("k562", "rpe1", "k562_vectors", "adamson2016")
# No contender: it chooses by half the usual kernel and half the screen's own responses.
OWN = {"v_optimal_own": {"strategy": "v_optimal", "kernel": "own"}}
OWN_KERNEL = "0.5 * matrix(mix) + 0.5 * screen(own)"


@dataclass(frozen=True)
class Screen:
    """A screen with everything known about it.

    Attributes
    ----------
    name : str
        Key of the dataset.
    config : Config
        Its study.
    responses : AnnData, one row a perturbation
    knowledge : Knowledge
        Every graph and kernel of the study, and the kernel ``own``.
    """

    name: str
    config: Config
    responses: AnnData
    knowledge: Knowledge

    @property
    def strategies(self) -> dict[str, dict]:
        """Entries of the study, and `OWN`."""
        return self.config.strategies | OWN


def study_of(name: str, data: str) -> dict:
    """Return the raw config of a screen's study: the common part and the screen's own."""
    parts = [yaml.safe_load((HERE / f"{part}.yaml").read_text()) for part in ("common", name)]
    return {"data_root": data} | parts[0] | parts[1]


def make_screen(name: str, data: str, folder: Path) -> Screen:
    """Let the workflow make responses, graphs and kernels in a folder, and read them."""
    raw = study_of(name, data)
    config = load_config(raw, name)
    made = Path("results") / name
    responses = made / "responses.h5ad"
    graphs = {
        graph: [made / "graphs" / f"{graph}.{part}" for part in ("edges.tsv.gz", "nodes.tsv")]
        for graph in config.graphs
    }
    kernels = {label: made / "kernels" / f"{label}.h5ad" for label in config.kernels}
    targets = [responses, *(path for paths in graphs.values() for path in paths), *kernels.values()]
    folder.mkdir(parents=True, exist_ok=True)
    study = folder / "study.yaml"
    study.write_text(yaml.safe_dump(raw, sort_keys=False))
    command = [sys.executable, "-m", "snakemake", "--cores", str(os.cpu_count()), "--quiet", "all"]
    command += ["--snakefile", str(REPOSITORY / "Snakefile"), "--configfile", str(study.resolve())]
    command += ["--directory", str(folder), "--", *map(str, targets)]
    subprocess.run(command, check=True)
    measured = read_h5ad(folder / responses)
    known = {label: read_h5ad(folder / path).to_df() for label, path in kernels.items()}
    prior = Prior(screens={"own": measured.to_df()}, matrices={"mix": known["mix"].astype(np.float64)})
    known["own"] = kernel(OWN_KERNEL, measured.obs_names.to_numpy(str), prior)
    knowledge = Knowledge(
        {graph: read_graph(*(folder / path for path in paths)) for graph, paths in graphs.items()}, known
    )
    return Screen(name, config, measured, knowledge)
