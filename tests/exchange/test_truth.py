"""Where known labels and groups come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.errors import InputError
from knnal.exchange.truth import Truth, known_items
from knnal.pool.pool import Pool
from knnal.pool.storage import NewRecord
from knnal.session.session import Session
from knnal.types import EmbedderIdentity, Modality


class Told:
    """A narrator that remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def progress(self, step: str, done: int, total: int | None) -> None:
        pass

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture
def pool(make_pool: Any) -> Pool:
    """Items "0" to "7"."""
    made: Pool = make_pool(np.random.default_rng(0).normal(size=(8, 3)), ids=list("01234567"))
    return made


def read(pool: Pool, truth: Truth) -> tuple[dict[str, str], list[str]]:
    """The known labels by id, and what was said of the others."""
    told = Told()
    known = known_items(pool, truth, told)
    labels = (known.class_names[c] for c in known.classes)
    return dict(zip(known.ids, labels, strict=True)), told.said


def write(file: Path, *lines: str) -> Path:
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_the_labels_in_force(pool: Pool) -> None:
    session = Session(pool)
    for item, label in (("0", "a"), ("1", "b"), ("2", "b")):
        session.tell(item, label)
    session.undo()
    session.relabel("0", "c")
    assert read(pool, Truth()) == (
        {"0": "c", "1": "b"},
        ["6 of 8 items are not used: their label is not known."],
    )


def test_a_table_of_labels(pool: Pool, tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", "name,kind", "0, a ", "1,b", "2,", "99,a", "0,b", "0,a", "x")
    found, said = read(pool, Truth(file, id_column="name", label_column="kind"))
    assert found == {"0": "a", "1": "b"}
    assert set(said) == {
        "Skipped 1: empty label",
        "Skipped 1: no such item in the pool (99; the pool has 0, 1, 2, ...)",
        "Skipped 1: another label for an item that has one",
        "Skipped 1: fewer cells than columns",
        "6 of 8 items are not used: their label is not known.",
    }
    assert not list(pool.log.events())


def test_groups_from_the_same_table_or_another(pool: Pool, tmp_path: Path) -> None:
    rows = [f"{i},{'ab'[i % 2]},g{i // 2}" for i in range(8)]
    both = write(tmp_path / "both.csv", "id,label,photo", *rows)
    known = known_items(pool, Truth(both, group_column="photo"), Told())
    assert known.groups is not None
    assert dict(zip(known.ids, known.groups.tolist(), strict=True)) == {
        str(i): i // 2 for i in range(8)
    }
    few = write(tmp_path / "few.jsonl", *(f'{{"id": "{i}", "group": {i % 3}}}' for i in range(6)))
    told = Told()
    known = known_items(pool, Truth(both, groups=few), told)
    assert known.groups is not None
    assert dict(zip(known.ids, known.groups.tolist(), strict=True)) == {
        str(i): i % 3 for i in range(6)
    }
    assert told.said == ["2 of 8 items are not used: their label or group is not known."]


def test_a_table_of_texts_without_ids_is_read_by_its_texts(make_pool: Any, tmp_path: Path) -> None:
    from knnal.sources.text import text_item

    texts = [f"text number {i}" for i in range(6)]
    pool = make_pool(
        np.random.default_rng(0).normal(size=(6, 3)), ids=[text_item(text).id for text in texts]
    )
    rows = [f"{text},{'ab'[i % 2]}" for i, text in enumerate(texts)]
    file = write(tmp_path / "t.csv", "words,label", *rows, " ,a", "more,")
    found, said = read(pool, Truth(file, text_column="words"))
    assert found == {text_item(text).id: "ab"[i % 2] for i, text in enumerate(texts)}
    assert set(said) == {"Skipped 1: empty text", "Skipped 1: empty label"}


def test_folders(tmp_path: Path) -> None:
    pool = Pool.create(tmp_path / "pool")
    ids = ["a/1.png", "a/deep/2.png", "b/3.png", "4.png"]
    pool.adopt(EmbedderIdentity("any", "0" * 64, 2, "as given"), Modality.IMAGE)
    with pool.transaction():
        records = [NewRecord(item, item, item, path=item) for item in ids]
        vectors = np.eye(4, 2, dtype=np.float32) + np.float32(0.5)
        pool.store(pool.catalog.source(tmp_path / "images"), records, vectors)
    pool.reload()
    found, said = read(pool, Truth(from_folders=True))
    assert found == {"a/1.png": "a", "a/deep/2.png": "a", "b/3.png": "b"}
    assert said == ["1 of 4 items are not used: their label is not known."]
    pool.close()


def test_folders_below_the_parts_of_a_data_set(tmp_path: Path) -> None:
    pool = Pool.create(tmp_path / "pool")
    pool.adopt(EmbedderIdentity("any", "0" * 64, 2, "as given"), Modality.IMAGE)
    paths = {"train/cat/1.png": "train/cat/1.png", "val/dog/1.png": "val/dog/1.png"}
    paths["moved.png"] = "test/dog/3.png"  # an id stays when its file is moved
    with pool.transaction():
        records = [NewRecord(item, item, item, path=path) for item, path in paths.items()]
        vectors = np.eye(3, 2, dtype=np.float32) + np.float32(0.5)
        pool.store(pool.catalog.source(tmp_path / "images"), records, vectors)
    pool.reload()
    found, said = read(pool, Truth(from_folders=True))
    assert found == {"train/cat/1.png": "cat", "val/dog/1.png": "dog", "moved.png": "dog"}
    assert "test, train and val are taken for parts of a data set" in said[0]
    found, said = read(pool, Truth(folder_level=1))
    assert found == {"train/cat/1.png": "train", "val/dog/1.png": "val", "moved.png": "test"}
    assert said == []
    pool.close()


def test_options_that_do_not_fit(pool: Pool, tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv", "id,label", "0,a", "1,b")
    for options, phrase in (
        ({"table": file, "from_folders": True}, "exclude each other"),
        ({"table": file, "folder_level": 1}, "exclude each other"),
        ({"group_column": "photo"}, "Pass it as `groups`"),
    ):
        with pytest.raises(InputError, match=phrase):
            Truth(**options)  # type: ignore[arg-type]
    for truth, phrase in (
        (Truth(from_folders=True), "a pool of images"),
        (Truth(file, label_column="kind"), "'kind'.*`label_column`"),
        (Truth(file, group_column="photo"), "'photo'.*`group_column`"),
        (Truth(file, id_column="name"), "'name'.*`id_column`"),
        (Truth(), "at least two classes, got 0"),
    ):
        with pytest.raises(InputError, match=phrase):
            known_items(pool, truth, Told())
