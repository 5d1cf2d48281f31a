"""The checked study, and the functions with which rules name their files.

Provides: STUDY (perturbselect.config.Config), the lists DATASETS, GRAPHS,
STRATEGIES, ONE_SHOT, MODELS, BUDGETS, SPLITS, SEEDS, PLANS (the strategies that choose in
rounds), and the functions below.
"""

import gc
import itertools
import os
import re
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# Planning makes millions of objects that stay: to look among them for garbage took a fifth of its time.
gc.set_threshold(100_000, 50, 100)

from perturbselect.budgets import budget_label, largest_budgets
from perturbselect.data.check_numbers import check_numbers
from perturbselect.data.preflight import preflight
from perturbselect.data.sources import Downloads
from perturbselect.errors import InputError
from perturbselect.files import check_writable, remove_left_scripts
from perturbselect.graphs.kernel_expression import inputs_of
from perturbselect.load_config import load_config
from perturbselect.models import MODELS as KNOWN_MODELS
from perturbselect.models.model import is_network, needs_histograms
from perturbselect.provenance import file_digest, locked_versions, source_digest
from perturbselect.rounds.plan import plans
from perturbselect.selection import STRATEGIES as KNOWN_STRATEGIES
from perturbselect.table_schema import FOLDER as SCHEMAS

try:
    STUDY = load_config(config, "config")
    if workflow.is_main_process:
        if not workflow.output_settings.dryrun:
            check_writable("results")
            remove_left_scripts()
        preflight(STUDY)
        check_numbers(STUDY, tell=logger.info)
    PLANS = plans(STUDY)
except InputError as error:
    raise WorkflowError(str(error)) from None

# In which perturbations are selected; the others are prior knowledge.
DATASETS = sorted(name for name, dataset in STUDY.datasets.items() if not dataset.prior_only)
GRAPHS = sorted(STUDY.graphs)
STRATEGIES = list(STUDY.strategies)
# Those that choose all at once; the others choose in rounds, as PLANS says.
ONE_SHOT = [label for label in STRATEGIES if label not in PLANS]
MODELS = list(STUDY.models)
# A label is the user's choice; what it stands for is the registered name.
REGISTERED_STRATEGIES = {label: STUDY.strategies[label].get("strategy", label) for label in ONE_SHOT}
REGISTERED_MODELS = {label: entry.get("model", label) for label, entry in STUDY.models.items()}
# Registered strategies that read responses: upper marks, no contenders.
SEE_RESPONSES = [name for name, kind in KNOWN_STRATEGIES.items() if getattr(kind, "sees_responses", False)]
MARKS = [label for label, name in REGISTERED_STRATEGIES.items() if name in SEE_RESPONSES]
# Label of the strategy that others are compared with, if there is one.
BASELINE = next((label for label, name in REGISTERED_STRATEGIES.items() if name == "random"), None)
# Labels of the models that are no neural networks, and of the first one that is.
SIMPLE = [label for label, name in REGISTERED_MODELS.items() if not is_network(KNOWN_MODELS[name])]
NETWORK = next((label for label in MODELS if label not in SIMPLE), None)
# Of the cells, if a model of the study predicts distributions.
HISTOGRAMS = (
    ["results/{dataset}/histograms.h5"]
    if any(needs_histograms(KNOWN_MODELS[name]) for name in REGISTERED_MODELS.values())
    else []
)
BUDGETS = [budget_label(budget) for budget in STUDY.budgets]
SPLITS = list(range(STUDY.splits.count))
SEEDS = list(range(STUDY.seeds))
RUNS = list(itertools.product(SPLITS, SEEDS))

# A run is all budgets of a model, strategy, split and seed.
RUN_KEYS = ("dataset", "model", "strategy", "split", "seed")
ALL_RUNS = [
    dict(zip(RUN_KEYS, run)) for run in itertools.product(DATASETS, MODELS, STRATEGIES, SPLITS, SEEDS)
]
PREDICTED = "results/{dataset}/predictions/{model}/{strategy}/split{split}.seed{seed}/predictions.h5ad"


