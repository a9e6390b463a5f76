"""The pool's extremes: items that are nearly the same, items that are like no other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from knnal.index.duplicates import DuplicateGroups
from knnal.index.graph import NeighborGraph
from knnal.index.search import NO_NEIGHBOR
from knnal.types import FloatArray, IntArray


class Pairs(NamedTuple):
    """``total`` pairs of rows at or above a similarity; the most similar of them, ``(m,)`` each."""

    total: int
    first: IntArray
    second: IntArray
    similarities: FloatArray


def closest_pairs(graph: NeighborGraph, threshold: float, top: int) -> Pairs:
    """Pairs in the neighbor graph whose cosine similarity is at least the threshold.

    The ``top`` most similar ones come with their rows, ties by lower row. An item with more copies
    than the graph has neighbors has more such pairs than are counted.
    """
    rows, slots = np.nonzero((graph.similarities >= threshold) & (graph.ids != NO_NEIGHBOR))
    others = graph.ids[rows, slots].astype(np.int64)
    low, high = np.minimum(rows, others), np.maximum(rows, others)
    _, kept = np.unique(low * len(graph.ids) + high, return_index=True)
    sims = graph.similarities[rows, slots][kept]
    order = np.argsort(-sims, kind="stable")[:top]
    return Pairs(len(kept), low[kept][order], high[kept][order], sims[order])


def largest_groups(groups: DuplicateGroups, top: int) -> list[IntArray]:
    """The rows of the ``top`` largest groups of at least two, ties by lower row."""
    _, first = np.unique(groups.numbers, return_index=True)
    order = np.lexsort((first, -groups.sizes))
    several = order[groups.sizes[order] > 1]
    return [groups.members(int(first[group])) for group in several[:top]]


def extreme_rows(values: FloatArray, rows: IntArray, top: int, *, largest: bool) -> IntArray:
    """The ``top`` of the rows whose value is largest, or smallest; best first, ties by lower row.

    ``values`` are of all rows, ``rows`` rising.
    """
    keys = -values[rows] if largest else values[rows]
    return rows[np.argsort(keys, kind="stable")[:top]]
