"""TextTable over real files, against the csv, json and pyarrow modules as writers."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import tempfile
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knnal.errors import InputError
from knnal.sources import dialect
from knnal.sources.base import Item, Skip
from knnal.sources.tables import TextTable
from knnal.types import Modality

LETTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.lists(st.text(LETTERS).filter(lambda text: text.strip()), max_size=8)


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def texts(source: Iterable[Item | Skip]) -> list[str | None]:
    return [entry.text for entry in source if isinstance(entry, Item)]


def skips(source: Iterable[Item | Skip]) -> list[Skip]:
    return [entry for entry in source if isinstance(entry, Skip)]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# The same three rows in every format.

ROWS = [
    ("a", "first, with a comma", "ham"),
    ("b", 'second "quoted"', ""),
    ("c", "third ⚽", "spam"),
]


def save(folder: Path, suffix: str) -> Path:
    path = folder / f"table{suffix}"
    names = ("key", "text", "kind")
    if suffix == ".parquet":
        columns = list(zip(*ROWS, strict=True))
        return parquet(path, **dict(zip(names, columns, strict=True)))
    opened = gzip.open if suffix.endswith(".gz") else open
    with opened(path, "wt", encoding="utf-8", newline="") as stream:
        if "json" in suffix:
            for row in ROWS:
                stream.write(json.dumps(dict(zip(names, row, strict=True))) + "\n")
        else:
            writer = csv.writer(stream, delimiter="\t" if ".tsv" in suffix else ",")
            writer.writerows([names, *ROWS])
    return path


FORMATS = [".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".csv.gz", ".tsv.gz", ".jsonl.gz"]


@pytest.mark.parametrize("suffix", [*FORMATS, ".CSV", ".JSONL.GZ"])
def test_every_format_gives_the_same_items(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path, suffix.lower()).rename(tmp_path / f"renamed{suffix}")
    source = TextTable(path, id_column="key", label_column="kind")
    expected = [Item(key, sha(text), text=text, label=label or None) for key, text, label in ROWS]
    assert list(source) == expected
    assert list(source) == expected
    assert source.columns() == ["key", "text", "kind"]
    assert source.modality is Modality.TEXT


@pytest.mark.parametrize("suffix", FORMATS)
def test_without_an_id_column_the_content_names_the_item(tmp_path: Path, suffix: str) -> None:
    found = [entry for entry in TextTable(save(tmp_path, suffix)) if isinstance(entry, Item)]
    assert [item.id for item in found] == ["t-" + sha(text)[:16] for _, text, _ in ROWS]
    assert {item.label for item in found} == {None}


@pytest.mark.parametrize("suffix", FORMATS)
def test_count_is_exact(tmp_path: Path, suffix: str) -> None:
    assert TextTable(save(tmp_path, suffix)).count() == 3


def test_count_without_a_last_line_break(tmp_path: Path) -> None:
    assert TextTable(write(tmp_path / "a.csv", "text\none\ntwo")).count() == 2
    assert TextTable(write(tmp_path / "b.csv", "text\n")).count() == 0


@settings(deadline=None)  # files take what the disk takes
@given(TEXTS)
def test_csv_round_trip(written: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.csv")
        with path.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([["n", "text"], *enumerate(written)])
        source = TextTable(path, id_column="n")
        # Each line of a text may by chance have as many commas as the header, which is said.
        assert texts(source) == written or source.reading().notes


@settings(deadline=None)  # files take what the disk takes
@given(TEXTS)
def test_jsonl_round_trip(written: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lines = [json.dumps({"text": text}, ensure_ascii=len(text) % 2 == 0) for text in written]
        path = write(Path(folder, "a.jsonl"), "\n".join(['{"text": "first"}', *lines]))
        assert texts(TextTable(path)) == ["first", *written]


@settings(deadline=None)  # files take what the disk takes
@given(TEXTS)
def test_parquet_round_trip(written: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = parquet(Path(folder, "a.parquet"), text=pa.array(written, pa.string()))
        assert texts(TextTable(path)) == written


# Which column


@pytest.mark.parametrize(
    "name", ["text", "tweet", "content", "body", "sentence", "review", "message", "comment", "TEXT"]
)
def test_a_telling_name_is_found(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.csv", f"x,{name},y\n1,hello,2\n")
    assert texts(TextTable(path)) == ["hello"]


@pytest.mark.parametrize("header", ["a,b", "text,comment"])
def test_no_or_two_telling_names_list_the_columns(tmp_path: Path, header: str) -> None:
    path = write(tmp_path / "a.csv", f"{header}\n1,2\n")
    with pytest.raises(InputError, match="text_column") as caught:
        TextTable(path)
    assert all(repr(name) in str(caught.value) for name in header.split(","))


def test_a_named_text_column_goes_first(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,other\n1,2\n")
    assert texts(TextTable(path, text_column="other")) == ["2"]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("role", ["text", "id", "label"])
def test_a_missing_column_is_an_input_error(tmp_path: Path, role: str, suffix: str) -> None:
    with pytest.raises(InputError, match=f"'nope'.*'key', 'text', 'kind'.*`{role}_column`"):
        TextTable(save(tmp_path, suffix), **{f"{role}_column": "nope"})  # type: ignore[arg-type]


def test_a_column_named_twice_is_an_input_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "text,id,id\nx,1,2\n")
    with pytest.raises(InputError, match="2 columns"):
        TextTable(path, id_column="id")


def test_one_column_may_have_two_roles(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", text=["x", "y"])
    found = list(TextTable(path, id_column="text"))
    assert [entry.id for entry in found if isinstance(entry, Item)] == ["x", "y"]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_file_is_an_input_error(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(InputError, match=r"is empty|holds no JSON"):
        TextTable(write(tmp_path / name, content))


def test_undecodable_column_names_can_be_printed(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        TextTable(write(tmp_path / "a.csv", b"gr\xf6\xdfe,b\n1,2\n"))
    str(caught.value).encode()


def test_jsonl_keys_are_gathered_from_more_than_one_line(tmp_path: Path) -> None:
    lines = ['{"text": "a"}', "broken", '{"text": "b", "label": " x "}']
    source = TextTable(write(tmp_path / "a.jsonl", "\n".join(lines)), label_column="label")
    assert [e.label for e in source if isinstance(e, Item)] == [None, "x"]


# Broken rows


def test_invalid_utf8_costs_only_its_row(tmp_path: Path) -> None:
    lines = [b"text"] + [b"row %d" % number for number in range(1, 31)]
    lines[17] = b"bad \xff\xfe"
    source = TextTable(write(tmp_path / "a.csv", b"\n".join(lines)))
    reason = "invalid UTF-8; the file looks like cp1252: set the encoding"
    assert skips(source) == [Skip("row 17", reason)]
    assert len(texts(source)) == 29


def test_invalid_utf8_elsewhere_does_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"text,author\nfine,J\xf6rg\n")
    assert texts(TextTable(path)) == ["fine"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"text": "\xff"}', "invalid UTF-8; the file looks like cp1252: set the encoding"),
        (b'{"text": "\\ud800"}', "invalid UTF-8"),
    ],
)
def test_invalid_utf8_in_jsonl(tmp_path: Path, line: bytes, reason: str) -> None:
    source = TextTable(write(tmp_path / "a.jsonl", b'{"text": "a"}\n' + line + b'\n{"text":"b"}'))
    assert list(map(type, source)) == [Item, Skip, Item]
    assert skips(source) == [Skip("row 2", reason)]


def test_invalid_utf8_in_parquet(tmp_path: Path) -> None:
    offsets = pa.array([0, 1, 2, 3], pa.int32()).buffers()[1]
    broken = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"a\xffb"))
    source = TextTable(parquet(tmp_path / "a.parquet", text=broken))
    assert texts(source) == ["a", "b"]
    assert skips(source) == [Skip("row 2", "invalid UTF-8")]


def test_ragged_rows_are_reported(tmp_path: Path) -> None:
    source = TextTable(write(tmp_path / "a.csv", "id,text\n1,a\n2\n\n3,b,c\n4,d\n"))
    assert texts(source) == ["a", "d"]
    assert skips(source) == [
        Skip("row 2", "fewer cells than columns"),
        Skip("row 3", "more cells than columns"),
    ]


def test_a_quote_left_open_costs_no_row(tmp_path: Path) -> None:
    source = TextTable(write(tmp_path / "a.csv", 'text\nfine\n"open\nmore\nand more\n'))
    assert texts(source) == ["fine", '"open', "more", "and more"]
    assert not skips(source)


def test_a_cell_beyond_the_limit_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = csv.field_size_limit(50)
    monkeypatch.setattr(dialect, "CELL_LIMIT", 100)
    try:
        source = TextTable(write(tmp_path / "a.csv", f"text\na\n{'x' * 101}\n{'y' * 100}\n"))
        assert texts(source) == ["a", "y" * 100]
        assert skips(source) == [Skip("row 2", "cell of over 100 characters")]
    finally:
        csv.field_size_limit(limit)


def test_cells_longer_than_the_csv_module_expects(tmp_path: Path) -> None:
    long = "x" * 300_000
    assert texts(TextTable(write(tmp_path / "a.csv", f"text\n{long}\n"))) == [long]


def test_zero_bytes_are_kept(tmp_path: Path) -> None:
    assert texts(TextTable(write(tmp_path / "a.csv", "text\na\0b\n"))) == ["a\0b"]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_byte_order_mark_is_no_part_of_the_name(tmp_path: Path, name: str) -> None:
    content = "text\nhi\n" if name == "a.csv" else '{"text": "hi"}\n'
    source = TextTable(write(tmp_path / name, "\ufeff" + content))
    assert source.columns() == ["text"]
    assert texts(source) == ["hi"]


@pytest.mark.parametrize(
    "line", ["{", "[1]", "3", "null", "text", '{"a":' * 100_000, '{"a": ' + "9" * 5000 + "}"]
)
def test_a_line_that_is_no_object_is_reported(tmp_path: Path, line: str) -> None:
    content = f'{{"text": "a"}}\n{line}\n\n{{"text": "b"}}\r\n'
    source = TextTable(write(tmp_path / "a.jsonl", content))
    assert texts(source) == ["a", "b"]
    assert skips(source) == [Skip("row 2", "line is not a JSON object")]


def test_cells_that_are_no_strings(tmp_path: Path) -> None:
    values = [1, 2.5, True, None, [1], {"a": 1}, float("nan")]
    lines = [json.dumps({"text": value}) for value in values]
    found = list(TextTable(write(tmp_path / "a.jsonl", "\n".join([*lines, "{}"]))))
    assert texts(found) == ["1", "2.5", "True"]
    unusable = "text is neither a string nor a number"
    assert [(skip.where, skip.reason) for skip in skips(found)] == [
        ("row 4", "empty text"),
        ("row 5", unusable),
        ("row 6", unusable),
        ("row 7", "empty text"),
        ("row 8", "empty text"),
    ]


def test_parquet_types(tmp_path: Path) -> None:
    table = parquet(
        tmp_path / "a.parquet",
        text=pa.array([b"raw", "gr\u00fc\u00df".encode(), b" "], pa.binary()),
        id=pa.array([7, None, 9], pa.int64()),
        label=pa.array(["x", None, "x"]).dictionary_encode(),
    )
    found = list(TextTable(table, id_column="id", label_column="label"))
    assert found == [
        Item("7", sha("raw"), text="raw", label="x"),
        Skip("row 2", "empty id"),
        Skip("row 3", "empty text"),
    ]


def test_blank_cells(tmp_path: Path) -> None:
    content = 'id,text,label\n1," ",x\n,hello,x\n3,hello,"  "\n4, hello , two words \n'
    source = TextTable(write(tmp_path / "a.csv", content), id_column="id", label_column="label")
    assert list(source) == [
        Skip("row 1", "empty text"),
        Skip("row 2", "empty id"),
        Item("3", sha("hello"), text="hello"),
        Item("4", sha(" hello "), text=" hello ", label="two words"),
    ]


# Files that cannot be read


def test_other_files_are_input_errors(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv", write(tmp_path / "a.docx", "x")):
        with pytest.raises(InputError, match=r"is a folder|no file|not a table"):
            TextTable(path)


def test_a_gzipped_parquet_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="text formats also with"):
        TextTable(write(tmp_path / "a.parquet.gz", gzip.compress(b"PAR1")))


@pytest.mark.parametrize("name", ["a.parquet", "a.csv.gz"])
def test_a_file_that_is_not_what_it_is_called(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be read to its end"):
        TextTable(write(tmp_path / name, "text\nplain\n"))


def test_a_truncated_download_is_an_input_error_at_once(tmp_path: Path) -> None:
    content = gzip.compress(b"text\n" + b"\n".join(b"%d" % n for n in range(50_000)))
    with pytest.raises(InputError, match="complete"):
        TextTable(write(tmp_path / "a.csv.gz", content[:-100]))


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_memory_stays_flat(tmp_path: Path, suffix: str) -> None:
    line = "x" * 1000 if suffix == ".csv" else json.dumps({"text": "x" * 1000})
    path = write(tmp_path / f"a{suffix}", "text\n" * (suffix == ".csv") + f"{line}\n" * 20_000)
    source = TextTable(path)
    tracemalloc.start()
    try:
        assert sum(1 for _ in source) == 20_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000
