"""A Gaussian kernel on the neighbor graph, symmetric, in compressed rows."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from knnal.index.compilation import kernel, prefetch
from knnal.index.parallel import over_rows
from knnal.index.search import NO_NEIGHBOR, Nearest
from knnal.types import BoolArray, Float32Array, Float64Array, Int32Array, IntArray

if TYPE_CHECKING:
    from knnal.index.graph import NeighborGraph

WIDTH_NEIGHBOR = 10
_SMALLEST_WIDTH = 1e-12

_AHEAD = 4
"""How many rows ahead the lists of a row's neighbors are prefetched: they are scattered."""


class Edges(NamedTuple):
    """A symmetric graph in compressed rows, with 1 on its diagonal.

    The neighbors of row r are ``targets[starts[r]:starts[r + 1]]``, by rising row, and ``kernel``
    their values: ``starts`` is ``(rows + 1,)``, the others ``(edges,)``.
    """

    starts: IntArray
    targets: Int32Array
    kernel: Float32Array


class KernelGraph:
    """``K(x, y) = exp(-||x - y||^2 / h)`` between neighbors, symmetric, and 1 on the diagonal.

    Two rows are neighbors if either is among the other's nearest.

    Parameters
    ----------
    graph : NeighborGraph

    Attributes
    ----------
    width : float
        ``h``: the median over the live rows of the squared distance to their 10th neighbor.
    edges : Edges
    list_length : int
        Each row's own nearest were at most this many.
    """

    def __init__(self, graph: NeighborGraph) -> None:
        lists, rows = Nearest(graph.ids, graph.similarities), len(graph.ids)
        self.list_length = graph.ids.shape[1]
        self.width = kernel_width(graph)
        mutual = np.empty(graph.ids.shape, dtype=np.bool_)
        over_rows(lambda start, stop: _find_mutual(graph.ids, start, stop, mutual), rows)
        starts = np.zeros(rows + 1, dtype=np.int64)
        _count_edges(graph.ids, mutual, starts)
        targets = np.empty(starts[-1], dtype=np.int32)
        self.edges = edges = Edges(starts, targets, np.empty(starts[-1], dtype=np.float32))
        ends = starts[:-1].copy()
        over_rows(lambda start, stop: _fill_own(lists, start, stop, ends, edges), rows)
        _fill_others(lists, mutual, ends, edges)
        over_rows(lambda start, stop: _finish_rows(self.width, start, stop, edges), rows)

    def __len__(self) -> int:
        return len(self.edges.starts) - 1

    def neighbors(self, row: int) -> tuple[Int32Array, Float32Array]:
        """The rows next to ``row``, by rising row, and their kernel values."""
        starts, targets, kernel = self.edges
        part = slice(starts[row], starts[row + 1])
        return targets[part], kernel[part]

    @cached_property
    def sums(self) -> Float64Array:
        """Kernel mass of each row's neighbors, without the row itself, ``(rows,)``.

        Added up one by one in double precision, as ``KernelCoverage`` adds up gains: where no label
        covers anything the two are equal.
        """
        sums = np.empty(len(self))
        over_rows(lambda start, stop: _sum_rows(self.edges, start, stop, sums), len(self))
        return sums

    @cached_property
    def similarities(self) -> Float32Array:
        """The cosine similarity along each edge, from the kernel; -inf where that is 0."""
        with np.errstate(divide="ignore"):
            found: Float32Array = np.log(self.edges.kernel)
        found *= np.float32(0.5 * self.width)
        found += np.float32(1.0)
        return found


def squared_distance(similarity: Float32Array) -> Float64Array:
    """``||x - y||^2`` of unit vectors from their dot product; never below 0."""
    return np.maximum(2.0 - 2.0 * similarity.astype(np.float64), 0.0)


