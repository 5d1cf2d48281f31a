"""One rule per model of the config; a job trains all budgets of one selection.

Required: responses, a selection, its split, and the graphs and kernels that the
          model's options name.
Makes:    results/{dataset}/predictions/{model}/{strategy}/split{split}.seed{seed}/budget{budget}.h5ad
          and, beside them, training.tsv (what the training recorded).
"""

from dataclasses import asdict

for model in MODELS:
    known, member = KNOWN_MODELS.build(model, STUDY.models[model])
    options = asdict(member)
    folder = f"{{dataset}}/predictions/{model}/{{strategy}}/split{{split}}.seed{{seed}}"

    rule:
        name:
            f"train_{model}"
        input:
            responses="results/{dataset}/responses.h5ad",
            split="results/{dataset}/splits/split{split}.tsv",
            picks="results/{dataset}/selections/{strategy}/split{split}.seed{seed}.tsv",
            graphs=graphs_of(options),
            kernels=[f"results/{{dataset}}/kernels/{name}.h5ad" for name in names_in(options, "kernel")],
            histograms=histograms_of(known),
        output:
            predictions=expand(f"results/{folder}/budget{{budget}}.h5ad", budget=BUDGETS, allow_missing=True),
            history=f"results/{folder}/training.tsv",
        log:
            f"results/logs/{folder}.log",
        benchmark:
            f"results/benchmarks/{folder}.tsv"
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
            seed=lambda wildcards, model=model: [
                STUDY.seed,
                "train",
                wildcards.dataset,
                model,
                int(wildcards.split),
                int(wildcards.seed),
            ],
            code=code("train.py", f"perturbselect.models.{known}"),
        message:
            f"Train {model} on {{wildcards.strategy}}'s picks in {{wildcards.dataset}}, "
            "split {wildcards.split}, seed {wildcards.seed}"
        script:
            "../scripts/train.py"
