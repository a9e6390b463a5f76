"""Spreadsheets as tables."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from knnal.errors import InputError, MissingExtraError
from knnal.sources.base import Item, Skip
from knnal.sources.detect import open_source
from knnal.sources.tables import TextTable

from .spreadsheets import write_ods, write_xlsx

ROWS = [
    ["id", "text", "label"],
    [101, 'Good, "really"', 1],
    [None, None, None],
    [102.0, "two\nlines", None],
    [103, None, 0],
    [104, "007", 0.0],
]
ITEMS = [
    ("101", 'Good, "really"', "1"),
    ("102", "two\nlines", None),
    Skip("row 3", "empty text"),
    ("104", "007", "0"),
]
Write = Callable[[Path, dict[str, list[list[object]]]], Path]


def read(path: Path) -> list[object]:
    source = TextTable(path, id_column="id", label_column="label")
    return [(e.id, e.text, e.label) if isinstance(e, Item) else e for e in source]


@pytest.mark.parametrize(("suffix", "write"), [(".xlsx", write_xlsx), (".ods", write_ods)])
def test_a_sheet(tmp_path: Path, suffix: str, write: Write) -> None:
    path = write(tmp_path / f"a{suffix}", {"Reviews": ROWS})
    assert read(path) == ITEMS
    source = open_source(path)
    assert isinstance(source, TextTable)
    assert source.columns() == ["id", "text", "label"]
    assert source.count() == 4
    assert source.reading().layout == "sheet 'Reviews'"
    assert source.reading().notes == ()


def test_other_sheets_are_named(tmp_path: Path) -> None:
    sheets = {"Secret": ROWS, "Blank": [], "First": ROWS, "Second": ROWS}
    path = write_xlsx(tmp_path / "a.xlsx", sheets, hidden=["Secret"])
    assert read(path) == ITEMS
    (note,) = TextTable(path).reading().notes
    assert note == "Only sheet 'First' was read, not 'Second'."


def test_cells_beside_the_table(tmp_path: Path) -> None:
    rows = [["id", "text", "label"], [1, "a", "x"], [2, "b", "x", "remark"]]
    path = write_xlsx(tmp_path / "a.xlsx", {"S": rows})
    assert read(path) == [("1", "a", "x"), Skip("row 2", "more cells than columns")]


def test_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Every sheet of .* is empty"):
        TextTable(write_xlsx(tmp_path / "a.xlsx", {"S": []}))


@pytest.mark.parametrize("suffix", [".xlsx", ".xls", ".ods", ".xlsb"])
def test_a_file_that_is_not_what_it_is_called(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a{suffix}").write_text("id,text\n1,a\n")
    with pytest.raises(InputError, match="cannot be read to its end"):
        TextTable(tmp_path / f"a{suffix}")


def test_the_extra_is_named_where_it_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", {"S": ROWS})
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(MissingExtraError, match=r"a\.xlsx .*pip install 'knnal\[excel\]'"):
        TextTable(path)
