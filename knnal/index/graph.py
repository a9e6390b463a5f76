"""The k-nearest-neighbor graph of a pool's live rows: built, updated, restricted.

Up to 50,000 live rows, every pair is compared. Beyond that, an index proposes candidates by their
reduced vectors; they are ranked by the canonical similarity of the full vectors, and the share of
the true neighbors that come out, the recall, is measured on a sample.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knnal.index.graph_candidates import TARGET, CandidateIndex, measure_recall, search_effort
from knnal.index.graph_facts import GraphFacts, GraphMethod
from knnal.index.graph_journal import Journal
from knnal.index.search import NO_NEIGHBOR, Nearest, offer, offer_back, rerank
from knnal.types import BoolArray, Float32Array, Int32Array, IntArray, LogNarrator, Narrator

NEIGHBORS = 20
STEP = "Neighbor graph"
"""What progress is reported of."""

EXACT_LIMIT = 50_000
"""Largest number of live rows for which every pair is compared."""

EXACT_UPDATE = 2_000
"""Largest number of rows to search for among all, which is quicker than building an index."""

BATCH = 4096
"""Rows per search of the index: enough for all threads, few enough to resume from often."""

_BLOCK = 4096
_GROWTH = 2
_TOLERATED_LOSS = 0.02


@dataclass(frozen=True, slots=True)
class NeighborGraph:
    """The nearest neighbors of each live row among the other live rows.

    Parameters
    ----------
    ids : array of int32, shape (rows, g)
        By falling similarity, ties by lower row; NO_NEIGHBOR in empty slots and for rows that are
        not live.
    similarities : array of float32, shape (rows, g)
        Their cosine similarities; -inf in empty slots.
    live : array of bool, shape (rows,)
    facts : GraphFacts
        How the neighbors were found.
    """

    ids: Int32Array
    similarities: Float32Array
    live: BoolArray
    facts: GraphFacts

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The graph as arrays, for a file."""
        facts = np.array(json.dumps(dataclasses.asdict(self.facts)))
        return {
            "ids": self.ids, "similarities": self.similarities, "live": self.live, "facts": facts,
        }  # fmt: skip

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> NeighborGraph:
        """The graph of ``arrays``. Raises one of DAMAGED_ARCHIVE if they are not those of one."""
        ids, sims, live = arrays["ids"], arrays["similarities"], arrays["live"]
        facts = GraphFacts.of(json.loads(str(arrays["facts"])))
        shape = (len(live), facts.neighbors)
        if ids.shape != shape or sims.shape != shape or live.ndim != 1:
            raise ValueError("its arrays do not fit each other")
        if [ids.dtype.str, sims.dtype.str, live.dtype.str] != ["<i4", "<f4", "|b1"]:
            raise ValueError("its arrays are of other types")
        # Kernels trust these numbers.
        if ids.size and not NO_NEIGHBOR <= ids.min() <= ids.max() < len(live):
            raise ValueError("it names rows that are not there")
        return cls(ids, sims, live, facts)

    def fits(self, live: BoolArray) -> bool:
        """Whether the graph is of exactly these live rows."""
        return np.array_equal(self.live, live)


def build_graph(
    X: Float32Array,
    live: BoolArray,
    g: int = NEIGHBORS,
    narrator: Narrator | None = None,
    *,
    journal: Journal | None = None,
) -> NeighborGraph:
    """Find the nearest neighbors of every live row.

    Parameters
    ----------
    X : array of float32, shape (rows, d)
        Unit rows.
    live : array of bool, shape (rows,)
        Which rows hold an item.
    g : int
        Neighbors per row.
    narrator : Narrator, optional
        Hears of progress, and of a recall below 95 %.
    journal : Journal, optional
        Keeps finished blocks, so that an interrupted build resumes.

    Returns
    -------
    NeighborGraph
        Exact up to EXACT_LIMIT live rows, approximate beyond.
    """
    narrator, journal = narrator or LogNarrator(), journal or Journal(None)
    rows = np.flatnonzero(live)
    exact = len(rows) <= EXACT_LIMIT
    method = GraphMethod.EXACT if exact else GraphMethod.APPROXIMATE
    lists = Nearest.empty(len(X), g)
    try:
        done = journal.open(X, live, method, lists)
        wanted = live.copy()
        wanted[done] = False
        count = len(rows) - int(wanted.sum())
        for part, block, _ in _found(X, rows, wanted, g, narrator, exact=exact):
            lists.put(part, block)
            journal.append(part, block)
            count += len(part)
            narrator.progress(STEP, count, len(rows))
    finally:
        journal.close()
    facts = GraphFacts(method, g, len(rows), recall=1.0, sample=0, built=len(rows))
    if not exact:
        facts = measure_recall(X, rows, lists, facts)
        if facts.recall < TARGET:
            narrator.say(
                f"The neighbor graph holds {facts.recall:.1%} of the true neighbors; the target "
                f"is {TARGET:.0%}. Density and diversity are that much less exact."
            )
    return NeighborGraph(lists.ids, lists.similarities, live, facts)


