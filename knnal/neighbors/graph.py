"""The k-nearest-neighbour graph of the pool, kept in its folder and in step with its rows."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knnal.files import DAMAGED_ARCHIVE, atomic_writer
from knnal.neighbors.graph_build import build_lists
from knnal.neighbors.graph_journal import Journal
from knnal.neighbors.graph_lists import NearestLists
from knnal.neighbors.graph_update import update_lists
from knnal.store.manifest import GraphFacts, GraphMethod
from knnal.store.pool import Pool
from knnal.types import BoolArray, Float32Array, Int32Array, LogNarrator, Narrator

NEIGHBOURS = 20


@dataclass(frozen=True, slots=True)
class NeighbourGraph:
    """The nearest neighbours of each live row among the live rows, itself left out.

    ``ids`` and ``similarities`` are ``(rows, g)``, by falling similarity, ties by lower row; empty
    slots, and rows that are not live, hold NOBODY and -inf. ``facts`` says how they were found.
    """

    ids: Int32Array
    similarities: Float32Array
    live: BoolArray
    facts: GraphFacts

    def save(self, path: Path) -> None:
        with atomic_writer(path) as file:
            np.savez(
                file,
                ids=self.ids,
                similarities=self.similarities,
                live=self.live,
                facts=np.array(json.dumps(dataclasses.asdict(self.facts))),
            )

    @classmethod
    def load(cls, path: Path) -> NeighbourGraph | None:
        """The stored graph, or None if there is none or it is damaged."""
        try:
            # Opened here, since numpy leaves a damaged file open that it opened itself.
            with path.open("rb") as file, np.load(file) as stored:
                ids, sims, live = stored["ids"], stored["similarities"], stored["live"]
                if "facts" in stored:
                    facts = GraphFacts.of(json.loads(str(stored["facts"])))
                else:  # the first format, which held exact graphs only
                    count = int(live.sum())
                    facts = GraphFacts(GraphMethod.EXACT, ids.shape[1], count, 1.0, 0, count)
        except DAMAGED_ARCHIVE:
            return None
        if ids.shape != sims.shape or ids.shape != (len(live), facts.neighbours):
            return None
        return cls(ids, sims, live, facts)

    def fits(self, live: BoolArray) -> bool:
        """Whether these are the rows that the graph is of."""
        return np.array_equal(self.live, live)


def build_graph(
    X: Float32Array,
    live: BoolArray,
    g: int = NEIGHBOURS,
    narrator: Narrator | None = None,
    *,
    journal: Path | None = None,
) -> NeighbourGraph:
    """The graph of the live rows of ``X`` ``(rows, d)``: exact up to 50,000 of them.

    With a ``journal``, a file, a build goes on where an earlier one was interrupted.
    """
    lists, facts = build_lists(X, live, g, Journal(journal), narrator or LogNarrator())
    return NeighbourGraph(lists.ids, lists.similarities, live, facts)


def updated_graph(
    old: NeighbourGraph, X: Float32Array, live: BoolArray, narrator: Narrator | None = None
) -> NeighbourGraph | None:
    """The graph of rows that are live now, from one of those that were; None: build it anew."""
    lists = NearestLists(old.ids, old.similarities)
    made = update_lists(X, live, lists, old.live, old.facts, narrator or LogNarrator())
    return (
        None if made is None else NeighbourGraph(made[0].ids, made[0].similarities, live, made[1])
    )


def stored_graph(pool: Pool, live: BoolArray, narrator: Narrator | None = None) -> NeighbourGraph:
    """The pool's graph from its file, updated or built where that does not fit, and stored then.

    A pool in memory stores nothing. A build that is interrupted is taken up by the next call.
    """
    narrator = narrator or LogNarrator()
    file = pool.graph_file
    if file is None:
        return build_graph(pool.embeddings, live, narrator=narrator)
    graph = NeighbourGraph.load(file)
    if graph is None or not graph.fits(live):
        with _building_alone(file, narrator):
            graph = NeighbourGraph.load(file)
            if graph is None or not graph.fits(live):
                graph = _made(graph, pool, live, narrator)
                # A session that began earlier may ask for the rows of then: not to be stored.
                if not np.array_equal(pool.live, live):
                    return graph
                graph.save(file)
                Journal(_journal_of(file)).remove()
    pool.record_graph(graph.facts)
    return graph


def _made(
    old: NeighbourGraph | None, pool: Pool, live: BoolArray, narrator: Narrator
) -> NeighbourGraph:
    assert pool.graph_file is not None
    updated = None if old is None else updated_graph(old, pool.embeddings, live, narrator)
    if updated is not None:
        return updated
    journal = _journal_of(pool.graph_file)
    return build_graph(pool.embeddings, live, narrator=narrator, journal=journal)


def _journal_of(file: Path) -> Path:
    return file.with_name(f"{file.stem}.partial")


@contextlib.contextmanager
def _building_alone(file: Path, narrator: Narrator) -> Iterator[None]:
    """Wait while another process builds the graph, since it is the same one."""
    from filelock import FileLock, Timeout

    lock = FileLock(file.with_name(f"{file.stem}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        narrator.say("Another process is building the neighbour graph; waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
