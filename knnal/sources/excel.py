"""Sheets of Excel and OpenDocument files. python-calamine loads when a file is opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from knnal.errors import InputError, ItemError
from knnal.extras import extra
from knnal.sources.base import Row
from knnal.sources.text import reading

EXCEL_SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


class ExcelRows:
    """The first sheet that has a header row, of those that are not hidden. Empty rows are none.

    Raises InputError without python-calamine, and for a file that has no such sheet.
    """

    typed = True

    def __init__(self, location: Path) -> None:
        self._location = location

    def columns(self) -> list[str]:
        """The cells of the first row that has any, as strings."""
        return self._sheet.header

    def rows(self, columns: Sequence[str]) -> Iterator[Row]:  # noqa: ARG002 - it is all in memory
        """The rows below the header, empty cells as None."""
        header = self._sheet.header
        for cells in self._sheet.rows:
            if any(cell is not None for cell in cells[len(header) :]):
                yield ItemError("more cells than columns")
            else:
                yield dict(zip(header, cells, strict=False))

    def count(self) -> int:
        """The number of rows."""
        return len(self._sheet.rows)

    def may_hold_floats(self, column: str) -> bool:  # noqa: ARG002 - all numbers are floats
        """Whether 1.0 may be in the column."""
        return True

    def layout(self) -> str:
        """The sheet's name."""
        return f"sheet {self._sheet.name!r}"

    def notes(self) -> list[str]:
        """Sheets that are not read."""
        others = ", ".join(map(repr, self._sheet.others))
        return [f"Only sheet {self._sheet.name!r} was read, not {others}."] if others else []

    @cached_property
    def _sheet(self) -> _Sheet:
        with extra("excel", f"Reading {self._location}"):
            from python_calamine import CalamineError, CalamineWorkbook, SheetVisibleEnum

        with (
            reading(self._location, CalamineError),
            CalamineWorkbook.from_path(self._location) as workbook,
        ):
            sheets = [
                _Sheet(about.name, _cells(workbook.get_sheet_by_name(about.name).to_python()))
                for about in workbook.sheets_metadata
                if about.visible == SheetVisibleEnum.Visible
            ]
        filled = [sheet for sheet in sheets if sheet.header]
        if not filled:
            raise InputError(
                f"Every sheet of {self._location} is empty; the first row of one must hold "
                "the names of the columns."
            )
        filled[0].others = [sheet.name for sheet in filled[1:]]
        return filled[0]


class _Sheet:
    """A sheet's rows that are not empty."""

    def __init__(self, name: str, rows: list[list[object]]) -> None:
        self.name = name
        self.header = [_name(cell) for cell in rows[0]] if rows else []
        self.rows = rows[1:]
        self.others: list[str] = []
        while self.header and not self.header[-1]:  # formatted cells next to the table
            self.header.pop()


def _cells(rows: Sequence[Sequence[object]]) -> list[list[object]]:
    filled = ([None if cell == "" else cell for cell in row] for row in rows)
    return [row for row in filled if any(cell is not None for cell in row)]


def _name(cell: object) -> str:
    whole = isinstance(cell, float) and cell.is_integer()
    return "" if cell is None else str(int(cell) if isinstance(cell, float) and whole else cell)
