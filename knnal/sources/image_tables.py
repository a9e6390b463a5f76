"""Tables that name image files, which are no texts to embed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from knnal.errors import ItemError
from knnal.sources.cells import cell_text
from knnal.sources.images import is_image_name
from knnal.sources.readers import TableReader

_SAMPLE = 20


def image_column(reader: TableReader, columns: Sequence[str]) -> str | None:
    """The first column whose cells end as image files do, by the table's first rows; or None."""
    rows = [r for r in islice(reader.rows(columns), _SAMPLE) if not isinstance(r, ItemError)]
    for column in columns:
        if rows and all(_names_an_image(row.get(column)) for row in rows):
            return column
    return None


def _names_an_image(cell: object) -> bool:
    try:
        return is_image_name(cell_text(cell, "id"))
    except ItemError:
        return False
