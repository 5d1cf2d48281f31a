"""The digest changes when what a script does may change, and only then."""

import sys

import pytest

from perturbselect import provenance
from perturbselect.provenance import distribution, file_digest, locked_versions, source_digest

SCRIPT = '''"""Select."""
from perturbselect.strategies.near import choose

with open("x") as file:
    choose(file)
'''
FILES = {
    "__init__.py": '"""Package."""\n',
    "config/__init__.py": "from perturbselect.config.study import VALUE\n",
    "config/study.py": "VALUE = 1\n",
    "config_page.py": "VALUE = 1\n",
    "unused.py": "VALUE = 1\n",
    "strategies/__init__.py": "",
    "strategies/near.py": (
        "from typing import TYPE_CHECKING\n\n"
        "import numpy\n\n"
        "from perturbselect.config import VALUE\n"
        "from perturbselect.config.study import VALUE as SAME\n"
        "from perturbselect.config_page import VALUE as OTHER\n\n"
        "if TYPE_CHECKING:\n    from perturbselect.types_only import T\n\n\n"
        'def choose(file):\n    """Choose."""\n'
        "    from perturbselect import late\n    return late.VALUE\n"
    ),
    "strategies/far.py": "VALUE = 1\n",
    "late.py": "import perturbselect.later\nVALUE = 1\n",
    "later.py": "VALUE = 1\n",
    "types_only.py": "T = int\n",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package in place of ours, and a script that uses part of it."""
    folder = tmp_path / "perturbselect"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "select.py").write_text(SCRIPT)
    (tmp_path / "lock.txt").write_text("# A lock.\nnumpy==1.0\nscipy==1.0\nscikit_learn==1.0\n")
    monkeypatch.setattr(provenance, "PACKAGE", folder)
    monkeypatch.setattr(provenance, "LOCK", tmp_path / "lock.txt")
    return folder


def digest(package, *modules):
    provenance._source.cache_clear()
    locked_versions.cache_clear()
    return source_digest(package.parent / "select.py", *modules)


def edit(path, old, new):
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


@pytest.mark.parametrize(
    "name",
    [
        "__init__.py",
        "strategies/__init__.py",
        "strategies/near.py",
        "late.py",
        "later.py",
        "config_page.py",
        "../select.py",
    ],
)
def test_what_is_used_counts(package, name):
    before = digest(package)
    path = package / name
    path.write_text(path.read_text() + "\nADDED = 2\n")
    assert digest(package) != before


@pytest.mark.parametrize(
    "name", ["config/__init__.py", "config/study.py", "unused.py", "types_only.py", "strategies/far.py"]
)
def test_what_is_not_used_does_not(package, name):
    before = digest(package)
    (package / name).write_text("VALUE = 2\n")
    assert digest(package) == before


def test_modules_loaded_by_name_count(package):
    before = digest(package, "perturbselect.strategies.far")
    assert before != digest(package)
    (package / "strategies/far.py").write_text("VALUE = 2\n")
    assert digest(package, "perturbselect.strategies.far") != before


def test_comments_docstrings_and_formatting_do_not(package):
    before = digest(package)
    edit(package / "strategies/near.py", '"""Choose."""', '"""Choose well."""  # A remark.')
    edit(package / "strategies/near.py", "def choose(file):", "def choose(\n    file,\n):")
    edit(package / "__init__.py", '"""Package."""', '# A remark.\n"""Another."""')
    edit(package.parent / "select.py", '"""Select."""', '"""Choose."""')
    assert digest(package) == before


def test_values_count(package):
    before = digest(package)
    edit(package / "later.py", "VALUE = 1", "VALUE = 1.0")
    assert digest(package) != before


def test_where_the_package_lies_does_not(package, tmp_path, monkeypatch):
    before = digest(package)
    moved = tmp_path / "elsewhere" / "perturbselect"
    moved.parent.mkdir()
    package.rename(moved)
    (tmp_path / "select.py").rename(moved.parent / "select.py")
    monkeypatch.setattr(provenance, "PACKAGE", moved)
    assert digest(moved) == before


def test_locked_versions_of_imported_packages_count(package):
    before = digest(package)
    edit(provenance.LOCK, "scipy==1.0", "scipy==1.1")
    edit(provenance.LOCK, "# A lock.", "# Another.")
    assert digest(package) == before
    edit(provenance.LOCK, "numpy==1.0", "numpy==1.1")
    upgraded = digest(package)
    assert upgraded != before
    edit(package / "later.py", "VALUE = 1", "import sklearn.svm")
    edit(provenance.LOCK, "scikit_learn==1.0", "scikit_learn==1.1")
    assert digest(package) not in (before, upgraded)


def test_without_a_lock_there_is_a_digest_all_the_same(package):
    provenance.LOCK.unlink()
    assert len(digest(package)) == 16


def test_every_package_that_the_source_imports_is_in_the_lock(repository):
    """Under the name that the digest looks for: else its upgrade would rerun nothing."""
    files = [*repository.glob("workflow/perturbselect/**/*.py"), *repository.glob("workflow/scripts/*.py")]
    names = {name.partition(".")[0] for file in files for name in provenance._source(file).imports}
    others = names - set(sys.stdlib_module_names) - {"perturbselect"}
    assert len(others) > 10
    assert not {name for name in others if distribution(name) not in locked_versions(provenance.LOCK)}


def test_cycles_end(package):
    (package / "later.py").write_text("import perturbselect.late\n")
    assert len(digest(package)) == 16


def test_nothing_is_executed(package):
    (package / "later.py").write_text("raise SystemExit('executed')\n")
    digest(package)


def test_every_script_of_the_workflow_has_a_digest_of_its_own(repository):
    scripts = sorted((repository / "workflow" / "scripts").glob("*.py"))
    assert len({source_digest(script) for script in scripts}) == len(scripts)


def test_file_digest(tmp_path):
    for name, content in (("a", b"x"), ("b", b"x"), ("c", b"y")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (file_digest(tmp_path / name) for name in "abc")
    assert a == b != c
    assert a == "2d711642b726b044"  # sha256sum
