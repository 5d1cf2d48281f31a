"""Every key of the config, its meaning, its default, and how it is checked.

The JSON schema in ``workflow/schemas`` and the page ``config/README.md`` are
generated from these models (``make docs``).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from perturbselect.budgets import budget_label

REPOSITORY = Path(__file__).resolve().parents[2]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
Share = Annotated[float, Field(gt=0, lt=1)]


def plain_place(place: str | None) -> str | None:
    """Return a path or address; ValueError for characters that a shell would read as its own.

    A cluster's plugin puts the names of a job's files into a command line.
    """
    if bad := re.search(r"[$`\"'\\\x00-\x1f]", place or ""):
        raise ValueError(f"{place!r} holds {bad[0]!r}, which means something to a shell; rename the file")
    return place


class Section(BaseModel):
    """A part of the config; unknown keys are errors, and so are numbers that are not finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Source(Section):
    """Where a file comes from: exactly one of `path`, `url` and `preset`."""

    path: str | None = Field(
        None,
        description="Local file (for 10x: folder). `{data_root}` stands for the key of that name; "
        "other relative paths start at the working directory.",
    )
    url: str | None = Field(None, description="Address to download from, once, into `resources/downloads/`.")
    checksum: str | None = Field(
        None,
        pattern=r"^(sha256|md5):[0-9a-f]+$",
        description="`sha256:…` or `md5:…` of the downloaded file; required with `url`.",
    )
    preset: str | None = Field(None, description="A public archive's file, by name; see docs/data.md.")

    _plain = field_validator("path", "url")(plain_place)

    @model_validator(mode="after")
    def _one_origin(self) -> Source:
        if sum(origin is not None for origin in (self.path, self.url, self.preset)) != 1:
            raise ValueError("give exactly one of path, url and preset")
        if (self.url is None) != (self.checksum is None):
            raise ValueError("url and checksum go together")
        if self.url is not None and not self.url.startswith(("http://", "https://")):
            raise ValueError(
                f"url: '{self.url}' must start with http:// or https://; a local file goes under path"
            )
        return self


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


class GeneNames(Section):
    """How gene names of different sources are brought together."""

    aliases: Source | None = Field(
        None,
        description="Table of ensembl_gene_id, symbol, synonyms (`|`-separated). None: names must agree.",
    )


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


class Figures(Section):
    """What the figures and the report's tables show (`results/tables/` holds every metric)."""

    metrics: list[str] = Field(
        ["pearson_delta_perturbed_ref", "mse", "mse_de20", "pearson_delta"],
        min_length=1,
        description="Metrics, by their names in docs/metrics.md.",
    )


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

    @field_validator("budgets", mode="before")
    @classmethod
    def _no_truth_values(cls, budgets: Any) -> Any:
        # YAML's `yes` would count as 1.
        for budget in budgets if isinstance(budgets, list) else ():
            if isinstance(budget, bool):
                raise ValueError(f"'{budget}' is neither a number of perturbations nor a share like 20%")
        return budgets

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
