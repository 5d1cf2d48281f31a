"""Published runs in a study: only where the config names them."""

import pytest

from perturbselect.files import read_tsv
from perturbselect.table_schema import check_table, table_schema

FOLDER = "results/reference/iterpert"


@pytest.mark.slow
def test_published_runs_are_scored_and_drawn(workflow, data_root):
    path = data_root / "iterpert_reference" / "metrics_long.csv.gz"
    workflow.change("reference_runs", {"iterpert": {"path": str(path)}})
    assert workflow.planned()["iterpert_reference"] == 1
    assert workflow.jobs_run(f"{FOLDER}/learning_curves.svg") == {"iterpert_reference": 1}
    curves = read_tsv(workflow.folder / FOLDER / "learning_curves.tsv", dtype={"budget": str})
    last = curves.query("strategy == 'prior_only' and budget == '600' and metric == 'pearson_delta'")
    assert last["mean"].round(3).tolist() == [0.289]
    for path in (workflow.folder / FOLDER).glob("*.tsv"):
        check_table(read_tsv(path, dtype={"budget": str}), table_schema(path.stem))
    assert "prior_only" not in workflow.study()["strategies"]
    assert (workflow.folder / FOLDER / "learning_curves.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "reference_runs.iterpert.path: no such file"), ("metric,round,value,exp\n", "'kernel'")],
)
def test_a_file_that_cannot_be_it_stops_the_run_before_any_job(content, message, workflow):
    path = workflow.folder / "runs.csv"
    if content is not None:
        path.write_text(content)
    workflow.change("reference_runs", {"iterpert": {"path": str(path)}})
    result = workflow.run("--dry-run")
    assert result.returncode != 0
    assert message in result.stdout
