"""CSV and TSV files, whatever separates and quotes their cells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from knnal.errors import InputError, ItemError
from knnal.sources.base import Row
from knnal.sources.dialect import COMMA, Dialect, Parser, Quoting
from knnal.sources.text import TextFile, is_undecoded

_DELIMITERS = {COMMA: "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_DECLARED = re.compile(r'"?sep=([^\w"\\])"?', re.IGNORECASE)
_QUOTES = {
    Quoting.DOUBLED: "",
    Quoting.BACKSLASH: ", quotes escaped by backslashes",
    Quoting.LITERAL: ", quotes taken literally",
}


@dataclass(frozen=True, slots=True)
class _Trial:
    """How well a file parses in a dialect."""

    dialect: Dialect
    width: int
    rows: int
    misfits: int
    stray: int
    spanning: int
    prose: bool
    quoted: bool
    undecoded: bool
    fractional: bool

    @property
    def is_clean(self) -> bool:
        return not self.misfits + self.stray


class DelimitedRows:
    """A table with a header row, its cells separated and quoted in one way throughout.

    The dialect is the one in which every row has the header's width. The separator is what Excel's
    first line ``sep=`` names, or else the file's own (comma for ``.csv``, tab for ``.tsv``), or
    else another one that is in the header. Quotes enclose cells where they do so throughout,
    doubled within one or escaped by a backslash; otherwise they are literal. Quotes that would join
    lines which fit by themselves are literal, too, unless the header is in quotes throughout, or
    commas separate and these lines look like sentences.

    Where no dialect fits every row, the one that loses the fewest is taken.
    """

    typed = False

    def __init__(self, file: TextFile, delimiter: str) -> None:
        self._file = file
        self._own = delimiter

    def columns(self) -> list[str]:
        """The header. Raises InputError if the file is empty."""
        header = next(iter(self._parser(self._trial.dialect)))
        assert isinstance(header, list)
        return header

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """The rows below the header; one of another width is an ItemError. Blank lines are none."""
        records = iter(self._parser(self._trial.dialect))
        header = next(records)
        assert isinstance(header, list)
        places = {name: header.index(name) for name in columns if name in header}
        for cells in records:
            if isinstance(cells, ItemError):
                yield cells
                continue
            row = {name: cells[place] for name, place in places.items()}
            if self._trial.undecoded and any(map(is_undecoded, row.values())):
                yield ItemError(self._file.undecodable)
            else:
                yield row

    def count(self) -> int:
        """The number of rows."""
        return self._trial.rows

    def may_hold_floats(self, column: str) -> bool:  # noqa: ARG002 - lines are searched whole
        """Whether 1.0 may be in the column."""
        return self._trial.fractional

    def layout(self) -> str:
        """The separator, the encoding, and quotes if they are unusual."""
        dialect = self._trial.dialect
        name = _DELIMITERS.get(dialect.delimiter, repr(dialect.delimiter))
        quotes = _QUOTES[dialect.quoting] if self._trial.quoted else ""
        return f"{name}-separated, {self._file.encoding_name}{quotes}"

    def notes(self) -> list[str]:
        """Quotes that do not pair, and quotes that can be understood in two ways."""
        trial, notes = self._trial, []
        if trial.stray:
            notes.append(
                f"The quotes of {trial.stray} of {trial.rows} rows do not pair; they were taken "
                "literally."
            )
        other = self._other_reading
        if other is not None:
            notes.append(
                f"The quotes can be understood in two ways: as {trial.rows} rows, as they were, "
                f"or as {other} rows. Save the table as JSON lines if that is wrong."
            )
        return notes

    @property
    def undecodable(self) -> str:
        """Why cells with undecodable bytes cannot be used."""
        return self._file.undecodable

    def _parser(self, dialect: Dialect) -> Parser:
        return Parser(self._file.raw_lines(), dialect)

    def _try(self, dialect: Dialect) -> _Trial:
        parser = self._parser(dialect)
        records = iter(parser)
        header = next(records)
        for _ in records:
            pass
        return _Trial(
            dialect,
            len(header) if isinstance(header, list) else 0,
            parser.rows,
            parser.misfits,
            parser.stray,
            parser.spanning,
            parser.prose,
            parser.quoted,
            parser.undecoded,
            parser.fractional,
        )

    @cached_property
    def _trial(self) -> _Trial:
        """The best way to read the file."""
        declared = _DECLARED.fullmatch(next(self._file.lines(), ""))
        header = self._header(1 if declared else 0)
        if declared:
            return self._best_quoting(Dialect(declared[1], skipped=1), header)
        found = []
        for delimiter in dict.fromkeys((self._own, *_DELIMITERS)):
            if delimiter in header:
                trial = self._best_quoting(Dialect(delimiter), header)
                if delimiter == self._own and not trial.misfits:
                    return trial
                found.append(trial)
        # Most rows must fit: a separator may be in a header by chance.
        found = [trial for trial in found if trial.misfits * 2 <= trial.rows]
        if not found:
            return self._best_quoting(Dialect(self._own), header)
        return min(found, key=lambda trial: (trial.misfits, -trial.width))

    def _header(self, skipped: int) -> str:
        lines = islice(self._file.lines(), skipped, None)
        header = next((line for line in lines if line.strip()), None)
        if header is None:
            raise InputError(
                f"{self._file.location} is empty; its first line must hold the names of the "
                "columns."
            )
        return header

    def _best_quoting(self, dialect: Dialect, header: str) -> _Trial:
        """The quoting that loses the fewest rows, and of these leaves the fewest quotes over."""
        doubled = self._try(dialect)
        free = self._is_free(doubled, header)
        if not doubled.quoted or (doubled.is_clean and (free or not doubled.spanning)):
            return doubled
        others = [
            self._try(Dialect(dialect.delimiter, quoting, dialect.skipped))
            for quoting in (Quoting.BACKSLASH, Quoting.LITERAL)
        ]
        return min(
            (doubled, *others),
            key=lambda t: (t.misfits, t.stray, bool(t.spanning) and not free),
        )

    def _is_free(self, trial: _Trial, header: str) -> bool:
        """Whether cells hold line breaks even if each of their lines would make a row: where the
        header is in quotes throughout, which shows that the file has quoting; and where commas
        separate, if some are those of a sentence, or if all lines fit since there is one column.
        """
        names = trial.dialect.split(header)
        if all(len(name) > 1 and name[0] == name[-1] == '"' for name in names):
            return True
        return trial.dialect.delimiter == COMMA and (trial.prose or trial.width == 1)

    @cached_property
    def _other_reading(self) -> int | None:
        """How many rows there would be if quotes joined lines where they do not, or the reverse."""
        trial = self._trial
        quotings: tuple[Quoting, ...] = ()
        if trial.spanning:
            quotings = (Quoting.LITERAL,)
        elif trial.quoted and trial.dialect.quoting is Quoting.LITERAL:
            quotings = (Quoting.DOUBLED, Quoting.BACKSLASH)
        for quoting in quotings:
            other = self._try(Dialect(trial.dialect.delimiter, quoting, trial.dialect.skipped))
            if other.is_clean and other.rows != trial.rows:
                return other.rows
        return None
