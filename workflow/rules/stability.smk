"""Selections made again with changed graphs and tie orders, and how alike they are.

Required: graphs, the sources of annotations and other screens, splits, selections.
Makes:    results/{dataset}/stability/{change}/: a graph's edges and nodes, an annotation's
          table, kernels, with a share of the edges changed;
          results/{dataset}/stability/selections/{strategy}/split{split}.tsv;
          results/tables/stability.tsv
"""

from dataclasses import asdict
from itertools import product

CHANGES = (
    [
        f"{kind}{share:g}.draw{draw}"
        for kind, share, draw in product(
            STUDY.stability.changes, STUDY.stability.shares, range(STUDY.stability.draws)
        )
    ]
    if STUDY.stability
    else []
)


wildcard_constraints:
    change="|".join(map(re.escape, CHANGES)) or "(?!)",


rule change_graph:
    input:
        graph_files("{graph}"),
    output:
        edges="results/{dataset}/stability/{change}/{graph}.edges.tsv.gz",
        nodes="results/{dataset}/stability/{change}/{graph}.nodes.tsv",
    log:
        "results/logs/{dataset}/stability/{change}/{graph}.graph.log",
    benchmark:
        "results/benchmarks/{dataset}/stability/{change}/{graph}.graph.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        change=lambda wildcards: change_of(wildcards)[0],
        seed=lambda wildcards: change_of(wildcards)[1],
        code=code("change_graph.py"),
    message:
        "Change graph {wildcards.graph} of {wildcards.dataset}: {wildcards.change}"
    script:
        "../scripts/change_graph.py"


rule change_annotation:
    input:
        source=lambda wildcards: located(STUDY.graphs[wildcards.graph].source),
        aliases=alias_table(),
    output:
        "results/{dataset}/stability/{change}/{graph}.annotation.tsv.gz",
    log:
        "results/logs/{dataset}/stability/{change}/{graph}.annotation.log",
    benchmark:
        "results/benchmarks/{dataset}/stability/{change}/{graph}.annotation.tsv"
    wildcard_constraints:
        graph=graphs_where("go"),
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        change=lambda wildcards: change_of(wildcards)[0],
        seed=lambda wildcards: change_of(wildcards)[1],
        format=lambda wildcards: STUDY.graphs[wildcards.graph].format,
        code=code("change_annotation.py"),
    message:
        "Change the annotation {wildcards.graph} for {wildcards.dataset}: {wildcards.change}"
    script:
        "../scripts/change_annotation.py"


rule changed_kernel:
    input:
        unpack(changed_kernel_files),
        responses="results/{dataset}/responses.h5ad",
        aliases=alias_table(),
    output:
        "results/{dataset}/stability/{change}/{kernel}.h5ad",
    log:
        "results/logs/{dataset}/stability/{change}/{kernel}.kernel.log",
    benchmark:
        "results/benchmarks/{dataset}/stability/{change}/{kernel}.kernel.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(60),
    params:
        expression=lambda wildcards: STUDY.kernels[wildcards.kernel],
        names=lambda wildcards: kernel_inputs(wildcards)._asdict(),
        formats=lambda wildcards: ["table"] * len(kernel_inputs(wildcards).annotations),
        code=code("kernel.py"),
    message:
        "Compute the kernel {wildcards.kernel} of {wildcards.dataset} with {wildcards.change}"
    script:
        "../scripts/kernel.py"


# Rules that a study does not need cost time in the planning of all others.
for strategy in [label for label in ONE_SHOT if label not in MARKS and STUDY.stability]:
    known, member = KNOWN_STRATEGIES.build(strategy, STUDY.strategies[strategy])
    options = asdict(member)
    kind, name, others = knowledge(options)

    rule:
        name:
            f"reselect_{strategy}"
        input:
            split="results/{dataset}/splits/split{split}.tsv",
            base=knowledge_files(kind, name, f"results/{{dataset}}/{kind}s") if kind else [],
            changed=[
                file
                for change in (CHANGES if kind else [])
                for file in knowledge_files(kind, name, f"results/{{dataset}}/stability/{change}")
            ],
            others=[
                file
                for other in others
                for file in knowledge_files(kind, other, f"results/{{dataset}}/{kind}s")
            ],
            tables=list(constraint_tables().values()),
            aliases=alias_table() if CONSTRAINED else [],
        output:
            f"results/{{dataset}}/stability/selections/{strategy}/split{{split}}.tsv",
        log:
            f"results/logs/{{dataset}}/stability/selections/{strategy}/split{{split}}.log",
        benchmark:
            f"results/benchmarks/{{dataset}}/stability/selections/{strategy}/split{{split}}.tsv"
        conda:
            "../../envs/perturbselect.yaml"
        resources:
            mem_mb=memory(4000),
            runtime=minutes(60),
        params:
            strategy=known,
            options=options,
            changes=CHANGES if kind else [],
            others=others,
            tie_orders=STUDY.stability.tie_orders,
            budgets=largest_budgets(STUDY.budgets),
            constraints=STUDY.constraints.model_dump() if CONSTRAINED else {},
            tables=list(constraint_tables()),
            seed=lambda wildcards, strategy=strategy: [
                STUDY.seed,
                "select",
                wildcards.dataset,
                strategy,
                int(wildcards.split),
                0,
            ],
            code=code("reselect.py", f"perturbselect.selection.{known}"),
        message:
            f"Select with {strategy} again in {{wildcards.dataset}}, split {{wildcards.split}}, with changes"
        script:
            "../scripts/reselect.py"


rule stability:
    input:
        splits=per_dataset("results/{dataset}/splits/split{split}.tsv", split=SPLITS),
        picks=all_runs("results/{dataset}/selections/{strategy}/split{split}.seed{seed}.tsv", model=""),
        again=per_dataset(
            "results/{dataset}/stability/selections/{strategy}/split{split}.tsv",
            strategy=[label for label in ONE_SHOT if label not in MARKS],
            split=SPLITS,
        ),
    output:
        "results/tables/stability.tsv",
    log:
        "results/logs/tables/stability.log",
    benchmark:
        "results/benchmarks/tables/stability.tsv"
    conda:
        "../../envs/perturbselect.yaml"
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
    params:
        budgets=STUDY.budgets,
        code=code("stability.py"),
    message:
        "How alike the selections of each strategy are"
    script:
        "../scripts/stability.py"
