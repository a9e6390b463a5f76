"""Rows of CSV, TSV and JSON-lines files, plain or gzipped."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

from knnal.errors import InputError, ItemError
from knnal.items.readers import Row
from knnal.items.text import count_lines, open_text, read_lines

CELL_LIMIT = 1 << 24
"""Longest cell of a CSV, in characters: far above any text, and it bounds the memory."""

_SAMPLE = 1000


class CsvRows:
    """A table with a header row, its cells parted by ``delimiter`` and quoted by ``"``."""

    def __init__(self, location: Path, delimiter: str) -> None:
        self._location = location
        self._delimiter = delimiter

    def columns(self) -> list[str]:
        """The header. Raises InputError if the file is empty or its header broken."""
        with open_text(self._location, newline="") as stream:
            header = next(_records(stream, self._delimiter), None)
        if header is None or isinstance(header, ItemError):
            came = f"broken ({header})" if header else "empty"
            raise InputError(
                f"Expected a row of column names, but {self._location} is {came}. "
                "Put one on its first line."
            )
        return header

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:  # noqa: ARG002 - the parser reads all
        """The rows below the header; one of another width is an ItemError. Blank lines are none."""
        with open_text(self._location, newline="") as stream:
            records = _records(stream, self._delimiter)
            header = next(records)
            assert isinstance(header, list)
            for cells in records:
                yield cells if isinstance(cells, ItemError) else _row(header, cells)

    def count(self) -> int | None:
        """The lines below the header: an expectation, too high where a cell holds line breaks."""
        lines = count_lines(self._location)
        return None if lines is None else max(lines - 1, 0)


class JsonRows:
    """One JSON object a line. Blank lines are no rows."""

    def __init__(self, location: Path) -> None:
        self._location = location

    def columns(self) -> list[str]:
        """The keys of the first 1000 lines, in order of appearance, since no header lists them.

        Raises InputError if there are none.
        """
        rows = islice(self.rows(()), _SAMPLE)
        names = dict.fromkeys(key for row in rows if isinstance(row, dict) for key in row)
        if not names:
            raise InputError(
                f"Expected a JSON object on each line, but the first {_SAMPLE} lines of "
                f"{self._location} hold none. Write one object a line."
            )
        return list(names)

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:  # noqa: ARG002 - the parser reads all
        """The objects; another line is an ItemError."""
        for line in read_lines(self._location):
            if line.strip():
                yield _parsed(line)

    def count(self) -> int | None:
        """The lines: an expectation, too high where some are blank."""
        return count_lines(self._location)


def _row(header: list[str], cells: list[str]) -> Row:
    if len(cells) == len(header):
        return dict(zip(header, cells, strict=True))
    return ItemError(f"{'fewer' if len(cells) < len(header) else 'more'} cells than columns")


def _parsed(line: str) -> Row:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else ItemError("line is not a JSON object")


def _records(stream: TextIO, delimiter: str) -> Iterator[list[str] | ItemError]:
    """Parsed records; an ItemError in place of each that the csv module gives up on."""
    # The limit belongs to the process, so that it is never lowered for others.
    csv.field_size_limit(max(csv.field_size_limit(), CELL_LIMIT))
    ended = False

    def lines() -> Iterator[str]:
        nonlocal ended
        yield from stream
        ended = True

    reader = csv.reader(lines(), delimiter=delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield ItemError(f"cell of over {CELL_LIMIT} characters; is a quote left open?")
            continue
        # A record that asked for a line after the last one swallowed the rest of the file.
        if ended:
            yield ItemError("quote is never closed")
        elif cells:
            yield cells
