"""How a pool stores its neighbor graph and updates it."""

from __future__ import annotations

import re
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from knnal.files import DAMAGED_ARCHIVE
from knnal.index.graph import NeighborGraph, build_graph
from knnal.pool.derived import DerivedFile, write_arrays
from knnal.pool.graph_file import load_graph, save_graph, stored_graph
from knnal.pool.manifest import Manifest
from knnal.pool.pool import Pool
from knnal.pool.storage import NewRecord

from ..damage.files import full_disk
from ..narrators import Hearing
from ..patience import PATIENCE_S


def unit(X: Any) -> Any:
    X = np.asarray(X, dtype=np.float64)
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def everyone(X: Any) -> Any:
    return np.ones(len(X), dtype=bool)


@pytest.fixture(name="X")
def vectors() -> Any:
    return unit(np.random.default_rng(0).normal(size=(180, 12)))


class Told(Hearing):
    """Tells other threads when something is said."""

    def __init__(self) -> None:
        super().__init__()
        self.spoken_to = threading.Event()

    def say(self, message: str) -> None:
        super().say(message)
        self.spoken_to.set()


def assert_same(one: NeighborGraph, other: NeighborGraph) -> None:
    np.testing.assert_array_equal(one.ids, other.ids)
    np.testing.assert_array_equal(one.similarities, other.similarities)
    np.testing.assert_array_equal(one.live, other.live)


def loaded(file: Path) -> NeighborGraph:
    graph = load_graph(file)
    assert graph is not None
    return graph


def test_it_comes_back_from_its_file(X: Any, tmp_path: Path) -> None:
    live = np.random.default_rng(2).random(len(X)) < 0.9
    graph = build_graph(X, live)
    save_graph(graph, tmp_path / "graph.npz")
    again = loaded(tmp_path / "graph.npz")
    assert_same(again, graph)
    assert again.facts == graph.facts
    assert again.ids.dtype == np.int32
    assert again.fits(live)
    assert not again.fits(everyone(X))
    assert not again.fits(live[:-1])


def test_there_is_none_without_a_file(tmp_path: Path) -> None:
    assert load_graph(tmp_path / "none.npz") is None


def test_a_graph_of_an_older_version_is_made_again(X: Any, make_pool: Any) -> None:
    """It does not say which vectors it was made of."""
    pool, told = make_pool(X), Told()
    graph = build_graph(X, everyone(X))
    np.savez(pool.graph_file, **graph.arrays())
    with pytest.raises(DAMAGED_ARCHIVE):
        load_graph(pool.graph_file)
    assert_same(stored_graph(pool, pool.live, told), graph)
    assert told.said == [
        "graph.npz is not used: it has no checksum, as an older version wrote it. It is rebuilt."
    ]
    assert_same(loaded(pool.graph_file), graph)


DAMAGE = {
    "empty": lambda data: b"",
    "one byte": lambda data: data[:1],
    "cut in the middle": lambda data: data[: len(data) // 2],
    "last byte missing": lambda data: data[:-1],
    "a flipped byte inside": lambda data: data[:400] + bytes([data[400] ^ 255]) + data[401:],
    "text": lambda data: b"not a graph at all",
    "zip header, then nothing": lambda data: data[:4],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_file_is_made_again_and_that_is_said(X: Any, make_pool: Any, damage: Any) -> None:
    pool, told = make_pool(X), Told()
    first = stored_graph(pool, pool.live)
    file = pool.graph_file
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DAMAGED_ARCHIVE):
        load_graph(file)
    assert_same(stored_graph(pool, pool.live, told), first)
    (said,) = told.said
    assert re.fullmatch(
        r"graph\.npz is not used: it is damaged \(.*\)\. It is rebuilt\.", said, re.DOTALL
    )
    assert_same(loaded(file), first)


def test_no_flipped_byte_gives_another_graph(tmp_path: Path) -> None:
    X = unit(np.random.default_rng(1).normal(size=(24, 5)))
    graph, file = build_graph(X, everyone(X), g=4), tmp_path / "graph.npz"
    save_graph(graph, file)
    whole, found = file.read_bytes(), 0
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
        try:
            again = loaded(file)
        except DAMAGED_ARCHIVE:
            found += 1
        else:  # a byte that nothing depends on, such as a date
            assert_same(again, graph)
            assert again.facts == graph.facts
    assert found > len(whole) / 2


@pytest.mark.parametrize(
    "changed",
    [
        {"facts": np.array("{}")},
        {"facts": np.array("not json")},
        {"facts": np.array("[]")},
        {"similarities": np.zeros((180, 3), np.float32)},
        {"similarities": np.zeros((180, 20), np.float64)},
        {"ids": np.zeros((180, 20), np.int64)},
        {"ids": np.full((180, 20), 180, np.int32)},
        {"ids": np.full((180, 20), -2, np.int32)},
        {"live": np.ones(5, dtype=bool)},
        {"live": np.ones(180, dtype=np.int8)},
    ],
)
def test_parts_that_do_not_belong_together_are_no_graph(
    X: Any, make_pool: Any, changed: dict[str, Any]
) -> None:
    """Even with a checksum that is right, since kernels trust the numbers."""
    pool, told = make_pool(X), Told()
    graph = build_graph(X, everyone(X))
    arrays = {**graph.arrays(), **changed}
    write_arrays(pool.graph_file, pool.vectors_key(len(X)), arrays)
    with pytest.raises(DAMAGED_ARCHIVE):
        load_graph(pool.graph_file)
    assert_same(stored_graph(pool, pool.live, told), graph)
    assert [said[:36] for said in told.said] == ["graph.npz is not used: it is damaged"]


def test_another_kind_of_numpy_file_is_no_graph(tmp_path: Path) -> None:
    with (tmp_path / "graph.npz").open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DAMAGED_ARCHIVE):
        load_graph(tmp_path / "graph.npz")


