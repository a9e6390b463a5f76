"""What an export writes is read back in whole, by every entrance that reads tables."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knnal.exchange.exporting import FORMATS, export
from knnal.exchange.importing import import_labels
from knnal.pool.pool import Pool
from knnal.pool.storage import NewRecord
from knnal.session.session import Session
from knnal.sources.base import Item
from knnal.sources.tables import TextTable
from knnal.types import EmbedderIdentity, Modality

# Whatever separates, quotes or escapes in some table comes up often.
MARKS = st.sampled_from(
    ['"', "'", ",", ";", "\t", "|", "\n", "\r\n", "\r", "\\", '\\"', '""', ".0"]
)
TEXT = st.lists(MARKS | st.text(st.characters(exclude_categories=["Cs"])), max_size=6).map("".join)
TEXTS = st.lists(TEXT.filter(str.strip), min_size=3, max_size=9)
NAME = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1)
NAMES = NAME | st.sampled_from(["1", "1.0", "007", "1e5", "-0.0", "2.50", '"', "a\\b", "sep=;"])


@contextmanager
def pool_of(texts: list[str], ids: list[str], labels: list[str]) -> Iterator[Pool]:
    """A pool of texts, the first of which have labels."""
    with tempfile.TemporaryDirectory() as folder:
        pool = Pool.create(Path(folder, "pool"))
        pool.adopt(EmbedderIdentity("any", "0" * 64, 3, "as given"), Modality.TEXT)
        records = [NewRecord(i, i, i, text=text) for i, text in zip(ids, texts, strict=True)]
        vectors = np.random.default_rng(0).normal(size=(len(ids), 3)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        with pool.transaction():
            pool.store(pool.catalog.source(Path(folder, "source")), records, vectors)
        pool.reload()
        session = Session(pool, annotator="ann")
        for item, label in zip(ids, labels, strict=False):
            session.tell(item, label)
        yield pool
        pool.close()


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=12)
@given(data=st.data())
def test_an_export_comes_back_in_whole(suffix: str, data: st.DataObject) -> None:
    texts = data.draw(TEXTS)
    ids = data.draw(st.lists(NAMES, min_size=len(texts), max_size=len(texts), unique=True))
    labels = data.draw(st.lists(NAMES, min_size=2, max_size=len(texts)))
    with pool_of(texts, ids, labels) as pool:
        file = pool.folder.parent / f"out{suffix}"
        assert export(Session(pool), file) == len(texts)
        source = TextTable(file, text_column="text", id_column="id")
        assert source.count() == len(texts)
        assert [e.text for e in source if isinstance(e, Item)] == texts
        report = import_labels(pool, file, annotator="bob")
        assert (report.unchanged, report.added, report.kept) == (len(labels), 0, 0)
        assert set(report.skips) <= {"empty label"}


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_export_makes_the_same_items(tmp_path: Path, suffix: str) -> None:
    texts = ['a "quote"', "two\nlines\tand a tab", "back\\slash", "x\r\ny", 'ends in "']
    ids = ["a", "007", "1e5", "b;c", '"d"']
    labels = ["b, c", "x", "007"]
    with pool_of(texts, ids, labels) as pool:
        export(Session(pool), file := tmp_path / f"out{suffix}")
    found = list(TextTable(file, id_column="id", label_column="label"))
    assert [(e.id, e.text, e.label) for e in found if isinstance(e, Item)] == list(
        zip(ids, texts, [*labels, None, None], strict=True)
    )


@pytest.mark.parametrize(("suffix", "mark"), [(".csv", ","), (".tsv", "\t")])
def test_a_text_whose_every_line_looks_like_a_row(tmp_path: Path, suffix: str, mark: str) -> None:
    """Its first line ends a row that its id begins, and its second begins one that it ends."""
    file = tmp_path / f"out{suffix}"
    with pool_of(["x", "y", "z"], ["a", "b", "c"], ["k", "l"]) as pool:
        export(Session(pool), file)
    columns = len(TextTable(file, text_column="text").columns())
    text = f"a{mark * (columns - 3)}\nb{mark * 2}c"
    with pool_of([text, "y", "z"], ["a", "b", "c"], ["k", "l"]) as pool:
        export(Session(pool), file)
    lines = file.read_text(encoding="utf-8").splitlines()
    assert {line.count(mark) for line in lines} == {columns - 1}
    found = list(TextTable(file, id_column="id"))
    assert [e.text for e in found if isinstance(e, Item)] == [text, "y", "z"]