def kernel_width(graph: NeighborGraph) -> float:
    """Median squared distance to the 10th neighbor, or the last one where there are fewer.

    If most items have ten copies it is tiny, not zero: then a copy covers its copies and nothing
    else.
    """
    filled = (graph.ids[:, :WIDTH_NEIGHBOR] != NO_NEIGHBOR).sum(axis=1)
    rows = np.flatnonzero(filled)
    if not len(rows):
        return 1.0
    distances = squared_distance(graph.similarities[rows, filled[rows] - 1])
    return max(float(np.median(distances)), _SMALLEST_WIDTH)


@kernel
def kernel_of(similarity: np.float32, width: float) -> np.float32:
    """The kernel of two unit vectors, from their dot product; 0 at -inf. For use in kernels."""
    squared = max(2.0 - 2.0 * np.float64(similarity), 0.0)
    return np.float32(np.exp(-squared / width))


@kernel
def _find_mutual(ids: Int32Array, start: int, stop: int, mutual: BoolArray) -> None:
    """Whether each row is also among the nearest of its neighbor."""
    last_byte = ids.shape[1] * ids.itemsize - 1
    for row in range(start, stop):
        if row + _AHEAD < stop:
            for other in ids[row + _AHEAD]:
                prefetch(ids, max(other, 0), 0)
                prefetch(ids, max(other, 0), last_byte)
        for slot in range(ids.shape[1]):
            other = ids[row, slot]
            found = np.int32(0)
            if other != NO_NEIGHBOR:
                for back in ids[other]:
                    found += np.int32(back == row)
            mutual[row, slot] = found > 0


@kernel
def _count_edges(ids: Int32Array, mutual: BoolArray, starts: IntArray) -> None:
    """Where the edges of each row will begin; ``starts`` must be zeros."""
    for row in range(len(ids)):
        for slot in range(ids.shape[1]):
            other = ids[row, slot]
            if other != NO_NEIGHBOR:
                starts[row + 1] += 1
                if not mutual[row, slot]:
                    starts[other + 1] += 1
    for row in range(len(ids)):
        starts[row + 1] += starts[row]


@kernel
def _fill_own(lists: Nearest, start: int, stop: int, ends: IntArray, edges: Edges) -> None:
    """Write each row's own nearest from its place in ``ends`` on, and advance that."""
    for row in range(start, stop):
        for slot in range(lists.ids.shape[1]):
            if lists.ids[row, slot] != NO_NEIGHBOR:
                edges.targets[ends[row]] = lists.ids[row, slot]
                edges.kernel[ends[row]] = lists.similarities[row, slot]
                ends[row] += 1


@kernel
def _fill_others(lists: Nearest, mutual: BoolArray, ends: IntArray, edges: Edges) -> None:
    """Then write the rows that list a row without being on its list."""
    for row in range(len(lists.ids)):
        for slot in range(lists.ids.shape[1]):
            other = lists.ids[row, slot]
            if other != NO_NEIGHBOR and not mutual[row, slot]:
                edges.targets[ends[other]] = row
                edges.kernel[ends[other]] = lists.similarities[row, slot]
                ends[other] += 1


@kernel
def _finish_rows(width: float, start: int, stop: int, edges: Edges) -> None:
    """Sort each row's edges by target, and turn similarities into kernel values.

    All but a row's own nearest come sorted, so insertion sort is quick.
    """
    starts, targets, values = edges
    for row in range(start, stop):
        for at in range(starts[row], starts[row + 1]):
            target = targets[at]
            value = kernel_of(values[at], width)
            free = at
            while free > starts[row] and targets[free - 1] > target:
                targets[free] = targets[free - 1]
                values[free] = values[free - 1]
                free -= 1
            targets[free] = target
            values[free] = value


@kernel
def _sum_rows(edges: Edges, start: int, stop: int, sums: Float64Array) -> None:
    starts, _, values = edges
    for row in range(start, stop):
        total = 0.0
        for at in range(starts[row], starts[row + 1]):
            total += values[at]
        sums[row] = total
