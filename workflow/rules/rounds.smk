"""Strategies that choose in rounds: the model trains, they choose the next batch, and so on.

Required: the selection of the strategy that starts; responses (of measured perturbations),
          the split (names), graphs and kernels of the model and of the acquisition.
Makes:    results/{dataset}/rounds/{strategy}/split{split}.seed{seed}/: what the trained model says
          before_round{round}.h5ad, the batch round{round}.tsv and how it was chosen (.json);
          results/{dataset}/selections/{strategy}/split{split}.seed{seed}.tsv and .json: all picks in
          order. From there on a strategy is like those that choose all at once.
"""

from dataclasses import asdict

for label, plan in PLANS.items():
    own = asdict(plan.acquisition)
    folder = rounds_folder(label)
    logs = folder.replace("results/", "results/logs/")
    benchmarks = folder.replace("results/", "results/benchmarks/")
    selected = f"{{dataset}}/selections/{label}/split{{split}}.seed{{seed}}"
    kernels = names_in(own, "kernel", "priors")

    if plan.features:
        known, member = KNOWN_MODELS.build(plan.rounds.model, STUDY.models[plan.rounds.model])
        options = asdict(member)

        rule:
            name:
                f"train_round_{label}"
            input:
                responses="results/{dataset}/responses.h5ad",
                split="results/{dataset}/splits/split{split}.tsv",
                picks=picked_before(label),
                graphs=graphs_of(options),
                kernels=[f"results/{{dataset}}/kernels/{name}.h5ad" for name in names_in(options, "kernel")],
            output:
                f"{folder}/before_round{{round}}.h5ad",
            log:
                f"{logs}/before_round{{round}}.log",
            benchmark:
                f"{benchmarks}/before_round{{round}}.tsv"
            conda:
                "../../envs/perturbselect.yaml"
            threads: 1
            resources:
                mem_mb=memory(4000),
                runtime=minutes(60),
                gpu=int(STUDY.device == "cuda" and is_network(member)),
            params:
                model=known,
                options=options,
                features=plan.features,
                initial=plan.rounds.initial,
                graphs=lambda wildcards, options=options: [
                    name for name in named_graphs(options) if has_graph(wildcards.dataset, name)
                ],
                kernels=names_in(options, "kernel"),
                device=STUDY.device,
                # As the training of the same picks that is scored.
                seed=lambda wildcards, model=plan.rounds.model: [
                    STUDY.seed,
                    "train",
                    wildcards.dataset,
                    model,
                    int(wildcards.split),
                    int(wildcards.seed),
                ],
                code=code("train_round.py", f"perturbselect.models.{known}"),
            message:
                f"Train {plan.rounds.model} before round {{wildcards.round}} of {label} in {{wildcards.dataset}}, "
                "split {wildcards.split}, seed {wildcards.seed}"
            script:
                "../scripts/train_round.py"

    rule:
        name:
            f"select_round_{label}"
        input:
            split="results/{dataset}/splits/split{split}.tsv",
            picks=picked_before(label),
            features=[f"{folder}/before_round{{round}}.h5ad"] if plan.features else [],
            kernels=[f"results/{{dataset}}/kernels/{name}.h5ad" for name in kernels],
            responses=["results/{dataset}/responses.h5ad"] if plan.sees_measured else [],
            tables=list(constraint_tables().values()),
            aliases=alias_table() if CONSTRAINED else [],
        output:
            picks=f"{folder}/round{{round}}.tsv",
            summary=f"{folder}/round{{round}}.json",
        log:
            f"{logs}/round{{round}}.log",
        benchmark:
            f"{benchmarks}/round{{round}}.tsv"
        conda:
            "../../envs/perturbselect.yaml"
        resources:
            mem_mb=memory(2000),
            runtime=minutes(30),
        params:
            acquisition=plan.name,
            options=own,
            features=[plan.features] if plan.features else [],
            kernels=kernels,
            initial=plan.rounds.initial,
            batch=plan.rounds.batch,
            constraints=STUDY.constraints.model_dump() if CONSTRAINED else {},
            tables=list(constraint_tables()),
            seed=lambda wildcards, label=label: [
                STUDY.seed,
                "select",
                wildcards.dataset,
                label,
                int(wildcards.split),
                int(wildcards.seed),
                "round",
                int(wildcards.round),
            ],
            code=code("select_round.py", f"perturbselect.rounds.{plan.name}"),
        message:
            f"Choose round {{wildcards.round}} of {label} in {{wildcards.dataset}}, "
            "split {wildcards.split}, seed {wildcards.seed}"
        script:
            "../scripts/select_round.py"

    rule:
        name:
            f"select_{label}"
        input:
            split="results/{dataset}/splits/split{split}.tsv",
            start=f"results/{{dataset}}/selections/{plan.rounds.start}/split{{split}}.seed{{seed}}.tsv",
            batches=expand(
                f"{folder}/round{{round}}.tsv", round=range(1, plan.rounds.count + 1), allow_missing=True
            ),
            summaries=expand(
                f"{folder}/round{{round}}.json", round=range(1, plan.rounds.count + 1), allow_missing=True
            ),
        output:
            picks=f"results/{selected}.tsv",
            summary=f"results/{selected}.json",
        log:
            f"results/logs/{selected}.log",
        benchmark:
            f"results/benchmarks/{selected}.tsv"
        conda:
            "../../envs/perturbselect.yaml"
        resources:
            mem_mb=memory(1000),
            runtime=minutes(10),
        params:
            label=label,
            acquisition=plan.name,
            options=own,
            rounds=plan.rounds.model_dump(),
            budgets=largest_budgets(STUDY.budgets),
            code=code("join_rounds.py"),
        message:
            f"Join the rounds of {label} in {{wildcards.dataset}}, split {{wildcards.split}}, seed {{wildcards.seed}}"
        script:
            "../scripts/join_rounds.py"
