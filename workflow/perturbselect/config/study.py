"""The whole config: a study.

The JSON schema in ``workflow/schemas`` and the page ``config/README.md`` are
generated from these models (``make docs``).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from perturbselect.budgets import budget_label
from perturbselect.config.choices import Constraints, Rounds, Splits, Stability
from perturbselect.config.datasets import Dataset
from perturbselect.config.graphs import GeneNames, GraphOptions
from perturbselect.config.laboratory import Laboratory
from perturbselect.config.section import Name, Section, Source, plain_place
from perturbselect.config.simulation import Simulation

REPOSITORY = Path(__file__).resolve().parents[3]


class Figures(Section):
    """What the figures and the report's tables show (`results/tables/` holds every metric)."""

    metrics: list[str] = Field(
        ["pearson_delta_perturbed_ref", "mse", "mse_de20", "pearson_delta"],
        min_length=1,
        description="Metrics, by their names in docs/metrics.md.",
    )


class ReferenceRuns(Section):
    """Runs that others published, drawn and tested as the study's own (docs/active-learning.md)."""

    iterpert: Source | None = Field(
        None, description="IterPert's table of recorded runs, `metrics_long.csv.gz`. None: not shown."
    )


class Config(Section):
    """A study."""

    title: str = Field("perturbselect study", description="Heading of the report.")
    data_root: str = Field(
        "../shared/data",
        description="Folder that `{data_root}` in paths stands for; a relative one starts at the repository.",
    )
    seed: int = Field(0, ge=0, description="Master seed; every random choice derives from it.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where networks train; `auto`: a GPU if there is one."
    )
    simulations: dict[Name, Simulation] = Field(
        {},
        description="Simulated screens: `cells.h5ad`, `gene2go.tsv.gz` and `interactions.tsv.gz` "
        "under `results/simulations/{name}/`.",
    )
    gene_names: GeneNames = Field(GeneNames(), description="Reconciliation of gene names.")
    datasets: dict[Name, Dataset] = Field(min_length=1, description="The screens.")
    graphs: dict[Name, GraphOptions] = Field(min_length=1, description="The knowledge graphs.")
    kernels: dict[Name, str] = Field(
        {},
        description="Kernels over perturbations: expressions like `mean(jaccard(go), random_walk(string))` "
        "or `0.7 * screen(k562) + 0.3 * jaccard(go)`; docs/kernels.md lists the functions.",
    )
    matrices: dict[Name, Source] = Field(
        {},
        description="Kernels of yours, for `matrix(name)`: a square .h5ad, or a TSV with names in the first "
        "column and the header.",
    )
    splits: Splits = Field(Splits(), description="Held-out perturbations.")
    seeds: int = Field(
        1, ge=1, description="Runs per split, each with its own draws, tie orders and initial weights."
    )
    runs: Literal["all", "finished"] = Field(
        "all",
        description="Runs (model, strategy, split, seed) that tables and report are made of: `all`, or those "
        "`finished` when the workflow starts; `results/tables/missing_runs.tsv` lists the others.",
    )
    budgets: list[int | str] = Field(
        min_length=1,
        description="How many perturbations are picked and paid for: numbers, or shares of the pool like "
        "`20%`.",
    )
    constraints: Constraints = Field(Constraints(), description="What selections may choose.")
    strategies: dict[Name, dict[str, Any]] = Field(
        min_length=1,
        description="Selections to compare: name → options. The name is the strategy's, unless the option "
        "`strategy` says otherwise, or `acquisition`: then it chooses in rounds, and its section `rounds` "
        "may replace keys of the study's.",
    )
    rounds: Rounds | None = Field(
        None, description="Rounds of the strategies that are acquisitions; null: there are none."
    )
    models: dict[Name, dict[str, Any]] = Field(
        min_length=1,
        description="Models to train: name → options. The option `model` works as `strategy` does.",
    )

    stability: Stability | None = Field(
        None, description="Select again with changed graphs and tie orders; null: do not."
    )
    figures: Figures = Field(Figures(), description="Figures and the report's tables.")
    laboratory: Laboratory = Field(Laboratory(), description="Durations and prices in the laboratory.")
    reference_runs: ReferenceRuns = Field(
        ReferenceRuns(), description="Published runs to show in the same figures and statistics."
    )

    _plain = field_validator("data_root")(plain_place)

    @model_validator(mode="after")
    def _somewhere_to_select(self) -> Config:
        if all(dataset.prior_only for dataset in self.datasets.values()):
            raise ValueError("datasets: all are prior_only; one must be left to select in")
        return self

    @model_validator(mode="after")
    def _budgets(self) -> Config:
        for budget in self.budgets:
            budget_label(budget)
        if len({budget_label(b) for b in self.budgets}) < len(self.budgets):
            raise ValueError("budgets: each may stand there once")
        return self

    def resolve(self, path: str) -> str:
        """Replace ``{data_root}`` in a path; a relative data_root starts at the repository."""
        return path.replace("{data_root}", str((REPOSITORY / self.data_root).resolve()))
