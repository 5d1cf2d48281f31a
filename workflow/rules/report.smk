"""Figures, pages and the report.

Required: the tables of scores.smk, selections, responses, graph summaries.
Makes:    results/figures/{dataset}/*.svg, .pdf and .png, results/pages/*.html,
          results/{dataset}/tables/risk_coverage.tsv,
          results/study.yaml, results/software.tsv, results/report.html
"""

# Tables that have a page in the report, and the caption of each.
TABLE_PAGES = {
    "summary": "summary",
    "learning_curves": "curves_table",
    "comparisons": "comparisons",
    "areas": "areas",
    "data_saving": "data_saving",
}
# A page for each strategy with each model.
STRATEGY_PAGES = {
    f"results/pages/{dataset}/{strategy}.{model}.html": dict(dataset=dataset, strategy=strategy, model=model)
    for dataset, strategy, model in itertools.product(DATASETS, STRATEGIES, MODELS)
}
# Strategies that wait for what was measured before they choose again.
WAITING = {
    label: plan.rounds.model_dump(include={"initial", "batch", "count"})
    for label, plan in PLANS.items()
    if plan.features or plan.sees_measured
}
CAPTIONS = sorted(Path(PACKAGE, "report").glob("*.rst"))
REPORTED = [
    "results/pages/overview.html",
    *per_dataset("results/figures/{dataset}/learning_curves.{metric}.svg", metric=METRICS),
    *per_dataset("results/figures/{dataset}/comparison.{metric}.svg", metric=METRICS),
    *per_dataset("results/figures/{dataset}/coverage.{graph}.svg", graph=COVERED_GRAPHS),
    *per_dataset("results/figures/{dataset}/response_space.svg"),
    *per_dataset("results/figures/{dataset}/risk_coverage.svg"),
    *per_dataset("results/figures/{dataset}/{figure}.svg", figure=["laboratory", "laboratory_scores"]),
    *EVIDENCE,
    *expand("results/pages/{table}.html", table=TABLE_PAGES),
    *STRATEGY_PAGES,
    *per_dataset("results/{dataset}/gene_names.tsv"),
    *REFERENCE_FIGURES,
    *[f"results/{name}/filters.tsv" for name in DATASETS if STUDY.datasets[name].type == "cells"],
    "results/study.yaml",
    "results/software.tsv",
]


rule plot_learning_curves:
    input:
        curves="results/tables/learning_curves.tsv",
        responses="results/{dataset}/responses.h5ad",
    output:
        figures=[
            in_report(
                figure(f"learning_curves.{metric}")[0], "learning_curves", "learning curves", of=metric
            )
            for metric in METRICS
        ],
        more_figures=[file for metric in METRICS for file in figure(f"learning_curves.{metric}")[1:]],
    log:
        "results/logs/figures/{dataset}/learning_curves.log",
    benchmark:
        "results/benchmarks/figures/{dataset}/learning_curves.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        metrics=METRICS,
        strategies=STRATEGIES,
        baseline=BASELINE,
        marks=MARKS,
        title=title_of,
        code=code("plot_learning_curves.py"),
    message:
        "Draw learning curves of {wildcards.dataset}"
    script:
        "../scripts/plot_learning_curves.py"


rule plot_comparison:
    input:
        comparisons="results/tables/comparisons.tsv",
        responses="results/{dataset}/responses.h5ad",
    output:
        figures=[
            in_report(figure(f"comparison.{metric}")[0], "comparison", "difference to random", of=metric)
            for metric in METRICS
        ],
        more_figures=[file for metric in METRICS for file in figure(f"comparison.{metric}")[1:]],
    log:
        "results/logs/figures/{dataset}/comparison.log",
    benchmark:
        "results/benchmarks/figures/{dataset}/comparison.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        metrics=METRICS,
        strategies=STRATEGIES,
        title=title_of,
        code=code("plot_comparison.py"),
    message:
        "Draw differences to random of {wildcards.dataset}"
    script:
        "../scripts/plot_comparison.py"


rule plot_coverage:
    input:
        coverage="results/{dataset}/tables/coverage.{graph}.tsv",
        responses="results/{dataset}/responses.h5ad",
    output:
        in_report(figure("coverage.{graph}")[0], "coverage", "graph coverage", of="{graph}"),
        figure("coverage.{graph}")[1:],
    log:
        "results/logs/figures/{dataset}/coverage.{graph}.log",
    benchmark:
        "results/benchmarks/figures/{dataset}/coverage.{graph}.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        strategies=STRATEGIES,
        baseline=BASELINE,
        title=title_of,
        code=code("plot_coverage.py"),
    message:
        "Draw the coverage of {wildcards.graph} in {wildcards.dataset}"
    script:
        "../scripts/plot_coverage.py"


rule plot_risk_coverage:
    input:
        scores="results/tables/perturbation_scores.parquet",
        responses="results/{dataset}/responses.h5ad",
    output:
        table="results/{dataset}/tables/risk_coverage.tsv",
        figure=in_report(figure("risk_coverage")[0], "risk_coverage", "error of the most certain predictions"),
        more_figure=figure("risk_coverage")[1:],
    log:
        "results/logs/figures/{dataset}/risk_coverage.log",
    benchmark:
        "results/benchmarks/figures/{dataset}/risk_coverage.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        seed=STUDY.seed,
        strategies=STRATEGIES,
        baseline=BASELINE,
        title=title_of,
        code=code("plot_risk_coverage.py"),
    message:
        "Draw the error of the most certain predictions of {wildcards.dataset}"
    script:
        "../scripts/plot_risk_coverage.py"


