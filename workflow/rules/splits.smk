"""Which perturbations are held out for the test.

Required: results/{dataset}/responses.h5ad (its names only).
Makes:    results/{dataset}/splits/split{split}.tsv
"""


rule split:
    input:
        "results/{dataset}/responses.h5ad",
    output:
        "results/{dataset}/splits/split{split}.tsv",
    log:
        "results/logs/{dataset}/splits/split{split}.log",
    benchmark:
        "results/benchmarks/{dataset}/splits/split{split}.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        test_share=STUDY.splits.test_share,
        seed=lambda wildcards: [STUDY.seed, "split", wildcards.dataset, int(wildcards.split)],
        code=code("split.py"),
    message:
        "Split {wildcards.split} of {wildcards.dataset}"
    script:
        "../scripts/split.py"
