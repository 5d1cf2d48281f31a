"""The screens: where their data are, how they are spelt, what is kept."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from perturbselect.config.section import Section, Source


class Columns(Section):
    """Columns of the cell table (`obs` of an .h5ad, or the table beside a 10x folder)."""

    perturbation: str = Field(
        "perturbation", description="Target of each cell: `A`, `A+B` or a control label."
    )
    guide: str | None = Field(None, description="Guide of each cell.")
    guide_umis: str | None = Field(None, description="UMIs of the cell's guide.")
    guide_share: str | None = Field(
        None, description="Share of the cell's guide UMIs that are its guide's (0-1)."
    )
    total_umis: str | None = Field(
        None,
        description="UMIs of the cell over all genes, where the file holds only some genes; else computed.",
    )
    n_genes: str | None = Field(None, description="Genes detected in the cell, likewise; else computed.")
    mito_share: str | None = Field(
        None, description="Share of mitochondrial UMIs (0-1), likewise; else computed from genes named MT-."
    )
    cell: str = Field("cell", description="Barcode column of the table beside a 10x folder.")
    gene: str | None = Field(None, description="Column of `var` with gene names; default: its index.")


class CellSource(Source):
    """A screen's counts."""

    format: Literal["h5ad", "10x"] = Field(
        "h5ad", description="`h5ad`, or a `10x` folder with its cell table."
    )
    cells: Source | None = Field(
        None, description="10x only: table (TSV or CSV) of cell, guide, target; columns as in `columns`."
    )
    naming: Literal["custom", "scperturb", "gears"] = Field(
        "custom",
        description="How the file spells things: `scperturb` (obs perturbation, `A_B`, control), "
        "`gears` (obs condition, `A+ctrl`, ctrl), or as `columns`, `controls` and `separator` say.",
    )
    columns: Columns = Field(Columns(), description="Which column holds what (`custom` naming).")
    controls: list[str] = Field(
        ["control", "non-targeting"],
        description="Labels that mean an unperturbed control cell.",
        min_length=1,
    )
    unassigned: list[str] = Field(
        ["nan", "None", "*"], description="Labels of cells without a known target: left out, and counted."
    )
    separator: str = Field("+", min_length=1, description="What joins the targets of a combination.")
    layer: str | None = Field(None, description="Layer of the .h5ad that holds raw counts; default: X.")


class ResponseSource(Source):
    """A screen's published responses, one row per perturbation."""

    column: str | None = Field(None, description="Column of `obs` with the perturbation; default: the index.")
    controls: list[str] = Field(
        ["control", "non-targeting"], description="Rows that are the control: subtracted, then dropped."
    )
    unassigned: list[str] = Field(
        ["nan", "None", "*"], description="Rows that are no perturbation: left out, and listed."
    )
    separator: str = Field("+", min_length=1, description="What joins the targets of a combination.")
    coding: Literal["values", "membership"] = Field(
        "values", description="`values`: numbers as they are; `membership`: 1 where the number is not 0."
    )
    significant: str | None = Field(None, description="Layer that marks significant genes (non-zero).")
    genes: int | None = Field(
        None,
        ge=2,
        description="Keep this many genes, those that vary most over the perturbations (default: all). "
        "The axes of the evaluation, chosen once for all strategies; test perturbations count too.",
    )


class Filters(Section):
    """Which guides and cells are kept. `0` or `null` switches a filter off."""

    min_guide_umis: float = Field(0, ge=0, description="UMIs of the cell's guide, at least.")
    min_guide_share: float = Field(0, ge=0, le=1, description="Share of guide UMIs, at least.")
    min_cells_per_guide: int = Field(
        0, ge=0, description="Cells of a guide, at least; else all its cells go. Cells without a guide stay."
    )
    min_total_umis: float = Field(0, ge=0, description="UMIs of a cell, at least.")
    max_total_umis: float | None = Field(None, gt=0, description="UMIs of a cell, at most.")
    min_genes: int = Field(0, ge=0, description="Genes detected in a cell, at least.")
    max_mito_share: float | None = Field(
        None, ge=0, le=1, description="Share of mitochondrial UMIs, at most."
    )


class Preprocess(Section):
    """From raw counts to log-normalised expression of the genes to predict."""

    filters: Filters = Field(Filters(), description="Guide and cell quality.")
    target_sum: float = Field(1e4, gt=0, description="UMIs every cell is scaled to before log1p.")
    highly_variable_genes: int | None = Field(
        1000,
        ge=1,
        description="Genes kept, chosen on control cells only; perturbed genes are added. `null`: all genes.",
    )
    all_zero_genes: Literal["error", "drop"] = Field(
        "error", description="What to do with genes that have no count in any cell."
    )
    min_cells: int = Field(
        10, ge=2, description="Cells of a perturbation, at least; others are reported and left out."
    )
    test: Literal["t-test", "wilcoxon"] = Field(
        "t-test",
        description="Differential expression of each perturbation against control cells (t-test: Welch).",
    )


PRIOR_ONLY = "Nothing is selected or scored in it: kernels read it, with `screen(…)`."


class CellsDataset(Section):
    """A screen given as counts per cell."""

    type: Literal["cells"] = Field(description="`cells`")
    title: str | None = Field(None, description="How the report calls it; default: its key.")
    prior_only: bool = Field(False, description=PRIOR_ONLY)
    source: CellSource = Field(description="Where the counts are and how they are spelt.")
    preprocess: Preprocess = Field(Preprocess(), description="Filters, normalisation, genes.")


class ResponsesDataset(Section):
    """A screen given as one response per perturbation."""

    type: Literal["responses"] = Field(description="`responses`")
    title: str | None = Field(None, description="How the report calls it; default: its key.")
    prior_only: bool = Field(False, description=PRIOR_ONLY)
    source: ResponseSource = Field(description="Where the responses are.")


Dataset = Annotated[CellsDataset | ResponsesDataset, Field(discriminator="type")]
