"""Scores to evidence: statistics over all strategies, and the figures that show them.

Required: the tables of scores.smk, selections, predictions, graphs.
Makes:    results/tables/strategy_tests.tsv, ranks.tsv, pairs.parquet, variance.tsv,
          results/tables/publication.tex, results/tables/README.md,
          results/{dataset}/tables/error_by_distance.tsv, selected.tsv, results/figures/,
          results/pages/explorer.html, results/pages/publication.html
"""

METRICS = STUDY.figures.metrics
COVERED_GRAPHS = sorted(name for name, graph in STUDY.graphs.items() if graph.type != "coexpression")
MIDDLE_BUDGET = BUDGETS[len(BUDGETS) // 2]
# Where a strategy's hubs are looked for: in its own graph, else in the first.
OWN_GRAPHS = {label: names_in(STUDY.strategies[label], "graph") for label in STRATEGIES}
HUB_GRAPH = {label: next(iter([*own, *COVERED_GRAPHS]), None) for label, own in OWN_GRAPHS.items()}
HUB_GRAPHS = sorted({*HUB_GRAPH.values()} - {None})

EVIDENCE = [
    "results/pages/explorer.html",
    "results/pages/publication.html",
    *per_dataset(
        "results/figures/{dataset}/{figure}.svg",
        figure=["data_saving", "critical_difference", "error_by_distance", "selected", "predictions"]
        + (["stability"] if STUDY.stability else []),
    ),
]
if len(DATASETS) > 1:
    EVIDENCE.append("results/figures/critical_difference.svg")

# Every kind of table, by its schema, for the README of the columns.
TABLE_FILES = {
    **{f"results/tables/{name}.tsv": name for name in ("scores", "learning_curves", "comparisons", "areas")},
    **{
        f"results/tables/{name}.tsv": name
        for name in ("data_saving", "summary", "laboratory", "missing_runs")
    },
    **{f"results/tables/{name}.tsv": name for name in ("strategy_tests", "ranks", "variance", "stability")},
    **{f"results/tables/{name}.parquet": name for name in ("perturbation_scores", "pairs")},
    "results/{dataset}/tables/coverage.{graph}.tsv": "coverage",
    "results/{dataset}/tables/error_by_distance.tsv": "error_by_distance",
    "results/{dataset}/tables/risk_coverage.tsv": "risk_coverage",
    "results/{dataset}/tables/selected.tsv": "selected",
    "results/{dataset}/gene_names.tsv": "gene_names",
    "results/{dataset}/filters.tsv": "filters",
    "results/{dataset}/splits/split{split}.tsv": "splits",
    "results/{dataset}/selections/{strategy}/split{split}.seed{seed}.tsv": "selections",
    "results/{dataset}/stability/selections/{strategy}/split{split}.tsv": "reselections",
    "results/provenance.parquet": "provenance",
    "results/software.tsv": "software",
    **{path: name for name, path in PUBLISHED_TABLES.items()},
}


rule strategy_statistics:
    input:
        scores="results/tables/scores.tsv",
        picks=all_runs("results/{dataset}/selections/{strategy}/split{split}.seed{seed}.tsv", model=""),
    output:
        tests="results/tables/strategy_tests.tsv",
        ranks="results/tables/ranks.tsv",
        pairs="results/tables/pairs.parquet",
        variance="results/tables/variance.tsv",
    log:
        "results/logs/tables/strategy_statistics.log",
    benchmark:
        "results/benchmarks/tables/strategy_statistics.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        marks=MARKS,
        code=code("strategy_statistics.py"),
    message:
        "Rank and test all strategies, decompose the variance"
    script:
        "../scripts/strategy_statistics.py"


rule plot_statistics:
    input:
        saving="results/tables/data_saving.tsv",
        ranks="results/tables/ranks.tsv",
        tests="results/tables/strategy_tests.tsv",
        responses="results/{dataset}/responses.h5ad",
    output:
        saving=in_report(figure("data_saving")[0], "plot_data_saving", "data-saving factor by budget"),
        more_saving=figure("data_saving")[1:],
        ranks=in_report(
            figure("critical_difference")[0], "critical_difference", "mean ranks and what can be told apart"
        ),
        more_ranks=figure("critical_difference")[1:],
    log:
        "results/logs/figures/{dataset}/statistics.log",
    benchmark:
        "results/benchmarks/figures/{dataset}/statistics.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        strategies=STRATEGIES,
        baseline=BASELINE,
        marks=MARKS,
        metrics=METRICS[:2],
        title=title_of,
        code=code("plot_statistics.py"),
    message:
        "Draw data-saving factors and mean ranks of {wildcards.dataset}"
    script:
        "../scripts/plot_statistics.py"


rule plot_predictions:
    input:
        responses="results/{dataset}/responses.h5ad",
        predictions=shown_predictions,
        scores="results/tables/perturbation_scores.parquet",
    output:
        in_report(
            figure("predictions")[0],
            "predictions",
            "predicted against true responses",
            strategy=SHOWN_RUN["strategy"],
        ),
        figure("predictions")[1:],
    log:
        "results/logs/figures/{dataset}/predictions.log",
    benchmark:
        "results/benchmarks/figures/{dataset}/predictions.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(20),
    params:
        run=SHOWN_RUN | dict(budget=BUDGETS[-1]),
        title=title_of,
        code=code("plot_predictions.py"),
    message:
        "Draw predicted against true responses of {wildcards.dataset}"
    script:
        "../scripts/plot_predictions.py"


rule error_by_distance:
    input:
        scores="results/tables/perturbation_scores.parquet",
        edges=expand("results/{{dataset}}/graphs/{graph}.edges.tsv.gz", graph=COVERED_GRAPHS),
        nodes=expand("results/{{dataset}}/graphs/{graph}.nodes.tsv", graph=COVERED_GRAPHS),
        picks=lambda wildcards: all_runs(
            "results/{dataset}/selections/{strategy}/split{split}.seed{seed}.tsv",
            dataset=[wildcards.dataset],
            model="",
        ),
        responses="results/{dataset}/responses.h5ad",
    output:
        table="results/{dataset}/tables/error_by_distance.tsv",
        figure=in_report(
            figure("error_by_distance")[0],
            "error_by_distance",
            "scores by distance to the nearest measured gene",
        ),
        more_figure=figure("error_by_distance")[1:],
    log:
        "results/logs/figures/{dataset}/error_by_distance.log",
    benchmark:
        "results/benchmarks/figures/{dataset}/error_by_distance.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(20),
    params:
        strategies=STRATEGIES,
        baseline=BASELINE,
        graphs=COVERED_GRAPHS,
        budget=MIDDLE_BUDGET,
        metrics=METRICS,
        runs=all_runs("{strategy} {split} {seed}", dataset="", model=""),
        title=title_of,
        code=code("error_by_distance.py"),
    message:
        "Scores of {wildcards.dataset} by distance to the nearest measured gene"
    script:
        "../scripts/error_by_distance.py"


rule selected:
    input:
        splits=expand("results/{{dataset}}/splits/split{split}.tsv", split=SPLITS),
        edges=expand("results/{{dataset}}/graphs/{graph}.edges.tsv.gz", graph=HUB_GRAPHS),
        nodes=expand("results/{{dataset}}/graphs/{graph}.nodes.tsv", graph=HUB_GRAPHS),
        picks=lambda wildcards: all_runs(
            "results/{dataset}/selections/{strategy}/split{split}.seed{seed}.tsv",
            dataset=[wildcards.dataset],
            model="",
        ),
        tables=list(constraint_tables().values()),
        aliases=alias_table() if CONSTRAINED else [],
        responses="results/{dataset}/responses.h5ad",
    output:
        table="results/{dataset}/tables/selected.tsv",
        figure=in_report(figure("selected")[0], "selected", "hits, hubs and picks without gain"),
        more_figure=figure("selected")[1:],
    log:
        "results/logs/figures/{dataset}/selected.log",
    benchmark:
        "results/benchmarks/figures/{dataset}/selected.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(20),
    params:
        strategies=STRATEGIES,
        baseline=BASELINE,
        marks=MARKS,
        budgets=STUDY.budgets,
        splits=SPLITS,
        runs=all_runs("{strategy} {split} {seed}", dataset="", model=""),
        graphs=HUB_GRAPHS,
        graph_of=HUB_GRAPH,
        constraints=STUDY.constraints.model_dump() if CONSTRAINED else {},
        tables=list(constraint_tables()),
        title=title_of,
        code=code("selected.py"),
    message:
        "Hits, hubs and picks without gain in {wildcards.dataset}"
    script:
        "../scripts/selected.py"


rule explorer:
    input:
        curves="results/tables/learning_curves.tsv",
        responses=per_dataset("results/{dataset}/responses.h5ad"),
    output:
        report(
            "results/pages/explorer.html",
            caption="../report/explorer.rst",
            category="Overview",
            labels={"page": "curves to choose from"},
        ),
    log:
        "results/logs/pages/explorer.log",
    benchmark:
        "results/benchmarks/pages/explorer.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        title=STUDY.title,
        datasets=DATASETS,
        names=[STUDY.datasets[dataset].title or dataset for dataset in DATASETS],
        strategies=STRATEGIES,
        baseline=BASELINE,
        code=code("explorer.py"),
    message:
        "Write the interactive page"
    script:
        "../scripts/explorer.py"


rule publication_tables:
    input:
        curves="results/tables/learning_curves.tsv",
        pairs="results/tables/pairs.parquet",
        responses=per_dataset("results/{dataset}/responses.h5ad"),
    output:
        page=report(
            "results/pages/publication.html",
            caption="../report/publication.rst",
            category="Tables",
            labels={"table": "scores by strategy and budget"},
        ),
        latex="results/tables/publication.tex",
        columns="results/tables/README.md",
    log:
        "results/logs/pages/publication.log",
    benchmark:
        "results/benchmarks/pages/publication.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        title=STUDY.title,
        datasets=DATASETS,
        names=[STUDY.datasets[dataset].title or dataset for dataset in DATASETS],
        metrics=METRICS,
        marks=MARKS,
        tables=TABLE_FILES,
        schemas=[file_digest(path) for path in sorted(SCHEMAS.glob("*.json"))],
        code=code("publication_tables.py"),
    message:
        "Write the tables for a publication, and what all columns mean"
    script:
        "../scripts/publication_tables.py"


if STUDY.stability:

    rule plot_stability:
        input:
            stability="results/tables/stability.tsv",
            responses="results/{dataset}/responses.h5ad",
        output:
            in_report(figure("stability")[0], "stability", "stability of selections"),
            figure("stability")[1:],
        log:
            "results/logs/figures/{dataset}/stability.log",
        benchmark:
            "results/benchmarks/figures/{dataset}/stability.tsv"
        conda:
            "../../envs/perturbselect.yaml"
        resources:
            mem_mb=memory(2000),
            runtime=minutes(20),
        params:
            strategies=STRATEGIES,
            budget=MIDDLE_BUDGET,
            title=title_of,
            code=code("plot_stability.py"),
        message:
            "Draw the stability of selections in {wildcards.dataset}"
        script:
            "../scripts/plot_stability.py"


if len(DATASETS) > 1:

    rule plot_ranks_over_datasets:
        input:
            ranks="results/tables/ranks.tsv",
            tests="results/tables/strategy_tests.tsv",
            responses=per_dataset("results/{dataset}/responses.h5ad"),
        output:
            report(
                "results/figures/critical_difference.svg",
                caption="../report/ranks_over_datasets.rst",
                category="Over all datasets",
                labels={"figure": "mean ranks over datasets"},
            ),
            multiext("results/figures/critical_difference", ".pdf", ".png"),
        log:
            "results/logs/figures/critical_difference.log",
        benchmark:
            "results/benchmarks/figures/critical_difference.tsv"
        conda:
            "../../envs/perturbselect.yaml"
        resources:
            mem_mb=memory(2000),
            runtime=minutes(20),
        params:
            strategies=STRATEGIES,
            baseline=BASELINE,
            metrics=METRICS[:2],
            code=code("plot_ranks_over_datasets.py"),
        message:
            "Draw mean ranks over all datasets"
        script:
            "../scripts/plot_ranks_over_datasets.py"
