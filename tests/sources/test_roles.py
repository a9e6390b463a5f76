"""Ids and labels from the columns of every format: numbers, lists, class names, answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knnal.errors import InputError
from knnal.sources.base import Item, Skip
from knnal.sources.cells import as_whole, whole_columns
from knnal.sources.tables import TextTable
from knnal.sources.vectors import VectorFile

SUFFIXES = [".csv", ".tsv", ".jsonl", ".json", ".parquet"]


def write(folder: Path, suffix: str, **columns: list[Any]) -> Path:
    """A table; what is none of str becomes a number in CSV as pandas writes it."""
    path = folder / f"table{suffix}"
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    if suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    elif suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        mark = "," if suffix == ".csv" else "\t"
        lines = [columns, *(row.values() for row in rows)]
        cells = (["" if c is None else str(c) for c in line] for line in lines)
        path.write_text("".join(mark.join(line) + "\n" for line in cells))
    return path


def read(path: Path) -> list[tuple[str, str | None] | Skip]:
    source = TextTable(path, id_column="id", label_column="label")
    return [(e.id, e.label) if isinstance(e, Item) else e for e in source]


# Numbers


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_whole_floats_are_integers(tmp_path: Path, suffix: str) -> None:
    path = write(
        tmp_path, suffix, id=[105.0, 106.0, 107.0], text=["a", "b", "c"], label=[1.0, None, 0.0]
    )
    assert read(path) == [("105", "1"), ("106", None), ("107", "0")]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_column_with_a_fraction_keeps_its_numbers(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path, suffix, id=[1.0, 2.0], text=["a", "b"], label=[1.5, 2.0])
    assert read(path) == [("1", "1.5"), ("2", "2.0")]


CODES = ["007", "1e5", "1.50", "+1", "1.", ".5", "00", "1.0.0", "v1.0"]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_codes_never_change(tmp_path: Path, suffix: str, code: str) -> None:
    path = write(tmp_path, suffix, id=["a", code], text=["a", "b"], label=[code, code])
    assert read(path) == [("a", code), (code, code)]


@pytest.mark.parametrize("code", ["007", "1e5", "1.50", "1.5"])
def test_codes_keep_the_numbers_beside_them(tmp_path: Path, code: str) -> None:
    path = write(tmp_path, ".csv", id=["1.0", code], text=["a", "b"], label=["x", "x"])
    assert [row[0] for row in read(path) if isinstance(row, tuple)] == ["1.0", code]


def test_words_beside_whole_numbers(tmp_path: Path) -> None:
    path = write(tmp_path, ".csv", id=["a", "b"], text=["a", "b"], label=["1.0", "unsure"])
    assert read(path) == [("a", "1"), ("b", "unsure")]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_strings_of_typed_columns_are_no_numbers(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path, suffix, id=["1.0", "2.0"], text=["a", "b"], label=["1.0", "0.0"])
    assert read(path) == [("1.0", "1.0"), ("2.0", "0.0")]


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_ids_that_a_float_cannot_hold_are_refused(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path, suffix, id=[1.0, 146767879867864065.0], text=["a", "b"], label=[1, 2])
    assert read(path) == [
        ("1", "1"),
        Skip("row 2", "id is a float too large to be exact: save ids as text or integers"),
    ]


@given(st.lists(st.integers(-(10**6), 10**6)), st.data())
def test_whole_numbers_are_one_value_however_they_are_written(
    numbers: list[int], data: st.DataObject
) -> None:
    written = [f"{n}.0" if data.draw(st.booleans()) else str(n) for n in numbers]
    rows = [{"c": cell} for cell in written]
    assert whole_columns(rows, ["c"], typed=False) == {"c"}
    assert [as_whole(cell, typed=False) for cell in written] == list(map(str, numbers))
    typed = [float(cell) for cell in written]
    assert [as_whole(cell, typed=True) for cell in typed] == numbers


def test_numbers_of_files_of_vectors(tmp_path: Path) -> None:
    X = np.eye(3, dtype=np.float32)
    np.savez(tmp_path / "a.npz", embeddings=X, ids=[7.0, 8.0, 9.0], labels=[1.0, 0.0, 1.0])
    np.save(tmp_path / "b.npy", X)
    (tmp_path / "ids.txt").write_text("7.0\n8.0\n9.0\n")
    pq.write_table(
        pa.table({"id": [7.0, 8.0, 9.0], "y": [1.0, 0.0, 1.0], "v": X.tolist()}),
        tmp_path / "c.parquet",
    )
    archive = VectorFile(tmp_path / "a.npz")
    array = VectorFile(tmp_path / "b.npy", ids=tmp_path / "ids.txt")
    table = VectorFile(tmp_path / "c.parquet", label_column="y")
    for source, labels in ((archive, ["1", "0", "1"]), (array, [None] * 3), (table, list("101"))):
        items = [entry for entry in source if isinstance(entry, Item)]
        assert [item.id for item in items] == ["7", "8", "9"]
        assert [item.label for item in items] == labels


# Lists


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet"])
def test_lists_of_labels(tmp_path: Path, suffix: str) -> None:
    path = write(
        tmp_path,
        suffix,
        id=["a", "b", "c", "d", "e"],
        text=list("abcde"),
        label=[["x"], [], None, ["x", "y"], [" y "]],
    )
    assert read(path) == [
        ("a", "x"),
        ("b", None),
        ("c", None),
        Skip("row 4", "label is a list of several"),
        ("e", "y"),
    ]


def test_lists_of_spans_are_no_labels(tmp_path: Path) -> None:
    path = write(tmp_path, ".jsonl", id=["a"], text=["a"], label=[[[0, 5, "PER"]]])
    assert read(path) == [Skip("row 1", "label is neither a string nor a number")]


# Prodigy's records


def prodigy(path: Path, *answers: str | None, **cells: Any) -> Path:
    rows = [
        {"id": f"i{n}", "text": f"text {n}", **cells} | ({"answer": a} if a is not None else {})
        for n, a in enumerate(answers)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_only_accepted_labels_of_prodigys_records_count(tmp_path: Path) -> None:
    path = prodigy(tmp_path / "a.jsonl", "accept", "reject", "ignore", None, label="x")
    source = TextTable(path, id_column="id", label_column="label")
    assert [e.label for e in source if isinstance(e, Item)] == ["x", None, None, None]
    reading = source.reading()
    assert "where answer is accept" in reading.columns[2].why
    assert reading.notes == (
        "1 label omitted: its answer is reject.",
        "1 label omitted: its answer is ignore.",
        "1 label omitted: it has no answer.",
    )


@pytest.mark.parametrize("column", ["label", "accept"])
def test_prodigys_choices(tmp_path: Path, column: str) -> None:
    rows = [
        {"id": "a", "text": "a", "accept": ["x"], "answer": "accept"},
        {"id": "b", "text": "b", "accept": ["x", "y"], "answer": "accept"},
        {"id": "c", "text": "c", "accept": [], "answer": "accept"},
        {"id": "d", "text": "d", "label": "z", "answer": "accept"},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    source = TextTable(path, id_column="id", label_column=column)
    assert [e.label if isinstance(e, Item) else e for e in source] == [
        "x",
        Skip("row 2", "label is a list of several"),
        None,
        "z",
    ]


def test_other_answers_are_no_prodigys(tmp_path: Path) -> None:
    path = prodigy(tmp_path / "a.jsonl", "forty-two", "reject", label="x")
    source = TextTable(path, id_column="id", label_column="label")
    assert [e.label for e in source if isinstance(e, Item)] == ["x", "x"]


def test_another_column_of_labels_has_nothing_to_do_with_answers(tmp_path: Path) -> None:
    path = prodigy(tmp_path / "a.jsonl", "reject", label="x", topic="y")
    source = TextTable(path, id_column="id", label_column="topic")
    assert [e.label for e in source if isinstance(e, Item)] == ["y"]


# Hugging Face's Parquet


def hugging_face(path: Path, features: Any, **columns: Any) -> Path:
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path)
    return path


CLASSES = {"names": ["neg", "pos"], "_type": "ClassLabel"}


@pytest.mark.parametrize(
    ("feature", "cells"),
    [
        (CLASSES, [1, 0, None, -1, 2]),
        (CLASSES, [1.0, 0.0, None, -1.0, 2.0]),
        ({"feature": CLASSES, "_type": "Sequence"}, [[1], [0], [], [-1], [2]]),
        ([CLASSES], [[1], [0], [], None, [2]]),
    ],
)
def test_class_names_come_from_the_schema(tmp_path: Path, feature: Any, cells: list[Any]) -> None:
    path = hugging_face(
        tmp_path / "a.parquet",
        {"text": {"dtype": "string", "_type": "Value"}, "label": feature},
        id=list("abcde"),
        text=list("vwxyz"),
        label=cells,
    )
    assert read(path) == [
        ("a", "pos"),
        ("b", "neg"),
        ("c", None),
        ("d", None),
        Skip("row 5", "number without a class name in the file's schema"),
    ]


def test_class_names_of_a_file_of_vectors(tmp_path: Path) -> None:
    path = hugging_face(
        tmp_path / "a.parquet", {"label": CLASSES}, v=[[1.0, 2.0], [2.0, 1.0]], label=[1, 0]
    )
    items = [e for e in VectorFile(path, label_column="label") if isinstance(e, Item)]
    assert [item.label for item in items] == ["pos", "neg"]


@pytest.mark.parametrize("metadata", [{"huggingface": "{"}, {"huggingface": "[]"}, {"pandas": "x"}])
def test_other_metadata_is_ignored(tmp_path: Path, metadata: dict[str, str]) -> None:
    table = pa.table({"id": ["a"], "text": ["b"], "label": [1]}).replace_schema_metadata(metadata)
    pq.write_table(table, tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet") == [("a", "1")]


def test_images_in_a_table_are_refused_by_name(tmp_path: Path) -> None:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    cells = pa.array([{"bytes": b"x", "path": "x.png"}], kind)
    bare = tmp_path / "bare.parquet"
    pq.write_table(pa.table({"picture": cells, "label": [1]}), bare)
    described = hugging_face(
        tmp_path / "hf.parquet", {"picture": {"_type": "Image"}}, picture=cells, label=[1]
    )
    for path in (bare, described):
        for options in ({}, {"text_column": "picture"}):
            with pytest.raises(InputError, match=r"holds images, in 'picture'.*into a folder"):
                TextTable(path, **options)  # type: ignore[arg-type]


def test_captions_of_images_are_texts(tmp_path: Path) -> None:
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    cells = pa.array([{"bytes": b"x", "path": "x.png"}], kind)
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"image": cells, "text": ["a cat"], "alt": ["cat"]}), path)
    for options, text in (({}, "a cat"), ({"text_column": "alt"}, "cat")):
        (item,) = TextTable(path, **options)  # type: ignore[arg-type]
        assert isinstance(item, Item)
        assert item.text == text
