"""Ids and what belongs to them, from tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from pathlib import Path

from knnal.errors import ItemError
from knnal.items.base import Skip
from knnal.items.roles import Table
from knnal.items.tables import TextTable
from knnal.store.pool import Pool

ID_COLUMN = "id"


class PoolIds:
    """The ids of a pool's items, as a container."""

    def __init__(self, pool: Pool) -> None:
        self._catalogue = pool.catalogue

    def __contains__(self, item: object) -> bool:
        return isinstance(item, str) and self._catalogue.find(item) is not None


def read_pairs(
    file: Path,
    id_column: str,
    column: str,
    *,
    option: str,
    role: str,
    skips: Counter[str],
    encoding: str | None = None,
    known_ids: Container[str] = (),
    known_labels: Container[str] = (),
) -> Iterator[tuple[str, str]]:
    """The ids of a table's rows and their cells in another column, without surrounding blanks.

    Rows that lack one are counted in ``skips``, by reason; ``role`` is the word for the cell there,
    and ``option`` is how the command line calls the choice of its column. Numbers are read as
    ``Table.read`` does, which the known ids and labels are for. Raises InputError for a file that
    cannot be read or lacks one of the columns.
    """
    table = Table(file, encoding=encoding)
    table.require(id_column, option="--id-column")
    table.require(column, option=option)
    for cells in table.read(
        id=id_column, label=column, role=role, known_ids=known_ids, known_labels=known_labels
    ):
        if isinstance(cells, ItemError):
            skips[cells.reason] += 1
        elif cells.label is None:
            skips[f"no {role}: {cells.withheld}" if cells.withheld else f"empty {role}"] += 1
        else:
            yield cells.id, cells.label


def read_known(
    file: Path,
    column: str,
    *,
    id_column: str | None,
    text_column: str | None,
    option: str,
    role: str,
    skips: Counter[str],
    encoding: str | None = None,
    known_ids: Container[str] = (),
) -> dict[str, str]:
    """What a table says of each id; where it contradicts itself, what it says first.

    A table of texts without ids, such as one that was embedded so, is read by its texts. Raises
    as ``read_pairs`` and ``TextTable`` do.
    """
    by_text = id_column is None and ID_COLUMN not in Table(file, encoding=encoding).columns
    if by_text:
        pairs = _read_by_text(file, column, text_column, option, role, skips, encoding)
    else:
        pairs = read_pairs(
            file,
            id_column or ID_COLUMN,
            column,
            option=option,
            role=role,
            skips=skips,
            encoding=encoding,
            known_ids=known_ids,
        )
    known: dict[str, str] = {}
    for item, value in pairs:
        if known.setdefault(item, value) != value:
            skips[f"another {role} for an item that has one"] += 1
    return known


def _read_by_text(
    file: Path,
    column: str,
    text_column: str | None,
    option: str,
    role: str,
    skips: Counter[str],
    encoding: str | None,
) -> Iterator[tuple[str, str]]:
    Table(file, encoding=encoding).require(column, option=option)
    for item in TextTable(file, text_column=text_column, label_column=column, encoding=encoding):
        if isinstance(item, Skip):
            skips[item.reason] += 1
        elif item.label is None:
            skips[f"empty {role}"] += 1
        else:
            yield item.id, item.label