def training_job(model, folder):
    """Where a training job has its place in a folder: a simple model's trains all runs of a strategy."""
    run = [] if model in SIMPLE else ["split{split}.seed{seed}"]
    return str(Path(folder, "{dataset}", "predictions", model, "{strategy}", *run))


def training_record(model):
    """What a training job recorded: where it is, the job succeeded."""
    return str(Path(training_job(model, "results"), "training.tsv"))


def trained(run):
    """The record of the job that trained a run."""
    return training_record(run["model"]).format(**run)


# With `runs: finished`, what failed before is not tried again but listed (docs/reruns.md).
MISSING_RUNS = [
    run for run in (ALL_RUNS if STUDY.runs == "finished" else []) if not Path(trained(run)).exists()
]
# One job scores all runs of a model and strategy (docs/decisions/0008).
SCORED = "results/{dataset}/scores/{model}/{strategy}.parquet"
RUNS_SCORED = {}
for run in ALL_RUNS:
    if run not in MISSING_RUNS:
        RUNS_SCORED.setdefault(SCORED.format(**run), []).append(run)
# Whose predictions are drawn: of every model, on the baseline's picks.
SHOWN_RUN = dict(strategy=BASELINE or STRATEGIES[0], split=0, seed=0)
DOWNLOADS = Downloads(STUDY)
SCRIPTS = Path(PACKAGE, "scripts")


wildcard_constraints:
    dataset="|".join(STUDY.datasets),
    graph="|".join(GRAPHS),
    kernel="|".join(STUDY.kernels) or "none",
    strategy="|".join(STRATEGIES),
    model="|".join(MODELS),
    split=r"\d+",
    seed=r"\d+",
    round=r"[1-9]\d*",
    budget="|".join(BUDGETS),


def datasets_where(**facts):
    """Regular expression of the datasets whose settings have these values (dotted names)."""

    def value(dataset, name):
        for part in name.split("__"):
            dataset = getattr(dataset, part, None)
        return dataset

    names = [
        name
        for name, dataset in STUDY.datasets.items()
        if all(value(dataset, key) == wanted for key, wanted in facts.items())
    ]
    return "|".join(names) or "(?!)"


def code(script, *modules):
    """Digest of the source a script really uses: rerun when it changes (docs/reruns.md)."""
    return source_digest(SCRIPTS / script, *modules)


def memory(least, per_input_mb=10):
    """Memory of a job in MB: so many times its input on disk, and more each time it is tried again.

    While planning, what is not made yet counts 0; Snakemake asks again before the job runs.
    (`input.size_mb` would do the same, in milliseconds a job: minutes in the planning of a large study.)
    """

    def needed(wildcards, input, attempt):
        size = sum(os.path.getsize(file) for file in input if os.path.exists(file))
        return attempt * max(least, int(per_input_mb * size / 2**20))

    return needed


def minutes(first):
    """Longest duration of a job in minutes: more each time it is tried again."""
    return lambda wildcards, attempt: attempt * first


def located(source):
    """Path of a source's file: local, or where the download rule puts it."""
    return DOWNLOADS.path(source)


def alias_table():
    """The alias table of gene names as a list of input files (none or one)."""
    aliases = STUDY.gene_names.aliases
    return [located(aliases)] if aliases else []


def graph_files(graph, dataset="{dataset}"):
    """Edge list and node table of a graph."""
    stem = f"results/{dataset}/graphs/{graph}"
    return [f"{stem}.edges.tsv.gz", f"{stem}.nodes.tsv"]


def has_graph(dataset, graph):
    """Whether this dataset has this graph: co-expression needs control cells."""
    return STUDY.datasets[dataset].type == "cells" or STUDY.graphs[graph].type != "coexpression"


def names_in(options, *keys):
    """The names under these options of a strategy or model: each holds one, a list of them, or null."""
    values = [options[key] for key in keys if options.get(key)]
    return [name for value in values for name in ([value] if isinstance(value, str) else value)]


