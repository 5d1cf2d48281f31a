"""The jobs of the tiny study, and those that follow from one another."""

# With 3 strategies, 3 models, 2 splits, 1 seed, 2 budgets (a training job does all budgets, a simple model's
# all runs of a strategy), 3 graphs, one metric in the figures.
JOBS = {
    "simulate": 1,
    "import_h5ad": 1,
    "preprocess": 1,
    "summarise": 1,
    "go_graph": 1,
    "interaction_graph": 1,
    "coexpression_graph": 1,
    "kernel": 1,
    "split": 2,
    "select_random": 2,
    "select_degree": 2,
    "select_graphreach": 2,
    "train_training_mean": 3,
    "train_kernel_ridge": 3,
    "train_gears": 6,
    "score": 9,
    "score_references": 1,
    "collect_scores": 1,
    "compare": 1,
    "laboratory": 1,
    "strategy_statistics": 1,
    "coverage": 2,
    "plot_learning_curves": 1,
    "plot_comparison": 1,
    "plot_coverage": 2,
    "plot_risk_coverage": 1,
    "plot_laboratory": 1,
    "plot_response_space": 1,
    "plot_statistics": 1,
    "plot_predictions": 1,
    "error_by_distance": 1,
    "selected": 1,
    "explorer": 1,
    "publication_tables": 1,
    "table_pages": 1,
    "overview": 1,
    "record_study": 1,
    "report": 1,
    "provenance": 1,
}
PAGES = {"table_pages": 1}
REPORT = {"report": 1, "provenance": 1}
NEW_CONFIG = {"record_study": 1, **REPORT}
# What is made of the scores of all runs themselves, and of the tables of `compare`.
FROM_SCORES = {"strategy_statistics": 1, "plot_predictions": 1, "error_by_distance": 1}
NEW_SCORES = {
    "collect_scores": 1,
    "compare": 1,
    **FROM_SCORES,
    "plot_statistics": 1,
    "explorer": 1,
    "publication_tables": 1,
    "plot_learning_curves": 1,
    "plot_comparison": 1,
    "plot_risk_coverage": 1,
    "laboratory": 1,
    "plot_laboratory": 1,
    "overview": 1,
    **PAGES,
    **REPORT,
}
NEW_PICKS = {"coverage": 2, "plot_coverage": 2, "selected": 1}
SIMPLE = {"train_training_mean": 1, "train_kernel_ridge": 1}  # for each strategy


def without(jobs: dict[str, int], *rules: str) -> dict[str, int]:
    """Return the jobs of the other rules."""
    return {rule: count for rule, count in jobs.items() if rule not in rules}


def picks_of(strategy: str, count: int = 2) -> dict[str, int]:
    """Jobs after one strategy's selection has changed, on so many splits."""
    return (
        {f"select_{strategy}": count, **SIMPLE, "train_gears": count, "score": 3}
        | NEW_SCORES
        | NEW_PICKS
        | {"plot_response_space": 1}
    )


def per_run(count: int) -> dict[str, int]:
    """Jobs of so many further runs (split and seed) of everything."""
    selections = {f"select_{strategy}": count for strategy in ("random", "degree", "graphreach")}
    simple = dict.fromkeys(SIMPLE, 3)
    return selections | simple | {"train_gears": 3 * count, "score": 9} | NEW_SCORES | NEW_PICKS
