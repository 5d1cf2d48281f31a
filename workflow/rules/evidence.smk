"""Scores to evidence: statistics over all strategies, and the figures and pages that show them.

Required: the tables of scores.smk, selections, predictions, graphs.
Makes:    results/tables/strategy_tests.tsv, ranks.tsv, pairs.parquet, variance.tsv
"""


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
        mem_mb=lambda wildcards, attempt: attempt * 4000,
        runtime=30,
    params:
        marks=MARKS,
        code=code("strategy_statistics.py"),
    message:
        "Rank and test all strategies, decompose the variance"
    script:
        "../scripts/strategy_statistics.py"
