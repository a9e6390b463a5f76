"""Items by id and by row, as they come, change, vanish and return."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from knnal.errors import InputError
from knnal.store.catalogue import Catalogue, ItemState, NewRecord
from knnal.store.database import connect


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    db = connect(None)
    yield Catalogue(db, tmp_path)
    db.close()


def new(*ids: str, digest: str = "d") -> list[NewRecord]:
    return [NewRecord(name, "stamp", digest, path=f"{name}.jpg") for name in ids]


def scan(catalogue: Catalogue, source: int, *ids: str) -> tuple[int, int]:
    catalogue.begin_scan()
    for name in ids:
        catalogue.see(name)
    return catalogue.end_scan(source)


def test_rows_follow_the_order_of_adding(catalogue: Catalogue, tmp_path: Path) -> None:
    source = catalogue.source(tmp_path / "photos")
    assert catalogue.row_count() == 0
    assert catalogue.add(source, new("c", "a")) == 0
    assert catalogue.add(source, new("b")) == 2
    assert [(r.row, r.id) for r in catalogue.records()] == [(0, "c"), (1, "a"), (2, "b")]
    assert catalogue.rows_of(["b", "x", "c"]) == {"b": 2, "c": 0}
    record = catalogue.get("a")
    assert record == catalogue.at(1)
    assert record.path == tmp_path / "photos" / "a.jpg"
    assert (record.state, record.stamp, record.digest) == (ItemState.LIVE, "stamp", "d")


def test_a_changed_item_gets_a_new_row_and_leaves_the_old_one(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    source = catalogue.source(tmp_path)
    catalogue.add(source, new("a", "b"))
    assert catalogue.add(source, new("a", digest="e")) == 2
    assert catalogue.rows_of(["a"]) == {"a": 2}
    assert catalogue.get("a").digest == "e"
    assert catalogue.at(0).state is ItemState.SUPERSEDED
    assert [r.id for r in catalogue.records()] == ["b", "a"]
    assert catalogue.live_mask().tolist() == [False, True, True]
    assert catalogue.row_count() == 3


def test_items_that_a_scan_does_not_meet_vanish_and_may_return(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    source, other = catalogue.source(tmp_path / "x"), catalogue.source(tmp_path / "y")
    catalogue.add(source, new("a", "b", "c"))
    catalogue.add(other, new("z"))
    assert scan(catalogue, source, "a", "c") == (1, 0)
    assert catalogue.get("b").state is ItemState.VANISHED
    assert catalogue.live_mask().tolist() == [True, False, True, True]
    assert catalogue.counts() == {
        ItemState.LIVE: 3, ItemState.VANISHED: 1, ItemState.SUPERSEDED: 0,
    }  # fmt: skip
    assert scan(catalogue, source, "a", "b") == (1, 1)
    assert catalogue.live_mask().tolist() == [True, True, False, True]
    assert scan(catalogue, source, "a", "b") == (0, 0)


def test_a_scan_meets_an_id_once(catalogue: Catalogue) -> None:
    catalogue.begin_scan()
    assert catalogue.see("a")
    assert not catalogue.see("a")
    catalogue.begin_scan()
    assert catalogue.see("a")


def test_sources_near_the_pool_move_with_it(tmp_path: Path) -> None:
    file = tmp_path / "labels.sqlite"
    db = connect(file)
    catalogue = Catalogue(db, tmp_path / "here")
    near = catalogue.source(tmp_path / "here" / "photos")
    far = catalogue.source(tmp_path / "elsewhere")
    assert catalogue.source(tmp_path / "here" / "photos") == near
    catalogue.add(near, new("a"))
    catalogue.add(far, new("b"))
    db.close()
    db = connect(file)
    moved = Catalogue(db, tmp_path / "there")
    assert moved.sources() == [tmp_path / "there" / "photos", tmp_path / "elsewhere"]
    assert moved.get("a").path == tmp_path / "there" / "photos" / "a.jpg"
    assert moved.get("b").path == tmp_path / "elsewhere" / "b.jpg"
    db.close()


def test_unknown_items_and_rows(catalogue: Catalogue) -> None:
    assert catalogue.find("nobody") is None
    with pytest.raises(InputError, match=r"No item 'nobody' in this pool.*knnal export"):
        catalogue.get("nobody")
    with pytest.raises(IndexError):
        catalogue.at(0)


def test_two_items_in_use_never_share_an_id(catalogue: Catalogue, tmp_path: Path) -> None:
    source = catalogue.source(tmp_path)
    with pytest.raises(sqlite3.IntegrityError):
        catalogue.add(source, new("a", "a"))


def test_a_stamp_is_replaced(catalogue: Catalogue, tmp_path: Path) -> None:
    catalogue.add(catalogue.source(tmp_path), new("a"))
    catalogue.touch(0, "later")
    assert catalogue.get("a").stamp == "later"


def test_an_empty_catalogue(catalogue: Catalogue) -> None:
    assert catalogue.live_mask().shape == (0,)
    assert catalogue.live_mask().dtype == np.bool_
    assert list(catalogue.records()) == []
    assert sum(catalogue.counts().values()) == 0


COMPOSED, DECOMPOSED, MIXED = "é/ü", "e\u0301/u\u0308", "é/u\u0308"


@pytest.mark.parametrize("stored", [COMPOSED, DECOMPOSED, MIXED])
@pytest.mark.parametrize("asked", [COMPOSED, DECOMPOSED, MIXED])
def test_people_find_an_id_in_any_unicode_form(
    catalogue: Catalogue, tmp_path: Path, stored: str, asked: str
) -> None:
    catalogue.add(catalogue.source(tmp_path), new("other", stored))
    assert catalogue.get(asked).id == stored
    # Sources are told apart by their exact names.
    assert (catalogue.find(asked) is None) == (asked != stored)


def test_an_id_that_fits_several_items_but_for_its_form_is_refused(
    catalogue: Catalogue, tmp_path: Path
) -> None:
    catalogue.add(catalogue.source(tmp_path), new(COMPOSED, DECOMPOSED))
    assert catalogue.get(COMPOSED).row == 0
    assert catalogue.get(DECOMPOSED).row == 1
    with pytest.raises(InputError, match=r"fits several items.*e\\u0301/u\\u0308"):
        catalogue.get(MIXED)


@pytest.mark.parametrize("item", ["missing", "ü", "a\ud800"])
def test_what_is_in_no_form_there_is_not_there(
    catalogue: Catalogue, tmp_path: Path, item: str
) -> None:
    catalogue.add(catalogue.source(tmp_path), new(COMPOSED))
    with pytest.raises(InputError, match="No item"):
        catalogue.get(item)
