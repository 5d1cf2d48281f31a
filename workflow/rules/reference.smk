"""Runs that others published, in this study's figures and statistics.

Required: the config's section reference_runs; without it there is no rule here.
Makes:    results/reference/iterpert/*.tsv, results/reference/iterpert/learning_curves.svg, .pdf and .png
"""

REFERENCE_FIGURES = []
PUBLISHED_TABLES = {}  # by the name of their schema

if STUDY.reference_runs.iterpert is not None:
    REFERENCE_FIGURES.append("results/reference/iterpert/learning_curves.svg")
    PUBLISHED_TABLES |= {
        name: f"results/reference/iterpert/{name}.tsv"
        for name in ("scores", "learning_curves", "comparisons", "areas", "data_saving")
    }

    rule iterpert_reference:
        input:
            located(STUDY.reference_runs.iterpert),
        output:
            **PUBLISHED_TABLES,
            figure=report(
                "results/reference/iterpert/learning_curves.svg",
                caption="../report/iterpert_reference.rst",
                category="Published runs",
                labels={"figure": "learning curves", "runs": "IterPert"},
            ),
            more=multiext("results/reference/iterpert/learning_curves", ".pdf", ".png"),
        log:
            "results/logs/reference/iterpert.log",
        benchmark:
            "results/benchmarks/reference/iterpert.tsv"
        conda:
            "../../envs/perturbselect.yaml"
        resources:
            mem_mb=memory(2000),
            runtime=minutes(20),
        params:
            seed=STUDY.seed,
            code=code("iterpert_reference.py"),
        message:
            "Score and draw IterPert's published runs"
        script:
            "../scripts/iterpert_reference.py"
