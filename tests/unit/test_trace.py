"""The tree behind a file, and behind a row of a table."""

import json
import re

import pandas as pd
import pytest
from recorded_jobs import job, made, recorded_study, run

from perturbselect.files import read_json, write_parquet, write_tsv
from perturbselect.records import trace


@pytest.fixture
def study(tmp_path, monkeypatch):
    return recorded_study(tmp_path, monkeypatch)


def test_the_tree_of_a_file(study, capsys):
    trace.main(["results/tables/scores.tsv"])
    printed = capsys.readouterr().out
    for word in ("collect", "score:", "split:", "read:", "screen.csv", "and 1 more made by score", "numpy "):
        assert word in printed
    assert "split1.tsv" not in printed
    assert "see above" in printed  # the responses, read by two jobs
    trace.main(["results/tables/scores.tsv", "--all"])
    assert "split1.tsv" in capsys.readouterr().out


def test_the_tree_of_a_row(study, capsys):
    trace.main([str(study / "results/tables/scores.tsv"), "--row", "2"])
    printed = capsys.readouterr().out
    assert "results/a/split1.tsv" in printed
    assert "split0" not in printed
    assert "scores0" not in printed


def test_the_tree_of_a_row_whose_job_made_several_runs(study, monkeypatch, capsys):
    """A job that trains all runs of a strategy has no split among its wildcards; its files have."""
    made = [f"results/a/model/split{split}.seed0/predictions.h5ad" for split in "01"]
    for file in made:
        (study / file).parent.mkdir(parents=True)
    training = job("train", ["results/a/split0.tsv", "results/a/split1.tsv"], made, dataset="a")
    training.log = ["results/logs/a/model.log"]
    training.params.seed = [[7, "train", 0, 0], [7, "train", 1, 0]]
    run(monkeypatch, training)
    run(monkeypatch, job("score", made, ["results/a/scores1.tsv"], dataset="a"))
    trace.main([str(study / "results/tables/scores.tsv"), "--row", "2"])
    printed = capsys.readouterr().out
    assert made[1] in printed
    assert "results/a/split1.tsv" in printed
    assert "split0" not in printed
    assert "seed 7 train 1 0, " in printed
    trace.main([str(study / "results/a/model/split1.seed0/predictions.h5ad")])
    assert "seed 7 train 0 0 (and those of 1 more runs)" in capsys.readouterr().out


@pytest.fixture
def compared(study, monkeypatch):
    """Three strategies, each picked and scored; the picks of `rounds` start from those of `random`."""
    selections = {}
    for strategy in ("random", "degree", "rounds"):
        selections[strategy] = f"results/a/selections/{strategy}/split0.seed0.tsv"
        start = [selections["random"]] if strategy == "rounds" else []
        picked = {"dataset": "a", "split": "0", "seed": "0"}
        read = ["results/a/split0.tsv", *start]
        made(monkeypatch, f"select_{strategy}", read, [selections[strategy]], **picked)
        scored = {"dataset": "a", "model": "m", "strategy": strategy}
        scores = f"results/a/scores/m/{strategy}.parquet"
        made(monkeypatch, "score", [selections[strategy]], [scores], **scored)
    scores = [f"results/a/scores/m/{strategy}.parquet" for strategy in selections]
    tables = [f"results/tables/{name}" for name in ("compared.tsv", "pairs.parquet", "README.md")]
    read = [*scores, *selections.values()]
    made(monkeypatch, "compare", read, tables, seed=7)
    cells = {
        "dataset": ["a", "a", "a"],
        "strategy": ["degree", "rounds", "degree"],
        "baseline": ["random", None, None],
        "n_pairs": [2, 2, 2],
        "p": [0.25, None, 0.5],
    }
    write_tsv(pd.DataFrame(cells), study / tables[0])
    write_parquet(pd.DataFrame(cells).rename(columns={"baseline": "other"}), study / tables[1])
    return study


def rules_of(printed):
    """The rules in a printed tree."""
    return {
        line.split("└─ ")[1].split(":")[0] for line in printed.splitlines() if re.search("└─ [a-z_]+: ", line)
    }


