"""What every storage of a pool guarantees, by ``knnal.pool.storage``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from knnal.errors import InputError
from knnal.pool.labels.ledger import Event, EventKind, Ledger
from knnal.pool.pool import Pool
from knnal.pool.storage import EventLog, ItemCatalog, ItemState, NewRecord, Offer, Storage


def in_a_file(folder: Path) -> Storage:
    return Pool.create(folder / ".knnal")


def in_memory(_: Path) -> Storage:
    return Pool.in_memory(np.empty((0, 2), dtype=np.float32))


STORAGES: dict[str, Callable[[Path], Storage]] = {"file": in_a_file, "memory": in_memory}
DURABLE = {"file": in_a_file}
"""Those that another process can open, now and later."""


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Storage]:
    with closing(STORAGES[request.param](tmp_path)) as made:
        yield made


@pytest.fixture
def catalog(storage: Storage) -> ItemCatalog:
    return storage.catalog


@pytest.fixture
def log(storage: Storage) -> EventLog:
    return storage.log


def append(log: EventLog, kind: EventKind, item: str, **fields: object) -> Event:
    return log.append(kind, annotator="ann", origin="named", item=item, **fields)  # type: ignore[arg-type]


# Items


def new(*ids: str, digest: str = "d") -> list[NewRecord]:
    return [NewRecord(name, "stamp", digest, path=f"{name}.jpg") for name in ids]


def scan(catalog: ItemCatalog, source: int, *ids: str) -> tuple[int, int]:
    catalog.begin_scan()
    for name in ids:
        catalog.see(name)
    return catalog.end_scan(source)


def test_rows_follow_the_order_of_adding(catalog: ItemCatalog, tmp_path: Path) -> None:
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
    catalog: ItemCatalog, tmp_path: Path
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
    catalog: ItemCatalog, tmp_path: Path
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


def test_a_scan_meets_an_id_once(catalog: ItemCatalog) -> None:
    catalog.begin_scan()
    assert catalog.see("a")
    assert not catalog.see("a")
    catalog.begin_scan()
    assert catalog.see("a")


@pytest.mark.parametrize("make", DURABLE.values(), ids=DURABLE)
def test_sources_near_the_pool_move_with_it(
    make: Callable[[Path], Storage], tmp_path: Path
) -> None:
    with closing(make(tmp_path / "here")) as storage:
        catalog = storage.catalog
        near = catalog.source(tmp_path / "here" / "photos")
        far = catalog.source(tmp_path / "elsewhere")
        assert catalog.source(tmp_path / "here" / "photos") == near
        assert catalog.find_source(tmp_path / "nowhere") is None
    (tmp_path / "here").rename(tmp_path / "there")
    with closing(make(tmp_path / "there")) as storage:
        catalog = storage.catalog
        assert catalog.sources() == [tmp_path / "there" / "photos", tmp_path / "elsewhere"]
        assert catalog.locations()[far] == tmp_path / "elsewhere"


def test_unknown_items_and_rows(catalog: ItemCatalog) -> None:
    assert catalog.find("nobody") is None
    with pytest.raises(InputError, match="No item 'nobody' in this pool"):
        catalog.get("nobody")
    with pytest.raises(IndexError):
        catalog.at(0)


def test_two_items_in_use_never_share_an_id(storage: Storage, tmp_path: Path) -> None:
    source = storage.catalog.source(tmp_path)
    with pytest.raises(Exception, match=r"(?i)unique"), storage.transaction():
        storage.catalog.add(source, new("a", "a"))
    assert storage.catalog.row_count() == 0


def test_files_are_found_by_size_and_content(catalog: ItemCatalog, tmp_path: Path) -> None:
    source, other = catalog.source(tmp_path / "x"), catalog.source(tmp_path / "y")
    catalog.add(source, [NewRecord("a", "12:1:1", "f" * 64, path="a.jpg")])
    assert catalog.has_file_of(12)
    assert not catalog.has_file_of(13)
    assert [record.id for record in catalog.files_with(12, "f" * 64)] == ["a"]
    assert catalog.files_with(12, "e" * 64) == []
    assert catalog.relocated(source) == {"a.jpg": "a"}
    catalog.relocate(0, other, "b/a.jpg", "12:2:2")
    assert catalog.get("a").path == tmp_path / "y" / "b" / "a.jpg"
    catalog.join_sources(other, source)
    assert catalog.get("a").source == source
    catalog.move_source(source, tmp_path / "z")
    assert catalog.get("a").path == tmp_path / "z" / "b" / "a.jpg"


def test_a_stamp_is_replaced(catalog: ItemCatalog, tmp_path: Path) -> None:
    catalog.add(catalog.source(tmp_path), new("a"))
    catalog.touch(0, "later")
    assert catalog.get("a").stamp == "later"


def test_an_empty_catalog(catalog: ItemCatalog) -> None:
    assert catalog.live_mask().shape == (0,)
    assert catalog.live_mask().dtype == np.bool_
    assert list(catalog.records()) == []
    assert sum(catalog.counts().values()) == 0


COMPOSED, DECOMPOSED, MIXED = "é/ü", "e\u0301/u\u0308", "é/u\u0308"


@pytest.mark.parametrize("stored", [COMPOSED, DECOMPOSED, MIXED])
@pytest.mark.parametrize("asked", [COMPOSED, DECOMPOSED, MIXED])
def test_people_find_an_id_in_any_unicode_form(
    catalog: ItemCatalog, tmp_path: Path, stored: str, asked: str
) -> None:
    catalog.add(catalog.source(tmp_path), new("other", stored))
    assert catalog.get(asked).id == stored
    # Sources are told apart by their exact names.
    assert (catalog.find(asked) is None) == (asked != stored)


def test_an_id_that_fits_several_items_but_for_its_form_is_refused(
    catalog: ItemCatalog, tmp_path: Path
) -> None:
    catalog.add(catalog.source(tmp_path), new(COMPOSED, DECOMPOSED))
    assert catalog.get(COMPOSED).row == 0
    assert catalog.get(DECOMPOSED).row == 1
    with pytest.raises(InputError, match=r"fits several items.*e\\u0301/u\\u0308"):
        catalog.get(MIXED)


@pytest.mark.parametrize("item", ["missing", "ü", "a\ud800"])
def test_what_is_in_no_form_there_is_not_there(
    catalog: ItemCatalog, tmp_path: Path, item: str
) -> None:
    catalog.add(catalog.source(tmp_path), new(COMPOSED))
    with pytest.raises(InputError, match="No item"):
        catalog.get(item)


# Events


def test_events_are_numbered_and_come_back_as_they_were_returned(log: EventLog) -> None:
    scores = {"value": 0.25, "u": 1.0}
    with log.writing(lambda: None):
        first = append(
            log, EventKind.LABEL, "x", label="naïve ☃", strategy="product", scores=scores
        )
        second = append(log, EventKind.UNDO, "x", target=first.seq, batch=first.seq, text="t")
    assert [first.seq, second.seq] == [1, 2]
    assert list(log.events()) == [first, second]
    assert list(log.events(after=1)) == [second]
    assert (first.scores, first.at <= second.at) == (scores, True)


def test_a_block_that_fails_appends_nothing(log: EventLog) -> None:
    def fail_in_the_middle() -> None:
        with log.writing(lambda: None):
            append(log, EventKind.SKIP, "x")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_in_the_middle()
    assert list(log.events()) == []
    with log.writing(lambda: None):
        assert append(log, EventKind.SKIP, "x").seq == 1


@pytest.mark.parametrize("make", DURABLE.values(), ids=DURABLE)
def test_what_others_appended_is_caught_up_with_first(
    make: Callable[[Path], Storage], tmp_path: Path
) -> None:
    with closing(make(tmp_path)) as one, closing(make(tmp_path)) as two:
        with two.log.writing(lambda: None):
            append(two.log, EventKind.SKIP, "x")
        ledger = Ledger()
        with one.log.writing(lambda: one.log.read_into(ledger) and None):
            assert ledger.skipped() == {"x"}
            append(one.log, EventKind.SKIP, "y")
        assert two.log.read_into(Ledger()).skipped() == {"x", "y"}
    with closing(make(tmp_path)) as later:
        assert later.log.read_into(Ledger()).skipped() == {"x", "y"}


def test_a_transaction_holds_items_and_events_together(storage: Storage, tmp_path: Path) -> None:
    def fail_at_the_end() -> None:
        with storage.transaction():
            storage.catalog.add(storage.catalog.source(tmp_path), new("a"))
            append(storage.log, EventKind.SKIP, "a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_at_the_end()
    assert (storage.catalog.row_count(), list(storage.log.events())) == (0, [])


def test_the_latest_offer_of_an_item_counts(log: EventLog) -> None:
    assert log.offered("x") is None
    log.offer({"x": Offer("asked", "product", {"value": 1.5}), "y": Offer("audit", "random")})
    latest = Offer("audit", "random", {"value": 0.5}, after=3, predicted={"label": "a"})
    log.offer({"x": latest})
    assert log.offered("x") == latest
    assert log.offered("y") == Offer("audit", "random")


@given(
    scans=st.lists(st.sets(st.sampled_from("abcde"), max_size=5), min_size=1, max_size=4),
    added=st.lists(st.sampled_from("abcde"), min_size=1, max_size=8),
)
def test_items_follow_a_model(scans: list[set[str]], added: list[str]) -> None:
    with closing(in_memory(Path())) as storage:
        catalog = storage.catalog
        source = catalog.source(Path("memory"))
        rows: dict[str, int] = {}
        for row, name in enumerate(added):
            catalog.add(source, new(name))
            rows[name] = row
        live = set(rows)
        for seen in scans:
            expected = (len(live - seen), len((set(rows) - live) & seen))
            assert scan(catalog, source, *sorted(seen)) == expected
            live = set(rows) & seen
        assert {record.id: record.row for record in catalog.records()} == rows
        assert {r.id for r in catalog.records() if r.state is ItemState.LIVE} == live
        assert np.flatnonzero(catalog.live_mask()).tolist() == sorted(rows[name] for name in live)
        assert catalog.counts()[ItemState.SUPERSEDED] == len(added) - len(rows)
