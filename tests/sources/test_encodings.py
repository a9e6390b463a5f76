"""Text files in other encodings than UTF-8, and what is said where the encoding does not fit."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path

import pytest

from knnal.errors import InputError
from knnal.sources.base import Item, Skip
from knnal.sources.tables import TextTable
from knnal.sources.text import TextLines

TEXTS = ["sch\u00f6ne Gr\u00f6\u00dfe", "plain", "caf\u00e9 \u2013 tr\u00e8s bon"]
MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}


def content(suffix: str, end: str = "\n") -> str:
    if suffix == ".jsonl":
        return "".join(f'{{"text": "{text}"}}{end}' for text in TEXTS)
    return "".join(f"{line}{end}" for line in ["text", *TEXTS])


def texts(source: TextTable | TextLines) -> list[str | None]:
    return [entry.text for entry in source if isinstance(entry, Item)]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
@pytest.mark.parametrize("encoding", MARKS)
@pytest.mark.parametrize("packed", [False, True])
def test_a_byte_order_mark_tells_the_encoding(
    tmp_path: Path, suffix: str, encoding: str, packed: bool
) -> None:
    written = MARKS[encoding] + content(suffix).encode(encoding)
    path = tmp_path / f"a{suffix}{'.gz' * packed}"
    path.write_bytes(gzip.compress(written) if packed else written)
    source = TextTable(path)
    assert source.columns() == ["text"]
    assert texts(source) == TEXTS
    assert encoding.upper()[:6].rstrip("-") in source.reading().layout


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.csv").write_bytes(content(".csv").encode(encoding))
    assert texts(TextTable(tmp_path / "a.csv")) == TEXTS


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".txt"])
def test_old_mac_line_ends(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content(suffix, end="\r").encode())
    source = TextLines(path) if suffix == ".txt" else TextTable(path)
    assert texts(source) == (["text", *TEXTS] if suffix == ".txt" else TEXTS)
    assert source.count() == len(list(source))


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "UTF-8", "utf8", "utf_16", "mac_roman"])
def test_an_encoding_that_is_named(tmp_path: Path, encoding: str) -> None:
    written = [text.replace("\u2013", "-") for text in TEXTS]
    (tmp_path / "a.csv").write_bytes("\n".join(["text", *written]).encode(encoding))
    assert texts(TextTable(tmp_path / "a.csv", encoding=encoding)) == written
    (tmp_path / "a.txt").write_bytes("\n".join(written).encode(encoding))
    assert texts(TextLines(tmp_path / "a.txt", encoding=encoding)) == written


@pytest.mark.parametrize(
    ("encoding", "language"),
    [
        ("cp1252", "Schöne Größe, für den Preis sehr gut. Très bon café, à côté de la plage."),
        ("cp1251", "Отличный отель, приедем еще раз, все понравилось"),
        ("cp1250", "Zażółć gęślą jaźń, bardzo dobry pokój i miła obsługa w hotelu"),
        ("cp932", "素晴らしいホテルでした。また来たいと思います。"),
    ],
)
def test_a_likely_encoding_is_suggested_and_works(
    tmp_path: Path, encoding: str, language: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(f"id;text\n1;{language}\n2;plain\n".encode(encoding))
    found = list(TextTable(path))
    reason = f"invalid UTF-8; the file looks like {encoding}: set the encoding"
    assert found[0] == Skip("row 1", reason)
    assert isinstance(found[1], Item)
    assert texts(TextTable(path, encoding=encoding)) == [language, "plain"]


def test_one_broken_row_of_a_file_in_utf8_suggests_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("text\nsch\u00f6n\ngr\u00fcn\n".encode() + b"bl\xf6d\n")
    assert list(TextTable(path))[2] == Skip("row 3", "invalid UTF-8")


def test_column_names_that_are_decoded_wrongly(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("Gr\u00f6\u00dfe,text\n1,a\n".encode("cp1252"))
    with pytest.raises(InputError, match=r"no column.*looks like cp1252: set the encoding"):
        TextTable(path, id_column="Gr\u00f6\u00dfe")
    assert TextTable(path, id_column="Gr\u00f6\u00dfe", encoding="cp1252").columns()


def test_bytes_that_a_named_encoding_lacks(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"text\nfine\n\x81\n")
    assert list(TextTable(path, encoding="cp1252"))[1] == Skip(
        "row 2", "invalid cp1252; the file looks like cp1251: set the encoding"
    )


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", ""])
def test_no_encoding_of_that_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.csv").write_text("text\na\n")
    with pytest.raises(InputError, match=f"no text encoding '{name}'"):
        TextTable(tmp_path / "a.csv", encoding=name)


def test_an_encoding_that_the_mark_contradicts(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("\ufefftext\na\n".encode())
    with pytest.raises(InputError, match="begins as UTF-8 does, so it cannot be cp1252"):
        TextTable(tmp_path / "a.csv", encoding="cp1252")


def test_utf16_cut_off(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("text\nhello\n".encode("utf-16")[:-1])
    with pytest.raises(InputError, match="complete"):
        TextTable(tmp_path / "a.csv")
