"""Items, labels with their provenance, and predictions, to a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any, Protocol

from knnal.errors import InputError
from knnal.files import atomic_writer
from knnal.pool.storage import ItemState, Record
from knnal.session.session import Session
from knnal.types import Prediction

FORMATS = (".csv", ".tsv", ".jsonl", ".parquet")
_BLOCK = 4096
_FIELDS = (
    "id", "path", "text", "state", "label", "skipped", "origin", "annotator", "at", "strategy",
    "note", "prediction", "probability",
)  # fmt: skip


class RowWriter(Protocol):
    """A file format, open for writing."""

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Append rows, which all have the columns that the writer was opened with."""

    def close(self) -> None:
        """Finish the file. The stream below stays open."""


def export(session: Session, file: Path, *, labeled_only: bool = False) -> int:
    """Write every item, or those with a label; how many were written.

    Columns: id, path or text, state, label and where it comes from, note, prediction and its
    probability, and the probability of each class as ``p:CLASS``; where near-duplicates are asked
    about once also ``group``, the first item of a group of them. Labeled items are predicted by
    the labels of the others. The file takes its place when it is complete, never half written.

    Raises InputError for a file name that ends in none of ``FORMATS``, and for one that cannot be
    written.
    """
    opener = _WRITERS.get(file.suffix.lower())
    if opener is None:
        raise InputError(
            f"The name of the file must end in {', '.join(FORMATS)}, got {file}. The ending "
            "selects the format."
        )
    session.refresh()
    group = ["group"] if session.per_group else []
    columns = [*_FIELDS, *group, *(f"p:{name}" for name in session.classes)]
    try:
        return _write(session, file, opener, columns, labeled_only)
    except OSError as error:
        raise InputError(
            f"Cannot write {file}: {error.strerror or error}. Make the folder first, or name "
            "another file."
        ) from error


def _write(
    session: Session,
    file: Path,
    opener: Callable[[IO[bytes], Sequence[str]], RowWriter],
    columns: Sequence[str],
    labeled_only: bool,
) -> int:
    count = 0
    with atomic_writer(file) as stream:
        writer = opener(stream, columns)
        for rows in _rows(session, labeled_only):
            writer.write(rows)
            count += len(rows)
        writer.close()
    return count


def _rows(session: Session, labeled_only: bool) -> Iterator[list[dict[str, Any]]]:
    labels = session.ledger.labels()
    records = (
        record
        for record in session.pool.catalog.records()
        if (record.id in labels if labeled_only else _is_in_use(session, record))
    )
    while block := list(islice(records, _BLOCK)):
        predictions = session.predict([record.id for record in block])
        yield [_row(session, *pair) for pair in zip(block, predictions, strict=True)]


def _is_in_use(session: Session, record: Record) -> bool:
    gone = record.state is ItemState.VANISHED
    return not (gone and session.ledger.is_forgotten(record.id))


def _row(session: Session, record: Record, prediction: Prediction) -> dict[str, Any]:
    decision = session.ledger.decision(record.id)
    return {
        "id": record.id,
        "path": None if record.path is None else str(record.path),
        "text": record.text,
        "state": record.state.value,
        "label": decision.label if decision else None,
        "skipped": decision is not None and decision.label is None,
        "origin": decision.origin if decision else None,
        "annotator": decision.annotator if decision else None,
        "at": decision.at if decision else None,
        "strategy": decision.strategy if decision else None,
        "note": session.ledger.note(record.id),
        "prediction": prediction.label,
        "probability": prediction.probability,
        **({"group": session.group_of(record.id)} if session.per_group else {}),
        **{f"p:{name}": p for name, p in prediction.probabilities.items()},
    }


class _CsvWriter:
    def __init__(self, stream: IO[bytes], columns: Sequence[str], delimiter: str = ",") -> None:
        self._text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
        # Not every such table has quoting; a header in quotes shows that this one has.
        csv.writer(self._text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerow(columns)
        self._csv = csv.DictWriter(self._text, columns, delimiter=delimiter)

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        self._csv.writerows(rows)

    def close(self) -> None:
        self._text.detach()


class _JsonWriter:
    def __init__(self, stream: IO[bytes], columns: Sequence[str]) -> None:
        self._stream = stream
        self._columns = columns

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        for row in rows:
            ordered = {column: row[column] for column in self._columns}
            self._stream.write(json.dumps(ordered, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        """Nothing is held back."""


class _ParquetWriter:
    def __init__(self, stream: IO[bytes], columns: Sequence[str]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        kinds = {"skipped": pa.bool_(), "probability": pa.float64()}
        self._schema = pa.schema(
            [
                (name, pa.float64() if name.startswith("p:") else kinds.get(name, pa.string()))
                for name in columns
            ]
        )
        self._writer = parquet.ParquetWriter(stream, self._schema)

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        import pyarrow as pa

        self._writer.write_table(pa.Table.from_pylist(list(rows), schema=self._schema))

    def close(self) -> None:
        self._writer.close()


_WRITERS: dict[str, Callable[[IO[bytes], Sequence[str]], RowWriter]] = {
    ".csv": _CsvWriter,
    ".tsv": partial(_CsvWriter, delimiter="\t"),
    ".jsonl": _JsonWriter,
    ".parquet": _ParquetWriter,
}
