"""Updating the lists of nearest rows when items came, vanished or returned."""

from __future__ import annotations

import dataclasses

import numpy as np

from knnal.index.graph_build import EXACT_LIMIT, STAGE, blocks
from knnal.index.graph_facts import GraphFacts, GraphMethod
from knnal.index.graph_index import BATCH, ReducedIndex
from knnal.index.graph_lists import NearestLists, offer, offer_back, rerank
from knnal.index.graph_recall import TARGET, effort, measured
from knnal.types import BoolArray, Float32Array, IntArray, Narrator

EXACT_UPDATE = 2_000
"""Up to so many rows are searched for among all, which is then quicker than to make an index."""

_GROWTH = 2
_TOLERATED_LOSS = 0.02


def update_lists(
    X: Float32Array,
    live: BoolArray,
    lists: NearestLists,
    was_live: BoolArray,
    facts: GraphFacts,
    narrator: Narrator,
) -> tuple[NearestLists, GraphFacts] | None:
    """The lists for the rows that are live now, from those of the rows that ``was_live``.

    New rows are searched for, and so are those that lost a neighbor; all others take in the new
    rows that are nearer. An exact graph of up to EXACT_LIMIT rows comes out as if it were built
    anew. None where that would cost more than to build it, or the recall would suffer.
    """
    length = max(len(live), len(was_live))
    was, now = _padded(was_live, length), _padded(live, length)
    gone = np.append(was & ~now, False)  # where NOBODY, -1, finds that nobody is gone
    lists = lists.resized(len(live))
    new = live & ~was[: len(live)]
    anew = new | (live & gone[lists.ids].any(axis=1))
    rows, count = np.flatnonzero(live), int(anew.sum())
    small, exact = len(rows) <= EXACT_LIMIT, facts.method is GraphMethod.EXACT
    outgrown = not small and len(rows) > _GROWTH * facts.built
    if 2 * count > len(rows) or outgrown or (small and not exact):
        return None
    cleared = np.flatnonzero(anew | ~live)
    lists.put(cleared, NearestLists.empty(len(cleared), lists.ids.shape[1]))
    if small or count <= EXACT_UPDATE:
        _update_exactly(X, rows, anew, new, lists, narrator)
        built = len(rows) if exact else facts.built
        return lists, dataclasses.replace(facts, rows=len(rows), built=built)
    _update_approximately(X, rows, anew, new, lists, narrator)
    updated = dataclasses.replace(facts, method=GraphMethod.APPROXIMATE, rows=len(rows))
    updated = measured(X, rows, lists, updated)
    suffers = updated.recall < min(TARGET, facts.recall - _TOLERATED_LOSS)
    return None if suffers else (lists, updated)


def _update_exactly(
    X: Float32Array,
    rows: IntArray,
    anew: BoolArray,
    new: BoolArray,
    lists: NearestLists,
    narrator: Narrator,
) -> None:
    """Search among all for those ``anew``; offer the ``new`` to all others."""
    kept = rows[~anew[rows]]
    done = 0
    for wanted, others in ((np.flatnonzero(anew), rows), (kept, np.flatnonzero(new))):
        for part in blocks(wanted):
            block = lists.of(part)
            offer(X, part, others, block)
            lists.put(part, block)
            done += len(part)
            narrator.progress(STAGE, done, len(rows))


def _update_approximately(
    X: Float32Array,
    rows: IntArray,
    anew: BoolArray,
    new: BoolArray,
    lists: NearestLists,
    narrator: Narrator,
) -> None:
    """Search the index for those ``anew``; offer the ``new`` to the candidates that they found.

    A row that is near to a new one, without being among that one's many candidates, misses it.
    """
    index = ReducedIndex(X, rows, narrator)
    cells, count = effort(X, rows, index, lists.ids.shape[1], narrator)
    takers = np.zeros(len(anew), dtype=np.bool_)
    takers[rows] = ~anew[rows]
    done, total = 0, int(anew.sum())
    for part, vectors in index.batches(anew, BATCH):
        candidates = index.candidates(vectors, cells, 2 * count)
        block = NearestLists.empty(len(part), lists.ids.shape[1])
        rerank(X, part, candidates, block)
        lists.put(part, block)
        offer_back(X, part[new[part]], candidates[new[part]], takers, lists)
        done += len(part)
        narrator.progress(STAGE, done, total)


def _padded(mask: BoolArray, length: int) -> BoolArray:
    padded: BoolArray = np.zeros(length, dtype=np.bool_)
    padded[: len(mask)] = mask
    return padded
