"""One rule per model of the config; a job trains all budgets of one run, a simple model's all runs of a strategy.

Required: responses, selections, their splits, and the graphs and kernels that the
          model's options name.
Makes:    results/{dataset}/predictions/{model}/{strategy}/split{split}.seed{seed}/predictions.h5ad
          and, for each job, training.tsv (what the training recorded).
"""

from dataclasses import asdict

for model in MODELS:
    known, member = KNOWN_MODELS.build(model, STUDY.models[model])
    options = asdict(member)
    together = model in SIMPLE

    rule:
        name:
            f"train_{model}"
        input:
            responses="results/{dataset}/responses.h5ad",
            splits=splits_of(model),
            picks=runs_of(model, "results/{dataset}/selections/{strategy}/split{split}.seed{seed}.tsv"),
            graphs=graphs_of(options),
            kernels=[f"results/{{dataset}}/kernels/{name}.h5ad" for name in names_in(options, "kernel")],
            histograms=histograms_of(known),
        output:
            predictions=runs_of(model, PREDICTED.replace("{model}", model)),
            history=training_record(model),
        log:
            training_job(model, "results/logs") + ".log",
        benchmark:
            training_job(model, "results/benchmarks") + ".tsv"
        conda:
            "../../envs/perturbselect.yaml"
        threads: 1
        resources:
            mem_mb=memory(4000),
            runtime=minutes(120),
            gpu=int(STUDY.device == "cuda" and is_network(member)),
        params:
            label=model,
            model=known,
            options=options,
            graphs=lambda wildcards, options=options: [
                name for name in named_graphs(options) if has_graph(wildcards.dataset, name)
            ],
            kernels=names_in(options, "kernel"),
            budgets=STUDY.budgets,
            device=STUDY.device,
            # One for each run: split and seed come last.
            seed=lambda wildcards, model=model, together=together: [
                [STUDY.seed, "train", wildcards.dataset, model, *run]
                for run in (RUNS if together else [(int(wildcards.split), int(wildcards.seed))])
            ],
            code=code("train.py", f"perturbselect.models.{known}"),
        message:
            f"Train {model} on {{wildcards.strategy}}'s picks in {{wildcards.dataset}}, "
            + ("all splits and seeds" if together else "split {wildcards.split}, seed {wildcards.seed}")
        script:
            "../scripts/train.py"
