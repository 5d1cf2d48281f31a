"""Durations and prices in the laboratory."""

from __future__ import annotations

from pydantic import Field

from perturbselect.config.section import Section


class Laboratory(Section):
    """What a screen takes in the laboratory, for `results/tables/laboratory.tsv` and its figure.

    The prices of cells and reads are the defaults of PerturbPlan in 2025 (10x Chromium v3, NovaSeq X 25B),
    the reads of a cell are 10x Genomics' recommended minimum. All other defaults are assumptions of ours:
    put your own laboratory's numbers here before you quote a result.
    """

    max_rounds: int = Field(10, ge=1, description="Numbers of rounds shown: 1 to this.")
    capacity: int = Field(1000, ge=1, description="Perturbations that fit into one experiment.")
    cells_per_perturbation: int = Field(100, ge=1, description="Cells captured for each perturbation.")
    reads_per_cell: int = Field(20000, ge=1, description="Reads sequenced for each cell.")
    price_per_cell: float = Field(0.086, ge=0, description="US dollars for capturing a cell.")
    price_per_million_reads: float = Field(0.374, ge=0, description="US dollars for a million reads.")
    price_per_experiment: float = Field(
        5000,
        ge=0,
        description="US dollars that each experiment costs beside cells and reads: oligos, cloning, virus.",
    )
    library_days: float = Field(21, ge=0, description="Days to order, clone and check a guide library.")
    cells_days: float = Field(14, ge=0, description="Days from virus to captured cells.")
    sequencing_days: float = Field(14, ge=0, description="Days from captured cells to counts.")
    selection_days: float = Field(0.1, ge=0, description="Days to select the next batch.")
    training_days: float = Field(0.5, ge=0, description="Days to train the model after each round.")
