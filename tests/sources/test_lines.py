"""TextLines over real files."""

from __future__ import annotations

import gzip
import hashlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knnal.errors import InputError
from knnal.sources.base import Item, Skip
from knnal.sources.text import TextLines
from knnal.types import Modality

LINES = st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n")))


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_each_line_is_an_item_called_by_its_content(tmp_path: Path) -> None:
    source = TextLines(write(tmp_path / "a.txt", "one\n two \n"))
    stamps = [hashlib.sha256(text.encode()).hexdigest() for text in ("one", " two ")]
    assert list(source) == [
        Item(f"t-{stamps[0][:16]}", stamps[0], text="one"),
        Item(f"t-{stamps[1][:16]}", stamps[1], text=" two "),
    ]
    assert list(source) == list(source)
    assert source.modality is Modality.TEXT


@settings(deadline=None)  # files take what the disk takes
@given(LINES)
def test_round_trip(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder, "a.txt"), "\n".join(["first", *lines]))
        found = [entry.text for entry in TextLines(path) if isinstance(entry, Item)]
    assert found == ["first", *(line for line in lines if line.strip())]


@pytest.mark.parametrize("content", ["a\nb\n", "a\nb", "\ufeffa\r\nb\r\n", "\n a\n \n\t\nb\n\n"])
def test_line_ends_marks_and_blank_lines(tmp_path: Path, content: str) -> None:
    found = list(TextLines(write(tmp_path / "notes", content)))
    assert [entry.text.strip() for entry in found if isinstance(entry, Item) and entry.text] == [
        "a",
        "b",
    ]
    assert len(found) == 2


def test_gzipped_lines(tmp_path: Path) -> None:
    source = TextLines(write(tmp_path / "a.txt.gz", gzip.compress(b"one\ntwo\n")))
    assert [entry.text for entry in source if isinstance(entry, Item)] == ["one", "two"]
    assert source.count() is None


def test_invalid_utf8_costs_only_its_line(tmp_path: Path) -> None:
    source = TextLines(write(tmp_path / "a.txt", b"one\n\nb\xffd\ntwo\n"))
    found = list(source)
    reason = "invalid UTF-8; the file looks like cp1252: set the encoding"
    assert found[1] == Skip("line 3", reason)
    assert list(map(type, found)) == [Item, Skip, Item]


@pytest.mark.parametrize(("content", "lines"), [("", 0), ("a", 1), ("a\nb\n", 2), ("a\n\nb", 3)])
def test_count(tmp_path: Path, content: str, lines: int) -> None:
    assert TextLines(write(tmp_path / "a.txt", content)).count() == lines


def test_count_over_several_blocks(tmp_path: Path) -> None:
    assert TextLines(write(tmp_path / "a.txt", "abcdefg\n" * 300_000)).count() == 300_000


def test_a_location_of_no_use_is_an_input_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.txt"):
        with pytest.raises(InputError, match=r"is a folder|no file"):
            TextLines(path)


def test_only_the_line_end_is_cut_off(tmp_path: Path) -> None:
    source = TextLines(write(tmp_path / "a.txt", "one \r\ntwo\r\nth\rree\r\n"))
    assert [e.text for e in source if isinstance(e, Item)] == ["one ", "two", "th\rree"]
