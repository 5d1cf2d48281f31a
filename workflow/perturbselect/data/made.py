"""Which results are there already, made from the very sources and settings of now."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from perturbselect.config import Config

RECORD = "results/study.yaml"  # the config of the last run, as the rule record_study wrote it


class Made:
    """What an earlier run of a study left.

    Parameters
    ----------
    config : Config
        The study as it is now.
    """

    def __init__(self, config: Config) -> None:
        self.now: dict[str, Any] = config.model_dump(mode="json")
        self.then: dict[str, Any] | None = None
        if Path(RECORD).exists():
            self.then = yaml.safe_load(Path(RECORD).read_text())

    def has(self, product: str, sources: Iterable[str | Path], *sections: tuple[str, str]) -> bool:
        """Whether a file is there that is younger than its sources and made with today's settings.

        Parameters
        ----------
        product : str
            Path below the working directory.
        sources : iterable of path
            Files of this machine that it is made from.
        *sections : pairs of str
            Section and label of the config that it depends on, e.g. ``("graphs", "go")``. Where
            no run has recorded its config, they count as unchanged.
        """
        made = Path(product)
        if not made.exists():
            return False
        if any(Path(source).stat().st_mtime > made.stat().st_mtime for source in sources):
            return False
        if self.then is None:
            return True
        return all(self.then.get(key) == self.now[key] for key in ("data_root", "gene_names")) and all(
            self.then.get(section, {}).get(label) == self.now[section][label] for section, label in sections
        )
