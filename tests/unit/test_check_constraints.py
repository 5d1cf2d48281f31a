"""What in a study's constraints stops it before any job runs."""

import pytest
from small_study import GENES, check

from perturbselect.errors import InputError


@pytest.mark.parametrize(
    ("constraints", "words"),
    [
        ({"include": ["G1", "GG"]}, r"constraints\.include: the screen has no perturbation 'GG'"),
        ({"include": ["G1"], "exclude": ["G1"]}, r"constraints: G1 stands in both include and exclude"),
        (
            {"include": GENES[:6]},
            r"constraints\.include: 6 perturbations do not fit into the budget 50% \(5 perturbations\)",
        ),
        ({"cost": {"path": "gone.tsv", "money": 4}}, r"constraints\.cost\.path: no such file"),
        (
            {"cost": {"path": "{data_root}/costs.tsv", "columns": ["gene", "dollars"], "money": 4}},
            r"no column 'dollars' \(config: constraints\.cost\.columns\)",
        ),
        ({"cost": {"path": "{data_root}/costs.tsv", "money": 4}}, r"the cost of G2 is 0"),
        (
            {"cost": {"path": "{data_root}/costs.tsv", "money": 0}},
            r"cost\.money: .*greater than 0",
        ),
        ({"inlcude": ["G1"]}, r"constraints\.inlcude: unknown key; did you mean 'include'"),
    ],
)
def test_constraints(study, tmp_path, constraints, words):
    (tmp_path / "costs.tsv").write_text("gene\tcost\nG1\t3\nG2\t0\n")
    (tmp_path / "aliases.tsv").write_text("ensembl_gene_id\tsymbol\tsynonyms\nE\tG1\tOLD1\n")
    check(study | {"constraints": {"include": ["OLD1"], "exclude": ["G3"]}})
    with pytest.raises(InputError, match=words):
        check(study | {"constraints": constraints})
