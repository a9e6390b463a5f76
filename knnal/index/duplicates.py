"""Near-duplicates: rows that are joined by steps between very similar rows.

The neighbor graph holds most of these steps. A row with more near neighbors than its list has
places lacks some, as in a crowd of a hundred copies: a step that neither of its ends lists joins
two rows whose lists are both full of nearer ones. So crowds are compared with each other, a few
of their rows standing for the whole where they are far apart.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from knnal.errors import InputError
from knnal.index.compilation import kernel
from knnal.index.kernel_graph import KernelGraph, squared_distance
from knnal.index.parallel import over_rows
from knnal.index.similarity import dot, frozen, rounding_bound, similarities
from knnal.types import BoolArray, Float32Array, Int32Array, IntArray

_KERNEL_SLACK = np.float32(1e-5)
"""Kernel values tell which similarities to look at: with more slack than they are rounded by."""

_BLOCK = 1024


class DuplicateGroups:
    """``numbers`` ``(rows,)``: the group of each row, from 0 without gaps. Most rows are alone."""

    def __init__(self, numbers: IntArray) -> None:
        self.numbers = numbers
        self.sizes: IntArray = np.bincount(numbers)

    def __len__(self) -> int:
        return len(self.sizes)

    def members(self, row: int) -> IntArray:
        """The rows of a row's group, itself among them, rising."""
        group = self.numbers[row]
        return self._ordered[self._starts[group] : self._starts[group + 1]]

    @cached_property
    def _ordered(self) -> IntArray:
        return np.argsort(self.numbers, kind="stable")

    @cached_property
    def _starts(self) -> IntArray:
        return np.concatenate([[0], np.cumsum(self.sizes)])


def checked_threshold(threshold: float) -> float:
    """Raises InputError for a similarity that no two different items could be told apart by."""
    if not 0.0 < threshold < 1.0:
        raise InputError(
            f"Expected a similarity above 0 and below 1 for near-duplicates, came {threshold}. "
            "0.95 joins variants of one photo, 0.999 hardly more than copies."
        )
    return threshold


def find_duplicates(X: Float32Array, graph: KernelGraph, threshold: float) -> DuplicateGroups:
    """The connected components of the live rows that are at least so similar, ``(rows, d)``.

    ``graph`` is that of the rows; where it is exact, so are the groups: those that all pairs of
    rows would give. Rows that are not live are alone. Raises InputError for a threshold outside
    (0, 1).
    """
    least = np.float32(checked_threshold(threshold))
    X = frozen(X)
    steps = _steps(X, graph, least)
    sources = np.searchsorted(graph.starts, steps, side="right") - 1
    targets = graph.targets[steps].astype(np.int64)
    numbers = _components(len(graph), sources, targets)
    near = np.bincount(sources, minlength=len(graph))
    near += np.bincount(targets, minlength=len(graph))
    crowds = _crowds(numbers, np.flatnonzero(near >= graph.list_length))
    joined = _joined(X, crowds, least)
    if len(joined):
        ends = np.array([[crowds[i][0], crowds[j][0]] for i, j in joined])
        numbers = _components(
            len(graph), np.append(sources, ends[:, 0]), np.append(targets, ends[:, 1])
        )
    return DuplicateGroups(numbers)


def _steps(X: Float32Array, graph: KernelGraph, least: np.float32) -> IntArray:
    """The places of edges to a higher row that is at least so similar."""
    (squared,) = squared_distance(np.array([least]))
    floor = np.float32(np.exp(-squared / graph.width)) * (np.float32(1.0) - _KERNEL_SLACK)
    near = np.zeros(len(graph.targets), dtype=np.bool_)
    edges = graph.starts, graph.targets, graph.kernel
    over_rows(lambda a, b: _find_near(X, *edges, floor, least, a, b, near), len(graph), _BLOCK)
    return np.flatnonzero(near)


def _components(rows: int, sources: IntArray, targets: IntArray) -> IntArray:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(sources), dtype=np.bool_)
    adjacency = coo_array((ones, (sources, targets)), shape=(rows, rows))
    numbers: IntArray = connected_components(adjacency, directed=False)[1].astype(np.int64)
    return numbers


def _crowds(numbers: IntArray, full: IntArray) -> list[IntArray]:
    """The rows whose lists may be full of near ones, by group."""
    if not len(full):
        return []
    own = numbers[full]
    order = np.argsort(own, kind="stable")
    return np.split(full[order], np.flatnonzero(np.diff(own[order])) + 1)


def _joined(X: Float32Array, crowds: list[IntArray], least: np.float32) -> list[tuple[int, int]]:
    """Pairs of crowds that some step joins, enough of them to join all that are to be.

    Angles obey the triangle inequality: where the first rows of two crowds are farther apart than
    each crowd reaches and a step besides, there is none.
    """
    if len(crowds) < 2:
        return []
    slack = np.float32(rounding_bound(X.shape[1]))
    first = X[[crowd[0] for crowd in crowds]]
    closest = [
        float(np.min(similarities(X[crowd], one))) for crowd, one in zip(crowds, first, strict=True)
    ]
    reach = _angle(np.array(closest, dtype=np.float32) - slack)
    step = _angle(np.array([least]) - slack)
    leaders = np.arange(len(crowds))
    joined = []
    for start in range(0, len(crowds), _BLOCK):
        apart = _angle(first[start : start + _BLOCK] @ first.T + slack)
        allowed = reach[start : start + _BLOCK, None] + reach + step
        for at, j in np.argwhere(apart <= allowed):
            i = start + at
            if leaders[i] != leaders[j] and _any_near(X, crowds[i], crowds[j], least):
                leaders[leaders == leaders[j]] = leaders[i]
                joined.append((int(i), int(j)))
    return joined


def _angle(cosine: Float32Array) -> Float32Array:
    angles: Float32Array = np.arccos(np.clip(cosine, -1.0, 1.0))
    return angles


@kernel
def _find_near(
    X: Float32Array,
    starts: IntArray,
    targets: Int32Array,
    values: Float32Array,
    floor: np.float32,
    least: np.float32,
    start: int,
    stop: int,
    near: BoolArray,
) -> None:
    for row in range(start, stop):
        for at in range(starts[row], starts[row + 1]):
            other = targets[at]
            if other > row and values[at] >= floor:
                near[at] = dot(X[other], X[row]) >= least


@kernel
def _any_near(X: Float32Array, rows: IntArray, others: IntArray, least: np.float32) -> bool:
    for row in rows:
        for other in others:
            if dot(X[row], X[other]) >= least:
                return True
    return False
