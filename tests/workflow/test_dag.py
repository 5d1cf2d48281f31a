"""What the workflow plans: its jobs, what each needs, and from where it can be called."""

import json
import re
import shutil
import subprocess
import sys

import pytest
from command_line import planned_jobs
from jobs import JOBS

MEASURED = ("cells.h5ad", "expression.h5ad", "responses.h5ad", "/predictions/", "/scores/", "/tables/")


@pytest.fixture(scope="session")
def outputs(finished):
    """Every file of the tiny study, with the inputs and the log that its run recorded."""
    return finished.outputs()


def test_jobs(workflow):
    assert workflow.planned() == JOBS


def test_both_entry_points_plan_the_same(workflow):
    workflow.snakefile = "workflow/Snakefile"
    assert workflow.planned() == JOBS


@pytest.mark.slow
def test_as_a_module_of_another_workflow(workflow):
    """A user's Snakefile takes the rules over, changes one and adds one; the config is the user's."""
    own = workflow.folder / "Snakefile"
    own.write_text(
        f"""
configfile: "study.yaml"

module screen:
    snakefile: "{workflow.repository}/workflow/Snakefile"
    config: config

use rule * from screen

use rule train_gears from screen with:
    threads: 2

rule mine:
    input: "results/tables/scores.tsv"
    output: "mine.txt"
    shell: "cp {{input}} {{output}}"
"""
    )
    workflow.snakefile = str(own)
    assert workflow.planned("mine") == {
        rule: count
        for rule, count in JOBS.items()
        if not rule.startswith(("plot", "page"))
        and rule
        not in ("compare", "laboratory", "coverage", "overview", "record_study", "report", "provenance")
        and rule not in ("strategy_statistics", "error_by_distance", "selected", "explorer")
        and rule not in ("publication_tables", "table_pages")
    } | {"mine": 1}
    assert workflow.planned() == JOBS
    edges = "results/tiny/graphs/go.edges.tsv.gz"
    assert workflow.jobs_run(edges)["go_graph"] == 1
    assert (workflow.folder / edges).exists()


def test_what_nothing_uses_is_done_before_the_records_are_collected(workflow):
    workflow.change("kernels.unused", "jaccard(go)")
    workflow.change("simulations.unused", {"perturbations": 24, "genes": 60, "modules": 4})
    planned = workflow.planned("results/provenance.parquet")
    assert (planned["kernel"], planned["simulate"]) == (2, 2)
    assert workflow.planned() == planned


@pytest.mark.slow
def test_as_a_module_from_github(workflow, own_repository, tmp_path, monkeypatch):
    """Git is told to find GitHub in a folder; rules, scripts and package come from the commit asked for."""
    hosted = tmp_path / "github" / "someone" / "screens"
    shutil.copytree(own_repository, hosted)
    git = ("git", "-C", str(hosted), "-c", "user.name=a", "-c", "user.email=a@b.c")
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "a"], ["tag", "v1"]):
        subprocess.run([*git, *words], check=True)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{tmp_path}/github/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://github.com/")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    own = workflow.folder / "Snakefile"
    own.write_text(
        """
module screen:
    snakefile: github("someone/screens", path="workflow/Snakefile", tag="v1")
    config: config

use rule * from screen
"""
    )
    workflow.snakefile = str(own)
    assert workflow.planned() == JOBS
    edges = "results/tiny/graphs/go.edges.tsv.gz"
    assert workflow.jobs_run(edges)["go_graph"] == 1
    record = json.loads((workflow.results / "provenance" / "tiny" / "graphs" / "go.json").read_text())
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout
    assert record["commit"] == head.strip()


def test_an_edit_of_the_config_on_the_command_line(workflow):
    assert workflow.planned("--config", "seeds=2")["train_gears"] == 2 * JOBS["train_gears"]


def test_without_a_config_the_default_study_is_planned(deployed, tmp_path):
    """`snakemake --cores 8` in the repository; both entry points."""
    plans = []
    for snakefile in ("Snakefile", "workflow/Snakefile"):
        command = [sys.executable, "-m", "snakemake", "-s", snakefile, "--cores", "1", "--dry-run"]
        result = subprocess.run(
            command, cwd=deployed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
        )
        plans.append(planned_jobs(result.stdout))
    assert plans[0] == plans[1]
    assert set(plans[0]) == set(JOBS)


