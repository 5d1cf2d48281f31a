"""What in a graph's or alias table's file stops a study before any job runs."""

import pytest
from small_study import at, check

from perturbselect.errors import InputError


@pytest.mark.parametrize(
    ("section", "values", "words"),
    [
        (
            "graphs.go.source",
            {"path": "{data_root}/no.tsv"},
            r"graphs\.go\.source\.path: no such file: .*data_root",
        ),
        ("graphs.go.source", {"path": "{data_root}/edges.csv"}, r"edges\.csv.*no column 'symbol'"),
        (
            "graphs.gaf.source",
            {"path": "{data_root}/links.txt"},
            r"links\.txt: is no GAF.*graphs\.gaf\.format",
        ),
        ("graphs.string.info", {"path": "{data_root}/edges.csv"}, r"no column 'string_protein_id'"),
        ("graphs.edges", {"columns": ["source", "target", "wieght"]}, r"'wieght'.*did you mean 'weight'"),
        ("gene_names.aliases", {"path": "{data_root}/links.txt"}, r"no column 'ensembl_gene_id'"),
        (
            "graphs.go",
            {"source": {"url": "ftp://x/y", "checksum": "md5:0"}},
            r"go\.source: url: 'ftp.*http://",
        ),
        ("graphs.go", {"source": {"preset": "go_human_gaf"}}, r"graphs\.go\.format: .*set format: gaf"),
        (
            "graphs.go",
            {"source": {"preset": "norman2019_scperturb"}},
            r"go\.source\.preset: .*raw counts.*take go_human_gaf",
        ),
        (
            "graphs",
            {"string": {"type": "string", "source": {"preset": "string_v12_human_links"}}},
            r"graphs\.string\.info: .*string_v12_human_info",
        ),
        (
            "graphs.string",
            {"info": {"preset": "string_v12_human_links"}},
            r"string\.info\.preset: .*take string_v12_human_info",
        ),
        (
            "graphs.edges",
            {"source": {"preset": "string_v12_human_links"}},
            r"edges\.source\.preset: .*no preset",
        ),
    ],
)
def test_one_thing_wrong(study, section, values, words):
    at(study, section).update(values)
    with pytest.raises(InputError, match=words):
        check(study)


def test_unknown_preset(study):
    study["graphs"]["go"]["source"] = {"preset": "go_human"}
    with pytest.raises(InputError, match=r"graphs\.go\.source\.preset: .*did you mean 'go_human_gaf'"):
        check(study)


def test_a_gaf_without_comments(study, tmp_path):
    path = tmp_path / "go.gaf"
    path.write_text("\t".join(["UniProtKB", *["x"] * 14]) + "\n")
    check(study)
    path.write_text("\t".join(["UniProtKB", *["x"] * 13]) + "\n")
    with pytest.raises(InputError, match=r"is no GAF file.*15 columns"):
        check(study)


def test_coexpression_without_cells(study):
    del study["datasets"]["screen"]
    with pytest.raises(InputError, match=r"graphs\.coexpression: a co-expression graph needs control cells"):
        check(study)


def test_a_coexpression_graph_has_no_perturbations(study):
    del study["datasets"]["published"]
    study["kernels"]["own"] = "random_walk(coexpression)"
    with pytest.raises(InputError, match=r"kernels\.own: 'coexpression' is a co-expression graph"):
        check(study)
    del study["kernels"]["own"]
    study["models"]["gears"]["graph"] = "coexpression"
    with pytest.raises(InputError, match=r"models\.gears\.graph: 'coexpression' is a co-expression graph"):
        check(study)
