"""Which items the names in a table find."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from knnal.errors import ItemError
from knnal.exchange.matching import AMBIGUOUS, UNKNOWN, ItemMatcher, Rule, skip_lines
from knnal.pool.pool import Pool
from knnal.pool.storage import NewRecord
from knnal.types import EmbedderIdentity, Modality

IMAGES = (
    "a/img0.jpg", "a/img1.jpg", "b/img1.jpg", "b/deep/img2.png", "b/deep/img2.jpg", "top.JPG",
    "a/cafe\u0301.png", "a/two.dots.png",
)  # fmt: skip


def made(folder: Path, ids: tuple[str, ...], modality: Modality, source: Path) -> Pool:
    pool = Pool.create(folder)
    pool.adopt(EmbedderIdentity("any", "0" * 64, 2, "as given"), modality)
    path = modality is Modality.IMAGE
    with pool.transaction():
        records = [NewRecord(item, item, item, path=item if path else None) for item in ids]
        vectors = np.ones((len(ids), 2), np.float32)
        pool.store(pool.catalog.source(source), records, vectors)
    pool.reload()
    return pool


@pytest.fixture
def images(tmp_path: Path) -> Iterator[ItemMatcher]:
    """Of the pictures below ``tmp_path/train``."""
    pool = made(tmp_path / "pool", IMAGES, Modality.IMAGE, tmp_path / "train")
    yield ItemMatcher(pool.catalog)
    pool.close()


@pytest.mark.parametrize(
    ("name", "item", "rule"),
    [
        ("a/img0.jpg", "a/img0.jpg", Rule.ID),
        ("a/caf\u00e9.png", "a/cafe\u0301.png", Rule.UNICODE),
        ("./a/img0.jpg", "a/img0.jpg", Rule.PATH),
        ("a\\img1.jpg", "a/img1.jpg", Rule.PATH),
        ("train/a/img1.jpg", "a/img1.jpg", Rule.PATH),
        (".\\train\\a\\img1.jpg", "a/img1.jpg", Rule.PATH),
        ("../train/b/img1.jpg", "b/img1.jpg", Rule.PATH),
        ("C:\\data\\train\\b\\img1.jpg", "b/img1.jpg", Rule.PATH),
        ("/kaggle/input/train/top.JPG", "top.JPG", Rule.PATH),
        ("deep/img2.png", "b/deep/img2.png", Rule.PATH),
        ("a//caf\u00e9.png", "a/cafe\u0301.png", Rule.PATH),
        ("img0.jpg", "a/img0.jpg", Rule.BASE_NAME),
        ("a/img0", "a/img0.jpg", Rule.STEM),
        ("train/b/img1", "b/img1.jpg", Rule.STEM),
        ("img0", "a/img0.jpg", Rule.STEM),
        ("top", "top.JPG", Rule.STEM),
        ("two.dots", "a/two.dots.png", Rule.STEM),
        ("caf\u00e9", "a/cafe\u0301.png", Rule.STEM),
    ],
)
def test_what_finds_an_image(images: ItemMatcher, name: str, item: str, rule: Rule) -> None:
    assert images.find(name) == item
    assert images.rules == {rule: 1}
    assert (images.inexact() is None) == (rule is Rule.ID)


def test_an_absolute_path_finds_it(images: ItemMatcher, tmp_path: Path) -> None:
    assert images.find(str(tmp_path / "train" / "b" / "img1.jpg")) == "b/img1.jpg"
    assert images.rules == {Rule.PATH: 1}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("img1.jpg", AMBIGUOUS),  # a/ and b/
        ("img1", AMBIGUOUS),
        ("b/deep/img2", AMBIGUOUS),  # .png and .jpg
        ("val/a/img0.jpg", UNKNOWN),  # says another folder than the item's
        ("c/img0.jpg", UNKNOWN),
        ("/other/val/a/img0.jpg", UNKNOWN),
        ("img0.png", UNKNOWN),
        ("mg0.jpg", UNKNOWN),
        ("two", UNKNOWN),
        ("A/IMG0.JPG", UNKNOWN),
        ("..", UNKNOWN),
        ("/", UNKNOWN),
    ],
)
def test_what_finds_none(images: ItemMatcher, name: str, reason: str) -> None:
    with pytest.raises(ItemError, match=reason):
        images.find(name)
    assert images.rules == {}
    assert [one.startswith(name) for one in images.examples[reason]] == [True]


def test_three_ids_of_either_side_are_shown(images: ItemMatcher) -> None:
    for number in range(4):
        with pytest.raises(ItemError):
            images.find(f"other{number}")
    with pytest.raises(ItemError):
        images.find("img1")
    images.find("img0")
    images.find("top.JPG")
    assert list(skip_lines({AMBIGUOUS: 1, UNKNOWN: 4}, images.examples, images.pool_ids())) == [
        "Skipped 4: no such item in the pool (other0, other1, other2, ...; the pool has "
        "a/img0.jpg, a/img1.jpg, b/img1.jpg, ...)",
        "Skipped 1: name of several items in the pool (img1: a/img1.jpg, b/img1.jpg)",
    ]
    assert images.inexact() == "Rows matched to items: 1 by id, 1 by name without its ending."


def test_of_two_folders_the_one_that_is_named_counts(tmp_path: Path) -> None:
    pool = made(tmp_path / "pool", ("x.jpg",), Modality.IMAGE, tmp_path / "a" / "train")
    with pool.transaction():
        more = [NewRecord("sub/x.jpg", "", "", path="sub/x.jpg")]
        pool.store(pool.catalog.source(tmp_path / "b"), more, np.ones((1, 2), np.float32))
    pool.reload()
    items = ItemMatcher(pool.catalog)
    assert items.find("train/x.jpg") == "x.jpg"
    assert items.find("sub/x.jpg") == "sub/x.jpg"
    with pytest.raises(ItemError, match=AMBIGUOUS):
        items.find("x")
    pool.close()


@pytest.mark.parametrize(
    ("ids", "name"),
    [
        (("3.1", "4"), "3"),  # a number is no file without its ending
        (("example.com",), "example"),
        (("a/b",), "b"),
        (("r1",), "x/r1"),
        (("cat/0.jpg",), "val/cat/0.jpg"),  # whose folder nobody knows
    ],
)
def test_ids_that_are_no_files_are_not_guessed(
    tmp_path: Path, ids: tuple[str, ...], name: str
) -> None:
    pool = made(tmp_path / "pool", ids, Modality.VECTOR, tmp_path / "v.npy")
    with pytest.raises(ItemError, match=UNKNOWN):
        ItemMatcher(pool.catalog).find(name)
    pool.close()


def test_vectors_that_are_named_by_image_files(tmp_path: Path) -> None:
    pool = made(tmp_path / "pool", ("cat/0.jpg", "dog/1.jpg"), Modality.VECTOR, tmp_path / "v.npy")
    items = ItemMatcher(pool.catalog)
    assert [items.find(name) for name in ("0", "1.jpg", "dog\\1.jpg", "cat/0")] == [
        "cat/0.jpg", "dog/1.jpg", "dog/1.jpg", "cat/0.jpg"
    ]  # fmt: skip
    pool.close()
