"""Tables with a column of texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from knnal.errors import InputError, ItemError
from knnal.sources.base import Column, Item, Reading, Skip, TableReader, listed
from knnal.sources.cells import cell_text
from knnal.sources.images import is_image_name
from knnal.sources.parquet import ParquetRows, image_columns
from knnal.sources.roles import TABLE_SUFFIXES, Cells, Table
from knnal.sources.text import suffix_of, text_item
from knnal.types import Modality

TEXT_COLUMNS = ("text", "tweet", "content", "body", "sentence", "review", "message", "comment")
"""Names, in any case, by which a column of texts is known."""


class TextTable:
    """One text a row of a table, as ``Table`` reads it.

    An item's id is its cell in ``id_column``, or else a hash of its text, so that it survives
    reordering; equal texts then have equal ids. Its stamp is the text's sha256. A row that cannot
    be used is yielded as a Skip: cells that are too many or too few, a blank text or id, several
    labels, bytes that are not of the ``encoding`` in a cell that is needed.

    Raises InputError when made if the file cannot be read, a named column is missing or holds
    images, or no ``text_column`` is named and not exactly one is called like one of
    ``TEXT_COLUMNS``.
    """

    summary = "a table of texts (.csv, .tsv, .jsonl, .json, .parquet, .xlsx, .ods)"
    precedence = 30
    modality: Modality = Modality.TEXT

    @classmethod
    def reads(cls, location: Path, options: Mapping[str, object]) -> bool:
        del options
        return suffix_of(location) in TABLE_SUFFIXES

    def __init__(
        self,
        location: Path | str,
        *,
        text_column: str | None = None,
        id_column: str | None = None,
        label_column: str | None = None,
        encoding: str | None = None,
    ) -> None:
        self._table = Table(location, encoding=encoding)
        self.location = self._table.location
        self._named = text_column is not None
        if text_column is not None:
            self._table.require(text_column, option="text_column")
        _require_no_images(self._table, text_column)
        self._text = text_column if text_column is not None else _choose(self._table)
        self._id = id_column
        self._label = label_column
        for option, name in (("id_column", id_column), ("label_column", label_column)):
            if name is not None:
                self._table.require(name, option=option)
        self._withheld: Counter[str] = Counter()

    def columns(self) -> list[str]:
        """The names of the table's columns."""
        return self._table.columns

    def __iter__(self) -> Iterator[Item | Skip]:
        """Every row as an Item or a Skip; rows count from 1 below the header."""
        self._withheld.clear()
        rows = self._table.read(text=self._text, id=self._id, label=self._label)
        for number, row in enumerate(rows, start=1):
            try:
                outcome: Item | Skip = self._item(row)
            except ItemError as error:
                outcome = Skip(f"row {number}", error.reason)
            yield outcome

    def count(self) -> int:
        """The number of rows."""
        return self._table.reader.count()

    def reading(self) -> Reading:
        """How the file is read, and which labels of the rows read last do not count."""
        why = "you named it" if self._named else "the only one with such a name"
        columns = [Column("text", self._text, why)]
        columns.append(
            Column("id", None, "made of the text: no column of ids is named")
            if self._id is None
            else Column("id", self._id, "you named it")
        )
        if self._label is not None:
            columns.append(Column("label", self._label, self._why_label()))
        omitted = [_omitted(count, why) for why, count in self._withheld.items()]
        return Reading(
            self._table.reader.layout(), tuple(columns), (*self._table.reader.notes(), *omitted)
        )

    def _why_label(self) -> str:
        if not self._table.has_answers(self._label):
            return "you named it"
        return "you named it; Prodigy's records, whose labels count where answer is accept"

    def _item(self, row: Cells | ItemError) -> Item:
        if isinstance(row, ItemError):
            raise row
        item = text_item(row.text, name=row.id if self._id is not None else None, label=row.label)
        if row.withheld is not None:
            self._withheld[row.withheld] += 1
        return item


def _omitted(count: int, why: str) -> str:
    return f"{count} label{'s' * (count != 1)} omitted: {why}."


def text_columns(columns: Sequence[str]) -> list[str]:
    """Those columns with a usual name for texts."""
    return [name for name in columns if name.strip().lower() in TEXT_COLUMNS]


def _require_no_images(table: Table, text_column: str | None) -> None:
    """Raise InputError for a table whose content is images."""
    if not isinstance(table.reader, ParquetRows):
        return
    images = image_columns(table.location)
    chosen = [text_column] if text_column is not None else text_columns(table.columns)
    if images and (not chosen or text_column in images):
        raise InputError(
            f"{table.location} holds images, in {listed(images)}. Images inside tables cannot be "
            "read yet: extract them into a folder, with a folder for each class, and embed that."
        )


def _choose(table: Table) -> str:
    found = text_columns(table.columns)
    if len(found) == 1:
        return found[0]
    if (images := image_column(table.reader, table.columns)) is not None:
        raise InputError(
            f"{table.location} looks like a table of labels for images: its column {images!r} "
            "names image files. Embed the folder of these images (`Project.embed`), then import "
            f"the table (`Project.import_labels`) with `id_column={images}`."
        )
    raise InputError(
        f"{table.location} must have exactly one column with a usual name for texts "
        f"({', '.join(TEXT_COLUMNS)}), got {len(found)}. Its columns are "
        f"{listed(table.columns)}.{table.hint} Pass one of them as `text_column`, or put a row of "
        "column names first if these are not names."
    )


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
