"""Simulated screens."""

from __future__ import annotations

from pydantic import Field

from perturbselect.config.section import Section


class Simulation(Section):
    """A simulated CRISPRi screen with its ontology and interaction network."""

    perturbations: int = Field(300, ge=4, description="Perturbed genes.")
    cells_per_perturbation: int = Field(60, ge=4, description="Mean number of cells of a perturbation.")
    control_cells: int = Field(1500, ge=10, description="Cells with a non-targeting guide.")
    genes: int = Field(1000, ge=20, description="Genes counted, the perturbed ones among them.")
    modules: int = Field(25, ge=2, description="Gene modules that ontology, network and effects share.")
    guides_per_target: int = Field(3, ge=1, description="Guides of each target.")
    inert_guides: float = Field(0.05, ge=0, lt=1, description="Share of guides without effect.")
    depth: float = Field(8000, gt=0, description="Median UMIs of a cell.")
