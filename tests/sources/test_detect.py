"""open_source over every kind of path."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from knnal.errors import InputError
from knnal.sources.base import Item
from knnal.sources.detect import open_source, supported
from knnal.sources.images import ImageFolder
from knnal.sources.tables import TextTable
from knnal.sources.text import TextLines
from knnal.sources.vectors import VectorFile

VECTORS = pa.array([[1.0, 2.0]])


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with one of everything."""
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    (tmp_path / "photos" / "cat" / "a.png").write_bytes(b"")
    (tmp_path / "one.JPG").write_bytes(b"")
    for name in ("t.csv", "t.tsv", "t.CSV"):
        (tmp_path / name).write_text("text\nhello\n")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"text\nhello\n"))
    for name in ("t.jsonl", "t.ndjson"):
        (tmp_path / name).write_text('{"text": "hello"}\n')
    for name in ("l.txt", "l.log", "plain"):
        (tmp_path / name).write_text("hello\n")
    (tmp_path / "l.txt.gz").write_bytes(gzip.compress(b"hello\n"))
    np.save(tmp_path / "v.npy", np.ones((1, 2)))
    np.savez(tmp_path / "v.npz", np.ones((1, 2)))
    pq.write_table(pa.table({"text": ["hello"]}), tmp_path / "t.parquet")
    pq.write_table(pa.table({"id": ["a"], "v": VECTORS}), tmp_path / "v.parquet")
    pq.write_table(pa.table({"text": ["hello"], "v": VECTORS}), tmp_path / "both.parquet")
    pq.write_table(pa.table({"words": ["hello"], "v": VECTORS}), tmp_path / "hidden.parquet")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("photos", ImageFolder),
        ("one.JPG", ImageFolder),
        ("t.csv", TextTable),
        ("t.CSV", TextTable),
        ("t.tsv", TextTable),
        ("t.csv.gz", TextTable),
        ("t.jsonl", TextTable),
        ("t.ndjson", TextTable),
        ("t.parquet", TextTable),
        ("both.parquet", TextTable),
        ("l.txt", TextLines),
        ("l.log", TextLines),
        ("plain", TextLines),
        ("l.txt.gz", TextLines),
        ("v.npy", VectorFile),
        ("v.npz", VectorFile),
        ("v.parquet", VectorFile),
        ("hidden.parquet", VectorFile),
    ],
)
def test_the_kind_of_each_path(place: Path, name: str, kind: type) -> None:
    for location in (place / name, str(place / name)):
        source = open_source(location)
        assert type(source) is kind
        assert source.location == place / name
        (item,) = source
        assert isinstance(item, Item)
        assert {"ImageFolder": item.path, "VectorFile": item.vector}.get(
            kind.__name__, item.text
        ) is not None


def test_a_named_text_column_makes_a_table_of_vectors_one_of_texts(place: Path) -> None:
    (item,) = open_source(place / "hidden.parquet", text_column="words")
    assert isinstance(item, Item)
    assert item.text == "hello"


def test_options_reach_the_source(place: Path) -> None:
    (place / "t.csv").write_text("a,b,c\nkey,hello,x\n")
    (place / "ids.txt").write_text("name\n")
    table = open_source(place / "t.csv", text_column="b", id_column="a", label_column="c")
    folder = open_source(place / "photos", labels_from_folders=True)
    vectors = open_source(place / "v.npy", ids=place / "ids.txt")
    columns = open_source(place / "hidden.parquet", id_column="words", label_column="words")
    found = [next(iter(source)) for source in (table, folder, vectors, columns)]
    assert [(item.id, item.label) for item in found if isinstance(item, Item)] == [
        ("key", "x"),
        ("cat/a.png", "cat"),
        ("name", None),
        ("hello", "hello"),
    ]


@pytest.mark.parametrize(
    ("name", "options", "option"),
    [
        ("photos", {"text_column": "a"}, "text_column"),
        ("photos", {"id_column": "a"}, "id_column"),
        ("photos", {"label_column": "a"}, "label_column"),
        ("one.JPG", {"ids": "a"}, "ids"),
        ("t.csv", {"labels_from_folders": True}, "labels_from_folders"),
        ("t.csv", {"ids": "a"}, "ids"),
        ("t.parquet", {"ids": "a"}, "ids"),
        ("l.txt", {"labels_from_folders": True}, "labels_from_folders"),
        ("l.txt", {"text_column": "a"}, "text_column"),
        ("l.txt", {"label_column": "a"}, "label_column"),
        ("l.txt", {"ids": "a"}, "ids"),
        ("v.npy", {"text_column": "a"}, "text_column"),
        ("v.npy", {"label_column": "a"}, "label_column"),
        ("v.npz", {"labels_from_folders": True}, "labels_from_folders"),
        ("v.parquet", {"ids": "a"}, "ids"),
        ("photos", {"encoding": "cp1252"}, "encoding"),
        ("v.npy", {"encoding": "cp1252"}, "encoding"),
        ("t.parquet", {"encoding": "cp1252"}, "encoding"),
        ("v.npy", {"ignore_labels": True}, "ignore_labels"),
        ("t.csv", {"ignore_labels": True}, "ignore_labels"),
    ],
)
def test_an_option_that_does_not_fit(place: Path, name: str, options: Any, option: str) -> None:
    with pytest.raises(InputError, match=f"takes no `{option}`"):
        open_source(place / name, **options)


def test_a_path_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="There is nothing at") as caught:
        open_source(tmp_path / "none.csv")
    assert supported() in str(caught.value)


@pytest.mark.parametrize("name", ["a.zip", "a.PDF", "a.docx", "a.tar.gz", "a.svg"])
def test_formats_that_lines_would_misread(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("looks like text")
    with pytest.raises(InputError, match="is not supported") as caught:
        open_source(tmp_path / name)
    assert supported() in str(caught.value)


def test_an_unknown_binary_file(tmp_path: Path) -> None:
    (tmp_path / "a.thing").write_bytes(b"head\0tail")
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"head\0tail"))
    for name in ("a.thing", "b.gz"):
        with pytest.raises(InputError, match="is not supported"):
            open_source(tmp_path / name)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_utf16_lines(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes("hello\nw\u00f6rld\n".encode(encoding))
    found = [item.text for item in open_source(tmp_path / "a.txt") if isinstance(item, Item)]
    assert found == ["hello", "w\u00f6rld"]


@pytest.mark.parametrize("name", ["a.npy.gz", "a.parquet.gz"])
def test_formats_that_are_not_read_compressed(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(b"any"))
    with pytest.raises(InputError, match="is not a"):
        open_source(tmp_path / name)


def test_pyarrow_loads_only_when_a_file_needs_it(place: Path) -> None:
    script = (
        "import sys; from knnal.sources.detect import open_source; list(open_source(sys.argv[1])); "
        "sys.exit('pyarrow' in sys.modules)"
    )
    for name, code in (("t.csv", 0), ("t.parquet", 1)):
        run = subprocess.run([sys.executable, "-c", script, str(place / name)], check=False)
        assert run.returncode == code
