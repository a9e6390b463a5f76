"""The item whose ball holds the most items that no label's ball holds yet."""

from __future__ import annotations

import numpy as np

from knnal.acquisition.kernel_gain import KernelGain
from knnal.acquisition.strategies.base import PoolView, Scores, Strategy
from knnal.acquisition.strategies.published.clusters import cluster
from knnal.index.compilation import kernel
from knnal.index.kernel_graph import Edges, KernelGraph
from knnal.index.parallel import over_rows
from knnal.types import BoolArray, Float32Array, Int32Array

PURE = 0.95
FEWEST_CLASSES = 8


class ProbCover(Strategy):
    """Greedy maximum coverage by balls of one radius, on the neighbor graph.

    The radius is the paper's: the largest at which 95 % of the balls are pure, all their items
    being of one cluster of a k-means with as many clusters as classes. That number is rounded up
    to a power of two, at least 8, so that the radius stays while classes come up. A ball holds
    neighbors on the graph alone.
    """

    summary = "how many items of the item's ball lie in no label's ball yet"
    source = "Yehuda, Dekel, Hacohen and Weinshall, 'ProbCover', arXiv 2205.11320"
    formula = (
        "the number of the item's neighbors closer than the radius, itself among them, that are "
        "not as close to any label. The radius is the largest at which 95 % of all such balls "
        "lie within one cluster of a k-means, of as many clusters as classes, at least 8"
    )
    incremental = True
    cost = (
        "O(g^2) rows on the neighbor graph, and one pass over the scores; a k-means over the "
        "pool at the start, and when the classes pass a power of two"
    )
    covers = True

    def __init__(self) -> None:
        self._balls: dict[int, Float32Array] = {}
        self._kept: tuple[int, KernelGain, frozenset[int]] | None = None

    def score(self, pool: PoolView) -> Scores:
        gain = self._gain(pool).gain[pool.rows]
        return Scores(gain, {"newly_covered": gain})

    def _gain(self, pool: PoolView) -> KernelGain:
        """That of the rows that are taken, brought up from those that were if none was given up."""
        classes = pseudo_classes(pool.state.labeling.class_count)
        geometry, taken = pool.state.geometry, pool.taken
        if classes not in self._balls:
            clusters = cluster(geometry.reduced, np.flatnonzero(geometry.live), classes)
            self._balls[classes] = balls_of(geometry.graph, clusters, geometry.live)
        if self._kept is None or self._kept[0] != classes or self._kept[2] - taken:
            graph = geometry.graph
            gain = KernelGain(graph.edges._replace(kernel=self._balls[classes]))
            self._kept = classes, gain, frozenset()
        _, gain, before = self._kept
        for row in taken - before:
            gain.cover(row)
        self._kept = classes, gain, taken
        return gain


def pseudo_classes(classes: int) -> int:
    """The power of two from that number on, at least 8."""
    return max(FEWEST_CLASSES, 1 << max(classes - 1, 0).bit_length())


def balls_of(graph: KernelGraph, clusters: Int32Array, live: BoolArray) -> Float32Array:
    """The edges within the largest radius at which 95 % of the balls of live rows are pure, as a
    kernel of 1, and 0 beyond it, ``(edges,)``.

    A ball is pure below the distance of the row's nearest neighbor in another cluster.
    """
    nearest_other = np.zeros(len(graph), dtype=np.float32)
    over_rows(lambda a, b: _nearest_other(graph.edges, clusters, a, b, nearest_other), len(graph))
    found = np.sort(nearest_other[live])[::-1]
    spared = int(np.floor((1.0 - PURE) * len(found)))
    edge = found[spared] if len(found) else np.float32(0.0)
    return (graph.edges.kernel > edge).astype(np.float32)


@kernel
def _nearest_other(
    edges: Edges, clusters: Int32Array, start: int, stop: int, out: Float32Array
) -> None:
    """The highest kernel value to a row of another cluster; 0 where there is none."""
    starts, targets, values = edges
    for row in range(start, stop):
        for at in range(starts[row], starts[row + 1]):
            if clusters[targets[at]] != clusters[row] and values[at] > out[row]:
                out[row] = values[at]
