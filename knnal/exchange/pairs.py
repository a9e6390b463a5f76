"""Ids and what belongs to them, from tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from knnal.errors import ItemError
from knnal.items.base import Skip
from knnal.items.checks import require_column
from knnal.items.tables import TextTable, table_reader
from knnal.items.text import cell_id, cell_label

ID_COLUMN = "id"


def read_pairs(
    file: Path, id_column: str, column: str, *, option: str, role: str, skips: Counter[str]
) -> Iterator[tuple[str, str]]:
    """The ids of a table's rows and their cells in another column, without surrounding blanks.

    Rows that lack one are counted in ``skips``, by reason; ``role`` is the word for the cell there,
    and ``option`` is how the command line calls the choice of its column. Raises InputError for a
    file that cannot be read or lacks one of the columns.
    """
    reader = table_reader(file)
    columns = reader.columns()
    require_column(file, columns, id_column, option="--id-column")
    require_column(file, columns, column, option=option)
    for row in reader.rows([id_column, column]):
        try:
            if isinstance(row, ItemError):
                raise row
            value = cell_label(row.get(column))
            if value is None:
                raise ItemError(f"empty {role}")
            yield cell_id(row.get(id_column)), value
        except ItemError as error:
            skips[error.reason] += 1


def read_known(
    file: Path,
    column: str,
    *,
    id_column: str | None,
    text_column: str | None,
    option: str,
    role: str,
    skips: Counter[str],
) -> dict[str, str]:
    """What a table says of each id; where it contradicts itself, what it says first.

    A table of texts without ids, such as one that was embedded so, is read by its texts. Raises
    as ``read_pairs`` and ``TextTable`` do.
    """
    by_text = id_column is None and ID_COLUMN not in table_reader(file).columns()
    if by_text:
        pairs = _read_by_text(file, column, text_column, option, role, skips)
    else:
        name = id_column or ID_COLUMN
        pairs = read_pairs(file, name, column, option=option, role=role, skips=skips)
    known: dict[str, str] = {}
    for item, value in pairs:
        if known.setdefault(item, value) != value:
            skips[f"another {role} for an item that has one"] += 1
    return known


def _read_by_text(
    file: Path, column: str, text_column: str | None, option: str, role: str, skips: Counter[str]
) -> Iterator[tuple[str, str]]:
    require_column(file, table_reader(file).columns(), column, option=option)
    for item in TextTable(file, text_column=text_column, label_column=column):
        if isinstance(item, Skip):
            skips[item.reason] += 1
        elif item.label is None:
            skips[f"empty {role}"] += 1
        else:
            yield item.id, item.label
