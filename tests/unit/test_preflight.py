"""What in a config stops a study before any job runs: names that refer to nothing, budgets."""

import pytest
import yaml
from small_study import at, check

from perturbselect.data.preflight import preflight
from perturbselect.errors import InputError
from perturbselect.load_config import load_config


def test_good(study):
    check(study)


@pytest.mark.parametrize(
    ("section", "values", "words"),
    [
        ("strategies", {"graphrech": {"graph": "go"}}, r"graphrech: .*did you mean 'graphreach'"),
        (
            "strategies.near",
            {"strategy": "rndom"},
            r"strategies\.near: unknown strategy 'rndom'; did you mean 'random'",
        ),
        ("strategies.near", {"hop": 1}, r"strategies\.near\.hop: unknown option; did you mean 'hops'"),
        ("strategies.near", {"hops": 0}, r"strategies\.near\.hops: .*greater than or equal to 1"),
        (
            "strategies.near",
            {"graph": "goo"},
            r"strategies\.near\.graph: .*'goo' in graphs; did you mean 'go'",
        ),
        (
            "strategies.near",
            {"graph": "coexpression"},
            r"near\.graph: 'coexpression' is a co-expression graph: .*go, string or edges",
        ),
        ("models", {"kernelridge": {}}, r"did you mean 'kernel_ridge'"),
        (
            "models",
            {"training_mean": {"model": "kernel_ridge", "kernel": "prior"}},
            r"models\.training_mean: .*another model.*'kernel_ridge'",
        ),
        ("models", {"split_half": {"model": "gears"}}, r"models\.split_half: .*reserved"),
        ("strategies", {"degree": {"strategy": "random"}}, r"strategies\.degree: .*another strategy"),
        ("figures", {"metrics": ["pearson"]}, r"figures\.metrics: unknown metric 'pearson'; did you mean"),
        ("figures", {"metrics": ["mse", "mse"]}, r"figures\.metrics: 'mse' stands there twice"),
        (
            "models.kernel_ridge",
            {"kernel": "priors"},
            r"models\.kernel_ridge\.kernel: .*did you mean 'prior'",
        ),
        ("models.gears", {"graph": "nets"}, r"models\.gears\.graph: there is no 'nets' in graphs"),
        ("models.gears", {"coexpression": "go"}, r"models\.gears\.coexpression: 'go' is of type go"),
        ("kernels", {"prior": "jaccard(gone)"}, r"kernels\.prior: there is no 'gone' in graphs"),
        ("kernels", {"prior": "jacard(go)"}, r"kernels\.prior: .*did you mean 'jaccard'"),
        (
            "kernels",
            {"prior": "jaccard(string)"},
            r"kernels\.prior: jaccard\(string\) needs a graph of type go",
        ),
        (
            "kernels",
            {"prior": "random_walk(coexpression)"},
            r"kernels\.prior: 'coexpression' is a co-expression",
        ),
        ("", {"budgets": [10]}, r"budgets: 10 is more than the pool .*12 perturbations.*leaves 9"),
        ("", {"budgets": [True]}, r"budgets\.0: True is a truth value, not a number"),
    ],
)
def test_one_thing_wrong(study, section, values, words):
    at(study, section).update(values)
    with pytest.raises(InputError, match=words):
        check(study)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("screen(published)", r"kernels\.other: screen\(published\) would read .* own responses.*prior_only"),
        ("screen(publ)", r"kernels\.other: there is no 'publ' in datasets; did you mean 'published'"),
        ("matrix(mine)", r"kernels\.other: there is no 'mine' in matrices; the section matrices is empty"),
        ("0.5 * jaccard(go) + heat(net)", r"kernels\.other: there is no 'net' in graphs"),
    ],
)
def test_kernels_of_other_data(study, expression, words):
    study["kernels"]["other"] = expression
    with pytest.raises(InputError, match=words):
        check(study)


def test_screens_as_prior_knowledge(study, tmp_path):
    study["kernels"]["other"] = "mean(other_screens(), jaccard(go))"
    check(study)
    study["kernels"]["other"] = "screen(published)"
    study["datasets"]["published"]["prior_only"] = True
    check(study)
    study["matrices"] = {"mine": {"path": str(tmp_path / "gone.tsv")}}
    with pytest.raises(InputError, match=r"matrices\.mine\.path: no such file"):
        check(study)
    del study["matrices"]
    study["datasets"]["screen"]["prior_only"] = True
    with pytest.raises(InputError, match="datasets: all are prior_only"):
        check(study)
    del study["datasets"]["published"], study["datasets"]["screen"]["prior_only"]
    study["kernels"]["other"] = "other_screens()"
    with pytest.raises(InputError, match=r"kernels\.other: other_screens\(\) needs another screen"):
        check(study)


def test_downloads_are_not_looked_for(study):
    study["graphs"]["gaf"]["source"] = {"preset": "go_human_gaf"}
    study["datasets"]["screen"]["source"] = {"preset": "norman2019_scperturb"}
    study["graphs"]["go"]["source"] = {"url": "https://example.org/x", "checksum": "md5:0"}
    check(study)


@pytest.mark.parametrize(
    "name",
    ["config.yaml", *("real/" + n for n in ("papalexi2021.yaml", "replogle2022.yaml", "adamson2016.yaml"))],
)
def test_configs_of_the_repository(name, repository, data_root, monkeypatch):
    monkeypatch.chdir(repository)
    raw = yaml.safe_load((repository / "config" / name).read_text())
    preflight(load_config(raw | {"data_root": str(data_root)}, name))
