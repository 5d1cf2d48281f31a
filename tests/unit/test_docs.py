"""The documentation agrees with the repository: links, paths, commands, names, the README's code."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from perturbselect.data.presets import PRESETS
from perturbselect.graphs.kernel_expression import OF_GRAPH, OF_KERNELS, OF_MATRIX, OF_SCREEN, OF_SCREENS
from perturbselect.load_config import load_config
from perturbselect.models import MODELS
from perturbselect.scores.metrics import METRICS
from perturbselect.selection import STRATEGIES

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "config/*.md", "profiles/*.md", "resources/*.md", "results/*.md")
    for page in REPOSITORY.glob(pattern)
)
# What stands in the repository; `results/` and `runs/` are made by a run.
TOP = ("workflow/", "config/", "docs/", "envs/", "profiles/", "tests/", "benchmarks/", ".ci/")
# Made by the reader who follows the page that names it.
EXAMPLES = {
    "workflow/perturbselect/selection/periphery.py",
    "workflow/perturbselect/models/nearest.py",
}
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))


def prose(page):
    """The text without code blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.S | re.M)


def anchors(page):
    """The names that headings get on GitHub."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(page, heading):
    """The text below a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}$(.*?)(?=^## |\Z)", page.read_text(), re.S | re.M)
    assert found, f"{page.name} has no heading '## {heading}'"
    return found[1]


def test_there_are_pages():
    assert {"README.md", "tutorial.md", "CHANGELOG.md"} <= {page.name for page in PAGES}


@every_page
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(linked), f"{page.name}: {target}"


@every_page
def test_paths_exist(page):
    for quoted in re.findall(r"`([^`\n]+)`", prose(page)):
        for word in quoted.split():
            word = word.partition("=")[2] or word
            if not word.startswith(TOP) or word in EXAMPLES or re.search(r"[{}…<>]", word):
                continue
            found = list(REPOSITORY.glob(word)) if "*" in word else (REPOSITORY / word).exists()
            assert found, f"{page.name}: {word}"


@every_page
def test_make_targets_exist(page):
    known = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.M))
    text = page.read_text()
    named = re.findall(r"`make ([a-z-]+)", text) + re.findall(r"^make ([a-z-]+)", text, re.M)
    assert set(named) <= known


@pytest.mark.parametrize("name", METRICS)
def test_metrics_have_a_row(name):
    rows = re.findall(rf"^\| `{name}` \|(.*)$", (REPOSITORY / "docs" / "metrics.md").read_text(), re.M)
    assert len(rows) == 1
    better = {"higher": "higher", "lower": "lower", "target": f"{METRICS[name].ideal:g} is best"}
    assert better[METRICS[name].better] in rows[0]
    assert f"| {'set' if METRICS[name].level == 'set' else 'p'} |" in rows[0]


@pytest.mark.parametrize(("page", "registry"), [("selection.md", STRATEGIES), ("models.md", MODELS)])
def test_strategies_and_models_have_a_heading(page, registry):
    for name, member in registry.items():
        text = section(REPOSITORY / "docs" / page, f"`{name}`")
        for option in (field.name for field in dataclasses.fields(member)):
            assert f"`{option}`" in text, f"{page}: option {option} of {name}"


@pytest.mark.parametrize("name", ["gears", "graphnet", "histogram_network"])
def test_options_of_the_networks_have_a_row_with_their_default(name):
    rows = dict(
        re.findall(
            r"^\| `(\w+)` \| ([^|]+) \|", section(REPOSITORY / "docs" / "models.md", f"`{name}`"), re.M
        )
    )
    for field in dataclasses.fields(MODELS[name]):
        if field.default in (dataclasses.MISSING, ()):
            assert rows[field.name] in ("required", "none")
        else:
            assert rows[field.name] == f"`{str(field.default).replace('False', 'false')}`", field.name


def test_kernel_terms_have_a_row():
    text = (REPOSITORY / "docs" / "kernels.md").read_text()
    for function in (*OF_GRAPH, *OF_KERNELS, *OF_MATRIX, *OF_SCREEN, *OF_SCREENS):
        assert f"`{function}(" in text, function


@pytest.mark.parametrize("name", PRESETS)
def test_presets_have_a_row(name):
    preset = PRESETS[name]
    [row] = re.findall(rf"^\| `{name}` \|.*$", (REPOSITORY / "docs" / "data.md").read_text(), re.M)
    assert preset.url in row
    assert (preset.checksum or "**none**") in row
    assert preset.what in row


def test_name_statuses_have_a_row():
    rows = (REPOSITORY / "docs" / "data.md").read_text()
    folder = REPOSITORY / "workflow" / "perturbselect" / "data"
    source = "".join((folder / file).read_text() for file in ("gene_names.py", "labels.py", "tenx.py"))
    statuses = set(re.findall(r'status(?:\[[^\]]*\] = |": |="?|"\].mask\(repeated, )"?([a-z ]+)"', source))
    assert {"alias", "unchecked", "left out", "not a gene", "duplicate"} <= statuses
    for status in statuses:
        assert f"| `{status}` |" in rows, status


def test_config_examples_are_whole_studies():
    """Studies shown whole are accepted as they stand."""
    import yaml

    for page in ("README.md", "docs/tutorial.md"):
        [text] = re.findall(r"^```yaml\n(.*?)^```$", (REPOSITORY / page).read_text(), re.S | re.M)
        study = load_config(yaml.safe_load(text), page)
        for registry, entries in ((STRATEGIES, study.strategies), (MODELS, study.models)):
            for label, entry in entries.items():
                registry.build(label, entry)


def test_tutorial_shows_the_tiny_study(repository):
    import yaml

    [text] = re.findall(r"^```yaml\n(.*?)^```$", (repository / "docs/tutorial.md").read_text(), re.S | re.M)
    tiny = yaml.safe_load((repository / "tests/workflow/tiny.yaml").read_text())
    for key, value in yaml.safe_load(text).items():
        assert tiny[key] == value, key


def test_readme_code_runs(repository):
    [code] = re.findall(r"^```python\n(.*?)^```$", (repository / "README.md").read_text(), re.S | re.M)
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(repository / "workflow"), "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    promised = re.search(r"# ([\w, ]+):", code)[1].split(", ")
    assert re.findall(r"^\d+ +\d+ +(\w+)", done.stdout, re.M) == promised
