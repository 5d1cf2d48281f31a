"""Where the files of a study lie."""

from pathlib import Path

import pytest

from perturbselect.config import REPOSITORY, Source
from perturbselect.data.presets import PRESETS
from perturbselect.data.sources import Downloads
from perturbselect.load_config import load_config

MD5 = "md5:0123456789abcdef0123456789abcdef"


def study(**changes):
    raw = {
        "datasets": {"screen": {"type": "cells", "source": {"path": "data/cells.h5ad"}}},
        "graphs": {"go": {"type": "go", "source": {"path": "{data_root}/go.tsv"}}},
        "budgets": [4],
        "strategies": {"random": {}},
        "models": {"training_mean": {}},
    }
    return load_config(raw | changes, "config")


def test_local_files():
    found = Downloads(study())
    assert found.files == {}
    assert found.path(Source(path="data/cells.h5ad")) == "data/cells.h5ad"
    assert found.path(Source(path="/data/cells.h5ad")) == "/data/cells.h5ad"


@pytest.mark.parametrize(
    ("data_root", "folder"),
    [("data", REPOSITORY / "data"), ("../x", REPOSITORY.parent / "x"), ("/x", Path("/x"))],
)
def test_data_root_starts_at_the_repository(data_root, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = Downloads(study(data_root=data_root))
    assert found.path(Source(path="{data_root}/go.tsv")) == str(folder / "go.tsv")


def test_addresses():
    url = "https://example.org/files/cells.h5ad?download=1"
    found = Downloads(study(graphs={"go": {"type": "go", "source": {"url": url, "checksum": MD5}}}))
    assert found.path(Source(url=url, checksum=MD5)) == "resources/downloads/0123456789ab.cells.h5ad"
    (name, origin), *others = found.files.items()
    assert not others
    assert name == "0123456789ab.cells.h5ad"
    assert (origin.url, origin.checksum, origin.member) == (url, MD5, None)


def test_two_files_of_one_name_stay_apart():
    urls = ["https://example.org/a/genes.tsv", "https://example.org/b/genes.tsv"]
    sources = [{"url": url, "checksum": f"md5:{i}23456789abcdef"} for i, url in enumerate(urls)]
    graphs = {f"go{i}": {"type": "go", "source": source} for i, source in enumerate(sources)}
    assert len(Downloads(study(graphs=graphs)).files) == 2


def test_one_file_used_twice_is_downloaded_once():
    source = {"url": "https://example.org/genes.tsv", "checksum": MD5}
    graphs = {name: {"type": "go", "source": source} for name in ("one", "two")}
    assert len(Downloads(study(graphs=graphs)).files) == 1


def test_every_place_of_a_source_is_found():
    def source(number):
        return {"url": f"https://example.org/{number}", "checksum": f"md5:{number}" + 31 * "0"}

    found = Downloads(
        study(
            gene_names={"aliases": source(1)},
            datasets={
                "tenx": {"type": "cells", "source": {"path": "x", "format": "10x", "cells": source(2)}},
                "cells": {"type": "cells", "source": source(3)},
                "published": {"type": "responses", "source": source(4)},
            },
            graphs={
                "go": {"type": "go", "source": source(5)},
                "string": {"type": "string", "source": source(6), "info": source(7)},
                "edges": {"type": "edges", "source": source(8)},
            },
        )
    )
    assert sorted(origin.url[-1] for origin in found.files.values()) == list("12345678")


@pytest.mark.parametrize("preset", PRESETS)
def test_presets(preset):
    found = Downloads(study(graphs={"go": {"type": "go", "source": {"preset": preset}}}))
    path = Path(found.path(Source(preset=preset)))
    assert path.parent == Path("resources/downloads")
    assert path.name.startswith(f"{preset}.")
    assert found.files == {path.name: PRESETS[preset]}
    # Formats are told by the ending; an archive's file is what is in it.
    wanted = PRESETS[preset].member or PRESETS[preset].url.partition("?")[0]
    assert path.suffix == Path(wanted).suffix