@pytest.mark.parametrize("table", ["compared.tsv", "pairs.parquet"])
def test_the_tree_of_a_comparison_has_both_strategies(compared, capsys, table):
    trace.main([f"results/tables/{table}", "--row", "1"])
    printed = capsys.readouterr().out
    assert "row 1: dataset a, strategy degree, " in printed
    assert "n_pairs 2, p 0.25\n" in printed
    assert "results/a/scores/m/random.parquet" in printed
    assert "results/a/scores/m/degree.parquet" in printed
    assert {"select_degree", "select_random"} <= rules_of(printed)
    assert "rounds" not in printed
    assert "compare: " in printed
    assert "seed 7, " in printed


@pytest.mark.parametrize("table", ["compared.tsv", "pairs.parquet"])
def test_the_tree_of_a_row_has_the_selections_of_its_strategy_alone(compared, capsys, table):
    trace.main([f"results/tables/{table}", "--row", "3"])
    printed = capsys.readouterr().out
    assert "select_degree" in rules_of(printed)
    assert "random" not in printed
    assert "rounds" not in printed


def test_what_a_strategy_starts_from_is_in_its_tree(compared, capsys):
    trace.main(["results/tables/compared.tsv", "--row", "2"])
    printed = capsys.readouterr().out
    assert {"select_rounds", "select_random"} <= rules_of(printed)
    assert "degree" not in printed
    assert "scores/m/random" not in printed


def test_a_job_about_a_dataset_may_have_read_another(study, monkeypatch, capsys):
    """A kernel from other screens, the table of a dataset."""
    made(monkeypatch, "read", ["screen.csv"], ["results/b/responses.h5ad"], dataset="b")
    made(monkeypatch, "kernel", ["results/b/responses.h5ad"], ["results/a/kernels/k.h5ad"], dataset="a")
    read = ["results/a/kernels/k.h5ad", "results/b/responses.h5ad"]
    made(monkeypatch, "collect", read, ["results/tables/all.tsv"])
    (study / "results/tables/all.tsv").write_text("dataset\tvalue\na\t1\n")
    trace.main(["results/tables/all.tsv", "--row", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.lstrip(" │").split()[1] for line in lines if ".h5ad" in line] == [
        "results/a/kernels/k.h5ad",
        "results/b/responses.h5ad",
    ]


def test_words_that_wildcards_have_too_do_not_matter(study, monkeypatch, capsys):
    """`change` of a table of stability is a kind of change; the wildcard names share and draw too."""
    change = "results/a/stability/removed0.1.draw0/go.edges.tsv.gz"
    made(monkeypatch, "change_graph", [], [change], dataset="a", change="removed0.1.draw0")
    made(monkeypatch, "stability", [change], ["results/tables/stability.tsv"])
    (study / "results/tables/stability.tsv").write_text("dataset\tchange\tshare\na\tremoved\t0.1\n")
    trace.main(["results/tables/stability.tsv", "--row", "1"])
    assert "change_graph: " in capsys.readouterr().out


def test_the_tree_shows_what_does_not_fit(study, capsys):
    """A source that was changed since, and a file that was made again after it was read."""
    (study / "screen.csv").write_text("other counts\n")
    path = study / "results/provenance/a/split0.json"
    record = read_json(path)
    record["outputs"][0]["sha256"] = "0" * 64
    path.write_text(json.dumps(record))
    trace.main(["results/tables/scores.tsv"])
    printed = capsys.readouterr().out
    assert "CHANGED SINCE" in next(line for line in printed.splitlines() if "screen.csv" in line)
    assert "made anew since" in next(line for line in printed.splitlines() if "split0.tsv" in line)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["elsewhere/scores.tsv"], "only files under results/"),
        (["results/a/none.tsv"], "no record of a job that made it"),
        (["results/tables/scores.tsv", "--row", "3"], "it has rows 1 to 2"),
        (["results/tables/none.tsv", "--row", "1"], "no such file"),
        (["results/a/responses.h5ad", "--row", "1"], "in tables only"),
    ],
)
def test_what_cannot_be_traced(study, arguments, message):
    with pytest.raises(SystemExit, match=message):
        trace.main(arguments)