rule plot_laboratory:
    input:
        laboratory="results/tables/laboratory.tsv",
        curves="results/tables/learning_curves.tsv",
        split="results/{dataset}/splits/split0.tsv",
        responses="results/{dataset}/responses.h5ad",
    output:
        rounds=in_report(figure("laboratory")[0], "laboratory", "time and money against rounds"),
        more_rounds=figure("laboratory")[1:],
        scores=in_report(figure("laboratory_scores")[0], "laboratory_scores", "score against time and money"),
        more_scores=figure("laboratory_scores")[1:],
    log:
        "results/logs/figures/{dataset}/laboratory.log",
    benchmark:
        "results/benchmarks/figures/{dataset}/laboratory.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        strategies=STRATEGIES,
        baseline=BASELINE,
        marks=MARKS,
        metric=METRICS[0],
        rounds=WAITING,
        title=title_of,
        code=code("plot_laboratory.py"),
    message:
        "Draw time and money in the laboratory for {wildcards.dataset}"
    script:
        "../scripts/plot_laboratory.py"


rule plot_response_space:
    input:
        responses="results/{dataset}/responses.h5ad",
        split="results/{dataset}/splits/split0.tsv",
        picks=expand("results/{{dataset}}/selections/{strategy}/split0.seed0.tsv", strategy=STRATEGIES),
    output:
        in_report(figure("response_space")[0], "response_space", "picks in the space of responses"),
        figure("response_space")[1:],
    log:
        "results/logs/figures/{dataset}/response_space.log",
    benchmark:
        "results/benchmarks/figures/{dataset}/response_space.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        strategies=STRATEGIES,
        baseline=BASELINE,
        budget=STUDY.budgets[len(STUDY.budgets) // 2],
        title=title_of,
        code=code("plot_response_space.py"),
    message:
        "Draw the picks in the response space of {wildcards.dataset}"
    script:
        "../scripts/plot_response_space.py"


rule table_pages:
    input:
        tables=expand("results/tables/{table}.tsv", table=TABLE_PAGES),
        responses=per_dataset("results/{dataset}/responses.h5ad"),
    output:
        tables=[
            report(
                f"results/pages/{table}.html",
                caption=f"../report/{caption}.rst",
                category="Tables",
                labels={"table": table.replace("_", " ")},
            )
            for table, caption in TABLE_PAGES.items()
        ],
        strategies=[
            in_report(path, "strategy_page", "scores by budget", **page)
            for path, page in STRATEGY_PAGES.items()
        ],
    log:
        "results/logs/pages/tables.log",
    benchmark:
        "results/benchmarks/pages/tables.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        metrics=METRICS,
        tables=list(TABLE_PAGES),
        pages=list(STRATEGY_PAGES.values()),
        titles={dataset: STUDY.datasets[dataset].title or dataset for dataset in DATASETS},
        code=code("table_pages.py"),
    message:
        "Write the pages of the tables"
    script:
        "../scripts/table_pages.py"


rule overview:
    input:
        summary="results/tables/summary.tsv",
        curves="results/tables/learning_curves.tsv",
        saving="results/tables/data_saving.tsv",
        laboratory="results/tables/laboratory.tsv",
        missing="results/tables/missing_runs.tsv",
        responses=per_dataset("results/{dataset}/responses.h5ad"),
        names=per_dataset("results/{dataset}/gene_names.tsv"),
        filters=[f"results/{name}/filters.tsv" for name in DATASETS if STUDY.datasets[name].type == "cells"],
        graphs=[
            f"results/{dataset}/graphs/{graph}.summary.json"
            for dataset in DATASETS
            for graph in GRAPHS
            if has_graph(dataset, graph)
        ],
    output:
        page=report(
            "results/pages/overview.html",
            caption="../report/overview.rst",
            category="Overview",
            labels={"page": "overview"},
        ),
        text="results/summary.txt",
    log:
        "results/logs/pages/overview.log",
    benchmark:
        "results/benchmarks/pages/overview.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(20),
    params:
        title=STUDY.title,
        metrics=METRICS,
        baseline=BASELINE,
        network=NETWORK,
        simple=SIMPLE,
        runs=len(ALL_RUNS),
        ran={
            "strategies": ", ".join(STRATEGIES),
            "models": ", ".join(MODELS),
            "budgets": ", ".join(str(budget) for budget in STUDY.budgets),
            "splits": STUDY.splits.count,
            "held out in each split": f"{STUDY.splits.test_share:.0%} of the perturbed genes",
            "seeds per split": STUDY.seeds,
            "master seed": STUDY.seed,
        },
        code=code("overview.py"),
    message:
        "Write the report's first page"
    script:
        "../scripts/overview.py"


rule record_study:
    output:
        config=report(
            "results/study.yaml",
            caption="../report/study.rst",
            category="Provenance",
            labels={"file": "the whole config, defaults filled in"},
        ),
        software=report(
            "results/software.tsv",
            caption="../report/software.rst",
            category="Provenance",
            labels={"file": "versions of all software"},
        ),
    log:
        "results/logs/record_study.log",
    benchmark:
        "results/benchmarks/record_study.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        study=STUDY.model_dump(mode="json"),
        lock=locked_versions(),
        code=code("record_study.py"),
    message:
        "Record the config and the versions of all software"
    script:
        "../scripts/record_study.py"


rule report:
    input:
        REPORTED,
    output:
        "results/report.html",
    log:
        "results/logs/report.log",
    benchmark:
        "results/benchmarks/report.tsv"
    localrule: True
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(30),
    params:
        # Functions of `input` are not compared: another path is no reason to make the report again.
        python=lambda wildcards, input: sys.executable,
        snakefile=lambda wildcards, input: workflow.main_snakefile,
        captions=[file_digest(path) for path in CAPTIONS],
        code=code("write_report.py"),
    message:
        "Write the report to {output}"
    script:
        "../scripts/write_report.py"
