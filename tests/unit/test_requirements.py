"""From the constraints of a config to positions among the candidates."""

import numpy as np
import pytest

from perturbselect.config import Constraints
from perturbselect.data.gene_names import Aliases
from perturbselect.errors import InputError
from perturbselect.selection.engine.requirements import check_constraints, requirements

CANDIDATES = np.array(["A", "A+B", "B", "C", "D", "D+E", "F"])
QUERIES = np.array(["G", "H"])
ALIASES = Aliases(symbols=frozenset("ABCDEFGH"), synonyms={"old_C": "C", "old_F": "F"})


@pytest.fixture
def look_up(tmp_path):
    """Look up a section of the config; its tables are given as text."""

    def look_up(section, aliases=ALIASES):
        section, files = dict(section), {}
        for key in ("cost", "expressed_above", "max_per_group"):
            if key in section:
                section[key] = dict(section[key])
                files[key] = str(tmp_path / f"{key}.tsv")
                (tmp_path / f"{key}.tsv").write_text(section[key].pop("text"))
                section[key]["path"] = files[key]
        section = Constraints.model_validate(section)
        check_constraints(section, files, [*CANDIDATES, *QUERIES], aliases)
        return requirements(section, files, CANDIDATES, QUERIES, aliases)

    return look_up


def named(positions):
    return CANDIDATES[positions].tolist()


def test_nothing_is_required_by_default(look_up):
    constraints, facts = look_up({})
    assert [len(part) for part in (constraints.include, constraints.exclude, constraints.measured)] == [0] * 3
    assert constraints.cost is None
    assert constraints.groups is None
    assert facts == {"held_out": [], "not_expressed": 0, "matched": {}}


def test_names_are_looked_up_by_their_aliases(look_up):
    constraints, facts = look_up({"include": ["old_C", "B+A", "G"], "measured": ["old_F", "H"]})
    assert named(constraints.include) == ["A+B", "C"]
    assert named(constraints.measured) == ["F"]
    assert facts["held_out"] == ["G", "H"]


def test_an_excluded_gene_excludes_its_combinations(look_up):
    assert named(look_up({"exclude": ["D"]})[0].exclude) == ["D", "D+E"]
    assert named(look_up({"exclude": ["E"]})[0].exclude) == ["D+E"]
    assert named(look_up({"exclude": ["A+B"]})[0].exclude) == ["A+B"]


def test_expressed_above(look_up):
    table = "gene\texpression\nA\t5\nB\t1\nold_C\t2\nD\t3\nF\t0.5\n"
    constraints, facts = look_up({"expressed_above": {"text": table, "threshold": 1}, "measured": ["F"]})
    assert named(constraints.exclude) == ["A+B", "B", "D+E"]  # E has no row; F is measured already
    assert facts["not_expressed"] == 4


def test_prices(look_up):
    table = "gene\tcost\nA\t1\nB\t2\nD+E\t7\n"
    constraints, facts = look_up({"cost": {"text": table, "money": 10, "default": 0.5}})
    assert constraints.cost.tolist() == [1, 3, 2, 0.5, 0.5, 7, 0.5]
    assert constraints.money == 10
    assert facts["matched"] == {"cost": 3}


TABLES = {
    "cost": {"columns": ["name", "value"], "money": 10, "default": 2},
    "expressed_above": {"columns": ["name", "value"], "threshold": 1},
    "max_per_group": {"columns": ["name", "value"], "limit": 1},
}


@pytest.mark.parametrize("key", TABLES)
def test_a_table_in_other_names_is_refused(look_up, tmp_path, key):
    words = rf"{key}\.tsv: none of its 2 names is a gene of the screen, e\.g\. 'ENSG01' .*has 'A'"
    table = "name\tvalue\nENSG01\t3\nENSG02\t4\n"
    with pytest.raises(InputError, match=words):
        look_up({key: {**TABLES[key], "text": table}})
    section = Constraints.model_validate({key: {**TABLES[key], "path": str(tmp_path / f"{key}.tsv")}})
    files = {key: str(tmp_path / f"{key}.tsv")}
    check_constraints(section, files, None, ALIASES)  # nobody knows the screen's names yet
    with pytest.raises(InputError, match=words):
        requirements(section, files, CANDIDATES, QUERIES, ALIASES)
    _, facts = look_up({key: {**TABLES[key], "text": f"{table}old_C\t3\n"}})
    assert facts["matched"] == {key: 1}


def test_a_table_may_speak_of_held_out_genes_only(look_up):
    _, facts = look_up({"max_per_group": {"text": "gene\tgroup\nG\tx\n", "limit": 1}})
    assert facts["matched"] == {"max_per_group": 1}


