"""The tiny study, from counts to report."""

import base64
import json
import re
import zipfile
from importlib.metadata import version
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from perturbselect.files import read_tsv, write_bytes
from perturbselect.models.run_file import by_budget
from perturbselect.table_schema import FOLDER as SCHEMAS
from perturbselect.table_schema import check_table, table_schema

GOLDEN = Path(__file__).parent / "golden" / "scores.tsv"
RUN = ["model", "strategy", "split", "budget", "n_selected"]

# Where the tables of each schema lie.
TABLES = {
    "areas": "tables/areas.tsv",
    "comparisons": "tables/comparisons.tsv",
    "coverage": "tiny/tables/coverage.*.tsv",
    "data_saving": "tables/data_saving.tsv",
    "error_by_distance": "tiny/tables/error_by_distance.tsv",
    "filters": "tiny/filters.tsv",
    "gene_names": "tiny/gene_names.tsv",
    "laboratory": "tables/laboratory.tsv",
    "learning_curves": "tables/learning_curves.tsv",
    "missing_runs": "tables/missing_runs.tsv",
    "pairs": "tables/pairs.parquet",
    "perturbation_scores": "tables/perturbation_scores.parquet",
    "ranks": "tables/ranks.tsv",
    "risk_coverage": "tiny/tables/risk_coverage.tsv",
    "scores": "tables/scores.tsv",
    "selected": "tiny/tables/selected.tsv",
    "selections": "tiny/selections/*/*.tsv",
    "software": "software.tsv",
    "splits": "tiny/splits/*.tsv",
    "strategy_tests": "tables/strategy_tests.tsv",
    "summary": "tables/summary.tsv",
    "provenance": "provenance.parquet",
    "variance": "tables/variance.tsv",
}
NOT_IN_TINY = {"stability", "reselections"}  # test_selection.py makes them


@pytest.fixture(scope="module")
def report(finished) -> str:
    return (finished.results / "report.html").read_text()


@pytest.fixture(scope="module")
def in_report(report) -> dict[str, dict]:
    """What Snakemake put into the report: path -> caption, labels, content."""
    text = report[report.index("var results = {") :].removeprefix("var results = ")
    return json.JSONDecoder().raw_decode(text)[0]


@pytest.fixture(scope="module")
def places(report) -> dict[str, tuple[str, str]]:
    """Where the report shows each result: path -> category, subcategory."""
    text = report[report.index("var categories = {") :].removeprefix("var categories = ")
    categories = json.JSONDecoder().raw_decode(text)[0]
    return {
        path: (category, subcategory)
        for category, within in categories.items()
        for subcategory, paths in within.items()
        for path in paths
    }


def content(item: dict) -> str:
    return base64.b64decode(item["data_uri"].partition("base64,")[2]).decode()


def test_report_is_one_file_with_everything_in_it(finished, report, in_report):
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=[\"']?(https?:)?//", report)
    assert finished.study()["title"] in report
    figures = {f"results/{name}" for name in finished.files("figures/**/*.svg")}
    pages = {f"results/{name}" for name in finished.files("pages/**/*.html")}
    assert len(figures) == 2 + 2 + 1 + 2 + 1 + 5
    assert len(pages) == 8 + 3 * 3  # each strategy with each model
    others = {"results/tiny/gene_names.tsv", "results/tiny/filters.tsv"}
    assert set(in_report) == figures | pages | others | {"results/study.yaml", "results/software.tsv"}
    for path, item in in_report.items():
        written = (finished.folder / path).read_bytes()
        assert base64.b64decode(item["data_uri"].partition("base64,")[2]) == written, path


def test_every_result_in_the_report_has_a_caption_of_its_own(in_report):
    captions = {path: re.sub(r"<.*?>", "", item["caption"]).strip() for path, item in in_report.items()}
    assert all(len(caption) > 40 for caption in captions.values()), captions
    assert not [caption for caption in captions.values() if "{{" in caption or "{%" in caption]


