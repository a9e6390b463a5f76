"""The k-nearest-neighbor graph of a pool's live rows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knnal.index.graph_build import build_lists
from knnal.index.graph_facts import GraphFacts
from knnal.index.graph_journal import Journal
from knnal.index.graph_lists import NearestLists
from knnal.index.graph_update import update_lists
from knnal.index.search import NOBODY
from knnal.types import BoolArray, Float32Array, Int32Array, LogNarrator, Narrator

NEIGHBORS = 20


@dataclass(frozen=True, slots=True)
class NeighborGraph:
    """The nearest neighbors of each live row among the live rows, itself left out.

    ``ids`` and ``similarities`` are ``(rows, g)``, by falling similarity, ties by lower row; empty
    slots, and rows that are not live, hold NOBODY and -inf. ``facts`` says how they were found.
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
        """The graph of ``arrays``. Raises one of DAMAGED_ARCHIVE for arrays of no graph."""
        ids, sims, live = arrays["ids"], arrays["similarities"], arrays["live"]
        facts = GraphFacts.of(json.loads(str(arrays["facts"])))
        shape = (len(live), facts.neighbors)
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
    g: int = NEIGHBORS,
    narrator: Narrator | None = None,
    *,
    journal: Journal | None = None,
) -> NeighborGraph:
    """The graph of the live rows of ``X`` ``(rows, d)``: exact up to 50,000 of them.

    With a ``journal``, a build goes on where an earlier one was interrupted.
    """
    lists, facts = build_lists(X, live, g, journal or Journal(None), narrator or LogNarrator())
    return NeighborGraph(lists.ids, lists.similarities, live, facts)


def updated_graph(
    old: NeighborGraph, X: Float32Array, live: BoolArray, narrator: Narrator | None = None
) -> NeighborGraph | None:
    """The graph of rows that are live now, from one of those that were; None: build it anew."""
    lists = NearestLists(old.ids, old.similarities)
    made = update_lists(X, live, lists, old.live, old.facts, narrator or LogNarrator())
    return None if made is None else NeighborGraph(made[0].ids, made[0].similarities, live, made[1])
