"""The neighbor graph in a pool's folder: built once, updated as items come and go."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from knnal.errors import PoolUnwritableError
from knnal.index.graph import NeighborGraph, build_graph, updated_graph
from knnal.index.graph_journal import Journal
from knnal.pool.derived import DerivedFile, read_arrays, write_arrays
from knnal.pool.pool import Pool
from knnal.types import BoolArray, LogNarrator, Narrator


def stored_graph(pool: Pool, live: BoolArray, narrator: Narrator | None = None) -> NeighborGraph:
    """The pool's graph from its file, updated or built where that does not fit, and stored then.

    A pool in memory stores nothing. A build that is interrupted is taken up by the next call.
    """
    narrator = narrator or LogNarrator()
    path = pool.graph_file
    if path is None:
        return build_graph(pool.embeddings, live, narrator=narrator)
    file = DerivedFile(path, narrator)
    graph = load_pool_graph(pool, file)
    if graph is None or not graph.fits(live):
        with _building_alone(path, narrator) as waited:
            if waited:  # for another process, which has stored it by then
                graph = load_pool_graph(pool, file)
            if graph is None or not graph.fits(live):
                graph = _made(graph, pool, live, narrator)
                # A session that began earlier may ask for the rows of then: not to be stored.
                if not np.array_equal(pool.catalog.live_mask(), live):
                    return graph
                if file.save(pool.vectors_key(len(live)), graph.arrays()):
                    _journal_of(pool, path, narrator).remove()
    with contextlib.suppress(PoolUnwritableError):  # a copy, for people to read
        pool.record_graph(graph.facts)
    return graph


def load_pool_graph(pool: Pool, file: DerivedFile) -> NeighborGraph | None:
    """The stored graph, of these rows or of those that were there earlier.

    None where there is none, or it is damaged or of other vectors, which the file says.
    """
    return file.read(NeighborGraph.of, lambda graph: pool.vectors_key(len(graph.live)))


def _made(
    old: NeighborGraph | None, pool: Pool, live: BoolArray, narrator: Narrator
) -> NeighborGraph:
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
    """Wait while another process builds the same graph; yields whether one did."""
    from filelock import FileLock, Timeout

    path, waited = file.with_name(f"{file.stem}.lock"), False
    try:
        lock = FileLock(path)
        lock.acquire(timeout=0)
    except Timeout:
        narrator.say("Another process is building the neighbor graph; waiting for it.")
        lock.acquire()
        waited = True
    except OSError:  # where nothing can be written, nobody else writes
        lock = None
    try:
        yield waited
    finally:
        if lock is not None:
            lock.release()


def save_graph(graph: NeighborGraph, path: Path) -> None:
    """Write a graph outside a pool, as a simulation does."""
    write_arrays(path, "", graph.arrays())


def load_graph(path: Path) -> NeighborGraph | None:
    """The graph that ``save_graph`` wrote, or None where there is no file."""
    return NeighborGraph.of(read_arrays(path).arrays) if path.exists() else None
