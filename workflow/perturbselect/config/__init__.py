"""Every key of the config, its meaning, its default, and how it is checked; a file for each part."""

from perturbselect.config.choices import Constraints, Cost, Expression, Groups, Rounds, Splits, Stability
from perturbselect.config.datasets import (
    CellsDataset,
    CellSource,
    Columns,
    Dataset,
    Filters,
    Preprocess,
    ResponsesDataset,
    ResponseSource,
)
from perturbselect.config.graphs import (
    CoexpressionGraph,
    EdgesGraph,
    GeneNames,
    GoGraph,
    GraphOptions,
    StringGraph,
)
from perturbselect.config.laboratory import Laboratory
from perturbselect.config.section import Source
from perturbselect.config.simulation import Simulation
from perturbselect.config.study import REPOSITORY, Config

__all__ = [
    "REPOSITORY",
    "CellSource",
    "CellsDataset",
    "CoexpressionGraph",
    "Columns",
    "Config",
    "Constraints",
    "Cost",
    "Dataset",
    "EdgesGraph",
    "Expression",
    "Filters",
    "GeneNames",
    "GoGraph",
    "GraphOptions",
    "Groups",
    "Laboratory",
    "Preprocess",
    "ResponseSource",
    "ResponsesDataset",
    "Rounds",
    "Simulation",
    "Source",
    "Splits",
    "Stability",
    "StringGraph",
]
