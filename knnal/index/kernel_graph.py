"""A Gaussian kernel on the neighbor graph, symmetric, in compressed rows."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from knnal.index.compilation import kernel, prefetch
from knnal.index.parallel import over_rows
from knnal.index.search import NOBODY
from knnal.types import BoolArray, Float32Array, Float64Array, Int32Array, IntArray

if TYPE_CHECKING:
    from knnal.index.graph import NeighborGraph

WIDTH_NEIGHBOR = 10
_SMALLEST_WIDTH = 1e-12

_AHEAD = 4
"""So many rows before a row's turn, its neighbors' lists are sent for: they lie anywhere."""


class KernelGraph:
    """``K(x, y) = exp(-||x - y||^2 / h)`` between neighbors, symmetric, and 1 on the diagonal.

    Two rows are neighbors if either is among the other's nearest. ``h`` (``width``) is the median
    over the live rows of the squared distance to their 10th neighbor. The neighbors of row r are
    ``targets[starts[r]:starts[r + 1]]``, by rising row, and ``kernel`` lies beside them. Each row's
    own nearest were at most ``list_length``.
    """

    def __init__(self, graph: NeighborGraph) -> None:
        ids, sims, rows = graph.ids, graph.similarities, len(graph.ids)
        self.list_length = ids.shape[1]
        self.width = kernel_width(graph)
        both_ways = np.empty(ids.shape, dtype=np.bool_)
        over_rows(lambda start, stop: _find_mutual(ids, start, stop, both_ways), rows)
        self.starts: IntArray = np.zeros(rows + 1, dtype=np.int64)
        _count_edges(ids, both_ways, self.starts)
        self.targets: Int32Array = np.empty(self.starts[-1], dtype=np.int32)
        self.kernel: Float32Array = np.empty(self.starts[-1], dtype=np.float32)
        edges, ends = (self.starts, self.targets, self.kernel), self.starts[:-1].copy()
        over_rows(lambda start, stop: _fill_own(ids, sims, start, stop, ends, *edges[1:]), rows)
        _fill_others(ids, sims, both_ways, ends, *edges[1:])
        over_rows(lambda start, stop: _finish_rows(self.width, start, stop, *edges), rows)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def neighbors(self, row: int) -> tuple[Int32Array, Float32Array]:
        """The rows next to ``row``, by rising row, and their kernel values."""
        part = slice(self.starts[row], self.starts[row + 1])
        return self.targets[part], self.kernel[part]

    @cached_property
    def sums(self) -> Float64Array:
        """Kernel mass of each row's neighbors, itself left out, ``(rows,)``.

        Added up one by one in double precision, as ``Coverage`` adds up gains: where no label
        covers anything the two are the same number.
        """
        sums = np.empty(len(self))
        over_rows(lambda a, b: _sum_rows(self.starts, self.kernel, a, b, sums), len(self))
        return sums

    @cached_property
    def similarities(self) -> Float32Array:
        """The cosine beside each of ``targets``, from the kernel; -inf where that is 0."""
        with np.errstate(divide="ignore"):
            found: Float32Array = np.log(self.kernel)
        found *= np.float32(0.5 * self.width)
        found += np.float32(1.0)
        return found


def squared_distance(similarity: Float32Array) -> Float64Array:
    """``||x - y||^2`` of unit vectors from their dot product; never below 0."""
    return np.maximum(2.0 - 2.0 * similarity.astype(np.float64), 0.0)


def kernel_width(graph: NeighborGraph) -> float:
    """Median squared distance to the 10th neighbor, or the last one where there are fewer.

    Where most items have ten copies of themselves it is tiny, not zero: then a copy covers a
    copy, and nothing else.
    """
    filled = (graph.ids[:, :WIDTH_NEIGHBOR] != NOBODY).sum(axis=1)
    rows = np.flatnonzero(filled)
    if not len(rows):
        return 1.0
    distances = squared_distance(graph.similarities[rows, filled[rows] - 1])
    return max(float(np.median(distances)), _SMALLEST_WIDTH)


@kernel
def kernel_of(similarity: np.float32, width: float) -> np.float32:
    """The kernel between two unit vectors of that dot product; 0 at -inf. For use in kernels."""
    squared = max(2.0 - 2.0 * np.float64(similarity), 0.0)
    return np.float32(np.exp(-squared / width))


@kernel
def _find_mutual(ids: Int32Array, start: int, stop: int, both_ways: BoolArray) -> None:
    """Whether each row is among the nearest of its neighbor too."""
    last_byte = ids.shape[1] * ids.itemsize - 1
    for row in range(start, stop):
        if row + _AHEAD < stop:
            for other in ids[row + _AHEAD]:
                prefetch(ids, max(other, 0), 0)
                prefetch(ids, max(other, 0), last_byte)
        for slot in range(ids.shape[1]):
            other = ids[row, slot]
            found = np.int32(0)
            if other != NOBODY:
                for back in ids[other]:
                    found += np.int32(back == row)
            both_ways[row, slot] = found > 0


@kernel
def _count_edges(ids: Int32Array, both_ways: BoolArray, starts: IntArray) -> None:
    """Where the edges of each row will begin; ``starts`` comes as zeros."""
    for row in range(len(ids)):
        for slot in range(ids.shape[1]):
            other = ids[row, slot]
            if other != NOBODY:
                starts[row + 1] += 1
                if not both_ways[row, slot]:
                    starts[other + 1] += 1
    for row in range(len(ids)):
        starts[row + 1] += starts[row]


@kernel
def _fill_own(
    ids: Int32Array,
    sims: Float32Array,
    start: int,
    stop: int,
    ends: IntArray,
    targets: Int32Array,
    values: Float32Array,
) -> None:
    """Each row's own nearest, from its place in ``ends`` on, which goes behind them."""
    for row in range(start, stop):
        for slot in range(ids.shape[1]):
            if ids[row, slot] != NOBODY:
                targets[ends[row]] = ids[row, slot]
                values[ends[row]] = sims[row, slot]
                ends[row] += 1


@kernel
def _fill_others(
    ids: Int32Array,
    sims: Float32Array,
    both_ways: BoolArray,
    ends: IntArray,
    targets: Int32Array,
    values: Float32Array,
) -> None:
    """Behind them, the rows that name a row and that it does not name."""
    for row in range(len(ids)):
        for slot in range(ids.shape[1]):
            other = ids[row, slot]
            if other != NOBODY and not both_ways[row, slot]:
                targets[ends[other]] = row
                values[ends[other]] = sims[row, slot]
                ends[other] += 1


@kernel
def _finish_rows(
    width: float,
    start: int,
    stop: int,
    starts: IntArray,
    targets: Int32Array,
    values: Float32Array,
) -> None:
    """Sort each row's edges by target, and turn similarities into kernel values.

    All but the first few of a row with many edges come sorted, so inserting one by one is quick.
    """
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
def _sum_rows(
    starts: IntArray, values: Float32Array, start: int, stop: int, sums: Float64Array
) -> None:
    for row in range(start, stop):
        total = 0.0
        for at in range(starts[row], starts[row + 1]):
            total += values[at]
        sums[row] = total
