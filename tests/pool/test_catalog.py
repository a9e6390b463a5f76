"""Items by id and by row, as they come, change, vanish and return."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from knnal.errors import InputError
from knnal.pool.catalog import Catalog, ItemState, NewRecord
from knnal.pool.database import connect


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    db = connect(None)
    yield Catalog(db, tmp_path)
    db.close()


def new(*ids: str, digest: str = "d") -> list[NewRecord]:
    return [NewRecord(name, "stamp", digest, path=f"{name}.jpg") for name in ids]


def scan(catalog: Catalog, source: int, *ids: str) -> tuple[int, int]:
    catalog.begin_scan()
    for name in ids:
        catalog.see(name)
    return catalog.end_scan(source)


def test_rows_follow_the_order_of_adding(catalog: Catalog, tmp_path: Path) -> None:
    source = catalog.source(tmp_path / "photos")
    assert catalog.row_count() == 0
    assert catalog.add(source, new("c", "a")) == 0
    assert catalog.add(source, new("b")) == 2
    assert [(r.row, r.id) for r in catalog.records()] == [(0, "c"), (1, "a"), (2, "b")]
    assert catalog.rows_of(["b", "x", "c"]) == {"b": 2, "c": 0}
    record = catalog.get("a")
    assert record == catalog.at(1)
    assert record.path == tmp_path / "photos" / "a.jpg"
    assert (record.state, record.stamp, record.digest) == (ItemState.LIVE, "stamp", "d")


def test_a_changed_item_gets_a_new_row_and_leaves_the_old_one(
    catalog: Catalog, tmp_path: Path
) -> None:
    source = catalog.source(tmp_path)
    catalog.add(source, new("a", "b"))
    assert catalog.add(source, new("a", digest="e")) == 2
    assert catalog.rows_of(["a"]) == {"a": 2}
    assert catalog.get("a").digest == "e"
    assert catalog.at(0).state is ItemState.SUPERSEDED
    assert [r.id for r in catalog.records()] == ["b", "a"]
    assert catalog.live_mask().tolist() == [False, True, True]
    assert catalog.row_count() == 3


def test_items_that_a_scan_does_not_meet_vanish_and_may_return(
    catalog: Catalog, tmp_path: Path
) -> None:
    source, other = catalog.source(tmp_path / "x"), catalog.source(tmp_path / "y")
    catalog.add(source, new("a", "b", "c"))
    catalog.add(other, new("z"))
    assert scan(catalog, source, "a", "c") == (1, 0)
    assert catalog.get("b").state is ItemState.VANISHED
    assert catalog.live_mask().tolist() == [True, False, True, True]
    assert catalog.counts() == {
        ItemState.LIVE: 3, ItemState.VANISHED: 1, ItemState.SUPERSEDED: 0,
    }  # fmt: skip
    assert scan(catalog, source, "a", "b") == (1, 1)
    assert catalog.live_mask().tolist() == [True, True, False, True]
    assert scan(catalog, source, "a", "b") == (0, 0)


def test_a_scan_meets_an_id_once(catalog: Catalog) -> None:
    catalog.begin_scan()
    assert catalog.see("a")
    assert not catalog.see("a")
    catalog.begin_scan()
    assert catalog.see("a")


def test_sources_near_the_pool_move_with_it(tmp_path: Path) -> None:
    file = tmp_path / "labels.sqlite"
    db = connect(file)
    catalog = Catalog(db, tmp_path / "here")
    near = catalog.source(tmp_path / "here" / "photos")
    far = catalog.source(tmp_path / "elsewhere")
    assert catalog.source(tmp_path / "here" / "photos") == near
    catalog.add(near, new("a"))
    catalog.add(far, new("b"))
    db.close()
    db = connect(file)
    moved = Catalog(db, tmp_path / "there")
    assert moved.sources() == [tmp_path / "there" / "photos", tmp_path / "elsewhere"]
    assert moved.get("a").path == tmp_path / "there" / "photos" / "a.jpg"
    assert moved.get("b").path == tmp_path / "elsewhere" / "b.jpg"
    db.close()


def test_unknown_items_and_rows(catalog: Catalog) -> None:
    assert catalog.find("nobody") is None
    with pytest.raises(InputError, match=r"No item 'nobody' in this pool.*knnal export"):
        catalog.get("nobody")
    with pytest.raises(IndexError):
        catalog.at(0)


def test_two_items_in_use_never_share_an_id(catalog: Catalog, tmp_path: Path) -> None:
    source = catalog.source(tmp_path)
    with pytest.raises(sqlite3.IntegrityError):
        catalog.add(source, new("a", "a"))


def test_a_stamp_is_replaced(catalog: Catalog, tmp_path: Path) -> None:
    catalog.add(catalog.source(tmp_path), new("a"))
    catalog.touch(0, "later")
    assert catalog.get("a").stamp == "later"


def test_an_empty_catalog(catalog: Catalog) -> None:
    assert catalog.live_mask().shape == (0,)
    assert catalog.live_mask().dtype == np.bool_
    assert list(catalog.records()) == []
    assert sum(catalog.counts().values()) == 0


COMPOSED, DECOMPOSED, MIXED = "é/ü", "e\u0301/u\u0308", "é/u\u0308"


@pytest.mark.parametrize("stored", [COMPOSED, DECOMPOSED, MIXED])
@pytest.mark.parametrize("asked", [COMPOSED, DECOMPOSED, MIXED])
def test_people_find_an_id_in_any_unicode_form(
    catalog: Catalog, tmp_path: Path, stored: str, asked: str
) -> None:
    catalog.add(catalog.source(tmp_path), new("other", stored))
    assert catalog.get(asked).id == stored
    # Sources are told apart by their exact names.
    assert (catalog.find(asked) is None) == (asked != stored)


def test_an_id_that_fits_several_items_but_for_its_form_is_refused(
    catalog: Catalog, tmp_path: Path
) -> None:
    catalog.add(catalog.source(tmp_path), new(COMPOSED, DECOMPOSED))
    assert catalog.get(COMPOSED).row == 0
    assert catalog.get(DECOMPOSED).row == 1
    with pytest.raises(InputError, match=r"fits several items.*e\\u0301/u\\u0308"):
        catalog.get(MIXED)


@pytest.mark.parametrize("item", ["missing", "ü", "a\ud800"])
def test_what_is_in_no_form_there_is_not_there(catalog: Catalog, tmp_path: Path, item: str) -> None:
    catalog.add(catalog.source(tmp_path), new(COMPOSED))
    with pytest.raises(InputError, match="No item"):
        catalog.get(item)
