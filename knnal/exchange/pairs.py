"""Ids and what belongs to them, from tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from knnal.errors import InvalidNameError, ItemError
from knnal.exchange.matching import ItemMatcher
from knnal.names import checked_name
from knnal.sources.base import Skip
from knnal.sources.roles import Table
from knnal.sources.tables import TextTable

ID_COLUMN = "id"
LABEL = "label"
"""The role of a column whose cells name classes."""
NO_LABEL = "empty label"
"""The reason to skip a row that has none."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The column that is read in addition to the ids.

    ``role`` is the word for a cell there, and ``option`` the parameter that names the column.
    """

    column: str
    option: str = "label_column"
    role: str = LABEL


def read_pairs(
    file: Path,
    id_column: str,
    wanted: Wanted,
    items: ItemMatcher,
    skips: Counter[str],
    *,
    encoding: str | None = None,
    known_labels: Container[str] = (),
) -> Iterator[tuple[str, str]]:
    """The items of a table's rows, by their ids in the pool, and their cells in another column.

    Labels come as ``checked_name`` has them; numbers are read as ``Table.read`` does, which the
    known labels are for. Rows that lack something, or are about no item, are counted in ``skips``,
    by reason. Raises InputError for a file that cannot be read or lacks one of the columns.
    """
    table = Table(file, encoding=encoding)
    table.require(id_column, option="id_column")
    table.require(wanted.column, option=wanted.option)
    for cells in table.read(
        id=id_column,
        label=wanted.column,
        role=wanted.role,
        known_ids=items,
        known_labels=known_labels,
    ):
        try:
            if isinstance(cells, ItemError):
                raise cells
            if cells.withheld:
                raise ItemError(f"no {wanted.role}: {cells.withheld}")
            value = _value(cells.label, wanted.role)
            yield items.find(cells.id), value
        except ItemError as error:
            skips[error.reason] += 1


def read_known(
    file: Path,
    wanted: Wanted,
    items: ItemMatcher,
    *,
    id_column: str | None,
    text_column: str | None,
    skips: Counter[str],
    encoding: str | None = None,
) -> dict[str, str]:
    """What a table says of each item; where it contradicts itself, what it says first.

    A table of texts without ids, such as one that was embedded so, is read by its texts. Raises
    as ``read_pairs`` and ``TextTable`` do.
    """
    by_text = id_column is None and ID_COLUMN not in Table(file, encoding=encoding).columns
    if by_text:
        pairs = _read_by_text(file, wanted, text_column, items, skips, encoding)
    else:
        name = id_column or ID_COLUMN
        pairs = read_pairs(file, name, wanted, items, skips, encoding=encoding)
    known: dict[str, str] = {}
    for item, value in pairs:
        if known.setdefault(item, value) != value:
            skips[f"another {wanted.role} for an item that has one"] += 1
    return known


def _read_by_text(
    file: Path,
    wanted: Wanted,
    text_column: str | None,
    items: ItemMatcher,
    skips: Counter[str],
    encoding: str | None,
) -> Iterator[tuple[str, str]]:
    Table(file, encoding=encoding).require(wanted.column, option=wanted.option)
    for item in TextTable(
        file, text_column=text_column, label_column=wanted.column, encoding=encoding
    ):
        try:
            if isinstance(item, Skip):
                raise ItemError(item.reason)
            value = _value(item.label, wanted.role)
            yield items.find(item.id), value
        except ItemError as error:
            skips[error.reason] += 1


def _value(cell: str | None, role: str) -> str:
    """A cell of that role, cleaned. Raises ItemError for one that cannot be used."""
    if cell is None:
        raise ItemError(f"empty {role}")
    if role != LABEL:
        return cell.strip()
    try:
        return checked_name(cell)
    except InvalidNameError as error:
        raise ItemError(f"label has {error.reason}") from error
