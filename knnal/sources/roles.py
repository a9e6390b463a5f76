"""Tables whose columns have roles: of every row its text, id and label, or why it has none."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

from knnal.errors import InputError, ItemError
from knnal.sources.base import Row, TableReader, reject_options, require_column, require_file
from knnal.sources.cells import as_whole, cell_id, cell_label, cell_text, whole_columns
from knnal.sources.delimited import DelimitedRows
from knnal.sources.excel import EXCEL_SUFFIXES, ExcelRows
from knnal.sources.json_rows import JsonRows
from knnal.sources.parquet import ParquetRows
from knnal.sources.text import TextFile, is_gzipped, is_undecoded, suffix_of

_DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")

TABLE_SUFFIXES = (*_DELIMITERS, *_JSON_SUFFIXES, ".parquet", *EXCEL_SUFFIXES)

_ANSWER = "answer"
_ANSWERS = ("accept", "reject", "ignore")
_PRODIGY_LABELS = ("label", "accept")
_SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class Cells:
    """What a row has in the roles that were asked for; "" and None in the others.

    ``label`` is None where the cell is empty, and where the row says that its label does not
    count; ``withheld`` is then why.
    """

    text: str = ""
    id: str = ""
    label: str | None = None
    withheld: str | None = None


class Table:
    """A table on disk: CSV or TSV, JSON, Parquet, a spreadsheet; by the ending of its name.

    Numbers of a column of ids or labels whose numbers are all whole are read as such: 1.0 as 1. In
    Prodigy's records (an ``answer`` of accept, reject or ignore with a ``label`` or ``accept``)
    a label counts where it was accepted.

    Raises InputError when made if the file cannot be read.
    """

    def __init__(self, location: Path | str, *, encoding: str | None = None) -> None:
        self.location = require_file(location)
        self.reader = table_reader(self.location, encoding)
        self.columns = self.reader.columns()

    def require(self, name: str, *, option: str) -> str:
        """The name itself. Raises InputError unless exactly one column is called so."""
        return require_column(self.location, self.columns, name, option=option, hint=self.hint)

    @property
    def hint(self) -> str:
        """What an error about the columns should add: their names may be decoded wrongly."""
        if isinstance(self.reader, DelimitedRows) and any(map(is_undecoded, self.columns)):
            return f" They are {self.reader.undecodable}."
        return ""

    def has_answers(self, label: str | None) -> bool:
        """Whether the labels of this column are those of Prodigy's records."""
        return label in _PRODIGY_LABELS and self._is_prodigys

    def read(
        self,
        *,
        text: str | None = None,
        id: str | None = None,  # noqa: A002 - the role's name
        label: str | None = None,
        role: str = "label",
        known_ids: Container[str] = (),
        known_labels: Container[str] = (),
    ) -> Iterator[Cells | ItemError]:
        """The cells of the columns that have these roles, of every row.

        ``role`` is the word for the ``label``'s role. An id or a label that is known as it is
        written is taken so, whatever its column's numbers are.
        """
        columns = [
            name for name in (id, label) if name is not None and self.reader.may_hold_floats(name)
        ]
        rows = self.reader.rows(columns) if columns else ()
        whole = whole_columns(rows, columns, typed=self.reader.typed)
        take = _RowReader(
            text,
            _Role(id, id in whole, known_ids),
            _Role(label, label in whole, known_labels),
            role,
            typed=self.reader.typed,
            answered=self.has_answers(label),
        )
        for row in self.reader.rows([name for name in take.columns if name in self.columns]):
            outcome: Cells | ItemError
            try:
                outcome = take.cells(row)
            except ItemError as error:
                outcome = error
            yield outcome

    @cached_property
    def _is_prodigys(self) -> bool:
        if _ANSWER not in self.columns:
            return False
        rows = islice(self.reader.rows([_ANSWER]), _SAMPLE)
        cells = [row.get(_ANSWER) for row in rows if not isinstance(row, ItemError)]
        found = {_answer(cell) for cell in cells} - {""}
        return bool(found) and found.issubset(_ANSWERS)


@dataclass(frozen=True, slots=True)
class _Role:
    """A column with a role: whether its numbers are all whole, and what is known as written."""

    column: str | None
    whole: bool
    known: Container[str]


class _RowReader:
    """Reads rows by the roles of their columns."""

    def __init__(
        self, text: str | None, id_: _Role, label: _Role, word: str, *, typed: bool, answered: bool
    ) -> None:
        self._text, self._id, self._label, self._word = text, id_, label, word
        self._typed, self._answered = typed, answered
        named = [name for name in (text, id_.column, label.column) if name is not None]
        self.columns = [*named, *((_ANSWER, *_PRODIGY_LABELS) if answered else ())]

    def cells(self, row: Row) -> Cells:
        """The row's cells. Raises ItemError for one that cannot be used."""
        if isinstance(row, ItemError):
            raise row
        text = "" if self._text is None else cell_text(row.get(self._text), "text")
        name = "" if self._id.column is None else self._id_of(row.get(self._id.column))
        if self._label.column is None:
            return Cells(text, name)
        withheld = _withheld(row) if self._answered else None
        return Cells(text, name, None if withheld else self._label_of(row), withheld)

    def _id_of(self, value: object) -> str:
        if self._id.whole:
            value = self._whole(value, cell_id(value) in self._id.known)
        return cell_id(value)

    def _label_of(self, row: Mapping[str, object]) -> str | None:
        columns = _PRODIGY_LABELS if self._answered else ()
        assert self._label.column is not None
        value = row.get(self._label.column)
        for other in columns:
            if value in (None, "", []):
                value = row.get(other)
        label = cell_label(value, self._word)
        if self._label.whole and label is not None:
            label = cell_label(self._whole(value, label in self._label.known), self._word)
        return label

    def _whole(self, value: object, is_known: bool) -> object:
        return value if is_known else as_whole(value, typed=self._typed)


def _answer(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")


def _withheld(row: Mapping[str, object]) -> str | None:
    """Why the label of one of Prodigy's records does not count, if it does not.

    Raises ItemError for an answer that Prodigy has not.
    """
    answer = _answer(row.get(_ANSWER))
    if answer == "accept":
        return None
    if answer and answer not in _ANSWERS:
        raise ItemError(f"answer is none of {', '.join(_ANSWERS)}")
    return f"its answer is {answer}" if answer else "it has no answer"


def table_reader(location: Path, encoding: str | None = None) -> TableReader:
    """What reads a table of that ending. Raises InputError for another ending."""
    suffix = suffix_of(location)
    if suffix in _DELIMITERS:
        return DelimitedRows(TextFile(location, encoding), _DELIMITERS[suffix])
    if suffix in _JSON_SUFFIXES:
        return JsonRows(TextFile(location, encoding))
    if not is_gzipped(location) and suffix in (".parquet", *EXCEL_SUFFIXES):
        reject_options(location, "no text file", {"encoding": encoding})
        return ParquetRows(location) if suffix == ".parquet" else ExcelRows(location)
    raise InputError(
        f"{location} is not a table ({', '.join(TABLE_SUFFIXES)}; text formats also with .gz). "
        "Save it as one of these."
    )
