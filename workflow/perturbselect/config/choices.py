"""What may be chosen, in which rounds, and what is changed to see how stable choices are."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from perturbselect.budgets import budget_label
from perturbselect.config.section import Section, Share, Source


class Splits(Section):
    """Which perturbations are held out."""

    count: int = Field(3, ge=1, description="Number of random splits.")
    test_share: Share = Field(0.25, description="Share of perturbed genes held out for the test.")


class Cost(Source):
    """A table of what each perturbation costs, and the money there is."""

    columns: tuple[str, str] = Field(("gene", "cost"), description="Name and price columns.")
    money: float = Field(gt=0, description="What all picks together may cost.")
    default: float | None = Field(
        None,
        gt=0,
        description="Price of a gene without a row; default: an error. A combination without a row costs "
        "the sum of its genes.",
    )


class Expression(Source):
    """A table of each gene's expression in the unperturbed cells."""

    columns: tuple[str, str] = Field(("gene", "expression"), description="Gene and expression columns.")
    threshold: float = Field(
        description="Only perturbations whose genes all lie above it are picked; no row: not expressed."
    )


class Groups(Source):
    """A table of genes and the groups they belong to, for example complexes or pathways."""

    columns: tuple[str, str] = Field(("gene", "group"), description="Gene and group columns.")
    limit: int = Field(ge=1, description="Picks of one group, at most.")


class Constraints(Section):
    """What every selection must, may and must not choose. Perturbations are named `A` or `A+B`.

    What a split holds out is not affected: it can be neither chosen nor measured.
    """

    include: list[str] = Field([], description="Chosen before all others, by every strategy.")
    exclude: list[str] = Field([], description="Never chosen; a gene excludes its combinations too.")
    measured: list[str] = Field(
        [],
        description="Measured already: training sees them at every budget, of which they are no part. "
        "Curves, data-saving factors and laboratory prices count the picks alone.",
    )
    cost: Cost | None = Field(None, description="Prices, and the money that limits all picks together.")
    expressed_above: Expression | None = Field(None, description="Choose expressed genes only.")
    max_per_group: Groups | None = Field(None, description="Choose only so many of each group.")


class Rounds(Section):
    """How strategies choose in rounds: the model trains, they choose the next batch, and so on.

    These are the strategies that are acquisitions (docs/active-learning.md). An entry's own section `rounds`
    replaces single keys for it. After round r, `initial` + r × `batch` perturbations are measured,
    beside those of `constraints.measured`.
    """

    model: str | None = Field(
        None,
        description="Whose features acquisitions read: a key of `models`. It trains after every round; all "
        "models of the study train on the picks. May be left out if no acquisition reads a model.",
    )
    start: str = Field(
        "random",
        description="Whose first picks are measured before the first round: a key of `strategies`, "
        "one that chooses all at once.",
    )
    initial: int | str = Field(description="Perturbations measured at the start: a number or a share.")
    batch: int | str = Field(description="Perturbations chosen in each round: a number or a share.")
    count: int = Field(ge=1, description="Rounds after the start.")

    @model_validator(mode="after")
    def _sizes(self) -> Rounds:
        for size in (self.initial, self.batch):
            budget_label(size)
        return self


class Stability(Section):
    """What is changed to see how much selections change, in seed 0 of every split."""

    changes: list[Literal["drop", "rewire", "add"]] = Field(
        ["drop", "rewire", "add"],
        description="What is done to edges: `rewire` keeps every degree. In kernels too, and to the "
        "annotations of `jaccard`.",
    )
    shares: list[Share] = Field(
        [0.01, 0.05, 0.1, 0.2], min_length=1, description="Shares of the edges that are changed."
    )
    draws: int = Field(3, ge=1, description="Random draws of each change and share.")
    tie_orders: int = Field(5, ge=0, description="Further orders by which ties are broken.")