def test_selections_see_names_and_graphs_only(outputs):
    selecting = [output for output in outputs if output.rule.startswith("select_")]
    assert len(selecting) == 3 * 2 * 2
    for output in selecting:
        for file in output.inputs:
            assert re.fullmatch(
                r"results/tiny/(splits/split\d\.tsv|graphs/go\.(edges\.tsv\.gz|nodes\.tsv))", file
            )


def test_what_selections_see_is_made_from_names(outputs):
    """Upstream of a selection, measurements enter only where names are read from them."""
    inputs = {output.file: output for output in outputs}
    reading = set()
    waiting = [file for output in outputs if output.rule.startswith("select_") for file in output.inputs]
    while waiting:
        output = inputs.get(waiting.pop())
        if output is None:
            continue
        measured = [file for file in output.inputs if any(word in file for word in MEASURED)]
        if measured:
            reading.add((output.rule, *measured))
        else:
            waiting.extend(output.inputs)
    assert reading == {("split", "results/tiny/responses.h5ad"), ("go_graph", "results/tiny/responses.h5ad")}


def test_training_sees_no_other_strategy_and_no_scores(outputs):
    for output in outputs:
        if output.rule.startswith("train_"):
            model, strategy, run = output.file.split("/")[3:6]
            assert output.rule == f"train_{model}"
            picks = [file for file in output.inputs if "/selections/" in file]
            runs = [run] if model == "gears" else ["split0.seed0", "split1.seed0"]
            assert picks == [f"results/tiny/selections/{strategy}/{run}.tsv" for run in runs]
            assert not [file for file in output.inputs if "/scores/" in file or "/tables/" in file]
            assert "results/tiny/expression.h5ad" not in output.inputs


def test_every_rule_says_what_it_does_where_it_logs_and_what_it_needs(deployed):
    """Read from the rule files: log, benchmark, environment, message, memory and time of every rule."""
    texts = {path.name: path.read_text() for path in (deployed / "workflow" / "rules").glob("*.smk")}
    bodies = []
    for text in texts.values():
        bodies += re.findall(
            r"^(?: {4})?rule(?: (\w+))?:\n(.*?)(?=^(?: {4})?rule\b|^\S|\Z)", text, re.M | re.S
        )
    assert len(bodies) > 20
    for name, body in bodies:
        for directive in ("output", "log", "benchmark", "conda", "resources", "message"):
            assert re.search(rf"^ +{directive}:", body, re.M), f"rule {name or body[:80]} has no {directive}"
        assert re.search(r"^ +(script|shell):", body, re.M)
        assert "mem_mb=" in body
        assert "runtime=" in body
        if "script:" in body:
            script = re.search(r'script:\s+"../scripts/(\w+\.py)"', body).group(1)
            assert re.search(rf'code=code\("{script}"', body), f"rule {name}: its digest is of another script"
    scripts = {path.name for path in (deployed / "workflow" / "scripts").glob("*.py")}
    assert scripts == set(re.findall(r'"../scripts/(\w+\.py)"', "".join(texts.values())))


def test_every_job_has_a_log_of_its_own(outputs):
    by_log = {}
    for output in outputs:
        assert output.log.startswith("results/logs/"), output
        by_log.setdefault(output.log, set()).add(output.rule)
    assert {len(rules) for rules in by_log.values()} == {1}
    assert len(by_log) == sum(JOBS.values())


def test_jobs_use_the_package_beside_the_rules(workflow):
    """And not another version that happens to be installed."""
    installed = workflow.folder / "site-packages" / "perturbselect"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("raise ImportError('this is the installed one')\n")
    workflow.python_path = installed.parent
    assert workflow.jobs_run("results/study.yaml") == {"record_study": 1}


def test_lint(deployed):
    command = [sys.executable, "-m", "snakemake", "--lint"]
    result = subprocess.run(command, cwd=deployed, capture_output=True, text=True)
    assert "good condition" in result.stdout + result.stderr, result.stdout + result.stderr