def test_results_are_found_by_dataset_then_strategy_then_model(finished, in_report, places):
    assert set(places) == set(in_report)
    pages = finished.files("pages/tiny/**/*.html")
    assert len(pages) == 3 * 3
    found = {
        (*places[f"results/{page}"], in_report[f"results/{page}"]["labels"]["model"]): content(
            in_report[f"results/{page}"]
        )
        for page in pages
    }
    study = finished.study()
    assert set(found) == {
        ("tiny", strategy, model) for strategy in study["strategies"] for model in study["models"]
    }
    for (_, strategy, model), page in found.items():
        assert f"{strategy} with {model}" in page
    for figure in ("learning_curves.mse", "error_by_distance", "laboratory_scores"):
        path = f"results/figures/tiny/{figure}.svg"
        assert places[path] == ("tiny", "all strategies")
        assert in_report[path]["labels"]["model"] == "all"
    assert places["results/tiny/gene_names.tsv"] == ("tiny", "Data")
    assert places["results/pages/overview.html"][0] == "Overview"


def test_the_report_can_be_a_zip_of_pages(finished, in_report, tmp_path):
    """As `make report-zip` writes it, from the study that the run wrote down."""
    archive = tmp_path / "report.zip"
    finished.finish("--configfile", str(finished.results / "study.yaml"), "--report", str(archive), cores=1)
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        names = opened.namelist()
        data = [name for name in names if "/data/" in name]
        held = {opened.read(name) for name in data}
    assert any(name.endswith("report.html") for name in names)
    for path in in_report:
        assert (finished.folder / path).read_bytes() in held, path


def test_overview_says_what_ran_and_that_it_is_simulated(in_report):
    page = content(in_report["results/pages/overview.html"])
    for word in ("simulated", "graphreach", "kernel_ridge", "A tiny simulated screen", "min_guide_share"):
        assert word in page


def test_figures_of_simulated_data_say_so(finished):
    for name, figure in finished.files("figures/**/*.svg").items():
        assert "simulated" in figure.decode().lower(), name


def test_report_holds_config_and_software(finished, in_report):
    config = content(in_report["results/study.yaml"])
    assert "perturbations: 24" in config  # from the study
    assert "target_sum: 10000" in config  # a default
    software = content(in_report["results/software.tsv"])
    for package in ("snakemake", "torch", "scanpy"):
        assert f"{package}\t{version(package)}\n" in software


def test_summary_is_text_for_a_terminal(finished):
    text = (finished.results / "summary.txt").read_text()
    assert "A tiny simulated screen" in text
    assert "<" not in text
    assert all(strategy in text for strategy in finished.study()["strategies"])


def test_there_is_a_table_for_every_schema():
    assert set(TABLES) | NOT_IN_TINY == {path.stem for path in SCHEMAS.glob("*.json")}


@pytest.mark.parametrize("name", TABLES)
def test_tables_fit_their_schemas(finished, name):
    paths = sorted(finished.results.glob(TABLES[name]))
    assert paths
    for path in paths:
        table = pd.read_parquet(path) if path.suffix == ".parquet" else read_tsv(path)
        assert len(table) or name == "missing_runs", path
        check_table(table, table_schema(name))


def test_no_table_without_schema(finished):
    """But for what Snakemake, a graph and a training write beside; scores by run are parts of one table."""
    made = finished.files("tables/*", "tiny/splits/*", "**/*.tsv", "**/*.parquet")
    known = finished.files(
        *TABLES.values(), "benchmarks/**/*.tsv", "*/graphs/*.nodes.tsv", "*/predictions/**/training.tsv"
    )
    known |= finished.files("*/scores/**/*.parquet")
    assert set(made) - set(known) == {"tables/README.md", "tables/publication.tex"}
    parts = sorted(finished.results.glob("*/scores/**/*.parquet"))
    assert len(parts) == 3 * 3 + 1
    for path in parts:
        check_table(pd.read_parquet(path), table_schema("perturbation_scores"))


def test_figures_come_in_three_formats(finished):
    stems = {str(Path(name).with_suffix("")) for name in finished.files("figures/**/*.svg")}
    made = finished.files("figures/**/*.*")
    assert set(made) == {f"{stem}.{ending}" for stem in stems for ending in ("svg", "pdf", "png")}


def test_readme_of_the_tables_names_every_schema_and_file(finished):
    text = (finished.results / "tables/README.md").read_text()
    for name in [*TABLES, *NOT_IN_TINY]:
        assert table_schema(name)["description"] in text, name
    for name in finished.files("tables/*.tsv", "tables/*.parquet", "*.tsv"):
        assert f"## `results/{name}`" in text
    assert "## `results/{dataset}/gene_names.tsv`" in text
    assert "results/reference" not in text  # this study shows no published runs