def updated_graph(
    old: NeighborGraph, X: Float32Array, live: BoolArray, narrator: Narrator | None = None
) -> NeighborGraph | None:
    """Update a graph to the rows that are live now.

    New rows are searched for, and so are those that lost a neighbor; all others take in the new
    rows that are nearer. An exact graph of up to EXACT_LIMIT rows comes out as if it were rebuilt.

    Parameters
    ----------
    old : NeighborGraph
        The graph of the same vectors with other, perhaps fewer or more, live rows.
    X : array of float32, shape (rows, d)
        Unit rows.
    live : array of bool, shape (rows,)
        Which rows hold an item now.
    narrator : Narrator, optional
        Hears of progress.

    Returns
    -------
    NeighborGraph or None
        None if a rebuild would cost less, or the recall would suffer.
    """
    narrator = narrator or LogNarrator()
    length = max(len(live), len(old.live))
    was, now = (np.pad(mask, (0, length - len(mask))) for mask in (old.live, live))
    gone = np.append(was & ~now, False)  # the last place is that of NO_NEIGHBOR, -1
    lists = Nearest(old.ids, old.similarities).resized(len(live))
    new = live & ~was[: len(live)]
    searched = new | (live & gone[lists.ids].any(axis=1))
    rows, count, facts = np.flatnonzero(live), int(searched.sum()), old.facts
    small, exact = len(rows) <= EXACT_LIMIT, facts.method is GraphMethod.EXACT
    outgrown = not small and len(rows) > _GROWTH * facts.built
    if 2 * count > len(rows) or outgrown or (small and not exact):
        return None
    g, quick = lists.ids.shape[1], small or count <= EXACT_UPDATE
    cleared = np.flatnonzero(searched | ~live)
    lists.put(cleared, Nearest.empty(len(cleared), g))
    takers = live & ~searched
    done = 0
    for part, block, candidates in _found(X, rows, searched, g, narrator, exact=quick, wider=2):
        lists.put(part, block)
        if not quick:  # a row near a new one misses it if it is not among its many candidates
            offer_back(X, part[new[part]], candidates[new[part]], takers, lists)
        done += len(part)
        narrator.progress(STEP, done, len(rows) if quick else count)
    for part in _blocks(takers) if quick else ():
        block = lists.at(part)
        offer(X, part, np.flatnonzero(new), block)
        lists.put(part, block)
        done += len(part)
        narrator.progress(STEP, done, len(rows))
    if quick:
        built = len(rows) if exact else facts.built
        updated = dataclasses.replace(facts, rows=len(rows), built=built)
    else:
        updated = dataclasses.replace(facts, method=GraphMethod.APPROXIMATE, rows=len(rows))
        updated = measure_recall(X, rows, lists, updated)
        if updated.recall < min(TARGET, facts.recall - _TOLERATED_LOSS):
            return None
    return NeighborGraph(lists.ids, lists.similarities, live, updated)


def graph_within(
    full: NeighborGraph, X: Float32Array, live: BoolArray, g: int = NEIGHBORS
) -> NeighborGraph:
    """The graph of some rows, from the graph of all: quick where many such graphs are needed.

    Parameters
    ----------
    full : NeighborGraph
        An exact graph of more rows and of more neighbors, so that most lists still hold ``g`` live
        ones; the others are searched for among all.
    X : array of float32, shape (rows, d)
        Unit rows.
    live : array of bool, shape (rows,)
        The rows of the new graph.
    g : int
        Neighbors per row.

    Returns
    -------
    NeighborGraph
        The one that ``build_graph`` would return.
    """
    rows = np.flatnonzero(live)
    lists, all_lists = Nearest.empty(len(X), g), Nearest(full.ids, full.similarities).at(rows)
    kept = (all_lists.ids != NO_NEIGHBOR) & live[all_lists.ids]
    places = np.argsort(~kept, axis=1, kind="stable")[:, :g]  # the live ones first, in their order
    ids, sims, there = (
        np.take_along_axis(of, places, axis=1)
        for of in (all_lists.ids, all_lists.similarities, kept)
    )
    lists.ids[rows] = np.where(there, ids, NO_NEIGHBOR)
    lists.similarities[rows] = np.where(there, sims, -np.inf)
    short = rows[there.sum(axis=1) < min(g, len(rows) - 1)]
    block = Nearest.empty(len(short), g)
    offer(X, short, rows, block)
    lists.put(short, block)
    facts = dataclasses.replace(full.facts, neighbors=g, rows=len(rows), built=len(rows))
    return NeighborGraph(lists.ids, lists.similarities, live, facts)


def _found(
    X: Float32Array,
    rows: IntArray,
    wanted: BoolArray,
    g: int,
    narrator: Narrator,
    *,
    exact: bool,
    wider: int = 1,
) -> Iterator[tuple[IntArray, Nearest, IntArray]]:
    """The lists of the wanted rows among ``rows``, block by block, with the candidates ranked.

    From all pairs, where the candidates are ``rows``, or else by way of an index, ``wider`` times
    as many as the recall needs.
    """
    if exact:
        for part in _blocks(wanted):
            block = Nearest.empty(len(part), g)
            offer(X, part, rows, block)
            yield part, block, rows
    elif wanted.any():
        index = CandidateIndex(X, rows, narrator)
        cells, count = search_effort(X, rows, index, g, narrator)
        for part, vectors in index.batches(wanted, BATCH):
            candidates = index.candidates(vectors, cells, wider * count)
            block = Nearest.empty(len(part), g)
            rerank(X, part, candidates, block)
            yield part, block, candidates


def _blocks(mask: BoolArray) -> Iterator[IntArray]:
    """The rows of a mask, some at a time."""
    rows = np.flatnonzero(mask)
    for start in range(0, len(rows), _BLOCK):
        yield rows[start : start + _BLOCK]
