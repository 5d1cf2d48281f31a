"""The how-to pages for a strategy, a model and a metric, followed word for word in a copy of the workflow."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

FILE = re.compile(r"`(workflow/[\w/]+\.py)`:\n\n```python\n(.*?)```", re.S)


def blocks(page: Path, language: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.S | re.M)
    return [text for named, text in found if named == language]


@pytest.fixture(scope="module")
def followed(repository, tmp_path_factory):
    """A copy of the workflow in which all three pages were followed."""
    copy = tmp_path_factory.mktemp("repository")
    for part in ("workflow", "config", "envs", "profiles"):
        shutil.copytree(repository / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(repository / "Snakefile", copy)
    for page in ("adding-a-strategy.md", "adding-a-model.md"):
        [(path, code)] = FILE.findall((repository / "docs" / page).read_text())
        assert not (copy / path).exists(), f"{path} exists by now: the page needs another example"
        (copy / path).write_text(code)

    page = repository / "docs" / "adding-a-metric.md"
    function, entry = blocks(page, "python")
    metrics = copy / "workflow/perturbselect/scores/metrics.py"
    source = metrics.read_text()
    source = re.sub(
        r"(\ndef mae\(.*?\n)(\n\ndef )", lambda m: f"{m[1]}\n\n{function}{m[2]}", source, flags=re.S
    )
    source = re.sub(r'    "mae": .*\n', lambda m: m[0] + entry, source)
    metrics.write_text(source)
    [command] = blocks(page, "")
    subprocess.run(command, shell=True, check=True, cwd=copy)
    return copy


def run(copy: Path, code: str) -> str:
    """Run Python with the copy's package."""
    environment = os.environ | {"PYTHONPATH": str(copy / "workflow"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=copy, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_strategy(followed):
    printed = run(
        followed,
        """
import numpy as np, scipy.sparse as sp
from perturbselect.errors import InputError
from perturbselect.graphs.graph import Graph
from perturbselect.selection import STRATEGIES
from perturbselect.selection.strategy import Problem
genes = np.array(list("ABCD"))
star = np.zeros((4, 4), np.float32)
star[1:, 0] = star[2, 1] = 1  # A has three neighbours, B and C two, D one
graph = Graph(genes, sp.csr_array(star), np.ones(4, bool))
name, strategy = STRATEGIES.build("periphery", {"graph": "go"})
print(name, *strategy.select(Problem(genes, genes[:0], graph), 4, np.random.default_rng(0)).table["gene"])
try:
    STRATEGIES.build("periphery", {"graf": "go"})
except InputError as error:
    print(error)
""",
    )
    assert printed.splitlines()[0] in ("periphery D B C A", "periphery D C B A")
    assert "strategies.periphery.graf: unknown option; did you mean 'graph'?" in printed


def test_model(followed):
    printed = run(
        followed,
        """
import anndata, numpy as np, pandas as pd
from perturbselect.models import MODELS
from perturbselect.models.model import Knowledge
training = anndata.AnnData(np.array([[1, 2], [3, 4]], np.float32), obs=pd.DataFrame(index=["A", "B"]))
kernel = pd.DataFrame([[1, 0, 0.2], [0, 1, 0.7], [0.2, 0.7, 1]], index=list("ABC"), columns=list("ABC"))
model = MODELS.build("nearest", {"kernel": "prior"})[1]
print(model.predict(training, np.array(["C"]), Knowledge(kernels={"prior": kernel}), 0, "cpu").mean.tolist())
""",
    )
    assert printed == "[[3.0, 4.0]]\n"


def test_metric(followed):
    printed = run(
        followed,
        """
import numpy as np
from perturbselect.scores.metrics import METRICS
from perturbselect.table_schema import table_schema
print(METRICS["max_error"].function(np.array([[1.0, -4.0]]), np.array([[0.0, 1.0]])))
print([table_schema(name)["properties"]["metric"]["enum"] == list(METRICS) for name in ("scores", "summary")])
""",
    )
    assert printed == "[5.]\n[True, True]\n"


def test_the_workflow_makes_their_rules(followed, repository, tmp_path):
    study = yaml.safe_load((repository / "tests/workflow/tiny.yaml").read_text())
    for page in ("adding-a-strategy.md", "adding-a-model.md"):
        [text] = blocks(repository / "docs" / page, "yaml")
        study |= yaml.safe_load(text)
    study["figures"] = {"metrics": ["max_error"]}
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(study, sort_keys=False))
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "1", "--directory", str(tmp_path)]
    command += ["--configfile", str(tmp_path / "study.yaml"), "--nocolor"]
    environment = os.environ | {"PYTHONPATH": str(followed / "workflow")}
    planned = subprocess.run(command, capture_output=True, text=True, cwd=followed, env=environment)
    assert planned.returncode == 0, planned.stderr
    for rule in ("select_periphery", "train_nearest", "plot_learning_curves"):
        assert re.search(rf"^{rule} +\d+$", planned.stdout, re.M), planned.stdout


def test_make_docs_writes_their_options(followed):
    run(followed, "import runpy; runpy.run_module('perturbselect.config_page', run_name='__main__')")
    page = (followed / "config" / "README.md").read_text()
    assert "### `periphery`" in page
    assert "### `nearest`" in page
