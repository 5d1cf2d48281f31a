"""Raw screens to responses.

Required: the files that the config's datasets name, or `simulations`.
Makes:    results/{dataset}/cells.h5ad, expression.h5ad, responses.h5ad, the tables of
          gene names and filters, and histograms.h5 if a model needs them.
Steps:    download | simulate -> import -> preprocess -> summarise
"""

from perturbselect.data.local_files import folder_files


rule download:
    output:
        "resources/downloads/{file}",
    log:
        "results/logs/download/{file}.log",
    benchmark:
        "results/benchmarks/download/{file}.tsv"
    wildcard_constraints:
        file="|".join(map(re.escape, DOWNLOADS.files)) or "(?!)",
    # The script itself tries again where that may help.
    retries: 0
    localrule: True
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=1000,
        runtime=240,
    params:
        url=lambda wildcards: DOWNLOADS.files[wildcards.file].url,
        checksum=lambda wildcards: DOWNLOADS.files[wildcards.file].checksum,
        member=lambda wildcards: DOWNLOADS.files[wildcards.file].member,
        code=code("download.py"),
    message:
        "Download {params.url}"
    script:
        "../scripts/download.py"


rule simulate:
    output:
        cells="results/simulations/{simulation}/cells.h5ad",
        gene2go="results/simulations/{simulation}/gene2go.tsv.gz",
        interactions="results/simulations/{simulation}/interactions.tsv.gz",
        truth="results/simulations/{simulation}/truth.tsv.gz",
    log:
        "results/logs/simulations/{simulation}.log",
    benchmark:
        "results/benchmarks/simulations/{simulation}.tsv"
    wildcard_constraints:
        simulation="|".join(STUDY.simulations) or "(?!)",
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        options=lambda wildcards: STUDY.simulations[wildcards.simulation].model_dump(),
        seed=lambda wildcards: [STUDY.seed, "simulate", wildcards.simulation],
        code=code("simulate.py"),
    message:
        "Simulate the screen {wildcards.simulation}"
    script:
        "../scripts/simulate.py"


rule import_h5ad:
    input:
        source=lambda wildcards: located(STUDY.datasets[wildcards.dataset].source),
        aliases=alias_table(),
    output:
        cells="results/{dataset}/cells.h5ad",
        names=report(
            "results/{dataset}/gene_names.tsv",
            caption="../report/gene_names.rst",
            category="{dataset}",
            subcategory="Data",
            labels={"table": "gene names that were changed or not matched"},
        ),
    log:
        "results/logs/{dataset}/import.log",
    benchmark:
        "results/benchmarks/{dataset}/import.tsv"
    wildcard_constraints:
        dataset=datasets_where(type="cells", source__format="h5ad"),
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000, 12),
        runtime=minutes(60),
    params:
        source=lambda wildcards: STUDY.datasets[wildcards.dataset].source.model_dump(),
        code=code("import_h5ad.py"),
    message:
        "Import the cells of {wildcards.dataset}"
    script:
        "../scripts/import_h5ad.py"


rule import_10x:
    input:
        matrix=lambda wildcards: folder_files(located(STUDY.datasets[wildcards.dataset].source)),
        cells=lambda wildcards: located(STUDY.datasets[wildcards.dataset].source.cells),
        aliases=alias_table(),
    output:
        cells="results/{dataset}/cells.h5ad",
        names=report(
            "results/{dataset}/gene_names.tsv",
            caption="../report/gene_names.rst",
            category="{dataset}",
            subcategory="Data",
            labels={"table": "gene names that were changed or not matched"},
        ),
    log:
        "results/logs/{dataset}/import.log",
    benchmark:
        "results/benchmarks/{dataset}/import.tsv"
    wildcard_constraints:
        dataset=datasets_where(type="cells", source__format="10x"),
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000, 24),
        runtime=minutes(60),
    params:
        source=lambda wildcards: STUDY.datasets[wildcards.dataset].source.model_dump(),
        code=code("import_10x.py"),
    message:
        "Import the cells of {wildcards.dataset}"
    script:
        "../scripts/import_10x.py"


rule import_responses:
    input:
        source=lambda wildcards: located(STUDY.datasets[wildcards.dataset].source),
        aliases=alias_table(),
    output:
        responses="results/{dataset}/responses.h5ad",
        names=report(
            "results/{dataset}/gene_names.tsv",
            caption="../report/gene_names.rst",
            category="{dataset}",
            subcategory="Data",
            labels={"table": "gene names that were changed or not matched"},
        ),
    log:
        "results/logs/{dataset}/import.log",
    benchmark:
        "results/benchmarks/{dataset}/import.tsv"
    wildcard_constraints:
        dataset=datasets_where(type="responses"),
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000, 24),
        runtime=minutes(30),
    params:
        source=lambda wildcards: STUDY.datasets[wildcards.dataset].source.model_dump(),
        code=code("import_responses.py"),
    message:
        "Import the responses of {wildcards.dataset}"
    script:
        "../scripts/import_responses.py"


rule preprocess:
    input:
        "results/{dataset}/cells.h5ad",
    output:
        expression="results/{dataset}/expression.h5ad",
        filters=report(
            "results/{dataset}/filters.tsv",
            caption="../report/filters.rst",
            category="{dataset}",
            subcategory="Data",
            labels={"table": "what the filters removed"},
        ),
    log:
        "results/logs/{dataset}/preprocess.log",
    benchmark:
        "results/benchmarks/{dataset}/preprocess.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(2000, 24),
        runtime=minutes(60),
    params:
        options=lambda wildcards: STUDY.datasets[wildcards.dataset].preprocess.model_dump(exclude={"test"}),
        code=code("preprocess.py"),
    message:
        "Filter and normalise {wildcards.dataset}"
    script:
        "../scripts/preprocess.py"


rule summarise:
    input:
        "results/{dataset}/expression.h5ad",
    output:
        "results/{dataset}/responses.h5ad",
    log:
        "results/logs/{dataset}/summarise.log",
    benchmark:
        "results/benchmarks/{dataset}/summarise.tsv"
    wildcard_constraints:
        dataset=datasets_where(type="cells"),
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        # The t-test streams over the cells, the Wilcoxon test reads them all.
        mem_mb=lambda wildcards, input, attempt: attempt
        * (
            4000
            if STUDY.datasets[wildcards.dataset].preprocess.test == "t-test"
            else max(2000, 24 * input.size_mb)
        ),
        runtime=minutes(120),
    params:
        test=lambda wildcards: STUDY.datasets[wildcards.dataset].preprocess.test,
        seed=lambda wildcards: [STUDY.seed, "summarise", wildcards.dataset],
        code=code("summarise.py"),
    message:
        "Moments and differential expression of each perturbation of {wildcards.dataset}"
    script:
        "../scripts/summarise.py"


rule histograms:
    input:
        "results/{dataset}/expression.h5ad",
    output:
        "results/{dataset}/histograms.h5",
    log:
        "results/logs/{dataset}/histograms.log",
    benchmark:
        "results/benchmarks/{dataset}/histograms.tsv"
    wildcard_constraints:
        dataset=datasets_where(type="cells"),
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: attempt * 4000,
        runtime=minutes(120),
    params:
        seed=lambda wildcards: [STUDY.seed, "histograms", wildcards.dataset],
        code=code("histograms.py"),
    message:
        "Histograms of each gene over the cells of each perturbation of {wildcards.dataset}"
    script:
        "../scripts/histograms.py"