def test_the_graph_of_other_vectors_is_made_again(X: Any, make_pool: Any) -> None:
    pool, told = make_pool(X), Told()
    first = stored_graph(pool, pool.live)
    other = make_pool(X[::-1], folder="other")
    stored_graph(other, other.live)
    pool.graph_file.write_bytes(other.graph_file.read_bytes())
    assert_same(stored_graph(pool, pool.live, told), first)
    assert told.said == [
        "graph.npz is not used: it was made of other vectors than those of this pool. "
        "It is rebuilt."
    ]
    assert_same(loaded(pool.graph_file), first)


def test_a_graph_that_cannot_be_stored_stays_in_memory(
    X: Any, make_pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, told = make_pool(X), Told()
    with monkeypatch.context() as full:
        full.setattr("knnal.pool.derived.atomic_writer", full_disk)
        full.setattr("knnal.pool.manifest.atomic_writer", full_disk)
        graph = stored_graph(pool, pool.live, told)
    assert_same(graph, build_graph(X, everyone(X)))
    (said,) = told.said
    assert said.startswith("graph.npz is kept in memory for this command.")
    assert "full (No space left on device)" in said
    assert not pool.graph_file.exists()
    assert_same(stored_graph(pool, pool.live), graph)
    assert_same(loaded(pool.graph_file), graph)


def test_a_pool_in_memory_stores_none(X: Any) -> None:
    with closing(Pool.in_memory(X)) as pool:
        assert len(stored_graph(pool, pool.live).ids) == len(X)
        assert pool.graph_file is None
        assert pool.manifest.graph is None


def test_the_manifest_says_how_it_was_found(X: Any, make_pool: Any, tmp_path: Path) -> None:
    pool = make_pool(X)
    graph = stored_graph(pool, pool.live)
    manifest = tmp_path / "pool" / "manifest.json"
    assert Manifest.read(manifest).graph == pool.manifest.graph == graph.facts
    # A pool from before the manifest said so has it added, without another build.
    Manifest(1, pool.manifest.modality, pool.manifest.embedder).write(manifest)
    again, told = make_pool(), Told()
    stored_graph(again, again.live, told)
    assert told.steps == []
    assert Manifest.read(manifest).graph == graph.facts


def add(pool: Pool, X: Any, ids: list[str]) -> None:
    with pool.transaction():
        pool.store(1, [NewRecord(name, "stamp", "digest") for name in ids], unit(X))
    pool.reload()


def test_new_changed_and_vanished_items_update_it(
    X: Any, make_pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = make_pool(X)
    stored_graph(pool, pool.live)
    rng = np.random.default_rng(3)
    add(pool, rng.normal(size=(9, 12)), ["item-4", "item-90", *(f"new-{i}" for i in range(7))])
    pool.catalog.begin_scan()
    for record in list(pool.catalog.records())[3:]:
        pool.catalog.see(record.id)
    assert pool.catalog.end_scan(1) == (3, 0)
    with monkeypatch.context() as no_build:
        no_build.setattr("knnal.pool.graph_file.build_graph", None)
        updated = stored_graph(pool, pool.live)
    assert_same(updated, build_graph(pool.embeddings, pool.live))
    assert_same(loaded(pool.graph_file), updated)
    assert pool.manifest.graph.rows == 184


def test_a_session_that_began_earlier_leaves_the_newer_graph_alone(X: Any, make_pool: Any) -> None:
    earlier = make_pool(X)
    live = earlier.live
    pool = make_pool()
    add(pool, np.random.default_rng(4).normal(size=(5, 12)), list("abcde"))
    newer = stored_graph(pool, pool.live)
    then = stored_graph(earlier, live)
    assert_same(then, build_graph(X, live))
    assert_same(loaded(pool.graph_file), newer)
    assert pool.manifest.graph.rows == 185


def test_it_waits_while_another_process_builds_it(X: Any, make_pool: Any) -> None:
    pool = make_pool(X)
    live, told = pool.live, Told()
    made = build_graph(X, live)
    held = threading.Event()

    def build_elsewhere() -> None:
        with FileLock(pool.graph_file.with_name("graph.lock")):
            held.set()
            told.spoken_to.wait(PATIENCE_S)
            DerivedFile(pool.graph_file).save(pool.vectors_key(len(live)), made.arrays())

    other = threading.Thread(target=build_elsewhere)
    other.start()
    held.wait()
    assert_same(stored_graph(pool, live, told), made)
    other.join()
    assert told.steps == []
    assert told.said == ["Another process is building the neighbor graph; waiting for it."]
