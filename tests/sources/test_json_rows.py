"""JSON arrays and lines, whatever the file is called."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knnal.errors import InputError
from knnal.sources import json_rows
from knnal.sources.base import Item, Skip
from knnal.sources.tables import TextTable

ROWS = [{"id": "a", "text": "one"}, {"id": "b", "text": "tw\u00f6"}, {"id": "c", "text": "3 ]},["}]
WRITTEN = {
    "lines": "\n".join(map(json.dumps, ROWS)),
    "array": json.dumps(ROWS, ensure_ascii=False),
    "indented": json.dumps(ROWS, indent=2),
    "marked": "\ufeff \n" + json.dumps(ROWS),
}


def write(path: Path, content: str) -> Path:
    data = content.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("block", [1, 7, 1 << 16])
@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".ndjson", ".json.gz"])
@pytest.mark.parametrize("layout", WRITTEN)
def test_lines_and_arrays_under_every_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: str, suffix: str, block: int
) -> None:
    monkeypatch.setattr(json_rows, "_BLOCK", block)
    source = TextTable(write(tmp_path / f"a{suffix}", WRITTEN[layout]), id_column="id")
    found = [{"id": e.id, "text": e.text} for e in source if isinstance(e, Item)]
    assert found == ROWS
    assert source.count() == 3
    assert ("array" in source.reading().layout) == (layout != "lines")


@given(st.lists(st.dictionaries(st.text(), st.integers() | st.text() | st.none()), max_size=5))
def test_every_array(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "a.json"
    written = [{**row, "text": f"text {n}"} for n, row in enumerate(rows)]
    write(path, json.dumps([{"text": "first"}, *written]))
    found = [entry.text for entry in TextTable(path, text_column="text") if isinstance(entry, Item)]
    assert found == ["first", *(f"text {n}" for n in range(len(rows)))]


def test_elements_that_are_no_objects_are_reported(tmp_path: Path) -> None:
    source = TextTable(write(tmp_path / "a.json", '[{"text": "a"}, 12, "x", {"text": "b"}]'))
    assert [e.text if isinstance(e, Item) else e for e in source] == [
        "a",
        Skip("row 2", "element is not an object"),
        Skip("row 3", "element is not an object"),
        "b",
    ]


@pytest.mark.parametrize(
    ("content", "saying"),
    [
        ('[{"text": "a"}, {"text": "b"', "element 2"),
        ('[{"text": "a"} {"text": "b"}]', "element 1 .*',' is missing"),
        ('[{"text": "a"}', "the file ends there"),
        ('[{"text": "a"},]', "element 2"),
        ('[{"text": "a"}]\n[{"text": "b"}]', "something follows"),
        ('[{"text": ' + "[" * 100_000, "element 1"),
        ("[]", "holds no JSON objects"),
        ("[1, 2]", "holds no JSON objects"),
        ("{}", "holds no JSON objects"),
        ('{\n"text": "a"\n}', "holds no JSON objects"),
    ],
)
def test_what_is_no_table(tmp_path: Path, content: str, saying: str) -> None:
    with pytest.raises(InputError, match=saying):
        TextTable(write(tmp_path / "a.json", content))


def test_an_element_without_end_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_rows, "ELEMENT_LIMIT", 1000)
    path = write(tmp_path / "a.json", '[{"text": "' + "x" * 200_000 + '"}]')
    with pytest.raises(InputError, match="element 1"):
        TextTable(path)
