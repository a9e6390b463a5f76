"""The k-nearest-neighbour graph of the pool, kept in its folder and in step with its rows."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knnal.errors import PoolUnwritableError
from knnal.neighbors.graph_build import build_lists
from knnal.neighbors.graph_journal import Journal
from knnal.neighbors.graph_lists import NearestLists
from knnal.neighbors.graph_update import update_lists
from knnal.neighbors.search import NOBODY
from knnal.store.derived import Arrays, DerivedFile, read_arrays, write_arrays
from knnal.store.manifest import GraphFacts
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
        """Write the graph where no pool is, as a simulation does."""
        write_arrays(path, "", self.arrays())

    def arrays(self) -> Arrays:
        """The graph as arrays, for a file."""
        facts = np.array(json.dumps(dataclasses.asdict(self.facts)))
        return {
            "ids": self.ids, "similarities": self.similarities, "live": self.live, "facts": facts,
        }  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> NeighbourGraph | None:
        """The graph that ``save`` wrote; None where there is no file."""
        return cls.of(read_arrays(path).arrays) if path.exists() else None

    @classmethod
    def of(cls, arrays: Arrays) -> NeighbourGraph:
        """The graph of ``arrays``. Raises one of DAMAGED_ARCHIVE for arrays of no graph."""
        ids, sims, live = arrays["ids"], arrays["similarities"], arrays["live"]
        facts = GraphFacts.of(json.loads(str(arrays["facts"])))
        shape = (len(live), facts.neighbours)
        if ids.shape != shape or sims.shape != shape or live.ndim != 1:
            raise ValueError("its arrays do not fit each other")
        if [ids.dtype.str, sims.dtype.str, live.dtype.str] != ["<i4", "<f4", "|b1"]:
            raise ValueError("its arrays are of other types")
        # Kernels go by these numbers and trust them.
        if ids.size and not NOBODY <= ids.min() <= ids.max() < len(live):
            raise ValueError("it names rows that are not there")
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
    journal: Journal | None = None,
) -> NeighbourGraph:
    """The graph of the live rows of ``X`` ``(rows, d)``: exact up to 50,000 of them.

    With a ``journal``, a build goes on where an earlier one was interrupted.
    """
    lists, facts = build_lists(X, live, g, journal or Journal(None), narrator or LogNarrator())
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
    path = pool.graph_file
    if path is None:
        return build_graph(pool.embeddings, live, narrator=narrator)
    file = DerivedFile(path, narrator)
    graph = load_graph(pool, file)
    if graph is None or not graph.fits(live):
        with _building_alone(path, narrator) as waited:
            if waited:  # for another process, which has stored it by then
                graph = load_graph(pool, file)
            if graph is None or not graph.fits(live):
                graph = _made(graph, pool, live, narrator)
                # A session that began earlier may ask for the rows of then: not to be stored.
                if not np.array_equal(pool.catalogue.live_mask(), live):
                    return graph
                if file.save(pool.vectors_key(len(live)), graph.arrays()):
                    _journal_of(pool, path, narrator).remove()
    with contextlib.suppress(PoolUnwritableError):  # a copy, for people to read
        pool.record_graph(graph.facts)
    return graph


def load_graph(pool: Pool, file: DerivedFile) -> NeighbourGraph | None:
    """The stored graph, of these rows or of those that were there earlier.

    None where there is none, or it is damaged or of other vectors, which the file says.
    """
    return file.read(NeighbourGraph.of, lambda graph: pool.vectors_key(len(graph.live)))


def _made(
    old: NeighbourGraph | None, pool: Pool, live: BoolArray, narrator: Narrator
) -> NeighbourGraph:
    assert pool.graph_file is not None
    updated = None if old is None else updated_graph(old, pool.embeddings, live, narrator)
    if updated is not None:
        return updated
    journal = _journal_of(pool, pool.graph_file, narrator)
    return build_graph(pool.embeddings, live, narrator=narrator, journal=journal)


def _journal_of(pool: Pool, file: Path, narrator: Narrator) -> Journal:
    made_of = pool.vectors_key(len(pool.embeddings))
    return Journal(file.with_name(f"{file.stem}.partial"), made_of, narrator)


@contextlib.contextmanager
def _building_alone(file: Path, narrator: Narrator) -> Iterator[bool]:
    """Wait while another process builds the graph, since it is the same one; whether one did."""
    from filelock import FileLock, Timeout

    path, waited = file.with_name(f"{file.stem}.lock"), False
    try:
        lock = FileLock(path)
        lock.acquire(timeout=0)
    except Timeout:
        narrator.say("Another process is building the neighbour graph; waiting for it.")
        lock.acquire()
        waited = True
    except OSError:  # where nothing can be written, nobody else writes
        lock = None
    try:
        yield waited
    finally:
        if lock is not None:
            lock.release()
