"""Read the labels with which archives name perturbations: `A`, `A+ctrl`, `A_B`, control."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from perturbselect.config import CellSource, Columns, ResponseSource
from perturbselect.data.gene_names import Aliases
from perturbselect.errors import InputError
from perturbselect.registry import suggestion

if TYPE_CHECKING:
    import pandas as pd

CONTROL = "control"

# What each naming means, unless the config says otherwise. `optional` columns are
# used where the file has them.
NAMINGS: dict[str, dict] = {
    "custom": {},
    "scperturb": {
        "columns": {"perturbation": "perturbation"},
        "optional": {"guide": "guide_id", "target_count": "nperts"},
        "controls": ["control"],
        "separator": "_",
    },
    "gears": {
        "columns": {"perturbation": "condition"},
        "optional": {"gene": "gene_name"},
        "controls": ["ctrl"],
        "separator": "+",
    },
}


@dataclass(frozen=True)
class Spelling:
    """How one file spells its perturbations.

    Attributes
    ----------
    columns : Columns
        Which column holds what.
    controls : frozenset of str
        Labels that mean "not perturbed" (``control`` always does), also as a part of a label
        (``A+ctrl`` is ``A``).
    separator : str
        What joins the targets of a combination.
    unassigned : frozenset of str
        Labels that name no perturbation: the empty one, and what archives write instead.
    target_count : str or None
        Column with the number of targets of each cell.
    """

    columns: Columns
    controls: frozenset[str]
    separator: str
    unassigned: frozenset[str] = frozenset([""])
    target_count: str | None = None

    def targets(self, label: str, known: Callable[[str], bool], target_count: int | None = None) -> list[str]:
        """Return the genes a label names, each once, as spelt; none for a control.

        A label that is as a whole a known gene name is not split, since names may
        contain the separator. If the file says that the cell has one target, the
        longest known beginning of the label is the gene (``OST4_pDS353`` is ``OST4``
        with the plasmid's name), or the whole label if none is known. Otherwise the
        label is split at every separator, and parts that are control labels go.

        Parameters
        ----------
        label : str
        known : callable
            Whether a word is a gene name.
        target_count : int, optional
            Number of targets, where the file says it.
        """
        if label in self.controls:
            return []
        if known(label):
            return [label]
        parts = [part.strip() for part in label.split(self.separator)]
        if target_count == 1:
            for end in range(len(parts) - 1, 0, -1):
                beginning = self.separator.join(parts[:end])
                if beginning in self.controls or known(beginning):
                    return [] if beginning in self.controls else [beginning]
            return [label]
        return list(dict.fromkeys(part for part in parts if part and part not in self.controls))


def spelling(source: CellSource | ResponseSource, obs: Iterable[str], var: Iterable[str] = ()) -> Spelling:
    """Return how a source spells things: its naming, under what the config says itself.

    A key of the config that has its default value counts as not said.

    Parameters
    ----------
    source : CellSource or ResponseSource
    obs, var : iterables of str
        Columns that the file has.
    """
    unassigned = frozenset(["", *source.unassigned])
    if isinstance(source, ResponseSource):
        return Spelling(Columns(), frozenset([CONTROL, *source.controls]), source.separator, unassigned)
    naming, said = NAMINGS[source.naming], source.model_dump(exclude_defaults=True)
    present = {*obs, *var}
    optional = {key: column for key, column in naming.get("optional", {}).items() if column in present}
    target_count = optional.pop("target_count", None)
    columns = Columns(**{**naming.get("columns", {}), **optional, **said.get("columns", {})})
    controls, separator = (
        said.get(key, naming.get(key, getattr(source, key))) for key in ("controls", "separator")
    )
    return Spelling(columns, frozenset([CONTROL, *controls]), separator, unassigned, target_count)


def perturbation_name(genes: Iterable[str]) -> str:
    """Return the canonical name: ``A``, ``A+B`` (sorted), or ``control`` without genes."""
    return "+".join(sorted(set(genes))) or CONTROL


def canonical_names(
    targets: Mapping[str, list[str]], aliases: Aliases
) -> tuple[dict[str, str], pd.DataFrame]:
    """Reconcile the genes of all labels of a file and name their perturbations.

    Parameters
    ----------
    targets : mapping of label to list of str
        Genes each label names, as spelt (`Spelling.targets`).
    aliases : Aliases

    Returns
    -------
    names : dict of label to canonical perturbation name
    genes : DataFrame
        What `Aliases.reconcile` says of the targets, each once, sorted by name. Names of
        one gene are united: it was perturbed, however its cells or rows spell it.
    """
    genes = aliases.reconcile(sorted({gene for label in targets.values() for gene in label}), unite=True)
    symbol = dict(zip(genes["name"], genes["symbol"], strict=True))
    return {label: perturbation_name(symbol[g] for g in part) for label, part in targets.items()}, genes


def require_column(column: str, present: Iterable[str], where: str, key: str) -> None:
    """Raise InputError if a column that the config names is not in the file.

    Parameters
    ----------
    column : str
    present : iterable of str
        Columns there are.
    where : str
        File and part, e.g. ``"screen.h5ad: obs"``.
    key : str
        Key of the config to mend.
    """
    present = list(present)
    if column not in present:
        raise InputError(f"{where} has no column '{column}' (config: {key}); {suggestion(column, present)}")


def label_text(column: pd.Series) -> pd.Series:
    """Return labels as stripped text; a missing one is empty, whatever ``unassigned`` says."""
    return column.astype(object).where(column.notna(), "").astype(str).str.strip()


def label_targets(
    labels: pd.Series, target_counts: pd.Series | None, spelt: Spelling, known: Callable[[str], bool]
) -> dict[str, list[str]]:
    """Return the genes that each distinct label names, as spelt; none for controls.

    Parameters
    ----------
    labels : Series of str, one a cell
    target_counts : Series or None
        Number of targets of each cell, where the file says it.
    spelt : Spelling
    known : callable
        Whether a word is a gene name.
    """
    import pandas as pd

    first = ~labels.duplicated().to_numpy()
    if target_counts is None:
        numbers: list = [None] * int(first.sum())
    else:
        numbers = pd.to_numeric(target_counts[first].astype(str), errors="coerce").tolist()
    return {
        label: spelt.targets(label, known, number)
        for label, number in zip(labels[first], numbers, strict=True)
    }


def left_out(labels: pd.Series, spelt: Spelling) -> pd.DataFrame:
    """Return rows for the table of names that list the labels which name no perturbation."""
    import pandas as pd

    words = sorted(set(labels[labels.isin(spelt.unassigned)]) - {""})
    return pd.DataFrame({"name": words, "symbol": words, "status": "left out"}, dtype=object)


def check_barcodes(barcodes: pd.Index, where: str) -> None:
    """Raise InputError if a cell barcode stands more than once."""
    repeated = barcodes[barcodes.duplicated()]
    if len(repeated):
        raise InputError(
            f"{where}: cell barcode {repeated[0]} stands there more than once ({len(repeated)} repeats); "
            "make barcodes unique, e.g. by adding the lane"
        )


def no_controls(label: pd.Series, spelt: Spelling, where: str, name: str) -> str:
    """Say that there are no control cells, and which labels there are."""
    frequent = label.value_counts().head(8)
    return (
        f"{where}: no control cell: no value of column '{spelt.columns.perturbation}' is one of "
        f"{', '.join(sorted(spelt.controls))}; the most frequent are "
        + ", ".join(f"{word} ({cells})" for word, cells in frequent.items())
        + f". Name the right one in datasets.{name}.source.controls"
    )
