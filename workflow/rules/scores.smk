"""Predictions to scores, scores to tables.

Required: predictions and responses; histograms of the cells if models predict them.
Makes:    results/{dataset}/scores/{model}/{strategy}.parquet (all splits, seeds and budgets),
          results/{dataset}/scores/references.parquet (floors and ceiling, all splits),
          results/tables/*.tsv
"""


rule score:
    input:
        responses="results/{dataset}/responses.h5ad",
        splits=expand("results/{{dataset}}/splits/split{split}.tsv", split=SPLITS),
        predictions=predictions_scored,
        histograms=lambda wildcards: expand(
            histograms_of(REGISTERED_MODELS[wildcards.model]), dataset=wildcards.dataset
        ),
    output:
        SCORED,
    log:
        "results/logs/{dataset}/scores/{model}/{strategy}.log",
    benchmark:
        "results/benchmarks/{dataset}/scores/{model}/{strategy}.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000, per_input_mb=5),
        runtime=minutes(60),
    params:
        splits=SPLITS,
        code=code("score.py"),
    message:
        "Score all runs of {wildcards.model} on {wildcards.strategy}'s picks in {wildcards.dataset}"
    script:
        "../scripts/score.py"


rule score_references:
    input:
        responses="results/{dataset}/responses.h5ad",
        splits=expand("results/{{dataset}}/splits/split{split}.tsv", split=SPLITS),
        histograms=HISTOGRAMS,
    output:
        "results/{dataset}/scores/references.parquet",
    log:
        "results/logs/{dataset}/scores/references.log",
    benchmark:
        "results/benchmarks/{dataset}/scores/references.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(30),
    params:
        splits=SPLITS,
        code=code("score_references.py"),
    message:
        "Score floors and ceiling in {wildcards.dataset}"
    script:
        "../scripts/score_references.py"


rule collect_scores:
    input:
        runs=list(RUNS_SCORED),
        references=per_dataset("results/{dataset}/scores/references.parquet"),
    output:
        perturbations="results/tables/perturbation_scores.parquet",
        scores="results/tables/scores.tsv",
        missing="results/tables/missing_runs.tsv",
    log:
        "results/logs/tables/scores.log",
    benchmark:
        "results/benchmarks/tables/scores.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(4000, per_input_mb=40),
        runtime=minutes(30),
    params:
        missing=[
            run | dict(log=training_job(run["model"], "results/logs").format(**run) + ".log")
            for run in MISSING_RUNS
        ],
        code=code("collect_scores.py"),
    message:
        "Collect the scores of all runs"
    script:
        "../scripts/collect_scores.py"


rule compare:
    input:
        "results/tables/scores.tsv",
    output:
        learning_curves="results/tables/learning_curves.tsv",
        comparisons="results/tables/comparisons.tsv",
        areas="results/tables/areas.tsv",
        data_saving="results/tables/data_saving.tsv",
        summary="results/tables/summary.tsv",
    log:
        "results/logs/tables/compare.log",
    benchmark:
        "results/benchmarks/tables/compare.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(4000, per_input_mb=40),
        runtime=minutes(30),
    params:
        seed=STUDY.seed,
        baseline=BASELINE,
        network=NETWORK,
        simple=SIMPLE,
        marks=MARKS,
        code=code("compare.py"),
    message:
        "Learning curves and paired comparisons"
    script:
        "../scripts/compare.py"


rule laboratory:
    input:
        "results/tables/learning_curves.tsv",
    output:
        "results/tables/laboratory.tsv",
    log:
        "results/logs/tables/laboratory.log",
    benchmark:
        "results/benchmarks/tables/laboratory.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        laboratory=STUDY.laboratory.model_dump(),
        code=code("laboratory_table.py"),
    message:
        "Time and money in the laboratory"
    script:
        "../scripts/laboratory_table.py"


rule coverage:
    input:
        graph=graph_files("{graph}"),
        picks=lambda wildcards: all_runs(
            "results/{dataset}/selections/{strategy}/split{split}.seed{seed}.tsv",
            dataset=[wildcards.dataset],
            model="",
        ),
    output:
        "results/{dataset}/tables/coverage.{graph}.tsv",
    log:
        "results/logs/{dataset}/tables/coverage.{graph}.log",
    benchmark:
        "results/benchmarks/{dataset}/tables/coverage.{graph}.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000),
        runtime=minutes(30),
    params:
        runs=all_runs("{strategy} {split} {seed}", dataset="", model=""),
        code=code("graph_coverage.py"),
    message:
        "Share of {wildcards.graph} that the picks reach in {wildcards.dataset}"
    script:
        "../scripts/graph_coverage.py"
