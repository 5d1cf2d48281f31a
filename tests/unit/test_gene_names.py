"""Gene names: symbols, aliases, Ensembl ids, and what is left alone."""

import gzip

import pytest

from perturbselect.data.gene_names import Aliases, read_aliases, unique_symbols
from perturbselect.errors import InputError

TABLE = """ensembl_gene_id\tsymbol\tsynonyms\tbiotype
ENSG00000000001\tAAA\tOLD1|SHARED|BBB\tprotein_coding
ENSG00000000002\tBBB\tOLD2|SHARED\tprotein_coding
ENSG00000000003\tCCC\t\tprotein_coding
ENSG00000000004\t\t\tlncRNA
ENSG00000000005\tCCC\tOLD3\tprotein_coding
"""


@pytest.fixture
def aliases(tmp_path):
    path = tmp_path / "symbols.tsv.gz"
    path.write_bytes(gzip.compress(TABLE.encode()))
    return read_aliases(path)


def answers(aliases, names):
    table = aliases.reconcile(names)
    assert table["name"].tolist() == list(names)
    return list(zip(table["symbol"], table["status"], strict=True))


def test_every_kind_of_name(aliases):
    names = ["AAA", "OLD2", "ENSG00000000003.7", "SHARED", "NOBODY", "ENSG00000000004.1"]
    assert answers(aliases, names) == [
        ("AAA", "symbol"),
        ("BBB", "alias"),
        ("CCC", "ensembl"),
        ("SHARED", "ambiguous"),
        ("NOBODY", "unmatched"),
        ("ENSG00000000004", "ensembl"),
    ]


def test_a_current_symbol_is_never_taken_for_an_alias(aliases):
    assert answers(aliases, ["BBB"]) == [("BBB", "symbol")]


def test_an_alias_shared_by_rows_of_one_symbol_is_not_ambiguous(aliases):
    assert answers(aliases, ["OLD3"]) == [("CCC", "alias")]


def test_names_of_one_symbol_are_not_merged(aliases):
    assert answers(aliases, ["OLD1", "AAA"]) == [("OLD1", "clash"), ("AAA", "symbol")]
    assert answers(aliases, ["OLD3", "ENSG00000000003"]) == [("CCC", "alias"), ("ENSG00000000003", "clash")]
    assert answers(aliases, ["ENSG00000000004.1", "ENSG00000000004"]) == [
        ("ENSG00000000004.1", "clash"),
        ("ENSG00000000004", "ensembl"),
    ]


def test_equal_names_get_equal_answers(aliases):
    assert answers(aliases, ["OLD1", "OLD1"]) == [("AAA", "alias")] * 2


def test_symbols_never_repeat_for_different_names(aliases):
    names = [*"ABC", "AAA", "OLD1", "OLD2", "OLD3", "BBB", "CCC", "ENSG00000000001", "ENSG00000000002.9"]
    assert aliases.reconcile(names)["symbol"].is_unique


def test_without_a_table_nothing_is_checked():
    assert read_aliases(None) == Aliases()
    assert answers(Aliases(), ["x", "AAA"]) == [("x", "unchecked"), ("AAA", "unchecked")]
    assert len(Aliases().reconcile([])) == 0


def test_features_of_one_symbol_get_endings(aliases):
    table = unique_symbols(aliases.reconcile(["AAA", "AAA", "CCC", "AAA-1", "AAA"]))
    assert table["symbol"].is_unique
    assert table["symbol"].tolist()[0] == "AAA"
    assert table["status"].tolist() == ["symbol", "duplicate", "symbol", "unmatched", "duplicate"]


@pytest.mark.parametrize(
    ("text", "word"), [("gene\tsymbol\n1\tA\n", "ensembl_gene_id"), (TABLE.splitlines()[0] + "\n", "empty")]
)
def test_bad_tables(tmp_path, text, word):
    path = tmp_path / "symbols.tsv"
    path.write_text(text)
    with pytest.raises(InputError, match=word):
        read_aliases(path)
    with pytest.raises(InputError, match="no such file"):
        read_aliases(tmp_path / "absent.tsv")


def test_truncated_table(tmp_path):
    path = tmp_path / "symbols.tsv.gz"
    path.write_bytes(gzip.compress(TABLE.encode())[:-20])
    with pytest.raises(InputError, match=r"symbols\.tsv\.gz"):
        read_aliases(path)


def test_the_real_table(data_root):
    aliases = read_aliases(data_root / "gene_symbols" / "ensembl_symbols.tsv.gz")
    assert answers(aliases, ["TP53", "MARCH8", "ENSG00000141510.18", "QARS"]) == [
        ("TP53", "symbol"),
        ("MARCHF8", "alias"),
        ("ENSG00000141510.18", "clash"),
        ("QARS", "ambiguous"),
    ]


def test_double_quotes_swallow_no_rows(tmp_path):
    path = tmp_path / "symbols.tsv"
    path.write_text(
        "ensembl_gene_id\tsymbol\tsynonyms\tnote\n"
        'ENSG1\tAAA\t"OLD1|OLD2"\t"open\n'
        'ENSG2\tBBB\tOLD3\t\nENSG3\tCCC\t""\t"open\n'
    )
    found = read_aliases(path)
    assert found.symbols == {"AAA", "BBB", "CCC"}
    assert found.synonyms == {"OLD1": "AAA", "OLD2": "AAA", "OLD3": "BBB"}
