"""Lines of delimited text, parsed by one dialect."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from knnal.errors import ItemError
from knnal.sources.text import is_undecoded, without_end

CELL_LIMIT = 1 << 24
"""Longest cell, in characters: far above any text, and it bounds the memory."""

COMMA = ","


class Quoting(StrEnum):
    """What a double quote means."""

    DOUBLED = "doubled"  # it encloses a cell; within one it is doubled (RFC 4180)
    BACKSLASH = "backslash"  # the same, and a backslash may stand before it instead
    LITERAL = "literal"  # it is a character like any other


@dataclass(frozen=True, slots=True)
class Dialect:
    """How the cells of a table are separated and quoted. The header follows ``skipped`` lines."""

    delimiter: str
    quoting: Quoting = Quoting.DOUBLED
    skipped: int = 0

    def split(self, line: str) -> list[str]:
        """The cells of a line, its quotes taken literally."""
        return without_end(line).split(self.delimiter)

    def is_blank(self, line: str) -> bool:
        """Whether a line is none: white space alone, and no separator."""
        return not line.strip() and self.delimiter not in line


# A backslash that escapes nothing is one more character of its cell.
_ESCAPES = re.compile(r'\\([\\"\r\n])?')

_ENCLOSED = {Quoting.DOUBLED: r'(?:[^"]|"")*+', Quoting.BACKSLASH: r'(?:[^"\\]|""|\\.)*+'}

_NULL = r"\N"  # MySQL's, where there are backslashes


class Parser:
    """The records of a table's lines, the header first; and, once through, how well they parsed.

    A record whose quotes do not pair, within the whole record and before a separator or an end of
    line, is read again as its first line alone, with literal quotes: ``stray`` counts these. So a
    lone quote costs no other line. Where commas do not separate, texts need no quotes and their
    writers are strict; there a quote within an unquoted cell is stray, too.

    ``rows`` counts the records below the header, ``misfits`` those of another width than the
    header's, ``spanning`` those with line breaks in their cells. ``prose`` is whether one of these
    has a separator with a space behind it, as in a sentence; ``quoted``, ``undecoded`` and
    ``fractional`` are whether a line has a quote, undecodable bytes, or a number like 1.0.
    """

    def __init__(self, lines: Iterator[str], dialect: Dialect) -> None:
        self._dialect = dialect
        self._lines = _Lines(lines, escaping=dialect.quoting is Quoting.BACKSLASH)
        self._width: int | None = None
        self._consistent = _consistent_record(dialect)
        self.rows = self.misfits = self.stray = self.spanning = 0
        self.prose = self.quoted = self.undecoded = self.fractional = False

    def __iter__(self) -> Iterator[list[str] | ItemError]:
        """Records as cells; an ItemError in place of each that has not the header's width."""
        for _ in range(self._dialect.skipped):
            next(self._lines, None)
        for cells in self._records():
            if self._width is None:
                self._width = len(cells)
                yield cells
                continue
            self.rows += 1
            problem = self._problem(cells)
            self.misfits += problem is not None
            yield problem or cells

    def _records(self) -> Iterator[list[str]]:
        literal = self._dialect.quoting is Quoting.LITERAL
        taken = self._lines.taken
        reader = self._csv()
        while True:
            taken.clear()
            try:
                cells = self._dialect.split(next(self._lines)) if literal else next(reader)
            except StopIteration:
                return
            except csv.Error:  # of which the reader recovers at the next line
                cells = []
            line = taken[0]
            if len(cells) < 2 and self._dialect.is_blank(line):
                continue
            whole = line if len(taken) == 1 else "".join(taken)
            self.undecoded = self.undecoded or is_undecoded(whole)
            self.fractional = self.fractional or ".0" in whole
            if '"' in line:
                self.quoted = True
                yield cells if literal else self._checked(cells, whole)
            else:  # which needs no quotes to pair
                yield self._without_nulls(cells or self._dialect.split(line))

    def _checked(self, cells: list[str], whole: str) -> list[str]:
        """The cells of a record that has quotes, or of its first line alone if they are stray."""
        taken = self._lines.taken
        if not cells or (len(taken) > 1 and self._is_closed_by_chance(cells, taken[0])):
            self.stray += 1
            self._lines.give_back()
            return self._dialect.split(taken[0])
        if self._dialect.delimiter != COMMA:
            self.stray += self._consistent.fullmatch(without_end(whole)) is None
        if len(taken) > 1:
            self.spanning += 1
            self.prose = self.prose or f"{self._dialect.delimiter} " in whole
        return self._without_nulls(cells)

    def _is_closed_by_chance(self, cells: list[str], line: str) -> bool:
        """Whether a lone quote was closed by another one: alone, the line would fit."""
        return len(cells) != self._width and len(self._dialect.split(line)) == self._width

    def _csv(self) -> Iterator[list[str]]:
        # The limit belongs to the process, so that it is never lowered for others.
        csv.field_size_limit(max(csv.field_size_limit(), CELL_LIMIT))
        escaping = self._dialect.quoting is Quoting.BACKSLASH
        return csv.reader(
            self._lines,
            delimiter=self._dialect.delimiter,
            escapechar="\\" if escaping else None,
            strict=True,
        )

    def _without_nulls(self, cells: list[str]) -> list[str]:
        if self._dialect.quoting is Quoting.BACKSLASH and _NULL in cells:
            return ["" if cell == _NULL else cell for cell in cells]
        return cells

    def _problem(self, cells: list[str]) -> ItemError | None:
        if len(cells) != self._width:
            assert self._width is not None
            fewer_or_more = "fewer" if len(cells) < self._width else "more"
            return ItemError(f"{fewer_or_more} cells than columns")
        if max(map(len, cells)) > CELL_LIMIT:
            return ItemError(f"cell of over {CELL_LIMIT} characters")
        return None


class _Lines:
    """The lines of a file, which remembers those ``taken`` since they were cleared."""

    def __init__(self, lines: Iterator[str], *, escaping: bool) -> None:
        self.taken: list[str] = []
        self._lines = lines
        self._again: deque[str] = deque()
        self._escaping = escaping

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        self.taken.append(line)
        return _ESCAPES.sub(_kept, line) if self._escaping else line

    def give_back(self) -> None:
        """All that was taken but the first line is taken again."""
        self._again.extendleft(reversed(self.taken[1:]))


def _kept(match: re.Match[str]) -> str:
    return match[0] if match[1] else r"\\"


def _consistent_record(dialect: Dialect) -> re.Pattern[str]:
    """Matches records in which a quote encloses a cell or is escaped within one."""
    mark = re.escape(dialect.delimiter)
    cell = rf'(?:"{_ENCLOSED.get(dialect.quoting, "")}"|[^"{mark}]*+)'
    return re.compile(rf"{cell}(?:{mark}{cell})*+", re.DOTALL)
