"""Tables with a column of texts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from knnal.errors import InputError, ItemError
from knnal.items.base import Item, Skip
from knnal.items.checks import listed, require_column, require_file
from knnal.items.image_tables import image_column
from knnal.items.parquet import ParquetRows
from knnal.items.readers import Row, TableReader
from knnal.items.rows import CsvRows, JsonRows
from knnal.items.text import cell_id, cell_label, cell_text, is_gzipped, suffix_of, text_item
from knnal.types import Modality

TEXT_COLUMNS = ("text", "tweet", "content", "body", "sentence", "review", "message", "comment")
"""Names, in any case, by which a column of texts is known."""

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")


class TextTable:
    """One text a row of a ``.csv``, ``.tsv``, ``.jsonl``, ``.ndjson`` or ``.parquet`` file.

    All but Parquet may be gzipped as well. An item's id is its cell in ``id_column``, or else a
    hash of its text, so that it survives reordering; equal texts then have equal ids. Its stamp is
    the text's sha256. A row that cannot be used is yielded as a Skip: cells that are too many or
    too few, a blank text or id, invalid UTF-8 in a cell that is needed.

    Raises InputError when made if the file cannot be read, a named column is missing, or no
    ``text_column`` is named and not exactly one is called like one of ``TEXT_COLUMNS``.
    """

    modality: Modality = Modality.TEXT

    def __init__(
        self,
        location: Path | str,
        *,
        text_column: str | None = None,
        id_column: str | None = None,
        label_column: str | None = None,
    ) -> None:
        self.location = require_file(location)
        self._reader = table_reader(self.location)
        columns = self.columns()
        if text_column is None:
            text_column = _choose(self.location, columns, self._reader)
        self._text = text_column
        self._id = id_column
        self._label = label_column
        for option, name in (
            ("--text-column", self._text),
            ("--id-column", id_column),
            ("--label-column", label_column),
        ):
            if name is not None:
                require_column(self.location, columns, name, option=option)

    def columns(self) -> list[str]:
        """The names of the table's columns, read from its start or its schema."""
        return self._reader.columns()

    def __iter__(self) -> Iterator[Item | Skip]:
        """Every row as an Item or a Skip; rows count from 1 below the header."""
        wanted = [name for name in (self._text, self._id, self._label) if name is not None]
        for number, row in enumerate(self._reader.rows(wanted), start=1):
            try:
                outcome: Item | Skip = self._item(row)
            except ItemError as error:
                outcome = Skip(f"row {number}", error.reason)
            yield outcome

    def count(self) -> int | None:
        """How many rows to expect: exact for Parquet, else from line breaks; None if gzipped."""
        return self._reader.count()

    def _item(self, row: Row) -> Item:
        if isinstance(row, ItemError):
            raise row
        return text_item(
            cell_text(row.get(self._text), "text"),
            name=None if self._id is None else cell_id(row.get(self._id)),
            label=None if self._label is None else cell_label(row.get(self._label)),
        )


def text_columns(columns: Sequence[str]) -> list[str]:
    """Those columns that are called like a column of texts."""
    return [name for name in columns if name.strip().lower() in TEXT_COLUMNS]


def _choose(location: Path, columns: Sequence[str], reader: TableReader) -> str:
    found = text_columns(columns)
    if len(found) == 1:
        return found[0]
    if (images := image_column(reader, columns)) is not None:
        raise InputError(
            f"{location} looks like a table of labels for images: its column {images!r} names "
            "image files. Embed the folder of these images, then import the table: "
            f"'knnal embed FOLDER', 'knnal import {location} --id-column {images}'."
        )
    raise InputError(
        f"Expected exactly one column of texts ({', '.join(TEXT_COLUMNS)}), but {location} has "
        f"{len(found)}. Its columns are {listed(columns)}. Say which one with --text-column; "
        "if these are no names, put a row of column names first."
    )


def table_reader(location: Path) -> TableReader:
    """What reads a table of that ending. Raises InputError for another ending."""
    suffix = suffix_of(location)
    if suffix == ".parquet" and not is_gzipped(location):
        return ParquetRows(location)
    if suffix in (".jsonl", ".ndjson"):
        return JsonRows(location)
    if suffix in (".csv", ".tsv"):
        return CsvRows(location, "," if suffix == ".csv" else "\t")
    raise InputError(
        f"Expected a table ({', '.join(TABLE_SUFFIXES)}, all but the last also with .gz), "
        f"but came {location}. Save it as one of these."
    )
