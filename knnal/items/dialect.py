"""Lines of delimited text, parsed by one dialect."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from knnal.errors import ItemError
from knnal.items.text import without_end

CELL_LIMIT = 1 << 24
"""Longest cell, in characters: far above any text, and it bounds the memory."""

COMMA = ","


class Quoting(StrEnum):
    """What a double quote means."""

    DOUBLED = "doubled"  # it encloses a cell; within one it is doubled (RFC 4180)
    BACKSLASH = "backslash"  # it encloses a cell; within one a backslash stands before it
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

_ENCLOSED = {Quoting.DOUBLED: r'(?:[^"]|"")*+', Quoting.BACKSLASH: r'(?:[^"\\]|\\.)*+'}


def _consistent_record(dialect: Dialect) -> re.Pattern[str]:
    """Matches records in which a quote encloses a cell or is escaped within one."""
    mark = re.escape(dialect.delimiter)
    cell = rf'(?:"{_ENCLOSED.get(dialect.quoting, "")}"|[^"{mark}]*+)'
    return re.compile(rf"{cell}(?:{mark}{cell})*+", re.DOTALL)


class Parser:
    """The records of a table's lines, the header first; and, once through, how well they parsed.

    A record whose quotes do not pair, within the whole record and before a separator or an end of
    line, is read again as its first line alone, with literal quotes: ``stray`` counts these. So a
    lone quote costs no other line. Where commas do not separate, texts need no quotes and their
    writers are strict; there a quote within an unquoted cell is stray, too.

    ``rows`` counts the records below the header; ``misfits`` those of another width than the
    header's; ``spanning`` those with line breaks in their cells. ``quoted`` is whether any quote
    was met.
    """

    def __init__(self, lines: Iterator[str], dialect: Dialect) -> None:
        self._lines = lines
        self._dialect = dialect
        self._again: deque[str] = deque()
        self._width: int | None = None
        self.rows = self.misfits = self.stray = self.spanning = 0
        self.quoted = False
        # The limit belongs to the process, so that it is never lowered for others.
        csv.field_size_limit(max(csv.field_size_limit(), CELL_LIMIT))
        self._consistent = _consistent_record(dialect)

    def __iter__(self) -> Iterator[list[str] | ItemError]:
        """Records as cells; an ItemError in place of each that has not the header's width."""
        for _ in range(self._dialect.skipped):
            self._next()
        while (line := self._next()) is not None:
            if self._dialect.is_blank(line):
                continue
            cells = self._cells(line)
            if self._width is None:
                self._width = len(cells)
                yield cells
                continue
            self.rows += 1
            problem = self._problem(cells)
            self.misfits += problem is not None
            yield problem or cells

    def _next(self) -> str | None:
        return self._again.popleft() if self._again else next(self._lines, None)

    def _cells(self, line: str) -> list[str]:
        has_quote = '"' in line
        self.quoted |= has_quote
        if self._dialect.quoting is Quoting.LITERAL:
            return self._dialect.split(line)
        if has_quote:
            return self._unescaped(self._enclosed(line))
        return self._unescaped(self._dialect.split(line))

    def _enclosed(self, line: str) -> list[str]:
        """The record that begins with a line that has quotes."""
        taken: list[str] = []

        def feed() -> Iterator[str]:
            more: str | None = line
            while more is not None:
                taken.append(more)
                yield more if not self._escaping else _ESCAPES.sub(_doubled, more)
                more = self._next()

        reader = csv.reader(
            feed(),
            delimiter=self._dialect.delimiter,
            doublequote=not self._escaping,
            escapechar="\\" if self._escaping else None,
            strict=True,
        )
        try:
            cells = next(reader)
        except csv.Error:
            return self._read_literally(taken)
        # A misfit that would fit as one line is a lone quote which another one closed.
        fits_alone = len(self._dialect.split(line)) == self._width
        if len(taken) > 1 and len(cells) != self._width and fits_alone:
            return self._read_literally(taken)
        if self._dialect.delimiter != COMMA:
            self.stray += self._consistent.fullmatch(without_end("".join(taken))) is None
        self.spanning += len(taken) > 1
        return cells

    def _read_literally(self, taken: list[str]) -> list[str]:
        self.stray += 1
        self._again.extendleft(reversed(taken[1:]))
        return self._dialect.split(taken[0])

    @property
    def _escaping(self) -> bool:
        return self._dialect.quoting is Quoting.BACKSLASH

    def _unescaped(self, cells: list[str]) -> list[str]:
        """MySQL's mark for a null is an empty cell, where there are backslashes."""
        if self._escaping and r"\N" in cells:
            return ["" if cell == r"\N" else cell for cell in cells]
        return cells

    def _problem(self, cells: list[str]) -> ItemError | None:
        if len(cells) != self._width:
            assert self._width is not None
            fewer_or_more = "fewer" if len(cells) < self._width else "more"
            return ItemError(f"{fewer_or_more} cells than columns")
        if max(map(len, cells)) > CELL_LIMIT:
            return ItemError(f"cell of over {CELL_LIMIT} characters")
        return None


def _doubled(match: re.Match[str]) -> str:
    return match[0] if match[1] else r"\\"
