"""JSON: an object on each line, or one array of objects."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TextIO

from knnal.errors import InputError, ItemError
from knnal.sources.base import Row
from knnal.sources.text import TextFile, is_undecoded

ELEMENT_LIMIT = 1 << 24
"""Longest object of an array, in characters; it bounds the memory."""

_BLOCK = 1 << 16
_FRACTIONAL = (float, list)
_BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True)
class _Survey:
    """What reading the file once shows."""

    columns: list[str]
    rows: int
    fractional: frozenset[str]  # the columns that hold floats, or lists, which may
    undecoded: bool


class JsonRows:
    """One JSON object a line, or an array of objects, whatever the file is called.

    In a file of lines another line is an ItemError, and blank lines are no rows. In an array
    another element is one. Raises InputError for an array that is broken, since where its next
    element begins cannot be told.
    """

    typed = True

    def __init__(self, file: TextFile) -> None:
        self._file = file

    def columns(self) -> list[str]:
        """The keys of all objects, in order of appearance. Raises InputError if there are none."""
        return self._survey.columns

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """The objects; what is none is an ItemError."""
        undecoded = self._survey.undecoded
        for row in self._all():
            if undecoded and _is_undecoded(row, columns):
                yield ItemError(self._file.undecodable)
            else:
                yield row

    def count(self) -> int:
        """The number of rows."""
        return self._survey.rows

    def may_hold_floats(self, column: str) -> bool:
        """Whether 1.0 may be in the column."""
        return column in self._survey.fractional

    def layout(self) -> str:
        """Lines or an array, and the encoding."""
        return f"JSON {'array' if self._is_array else 'lines'}, {self._file.encoding_name}"

    def notes(self) -> list[str]:
        """None."""
        return []

    @cached_property
    def _is_array(self) -> bool:
        with self._file.opened() as stream:
            while block := stream.read(_BLOCK):
                if begun := block.lstrip(_BLANK):
                    return begun[0] == "["
        return False

    @cached_property
    def _survey(self) -> _Survey:
        names: dict[str, None] = {}
        rows = 0
        fractional: set[str] = set()
        undecoded = False
        for row in self._all():
            rows += 1
            if isinstance(row, Mapping):
                names.update(dict.fromkeys(row))
                fractional.update(name for name, cell in row.items() if type(cell) in _FRACTIONAL)
                undecoded = undecoded or _is_undecoded(row, row.keys())
        if not names:
            raise InputError(
                f"{self._file.location} holds no JSON objects. Write one per line, or all in "
                "one array."
            )
        return _Survey(list(names), rows, frozenset(fractional), undecoded)

    def _all(self) -> Iterator[Row]:
        return self._elements() if self._is_array else self._lines()

    def _lines(self) -> Iterator[Row]:
        for line in self._file.lines():
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                value = None
            yield value if isinstance(value, dict) else ItemError("line is not a JSON object")

    def _elements(self) -> Iterator[Row]:
        with self._file.opened() as stream:
            for value in _Array(stream, str(self._file.location)):
                yield value if isinstance(value, dict) else ItemError("element is not an object")


def _is_undecoded(row: Row, columns: Iterable[str]) -> bool:
    return isinstance(row, Mapping) and any(is_undecoded(row.get(name)) for name in columns)


class _Array:
    """The elements of a JSON array, read a block at a time."""

    def __init__(self, stream: TextIO, location: str) -> None:
        self._stream = stream
        self._location = location
        self._text = ""
        self._at = 0
        self._decoder = json.JSONDecoder()

    def __iter__(self) -> Iterator[object]:
        self._require("[", 0)
        number = 0
        if self._next() == "]":
            self._at += 1
        else:
            while True:
                number += 1
                yield self._element(number)
                if self._next() == "]":
                    self._at += 1
                    break
                self._require(",", number)
        if self._next():
            raise self._broken(number, "something follows the end of the array")

    def _next(self) -> str:
        """The next character that is not blank, not taken; "" at the end of the file."""
        while True:
            while self._at < len(self._text):
                if self._text[self._at] not in _BLANK:
                    return self._text[self._at]
                self._at += 1
            if not self._fill():
                return ""

    def _require(self, mark: str, number: int) -> None:
        came = self._next()
        if came != mark:
            raise self._broken(number, f"{mark!r} is missing" if came else "the file ends there")
        self._at += 1

    def _element(self, number: int) -> object:
        self._next()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except RecursionError:
                raise self._broken(number, "it is nested too deeply") from None
            except ValueError as error:
                problem = str(error)
            else:
                # A number may go on in the next block.
                if end < len(self._text) or not self._fill():
                    self._at = end
                    return value
                continue
            too_long = len(self._text) - self._at > ELEMENT_LIMIT
            if too_long or not self._fill():
                raise self._broken(number, problem)

    def _fill(self) -> bool:
        block = self._stream.read(max(_BLOCK, len(self._text) - self._at))
        self._text, self._at = self._text[self._at :] + block, 0
        return bool(block)

    def _broken(self, number: int, problem: str) -> InputError:
        return InputError(
            f"{self._location} is not valid JSON at element {number} of its array: {problem}. "
            "Repair it, or write one object per line."
        )