@pytest.mark.parametrize(("key", "count"), [("cost", 1), ("max_per_group", 0)])
def test_combinations_have_prices_of_their_own_but_no_groups(look_up, key, count):
    section = {key: {**TABLES[key], "text": "name\tvalue\nB+A\t3\n"}}
    if count:
        assert look_up(section)[1]["matched"] == {key: count}
    else:
        with pytest.raises(InputError, match=r"is a gene of the screen, e\.g\. 'B\+A'"):
            look_up(section)


def test_groups(look_up):
    table = "gene\tgroup\nA\tx\nB\ty\nB\tx\nE\tz\nZ\tz\n"
    constraints, facts = look_up({"max_per_group": {"text": table, "limit": 2}})
    assert constraints.groups.toarray().astype(int).tolist() == [
        [1, 0, 0], [1, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1], [0, 0, 0]
    ]  # fmt: skip
    assert constraints.max_per_group == 2
    assert facts["matched"] == {"max_per_group": 3}


def test_what_is_measured_may_overfill_a_group(look_up):
    table = "gene\tgroup\nA\tx\nB\tx\nC\ty\n"
    section = {"measured": ["A", "B"], "include": ["C"], "max_per_group": {"text": table, "limit": 1}}
    constraints, _ = look_up(section)
    assert named(constraints.measured) == ["A", "B"]
    assert named(constraints.include) == ["C"]


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"include": ["AA"]}, r"constraints\.include: the screen has no perturbation 'AA'"),
        ({"exclude": ["Z"]}, r"constraints\.exclude: the screen has no perturbation 'Z'"),
        ({"measured": ["E"]}, r"constraints\.measured: the screen has no perturbation 'E'"),
        ({"include": ["C"], "exclude": ["old_C"]}, r"C stands in both include and exclude"),
        ({"include": ["D+E"], "exclude": ["E"]}, r"D\+E stands in both include and exclude"),
        ({"include": ["A"], "measured": ["A"]}, r"A stands in both include and measured"),
        ({"measured": ["A"], "exclude": ["A"]}, r"A stands in both measured and exclude"),
        (
            {"cost": {"text": "gene\tcost\nA\t0\n", "money": 1}},
            r"cost\.tsv: the cost of A is 0; every cost must be above 0",
        ),
        ({"cost": {"text": "gene\tcost\nA\t-2\n", "money": 1}}, r"the cost of A is -2"),
        ({"cost": {"text": "gene\tcost\nA\tdear\n", "money": 1}}, r"'dear' of A is no number"),
        ({"cost": {"text": "gene\tcost\nA\t2\nA\t3\n", "money": 1}}, r"A has two different values"),
        ({"cost": {"text": "gene\tcost\nA\t2\n", "money": 1}}, r"has no cost of B.*cost\.default"),
        (
            {"cost": {"text": "gene\tcost\nA\t2\n", "money": 5, "default": 3}, "include": ["A+B", "C"]},
            r"include: the 2 perturbations cost 8, more than constraints\.cost\.money \(5\)",
        ),
        ({"cost": {"text": "gene\tprice\nA\t2\n", "money": 5}}, r"no column 'cost'"),
        (
            {
                "expressed_above": {"text": "gene\texpression\nA\t1\n", "threshold": 0.5},
                "include": ["B"],
            },
            r"include: B is not expressed above 0\.5",
        ),
        (
            {
                "max_per_group": {"text": "gene\tgroup\nA\tx\nB\tx\n", "limit": 1},
                "include": ["A", "B"],
            },
            r"include: has 2 of group 'x' \(A, B\), but constraints\.max_per_group\.limit is 1",
        ),
        (
            {
                "max_per_group": {"text": "gene\tgroup\nA\tx\nC\tx\nF\tx\n", "limit": 2},
                "measured": ["A", "F"],
                "include": ["C", "D"],
            },
            r"include: has 1 of group 'x' \(C\), with 2 measured, but constraints\.max_per_group\.limit is 2 "
            r"\(.*max_per_group\.tsv\)",
        ),
    ],
)
def test_what_cannot_be_required(look_up, section, words):
    with pytest.raises(InputError, match=words):
        look_up(section)


def test_before_the_screen_is_made_only_the_lists_are_compared():
    check_constraints(Constraints(include=["anything"]), {}, None, ALIASES)
    with pytest.raises(InputError, match="A stands in both"):
        check_constraints(Constraints(include=["A"], exclude=["A"]), {}, None, ALIASES)
