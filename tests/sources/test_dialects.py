"""Delimited tables in the dialects that people and programs write."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knnal.errors import InputError
from knnal.sources.base import Item, Skip
from knnal.sources.tables import TextTable

Rows = list[tuple[str, str, str | None]]

HEADER = ("id", "text", "label")
LONE_QUOTES = [
    ("1", "Great product, arrived on time", "good"),
    ("2", '"Best purchase of the year, she said', "good"),
    ("3", "Broke after two days", "bad"),
    ("4", 'A 12" screen', "bad"),
    ("5", '"Never again', "bad"),
    ("6", 'He said "no" twice', "good"),
]


def read(path: Path, content: str, encoding: str | None = None) -> tuple[Rows, list[Skip]]:
    path.write_bytes(content.encode(encoding or "utf-8"))
    source = TextTable(
        path, text_column="text", id_column="id", label_column="label", encoding=encoding
    )
    found = list(source)
    assert source.count() == len(found)
    rows = [(e.id, e.text or "", e.label) for e in found if isinstance(e, Item)]
    return rows, [e for e in found if isinstance(e, Skip)]


def plain(rows: list[tuple[str, str, str]], delimiter: str, end: str = "\n") -> str:
    """Without any quoting."""
    return "".join(delimiter.join(row) + end for row in [HEADER, *rows])


def quoted(rows: list[tuple[str, str, str]], **dialect: object) -> str:
    """As the csv module writes."""
    stream = io.StringIO()
    csv.writer(stream, **dialect).writerows([HEADER, *rows])  # type: ignore[arg-type]
    return stream.getvalue()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.tab"])
def test_a_tsv_without_quoting(tmp_path: Path, name: str, end: str) -> None:
    assert read(tmp_path / name, plain(LONE_QUOTES, "\t", end)) == (LONE_QUOTES, [])


def test_quotes_of_a_tsv_that_would_join_lines_are_literal(tmp_path: Path) -> None:
    rows = [
        ("1", '"Best purchase', "good"),
        ("2", "Broke after two days", "bad"),
        ("3", 'A screen of 12"', "bad"),
    ]
    path = tmp_path / "a.tsv"
    assert read(path, plain(rows, "\t")) == (rows, [])
    assert "quotes taken literally" in TextTable(path).reading().layout
    (note,) = TextTable(path).reading().notes
    assert "as 3 rows, as they were, or as 1 rows" in note


def test_a_tsv_with_quoting(tmp_path: Path) -> None:
    rows = [("1", "a tab\tand a\nline", "x"), ("2", 'a "quote"', "y"), ("3", "plain", "z")]
    assert read(tmp_path / "a.tsv", quoted(rows, delimiter="\t")) == (rows, [])
    assert TextTable(tmp_path / "a.tsv").reading().notes == ()


def test_a_header_in_quotes_shows_that_line_breaks_may_be_in_cells(tmp_path: Path) -> None:
    """Each line of the text has as many cells as the header."""
    rows = [("1", "one\tx\n2\ttwo", "y")]
    content = quoted(rows, delimiter="\t", quoting=csv.QUOTE_ALL)
    assert read(tmp_path / "a.tsv", content) == (rows, [])


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("write", [plain, quoted])
def test_another_separator_in_a_csv(tmp_path: Path, delimiter: str, write: object) -> None:
    rows = [("1", "Nice, really", "good"), ("2", "Bad, bad, bad", "bad"), ("3", "So-so", "good")]
    content = plain(rows, delimiter) if write is plain else quoted(rows, delimiter=delimiter)
    assert read(tmp_path / "a.csv", content) == (rows, [])


def test_a_separator_that_some_rows_lack(tmp_path: Path) -> None:
    content = "id;text;label\n1;a, b;x\n2;c\n3;d, e;y\n"
    rows, skips = read(tmp_path / "a.csv", content)
    assert rows == [("1", "a, b", "x"), ("3", "d, e", "y")]
    assert skips == [Skip("row 2", "fewer cells than columns")]


def test_the_own_separator_goes_first(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,a;b\none,1;2\ntwo,3;4\n")
    assert TextTable(path).columns() == ["text", "a;b"]


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;"])
def test_the_separator_that_excel_declares(tmp_path: Path, first: str) -> None:
    content = f"{first}\r\nid;text;label\r\n1;a, b;x\r\n"
    assert read(tmp_path / "a.csv", content) == ([("1", "a, b", "x")], [])


def test_quotes_escaped_by_backslashes(tmp_path: Path) -> None:
    content = (
        "id,text,label\n"
        r'1,"He said \"never again\", and meant it",bad' + "\n"
        r'2,"Works \"as advertised\"",good' + "\n"
        r'3,"In C:\new, two\\lines' + '\\\nhere",\\N\n'
    )
    assert read(tmp_path / "a.csv", content) == (
        [
            ("1", 'He said "never again", and meant it', "bad"),
            ("2", 'Works "as advertised"', "good"),
            ("3", "In C:\\new, two\\lines\nhere", None),
        ],
        [],
    )
    assert "backslashes" in TextTable(tmp_path / "a.csv").reading().layout


def test_backslashes_of_a_table_with_doubled_quotes_are_kept(tmp_path: Path) -> None:
    rows = [("1", 'C:\\"new", yes', "a\\"), ("2", "\\", "\\N")]
    assert read(tmp_path / "a.csv", quoted(rows)) == (rows, [])


def test_lone_quotes_in_a_csv_that_is_quoted_otherwise(tmp_path: Path) -> None:
    """Each lone quote costs nothing but, at most, its own line."""
    content = (
        'id,text,label\n1,"Good, really",good\n2,"Best purchase,good\n3,plain,bad\n'
        '4,A 12" screen,bad\n5,"Fine, ok",good\n6,"Open, and more,bad\n7,last,good\n'
    )
    rows, skips = read(tmp_path / "a.csv", content)
    assert rows == [
        ("1", "Good, really", "good"),
        ("2", '"Best purchase', "good"),
        ("3", "plain", "bad"),
        ("4", 'A 12" screen', "bad"),
        ("5", "Fine, ok", "good"),
        ("7", "last", "good"),
    ]
    assert skips == [Skip("row 6", "more cells than columns")]
    (note,) = TextTable(tmp_path / "a.csv").reading().notes
    assert note == "The quotes of 2 of 7 rows do not pair; they were taken literally."


def test_a_lone_quote_that_another_one_closes_by_chance(tmp_path: Path) -> None:
    content = 'id,text,label\n1,"a, b",x\n2,"Best,good\n3,plain,bad\n4,12",5",bad\n5,"c, d",y\n'
    rows, skips = read(tmp_path / "a.csv", content)
    assert [row[0] for row in rows] == ["1", "2", "3", "5"]
    assert rows[1] == ("2", '"Best', "good")
    assert skips == [Skip("row 4", "more cells than columns")]


def test_sentences_in_a_csv_may_span_lines(tmp_path: Path) -> None:
    rows = [("1", "Great, thanks\nbad, though", "x")]
    assert read(tmp_path / "a.csv", quoted(rows)) == (rows, [])
    (note,) = TextTable(tmp_path / "a.csv").reading().notes
    assert "as 1 rows, as they were, or as 2 rows" in note


def test_quotes_of_a_csv_that_would_join_lines_are_literal(tmp_path: Path) -> None:
    rows = [("1", '"Best purchase', "x"), ("2", "plain", "y"), ("3", 'a screen of 12"', "x")]
    assert read(tmp_path / "a.csv", plain(rows, ",")) == (rows, [])
    (note,) = TextTable(tmp_path / "a.csv").reading().notes
    assert "as 3 rows, as they were, or as 1 rows" in note
    content = plain(rows, ",").replace("id,text,label", '"id","text","label"')
    assert read(tmp_path / "a.csv", content) == (
        [("1", "Best purchase,x\n2,plain,y\n3,a screen of 12", "x")],
        [],
    )


def test_texts_of_several_lines_in_a_csv_with_one_column(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text\n"first\nsecond"\nplain\n')
    source = TextTable(path)
    assert [e.text for e in source if isinstance(e, Item)] == ["first\nsecond", "plain"]
    assert "as 2 rows, as they were, or as 3 rows" in source.reading().notes[0]


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    content = "\nid,text,label\n\n1,a,x\n   \n\n2,b,y\n\n"
    assert read(tmp_path / "a.csv", content) == ([("1", "a", "x"), ("2", "b", "y")], [])
    rows, skips = read(tmp_path / "a.tsv", "id\ttext\tlabel\n1\ta\tx\n\t\t\n2\tb\ty\n")
    assert [row[0] for row in rows] == ["1", "2"]
    assert skips == [Skip("row 2", "empty id")]  # a row of empty cells


def test_an_empty_table_declares_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is empty"):
        read(tmp_path / "a.csv", "sep=;\n\n")


CELL = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip)
TABLES = st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6).map(
    lambda pairs: [(f"i{n}", text, label.strip()) for n, (text, label) in enumerate(pairs)]
)


@pytest.mark.parametrize(
    ("name", "dialect"),
    [
        ("a.csv", {}),
        ("b.csv", {"quoting": csv.QUOTE_ALL}),
        ("c.csv", {"lineterminator": "\n"}),
        ("a.tsv", {"delimiter": "\t", "quoting": csv.QUOTE_ALL}),
    ],
)
@given(rows=TABLES)
def test_what_the_csv_module_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory, name: str, dialect: dict[str, object], rows: Rows
) -> None:
    """But for a file that may be understood in two ways, which is said."""
    path = tmp_path_factory.getbasetemp() / name
    found = read(path, quoted(rows, **dialect))  # type: ignore[arg-type]
    assert found == (rows, []) or TextTable(path).reading().notes


PLAIN = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\t\n\r"), min_size=1
).filter(str.strip)


@given(
    rows=st.lists(st.tuples(PLAIN, PLAIN), min_size=1, max_size=6).map(
        lambda pairs: [(f"i{n}", text, label.strip()) for n, (text, label) in enumerate(pairs)]
    )
)
def test_no_row_of_a_tsv_without_quoting_is_lost_or_joined(
    tmp_path_factory: pytest.TempPathFactory, rows: Rows
) -> None:
    """Where the quotes of all cells pair, they may be understood as enclosing them."""
    path = tmp_path_factory.getbasetemp() / "plain.tsv"
    found, skips = read(path, plain(rows, "\t"))  # type: ignore[arg-type]
    assert skips == [skip for skip in skips if skip.reason.startswith("empty")]
    assert len(found) + len(skips) == len(rows)
    if not any(cell.startswith('"') for row in rows for cell in row if cell):
        assert found == rows