def named_graphs(options):
    """The graphs that the options of a strategy or model name."""
    return names_in(options, "graph", "coexpression")


def graphs_of(options):
    """Input function: files of the graphs that the options name."""

    def files(wildcards):
        names = [name for name in named_graphs(options) if has_graph(wildcards.dataset, name)]
        return [file for name in names for file in graph_files(name, wildcards.dataset)]

    return files


def graphs_where(kind):
    """Regular expression of the graphs of this type."""
    return "|".join(name for name, graph in STUDY.graphs.items() if graph.type == kind) or "(?!)"


def histograms_of(model):
    """The file of histograms, as a list, if this registered model needs it."""
    return HISTOGRAMS if needs_histograms(KNOWN_MODELS[model]) else []


def kernel_of(options):
    """Path of the kernel that the options name, if they do (as a list)."""
    return [f"results/{{dataset}}/kernels/{options['kernel']}.h5ad"] if "kernel" in options else []


def kernel_inputs(wildcards):
    """The keys of what a kernel of a dataset is computed from."""
    others = [name for name in STUDY.datasets if name != wildcards.dataset]
    return inputs_of(STUDY.kernels[wildcards.kernel], others)


def kernel_files(wildcards):
    """Files that a kernel's expression needs: graphs, annotations' sources, other screens, matrices."""
    needed = kernel_inputs(wildcards)
    return {
        "graphs": [file for name in needed.graphs for file in graph_files(name, wildcards.dataset)],
        "annotations": [located(STUDY.graphs[name].source) for name in needed.annotations],
        "screens": [f"results/{name}/responses.h5ad" for name in needed.screens],
        "matrices": [located(STUDY.matrices[name]) for name in needed.matrices],
    }


def change_of(wildcards):
    """Kind and share of a change; and the words of its seed."""
    kind, share, draw = re.fullmatch(r"([a-z]+)(.+)\.draw(\d+)", wildcards.change).groups()
    words = [STUDY.seed, "stability", wildcards.dataset, wildcards.graph, kind, share, int(draw)]
    return dict(kind=kind, share=float(share)), words


def changed_kernel_files(wildcards):
    """As `kernel_files`, with changed graphs and annotations."""
    needed, folder = kernel_inputs(wildcards), f"results/{wildcards.dataset}/stability/{wildcards.change}"
    return kernel_files(wildcards) | {
        "graphs": [
            f"{folder}/{name}.{part}" for name in needed.graphs for part in ("edges.tsv.gz", "nodes.tsv")
        ],
        "annotations": [f"{folder}/{name}.annotation.tsv.gz" for name in needed.annotations],
    }


def knowledge(options):
    """What a strategy selects by: `graph` or `kernel`, its name, and the others of the study."""
    if options.get("graph"):
        others = [name for name, graph in STUDY.graphs.items() if graph.type != "coexpression"]
        return "graph", options["graph"], [name for name in others if name != options["graph"]]
    if options.get("kernel"):
        return "kernel", options["kernel"], [name for name in STUDY.kernels if name != options["kernel"]]
    return None, None, []


def knowledge_files(kind, name, folder):
    """Files of a graph or kernel in a folder."""
    return (
        [f"{folder}/{name}.edges.tsv.gz", f"{folder}/{name}.nodes.tsv"]
        if kind == "graph"
        else [f"{folder}/{name}.h5ad"]
    )


def rounds_folder(label, dataset="{dataset}", split="{split}", seed="{seed}"):
    """Where the rounds of a run of a strategy lie."""
    return f"results/{dataset}/rounds/{label}/split{split}.seed{seed}"


def picked_before(label):
    """Input function: the start's picks, and the batches of the rounds before the wildcard `round`."""

    def files(wildcards):
        run = dict(dataset=wildcards.dataset, split=wildcards.split, seed=wildcards.seed)
        folder = rounds_folder(label, **run)
        start = f"results/{{dataset}}/selections/{PLANS[label].rounds.start}/split{{split}}.seed{{seed}}.tsv"
        return [start.format(**run), *[f"{folder}/round{r}.tsv" for r in range(1, int(wildcards.round))]]

    return files


