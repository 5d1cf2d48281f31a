"""One rule per strategy of the config that chooses all at once; rounds.smk has the others.

Required: a split (names only), the graph or kernel that the strategy's options name, and
          the tables of the constraints; never a measurement (but for an oracle, which is
          an upper mark and no contender).
Makes:    results/{dataset}/selections/{strategy}/split{split}.seed{seed}.tsv and .json:
          the picks in order, up to the largest budget, and how they were made.
"""

from dataclasses import asdict

CONSTRAINED = STUDY.constraints != type(STUDY.constraints)()

for strategy in ONE_SHOT:
    known, member = KNOWN_STRATEGIES.build(strategy, STUDY.strategies[strategy])
    options = asdict(member)

    rule:
        name:
            f"select_{strategy}"
        input:
            split="results/{dataset}/splits/split{split}.tsv",
            graph=graphs_of(options),
            kernel=kernel_of(options),
            responses=["results/{dataset}/responses.h5ad"] if known in SEE_RESPONSES else [],
            tables=list(constraint_tables().values()),
            aliases=alias_table() if CONSTRAINED else [],
        output:
            picks=f"results/{{dataset}}/selections/{strategy}/split{{split}}.seed{{seed}}.tsv",
            summary=f"results/{{dataset}}/selections/{strategy}/split{{split}}.seed{{seed}}.json",
        log:
            f"results/logs/{{dataset}}/selections/{strategy}/split{{split}}.seed{{seed}}.log",
        benchmark:
            f"results/benchmarks/{{dataset}}/selections/{strategy}/split{{split}}.seed{{seed}}.tsv"
        conda:
            "../../envs/perturbselect.yaml"
        resources:
            mem_mb=memory(2000),
            runtime=minutes(30),
        params:
            strategy=known,
            options=options,
            budgets=largest_budgets(STUDY.budgets),
            constraints=STUDY.constraints.model_dump() if CONSTRAINED else {},
            tables=list(constraint_tables()),
            seed=lambda wildcards, strategy=strategy: [
                STUDY.seed,
                "select",
                wildcards.dataset,
                strategy,
                int(wildcards.split),
                int(wildcards.seed),
            ],
            code=code("select_perturbations.py", f"perturbselect.selection.{known}"),
        message:
            f"Select with {strategy} in {{wildcards.dataset}}, split {{wildcards.split}}, seed {{wildcards.seed}}"
        script:
            "../scripts/select_perturbations.py"
