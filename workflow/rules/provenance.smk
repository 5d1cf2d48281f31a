"""How every file was made, in one table.

Required: all results that people read; the records that jobs left under results/provenance/.
Makes:    results/provenance.parquet
"""

# The results that people read: what the study is run for.
FOR_PEOPLE = [
    "results/report.html",
    "results/summary.txt",
    *REPORTED,
    *expand("results/tables/{table}.tsv", table=["scores", *TABLE_PAGES]),
    *(["results/tables/stability.tsv"] if STUDY.stability else []),
]
# A study may name what nothing in it uses: these jobs have to be done, too, before records are collected.
MAYBE_UNUSED = (
    []
    if STUDY.runs == "finished"
    else [
        *expand("results/simulations/{simulation}/cells.h5ad", simulation=STUDY.simulations),
        *per_dataset("results/{dataset}/kernels/{kernel}.h5ad", kernel=STUDY.kernels),
    ]
)


rule provenance:
    input:
        FOR_PEOPLE,
        MAYBE_UNUSED,
    output:
        "results/provenance.parquet",
    log:
        "results/logs/provenance.log",
    benchmark:
        "results/benchmarks/provenance.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        code=code("provenance.py", "perturbselect.records.record"),
    message:
        "Collect the records of all jobs"
    script:
        "../scripts/provenance.py"
