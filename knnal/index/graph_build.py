"""Building the lists of nearest rows: exact for small pools, approximate for large ones.

Approximate means that an index proposes candidates by their reduced vectors. The candidates are
ranked by the canonical similarity of the full ones, and how many of the true neighbors come out
is measured on a sample: the recall.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from knnal.index.graph_facts import GraphFacts, GraphMethod
from knnal.index.graph_index import BATCH, ReducedIndex
from knnal.index.graph_journal import Journal
from knnal.index.graph_lists import NearestLists, offer, rerank
from knnal.index.graph_recall import TARGET, effort, measured
from knnal.types import BoolArray, Float32Array, IntArray, Narrator

STAGE = "Neighbor graph"
EXACT_LIMIT = 50_000
"""Up to so many live rows every pair is compared."""

_BLOCK = 4096


def build_lists(
    X: Float32Array, live: BoolArray, g: int, journal: Journal, narrator: Narrator
) -> tuple[NearestLists, GraphFacts]:
    """The ``g`` nearest live rows of every live row of ``X`` ``(n, d)``.

    What the journal has of an earlier run is taken over.
    """
    rows = np.flatnonzero(live)
    method = GraphMethod.EXACT if len(rows) <= EXACT_LIMIT else GraphMethod.APPROXIMATE
    lists = NearestLists.empty(len(X), g)
    try:
        done = journal.open(X, live, method, lists)
        wanted = live.copy()
        wanted[done] = False
        find = _exactly if method is GraphMethod.EXACT else _approximately
        count = len(rows) - int(wanted.sum())
        for part, block in find(X, rows, wanted, g, narrator):
            lists.put(part, block)
            journal.append(part, block)
            count += len(part)
            narrator.progress(STAGE, count, len(rows))
    finally:
        journal.close()
    facts = GraphFacts(method, g, len(rows), recall=1.0, sample=0, built=len(rows))
    if method is GraphMethod.APPROXIMATE:
        facts = measured(X, rows, lists, facts)
        if facts.recall < TARGET:
            narrator.say(
                f"The neighbor graph holds {facts.recall:.1%} of the true neighbors, where "
                f"{TARGET:.0%} is the aim. Density and diversity are that much less exact."
            )
    return lists, facts


def _exactly(
    X: Float32Array, rows: IntArray, wanted: BoolArray, g: int, narrator: Narrator
) -> Iterator[tuple[IntArray, NearestLists]]:
    """The lists of the wanted rows, block by block, from all pairs."""
    del narrator
    for part in blocks(np.flatnonzero(wanted)):
        block = NearestLists.empty(len(part), g)
        offer(X, part, rows, block)
        yield part, block


def _approximately(
    X: Float32Array, rows: IntArray, wanted: BoolArray, g: int, narrator: Narrator
) -> Iterator[tuple[IntArray, NearestLists]]:
    """The lists of the wanted rows, block by block, by way of an index."""
    if wanted.any():
        index = ReducedIndex(X, rows, narrator)
        cells, count = effort(X, rows, index, g, narrator)
        for part, vectors in index.batches(wanted, BATCH):
            block = NearestLists.empty(len(part), g)
            rerank(X, part, index.candidates(vectors, cells, count), block)
            yield part, block


def blocks(rows: IntArray) -> Iterator[IntArray]:
    """The rows, some at a time."""
    for start in range(0, len(rows), _BLOCK):
        yield rows[start : start + _BLOCK]
