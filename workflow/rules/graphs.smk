"""Knowledge graphs and kernels, aligned to a screen's perturbations.

Required: the graphs' source files; results/{dataset}/responses.h5ad (its names only);
          for some kernels the responses of other screens, or a user's matrix.
Makes:    results/{dataset}/graphs/{graph}.edges.tsv.gz, .nodes.tsv, .summary.json;
          results/{dataset}/kernels/{kernel}.h5ad
"""


rule go_graph:
    input:
        responses="results/{dataset}/responses.h5ad",
        source=lambda wildcards: located(STUDY.graphs[wildcards.graph].source),
        aliases=alias_table(),
    output:
        edges="results/{dataset}/graphs/{graph}.edges.tsv.gz",
        nodes="results/{dataset}/graphs/{graph}.nodes.tsv",
        summary="results/{dataset}/graphs/{graph}.summary.json",
    log:
        "results/logs/{dataset}/graphs/{graph}.log",
    benchmark:
        "results/benchmarks/{dataset}/graphs/{graph}.tsv"
    wildcard_constraints:
        graph=graphs_where("go"),
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        options=lambda wildcards: STUDY.graphs[wildcards.graph].model_dump(),
        code=code("go_graph.py"),
    message:
        "Build the GO similarity graph {wildcards.graph} of {wildcards.dataset}"
    script:
        "../scripts/go_graph.py"


rule interaction_graph:
    input:
        responses="results/{dataset}/responses.h5ad",
        source=lambda wildcards: located(STUDY.graphs[wildcards.graph].source),
        info=lambda wildcards: [
            located(info) for info in [getattr(STUDY.graphs[wildcards.graph], "info", None)] if info
        ],
        aliases=alias_table(),
    output:
        edges="results/{dataset}/graphs/{graph}.edges.tsv.gz",
        nodes="results/{dataset}/graphs/{graph}.nodes.tsv",
        summary="results/{dataset}/graphs/{graph}.summary.json",
    log:
        "results/logs/{dataset}/graphs/{graph}.log",
    benchmark:
        "results/benchmarks/{dataset}/graphs/{graph}.tsv"
    wildcard_constraints:
        graph=f"{graphs_where('string')}|{graphs_where('edges')}",
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        options=lambda wildcards: STUDY.graphs[wildcards.graph].model_dump(),
        code=code("interaction_graph.py"),
    message:
        "Build the interaction graph {wildcards.graph} of {wildcards.dataset}"
    script:
        "../scripts/interaction_graph.py"


rule coexpression_graph:
    input:
        "results/{dataset}/expression.h5ad",
    output:
        edges="results/{dataset}/graphs/{graph}.edges.tsv.gz",
        nodes="results/{dataset}/graphs/{graph}.nodes.tsv",
        summary="results/{dataset}/graphs/{graph}.summary.json",
    log:
        "results/logs/{dataset}/graphs/{graph}.log",
    benchmark:
        "results/benchmarks/{dataset}/graphs/{graph}.tsv"
    wildcard_constraints:
        dataset=datasets_where(type="cells"),
        graph=graphs_where("coexpression"),
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        options=lambda wildcards: STUDY.graphs[wildcards.graph].model_dump(),
        code=code("coexpression_graph.py"),
    message:
        "Build the co-expression graph of {wildcards.dataset} from its control cells"
    script:
        "../scripts/coexpression_graph.py"


rule kernel:
    input:
        unpack(kernel_files),
        responses="results/{dataset}/responses.h5ad",
        aliases=alias_table(),
    output:
        "results/{dataset}/kernels/{kernel}.h5ad",
    log:
        "results/logs/{dataset}/kernels/{kernel}.log",
    benchmark:
        "results/benchmarks/{dataset}/kernels/{kernel}.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        expression=lambda wildcards: STUDY.kernels[wildcards.kernel],
        names=lambda wildcards: kernel_inputs(wildcards)._asdict(),
        formats=lambda wildcards: [STUDY.graphs[name].format for name in kernel_inputs(wildcards).annotations],
        code=code("kernel.py"),
    message:
        "Compute the kernel {wildcards.kernel} of {wildcards.dataset}: {params.expression}"
    script:
        "../scripts/kernel.py"
