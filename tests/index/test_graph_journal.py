"""An interrupted build goes on where it stopped, and only a build of the same graph does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.index import graph as graph_module
from knnal.index.graph import NeighborGraph, build_graph
from knnal.index.graph_journal import Journal
from knnal.index.search import Nearest
from knnal.pool.graph_file import stored_graph
from knnal.types import LogNarrator

from ..narrators import Hearing

KILLED = """
import os, sys
from pathlib import Path
import numpy as np
from knnal.index import graph as graph_module
from knnal.index.graph import build_graph
from knnal.index.graph_journal import Journal
from knnal.types import LogNarrator

class Killer(LogNarrator):
    def progress(self, step, done, total):
        if step == "Neighbor graph" and done >= 900:
            os._exit(9)

graph_module._BLOCK, graph_module.BATCH, graph_module.EXACT_LIMIT = 300, 300, int(sys.argv[3])
X = np.load(sys.argv[1])
build_graph(X, np.ones(len(X), dtype=bool), narrator=Killer(), journal=Journal(Path(sys.argv[2])))
"""


class InterruptedBuildError(Exception):
    pass


class Until(LogNarrator):
    """Stops the build when that many rows are done."""

    def __init__(self, stop: float = np.inf) -> None:
        self.stop = stop
        self.done: list[int] = []

    def progress(self, step: str, done: int, total: int | None) -> None:
        if step == "Neighbor graph":
            self.done.append(done)
            if done >= self.stop:
                raise InterruptedBuildError


@pytest.fixture(name="X")
def vectors() -> Any:
    X = np.random.default_rng(0).normal(size=(2000, 30))
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(params=[50_000, 100], ids=["exact", "approximate"], autouse=True, name="limit")
def small_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(graph_module, "_BLOCK", 300)
    monkeypatch.setattr(graph_module, "BATCH", 300)
    monkeypatch.setattr(graph_module, "EXACT_LIMIT", request.param)
    return int(request.param)


def everyone(X: Any) -> Any:
    return np.ones(len(X), dtype=bool)


def assert_same(one: NeighborGraph, other: NeighborGraph) -> None:
    np.testing.assert_array_equal(one.ids, other.ids)
    np.testing.assert_array_equal(one.similarities, other.similarities)
    assert one.facts == other.facts


def interrupt(X: Any, journal: Path, live: Any = None) -> int:
    until = Until(900)
    with pytest.raises(InterruptedBuildError):
        build_graph(
            X, everyone(X) if live is None else live, narrator=until, journal=Journal(journal)
        )
    return until.done[-1]


def test_it_goes_on_where_it_was_interrupted(X: Any, tmp_path: Path) -> None:
    done = interrupt(X, tmp_path / "journal")
    rest = Until()
    graph = build_graph(X, everyone(X), narrator=rest, journal=Journal(tmp_path / "journal"))
    assert rest.done[0] > done
    assert rest.done[-1] == 2000
    assert_same(graph, build_graph(X, everyone(X)))


def test_it_goes_on_where_it_was_killed(X: Any, tmp_path: Path, limit: int) -> None:
    np.save(tmp_path / "X.npy", X)
    journal = tmp_path / "journal"
    arguments = [str(tmp_path / "X.npy"), str(journal), str(limit)]
    assert subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False).returncode == 9
    rest = Until()
    graph = build_graph(X, everyone(X), narrator=rest, journal=Journal(journal))
    assert rest.done[0] > 900
    assert_same(graph, build_graph(X, everyone(X)))


@pytest.mark.parametrize("limit", [50_000], ids=["exact"], indirect=True)
def test_what_was_cut_off_or_damaged_is_found_again(X: Any, tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    interrupt(X, journal)
    whole = journal.read_bytes()
    expected = build_graph(X, everyone(X))
    for content in (
        b"", whole[:20], whole[:32], whole[:36], whole[:-1], whole + b"\xff" * 11,
        whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:],
    ):  # fmt: skip
        journal.write_bytes(content)
        assert_same(build_graph(X, everyone(X), journal=Journal(journal)), expected)


def test_what_belongs_to_another_build_is_not_taken(X: Any, tmp_path: Path) -> None:
    for i, (other, live, g) in enumerate(
        [
            (X, np.arange(2000) != 5, 20),
            (X[:1999], everyone(X[:1999]), 20),
            (X, everyone(X), 19),
            (X[::-1].copy(), everyone(X), 20),
        ]
    ):
        journal = tmp_path / str(i)
        interrupt(X, journal)
        first = Until()
        graph = build_graph(other, live, g, narrator=first, journal=Journal(journal))
        assert first.done[0] < 900
        assert_same(graph, build_graph(other, live, g))


def test_a_finished_journal_needs_no_more_search(X: Any, tmp_path: Path) -> None:
    first = build_graph(X, everyone(X), journal=Journal(tmp_path / "journal"))
    again = Until()
    assert_same(
        build_graph(X, everyone(X), narrator=again, journal=Journal(tmp_path / "journal")), first
    )
    assert again.done == []


def test_a_pool_goes_on_and_then_keeps_no_journal(X: Any, make_pool: Any) -> None:
    pool = make_pool(X)
    partial = pool.graph_file.with_name("graph.partial")
    with pytest.raises(InterruptedBuildError):
        stored_graph(pool, pool.live, Until(900))
    assert partial.exists()
    assert not pool.graph_file.exists()
    rest = Until()
    graph = stored_graph(pool, pool.live, rest)
    assert rest.done[0] > 900
    assert_same(graph, build_graph(pool.embeddings, pool.live))
    assert not partial.exists()


def test_without_a_file_nothing_is_kept(X: Any) -> None:
    journal = Journal(None)
    lists = Nearest.empty(2000, 2)
    assert journal.open(X, everyone(X), "exact", lists).tolist() == []
    journal.append(np.arange(3), Nearest.empty(3, 2))
    journal.remove()


def test_a_journal_of_other_vectors_is_not_taken(X: Any, tmp_path: Path) -> None:
    """Even where the sample of rows that it is known by is the same."""
    file, names = tmp_path / "journal", ("these", "those")
    until = Until(900)
    with pytest.raises(InterruptedBuildError):
        build_graph(X, everyone(X), narrator=until, journal=Journal(file, names[0]))
    first = Until()
    build_graph(X, everyone(X), narrator=first, journal=Journal(file, names[1]))
    assert first.done[0] < 900


@pytest.mark.parametrize(("row", "neighbor"), [(2000, 1), (-1, 1), (1, 2000), (1, -2)])
def test_rows_that_are_not_there_are_not_taken(
    X: Any, tmp_path: Path, row: int, neighbor: int
) -> None:
    """Kernels trust the numbers, so even a record whose checksum is right is checked."""
    journal = Journal(tmp_path / "journal")
    lists = Nearest.empty(2000, 20)
    journal.open(X, everyone(X), "exact", lists)
    block = Nearest.empty(1, 20)
    block.ids[0, 3] = neighbor
    journal.append(np.array([row]), block)
    journal.close()
    assert journal.open(X, everyone(X), "exact", lists).tolist() == []
    assert (lists.ids == -1).all()
    journal.close()


def test_a_build_goes_on_without_a_journal_where_it_cannot_be_written(
    X: Any, tmp_path: Path
) -> None:
    heard, nowhere = Hearing(), tmp_path / "missing" / "journal"
    graph = build_graph(X, everyone(X), journal=Journal(nowhere, narrator=heard))
    assert_same(graph, build_graph(X, everyone(X)))
    assert heard.said == [
        f"{nowhere} cannot be written (No such file or directory): a build that is interrupted "
        "starts over."
    ]