def test_the_first_page_answers_in_five_sentences(finished, in_report):
    page = content(in_report["results/pages/overview.html"])
    sentences = re.findall(r"<li>(.*?)</li>", page[: page.index("</ol>")])
    assert len(sentences) == 5
    assert "with gears in tiny" in sentences[0] or "with kernel_ridge in tiny" in sentences[0]
    assert "2 runs are too few to tell" in sentences[2] or "no difference to test" in sentences[2]
    assert "USD" in sentences[4]
    text = (finished.results / "summary.txt").read_text()
    assert all(f"{place}. " in text for place in range(1, 6))


def test_selections_and_predictions_keep_to_their_split(finished):
    for split in (0, 1):
        parts = read_tsv(finished.results / f"tiny/splits/split{split}.tsv").set_index("perturbation")["part"]
        for strategy in finished.study()["strategies"]:
            picks = read_tsv(finished.results / f"tiny/selections/{strategy}/split{split}.seed0.tsv")["gene"]
            assert set(parts[picks]) == {"pool"}
            assert picks.is_unique
            assert len(picks) == np.ceil((parts == "pool").sum() / 2)
            for model in finished.study()["models"]:
                folder = finished.results / f"tiny/predictions/{model}/{strategy}/split{split}.seed0"
                found = list(by_budget(anndata.read_h5ad(folder / "predictions.h5ad")))
                assert [predictions.uns["budget"] for predictions in found] == ["4", "50pct"]
                for predictions, size in zip(found, (4, len(picks)), strict=True):
                    assert sorted(predictions.obs_names) == sorted(parts.index[parts == "test"])
                    assert predictions.uns["n_selected"] == size
                    assert predictions.uns["simulated"]


def test_golden_scores(finished, request):
    """Scores of the models without random numbers; `pytest -k golden --renew-golden` writes them anew."""
    scores = read_tsv(finished.results / "tables/scores.tsv", dtype={"budget": str})
    scores = scores[scores["model"] != "gears"]
    table = scores.pivot(index=RUN, columns="metric", values="value").sort_index().reset_index()
    if request.config.getoption("--renew-golden"):
        text = table.to_csv(sep="\t", index=False, float_format="%.6g", lineterminator="\n")
        write_bytes(text.encode(), GOLDEN)
    golden = read_tsv(GOLDEN, dtype={"budget": str})
    pd.testing.assert_frame_equal(
        table, golden, check_names=False, check_dtype=False, check_column_type=False, rtol=1e-4, atol=1e-6
    )


def test_gears_was_trained(finished):
    """GEARS differs between processors in the last digits, so it has no golden values."""
    histories = [read_tsv(path) for path in finished.results.glob("tiny/predictions/gears/*/*/training.tsv")]
    assert len(histories) == 3 * 2
    ends = pd.concat(h.groupby("budget")["loss"].agg(["first", "last"]) for h in histories)
    assert ends["last"].mean() < ends["first"].mean()
    scores = read_tsv(finished.results / "tables/scores.tsv")
    assert np.isfinite(scores["value"].dropna()).all()
    counts = scores[scores["metric"] == "mse"]["model"].value_counts()
    assert counts["gears"] == counts["kernel_ridge"] == 3 * 2 * 2


def test_no_run_is_missing(finished):
    assert (finished.results / "tables/missing_runs.tsv").read_text().count("\n") == 1
    assert "missing" not in (finished.results / "summary.txt").read_text()


def test_finished_means_finished(finished):
    assert finished.planned() == {}


def test_nothing_half_written_stays(finished):
    assert not list(finished.folder.rglob(".partial*"))
    assert not list((finished.folder / ".snakemake" / "locks").glob("*"))
    assert not list((finished.folder / ".snakemake" / "incomplete").glob("*"))


def test_logs_and_benchmarks_of_every_job(finished):
    text = (finished.folder / "run.txt").read_text()
    finished_jobs = text.count("Finished jobid") - 1  # `all` has neither
    assert len(finished.files("logs/**/*.log")) == finished_jobs
    assert len(finished.files("benchmarks/**/*.tsv")) == finished_jobs
