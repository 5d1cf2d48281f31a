"""The knowledge graphs, and how gene names of different sources are brought together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from perturbselect.config.section import Section, Source


class GeneNames(Section):
    """How gene names of different sources are brought together."""

    aliases: Source | None = Field(
        None,
        description="Table of ensembl_gene_id, symbol, synonyms (`|`-separated). None: names must agree.",
    )


class GraphSection(Section):
    """What graphs from a file have in common."""

    source: Source = Field(description="The file.")
    nodes: Literal["perturbations", "all"] = Field(
        "perturbations",
        description="`perturbations`: the screen's perturbed genes; `all`: also every gene of the source.",
    )


class GoGraph(GraphSection):
    """GO similarity: Jaccard index of the genes' sets of GO terms."""

    type: Literal["go"] = Field(description="`go`")
    format: Literal["table", "gaf"] = Field(
        "table", description="`table` with columns symbol and go_id, or `gaf`."
    )
    threshold: float = Field(0.1, ge=0, lt=1, description="Edges need a Jaccard index above this.")
    neighbours: int = Field(20, ge=1, description="Strongest sources kept for each target.")


class StringGraph(GraphSection):
    """STRING interactions."""

    type: Literal["string"] = Field(description="`string`")
    info: Source | None = Field(
        None, description="STRING's protein.info file, for a links file; none: an edge list by gene symbol."
    )
    columns: tuple[str, str, str] = Field(
        ("gene1", "gene2", "combined_score"),
        description="Gene, gene and score columns of a symbol edge list.",
    )
    threshold: float = Field(400, ge=0, description="Edges need at least this score (0-1000).")


class EdgesGraph(GraphSection):
    """Any weighted edge list."""

    type: Literal["edges"] = Field(description="`edges`")
    columns: tuple[str, str, str | None] = Field(
        ("source", "target", "weight"),
        description="Source, target and weight columns (weight `null`: all 1).",
    )
    directed: bool = Field(False, description="Whether an edge goes from source to target only.")
    threshold: float = Field(0, ge=0, description="Edges need a weight above this.")


class CoexpressionGraph(Section):
    """Co-expression of the predicted genes over control cells (`cells` datasets only)."""

    type: Literal["coexpression"] = Field(description="`coexpression`")
    threshold: float = Field(
        0.4, ge=0, lt=1, description="Edges need an absolute Pearson correlation above this."
    )
    neighbours: int = Field(20, ge=1, description="Strongest sources kept for each target.")


GraphOptions = Annotated[GoGraph | StringGraph | EdgesGraph | CoexpressionGraph, Field(discriminator="type")]
