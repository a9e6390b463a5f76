"""The benchmarks' data sets: from raw files to embeddings, kept, and split."""

from __future__ import annotations

import csv
import gzip
import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.sets import sources
from benchmarks.sets.catalog import DATA_SETS, EmbeddedSet, embedded_set, keep, kept, kept_file
from benchmarks.sets.embedding import FirstItems, SampledItems, embed_items
from benchmarks.sets.splits import split_at_random, split_by_group
from knnal.sources.base import Item
from knnal.sources.tables import TextTable
from knnal.sources.vectors import VectorFile


def write_table(file: Path, rows: list[dict[str, str]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(file, "wt", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def picture(value: int) -> Image.Image:
    return Image.new("RGB", (8, 8), (value, value, value))


def write_fruits(data: Path) -> None:
    folder = data / "fruits-fresh-rotten-224"
    rows = []
    for i in range(6):
        path = f"{'train' if i % 2 else 'test'}/{'fresh' if i < 3 else 'rotten'}/{i}.jpg"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        picture(40 * i).save(folder / path)
        rows.append(f"{path},x,g{i // 2}")
    (folder / "labels.csv").write_text("path,label,photo_group\n" + "\n".join(rows))


def write_cifar10(data: Path) -> None:
    (data / "cifar10").mkdir(parents=True)
    with tarfile.open(data / "cifar10" / "cifar10-jpeg-60k.tar.xz", "w:xz") as archive:
        for i in range(4):
            stream = io.BytesIO()
            picture(i).save(stream, "JPEG")
            member = tarfile.TarInfo(
                f"{'train' if i < 3 else 'test'}/{'cat' if i else 'dog'}/{i}.jpg"
            )
            member.size = stream.tell()
            stream.seek(0)
            archive.addfile(member, stream)


def write_mnist(data: Path) -> None:
    (data / "mnist").mkdir(parents=True)
    digits = np.arange(3, dtype=np.uint8)
    pictures = np.repeat(digits, 28 * 28).reshape(3, 28, 28)
    np.savez(data / "mnist" / "mnist.npz", x_train=pictures, y_train=digits)


def write_tweets(data: Path) -> None:
    rows = [{"label": "negative" if i % 2 else "positive", "text": f"tweet {i}"} for i in range(5)]
    write_table(data / "sentiment140" / "sentiment140_random.csv.gz", rows)


def write_banking(data: Path) -> None:
    rows = [{"text": f"question {i}", "category": f"c{i % 2}"} for i in range(4)]
    write_table(data / "text-small" / "banking77_train.csv.gz", rows)


RAW: dict[str, tuple[Callable[[Path], None], list[str]]] = {
    "fruits": (write_fruits, ["fresh"] * 3 + ["rotten"] * 3),
    "cifar10": (write_cifar10, ["cat", "cat", "dog"]),
    "mnist": (write_mnist, ["0", "1", "2"]),
    "sentiment140": (write_tweets, ["negative"] * 2 + ["positive"] * 3),
    "banking77": (write_banking, ["c0", "c0", "c1", "c1"]),
}


@pytest.mark.parametrize("name", RAW)
def test_raw_files_are_read_with_their_labels(name: str, tmp_path: Path) -> None:
    write, labels = RAW[name]
    write(tmp_path)
    with DATA_SETS[name].source(tmp_path) as source:
        items = [item for item in source if isinstance(item, Item)]
    assert sorted(item.label or "" for item in items) == labels
    assert len({item.id for item in items}) == len(items)
    groups = DATA_SETS[name].groups
    if groups is not None:
        assert {groups(tmp_path)[item.id] for item in items} == {"g0", "g1", "g2"}


@pytest.mark.parametrize("name", DATA_SETS)
def test_without_data_the_public_source_is_named(name: str, tmp_path: Path) -> None:
    for data in (None, tmp_path):
        with pytest.raises(SystemExit) as caught:
            embedded_set(name, data, tmp_path)
        assert "public" in str(caught.value)
        assert "--data DIR or KNNAL_DATA" in str(caught.value)


def test_items_are_embedded_with_their_labels_by_knnal(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    file = tmp_path / "vectors.npz"
    np.savez(file, embeddings=vectors, ids=list("abcde"), labels=["x", "y", "x", "z", "y"])
    found = embed_items([VectorFile(file)])
    assert found.ids == list("abcde")
    assert found.labels == ["x", "y", "x", "z", "y"]
    assert np.allclose(found.vectors, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    numbers, names = found.numbered()
    assert [names[n] for n in numbers] == found.labels
    assert "precomputed" in found.embedder


def test_a_sample_is_drawn_once_and_for_all(tmp_path: Path) -> None:
    write_tweets(tmp_path)
    table = TextTable(
        tmp_path / "sentiment140" / "sentiment140_random.csv.gz", label_column="label"
    )
    texts = [item.text for item in SampledItems(table, 3, seed=0) if isinstance(item, Item)]
    assert texts == [item.text for item in SampledItems(table, 3, seed=0) if isinstance(item, Item)]
    assert texts == sorted(texts, key=str)
    assert len(texts) == 3
    assert len(list(SampledItems(table, 9, seed=0))) == 5
    assert [i.text for i in FirstItems(table, 2) if isinstance(i, Item)] == ["tweet 0", "tweet 1"]


@pytest.mark.parametrize("grouped", [True, False])
def test_what_is_kept_is_read_as_it_was(grouped: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 3)).astype(np.float32)
    groups = rng.integers(0, 7, 20) if grouped else None
    made = EmbeddedSet("fruits", X, rng.integers(0, 2, 20), ["a", "b"], groups, "somebody")
    keep(made, kept_file("fruits", tmp_path, None))
    found = embedded_set("fruits", None, tmp_path)
    assert np.array_equal(found.X, X)
    assert np.array_equal(found.classes, made.classes)
    assert (found.names, found.embedder) == (["a", "b"], "somebody")
    assert (found.groups is None) == (groups is None)
    assert groups is None or np.array_equal(found.groups, groups)
    split = found.split(0.25, 0, most_pool=10, most_held_out=4)
    assert len(split.pool) == 10
    assert len(split.held_out) <= 4
    assert not set(split.pool) & set(split.held_out)
    assert kept("fruits", kept_file("fruits", tmp_path, None)).names == ["a", "b"]


def test_no_group_is_on_both_sides() -> None:
    groups = np.random.default_rng(1).integers(0, 40, 300)
    for seed in range(5):
        split = split_by_group(groups, 0.25, seed)
        assert not set(groups[split.pool]) & set(groups[split.held_out])
        assert len(set(groups[split.held_out])) == 10
        assert len(split.pool) + len(split.held_out) == 300


def test_a_random_split_covers_everything_once_and_depends_on_the_seed() -> None:
    split = split_at_random(50, 0.1, 3)
    assert sorted([*split.pool, *split.held_out]) == list(range(50))
    assert len(split.held_out) == 5
    assert not np.array_equal(split.pool, split_at_random(50, 0.1, 4).pool)
    assert np.array_equal(split.pool, split_at_random(50, 0.1, 3).pool)


def test_the_tweets_are_as_many_as_in_the_article() -> None:
    assert sources.TWEETS == 20_000