def constraint_tables():
    """Files of the tables that the constraints name, by their key."""
    tables = {name: getattr(STUDY.constraints, name) for name in ("cost", "expressed_above", "max_per_group")}
    return {name: located(table) for name, table in tables.items() if table}


def all_runs(pattern, **fixed):
    """Expand a pattern over every dataset, model, strategy, split and seed."""
    values = dict(dataset=DATASETS, model=MODELS, strategy=STRATEGIES, split=SPLITS, seed=SEEDS) | fixed
    return expand(pattern, **values)


def runs_of(model, pattern):
    """Files of the runs that one training job makes: one, or of a simple model all RUNS (docs/decisions/0009)."""
    return expand(pattern, split=SPLITS, seed=SEEDS, allow_missing=True) if model in SIMPLE else [pattern]


def splits_of(model):
    """Splits of the runs that one training job makes."""
    pattern = "results/{dataset}/splits/split{split}.tsv"
    return expand(pattern, split=SPLITS, allow_missing=True) if model in SIMPLE else [pattern]


def predictions_scored(wildcards):
    """Predictions of all runs of a model and strategy."""
    return [PREDICTED.format(**run) for run in RUNS_SCORED.get(SCORED.format(**wildcards), [])]


def figure(kind):
    """All formats of a figure; the report shows the first."""
    return [f"results/figures/{{dataset}}/{kind}.{ending}" for ending in ("svg", "pdf", "png")]


def in_report(path, caption, shows, *, of="", model="all", strategy="all strategies", dataset="{dataset}"):
    """Put a file into the report, under dataset, then strategy, then model."""
    return report(
        path,
        caption=f"../report/{caption}.rst",
        category=dataset,
        subcategory=strategy,
        labels={"shows": shows, "metric or graph": of, "model": model},
    )


def title_of(wildcards):
    """What titles call the dataset."""
    return STUDY.datasets[wildcards.dataset].title or wildcards.dataset


def shown_predictions(wildcards):
    """Predictions of every model that has the run to show."""
    runs = [run for run in ALL_RUNS if run["dataset"] == wildcards.dataset and run not in MISSING_RUNS]
    return [
        PREDICTED.format(**run) for run in runs if all(run[key] == value for key, value in SHOWN_RUN.items())
    ]


def per_dataset(pattern, **more):
    return expand(pattern, dataset=DATASETS, **more)


def intermediate_files():
    """One file of every job between the sources and the tables; none if runs may be missing.

    Simulations and kernels are in provenance.smk.
    """
    if STUDY.runs == "finished":
        return []
    runs = "{strategy}/split{split}.seed{seed}"
    cells = [name for name in DATASETS if STUDY.datasets[name].type == "cells"]
    return [
        *expand("results/{dataset}/{file}.h5ad", dataset=cells, file=["cells", "expression"]),
        *per_dataset("results/{dataset}/responses.h5ad"),
        *[file for paths in HISTOGRAMS for file in per_dataset(paths)],
        *per_dataset("results/{dataset}/splits/split{split}.tsv", split=SPLITS),
        *[
            file
            for name in DATASETS
            for graph in GRAPHS
            if has_graph(name, graph)
            for file in graph_files(graph, name)
        ],
        *all_runs(f"results/{{dataset}}/selections/{runs}.tsv", model=""),
        *[
            file
            for label, plan in PLANS.items()
            for file in all_runs(
                f"{rounds_folder(label)}/round{{round}}.tsv",
                model="",
                strategy="",
                round=range(1, plan.rounds.count + 1),
            )
        ],
        *dict.fromkeys(map(trained, ALL_RUNS)),
        *RUNS_SCORED,
        *per_dataset("results/{dataset}/scores/references.parquet"),
    ]
