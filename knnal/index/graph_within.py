"""The neighbor graph of some rows from one of all, where many such are wanted."""

from __future__ import annotations

import dataclasses

import numpy as np

from knnal.index.graph import NEIGHBORS, NeighborGraph
from knnal.index.graph_lists import NearestLists, offer
from knnal.index.search import NOBODY
from knnal.types import BoolArray, Float32Array


def graph_within(
    whole: NeighborGraph, X: Float32Array, live: BoolArray, g: int = NEIGHBORS
) -> NeighborGraph:
    """The graph of the ``live`` rows ``(rows,)``, as if it were built anew.

    ``whole`` is an exact graph of more rows and of more neighbors, so that most lists still hold
    ``g`` live ones; the others are searched for among all.
    """
    rows = np.flatnonzero(live)
    lists = NearestLists.empty(len(X), g)
    ids, sims = whole.ids[rows], whole.similarities[rows]
    kept = (ids != NOBODY) & live[ids]
    places = np.argsort(~kept, axis=1, kind="stable")[:, :g]  # the live ones first, in their order
    there = np.take_along_axis(kept, places, axis=1)
    lists.ids[rows] = np.where(there, np.take_along_axis(ids, places, axis=1), NOBODY)
    lists.similarities[rows] = np.where(there, np.take_along_axis(sims, places, axis=1), -np.inf)
    short = rows[there.sum(axis=1) < min(g, len(rows) - 1)]
    anew = NearestLists.empty(len(short), g)
    offer(X, short, rows, anew)
    lists.put(short, anew)
    facts = dataclasses.replace(whole.facts, neighbors=g, rows=len(rows), built=len(rows))
    return NeighborGraph(lists.ids, lists.similarities, live, facts)
