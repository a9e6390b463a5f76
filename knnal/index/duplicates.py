"""Near-duplicates: groups of rows connected by pairs of very similar rows.

The neighbor graph holds most of these pairs. A row with more near neighbors than its list has slots
lacks some, as in a crowd of a hundred copies: a pair that neither row lists is of two rows whose
lists are both full of nearer ones. So crowds are compared with each other, by their first rows
alone where they are far apart.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from knnal.errors import InputError
from knnal.index.compilation import kernel
from knnal.index.kernel_graph import Edges, KernelGraph, squared_distance
from knnal.index.parallel import over_rows
from knnal.index.similarity import dot, frozen, rounding_bound, similarities
from knnal.types import BoolArray, Float32Array, IntArray

_KERNEL_SLACK = np.float32(1e-5)
"""Kernel values select the similarities to compute, with more slack than their rounding."""

_BLOCK = 1024


class DuplicateGroups:
    """``numbers`` ``(rows,)``: the group of each row, from 0 without gaps. Most have one row."""

    def __init__(self, numbers: IntArray) -> None:
        self.numbers = numbers
        self.sizes: IntArray = np.bincount(numbers)

    def __len__(self) -> int:
        return len(self.sizes)

    def members(self, row: int) -> IntArray:
        """The rows of a row's group, including itself, rising."""
        group = self.numbers[row]
        return self._ordered[self._starts[group] : self._starts[group + 1]]

    @cached_property
    def _ordered(self) -> IntArray:
        return np.argsort(self.numbers, kind="stable")

    @cached_property
    def _starts(self) -> IntArray:
        return np.concatenate([[0], np.cumsum(self.sizes)])


class OpenGroups:
    """Which groups still have to be asked about: those without a labeled or skipped row.

    ``closed`` ``(rows,)`` marks the rows of the other groups. A decision takes time proportional to
    the size of its group. Everything depends on which rows are decided alone.
    """

    def __init__(self, groups: DuplicateGroups, decided: BoolArray) -> None:
        self.groups = groups
        self.rebuild(decided)

    def rebuild(self, decided: BoolArray) -> None:
        """Start over from all decided rows, ``(rows,)``."""
        numbers = self.groups.numbers
        self._decided: BoolArray = decided.copy()
        self._counts: IntArray = np.bincount(numbers[decided], minlength=len(self.groups))
        self.closed: BoolArray = self._counts[numbers] > 0

    def set_decided(self, row: int, decided: bool) -> None:
        """Record that a row is decided, or no longer."""
        if self._decided[row] == decided:
            return
        self._decided[row] = decided
        group = self.groups.numbers[row]
        self._counts[group] += 1 if decided else -1
        self.closed[self.groups.members(row)] = self._counts[group] > 0

    def count(self, rows: BoolArray) -> int:
        """How many groups the rows of a mask ``(rows,)`` belong to."""
        return int(np.count_nonzero(np.bincount(self.groups.numbers[rows])))

    def first_of_each(self, rows: IntArray) -> IntArray:
        """The places of the first row of each group among ``rows`` ``(m,)``, rising."""
        _, first = np.unique(self.groups.numbers[rows], return_index=True)
        return np.sort(first)


def checked_threshold(threshold: float) -> float:
    """The threshold. Raises InputError unless it is above 0 and below 1."""
    if not 0.0 < threshold < 1.0:
        raise InputError(
            "The similarity of near-duplicates must be above 0 and below 1, got "
            f"{threshold}. 0.95 joins variants of one photo, 0.999 hardly more than copies."
        )
    return threshold


def find_duplicates(X: Float32Array, graph: KernelGraph, threshold: float) -> DuplicateGroups:
    """Group rows by the connected components of their similar pairs.

    Parameters
    ----------
    X : array of float32, shape (rows, d)
        Unit rows.
    graph : KernelGraph
        Of these rows. If it is exact, so are the groups: those that all pairs of rows would give.
    threshold : float
        Least cosine similarity of a pair.

    Returns
    -------
    DuplicateGroups
        Rows that are not live are groups of one.

    Raises
    ------
    InputError
        For a threshold outside (0, 1).
    """
    least = np.float32(checked_threshold(threshold))
    X = frozen(X)
    pairs = _near_edges(X, graph, least)
    sources = np.searchsorted(graph.edges.starts, pairs, side="right") - 1
    targets = graph.edges.targets[pairs].astype(np.int64)
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


def _near_edges(X: Float32Array, graph: KernelGraph, least: np.float32) -> IntArray:
    """The places of edges to a higher row of at least the similarity ``least``."""
    (squared,) = squared_distance(np.array([least]))
    lowest = np.float32(np.exp(-squared / graph.width)) * (np.float32(1.0) - _KERNEL_SLACK)
    near = np.zeros(len(graph.edges.targets), dtype=np.bool_)
    edges = graph.edges
    over_rows(lambda a, b: _find_near(X, edges, lowest, least, a, b, near), len(graph), _BLOCK)
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
    """Pairs of crowds that some near pair connects, enough of them to connect all that should be.

    Angles obey the triangle inequality: if the first rows of two crowds are farther apart than the
    radius of each crowd and a near pair together, there is no such pair.
    """
    if len(crowds) < 2:
        return []
    slack = np.float32(rounding_bound(X.shape[1]))
    first = X[[crowd[0] for crowd in crowds]]
    closest = [
        float(np.min(similarities(X[crowd], one))) for crowd, one in zip(crowds, first, strict=True)
    ]
    radius = _angle(np.array(closest, dtype=np.float32) - slack)
    step = _angle(np.array([least]) - slack)
    leaders = np.arange(len(crowds))
    joined = []
    for start in range(0, len(crowds), _BLOCK):
        apart = _angle(first[start : start + _BLOCK] @ first.T + slack)
        allowed = radius[start : start + _BLOCK, None] + radius + step
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
    edges: Edges,
    lowest: np.float32,
    least: np.float32,
    start: int,
    stop: int,
    near: BoolArray,
) -> None:
    starts, targets, values = edges
    for row in range(start, stop):
        for at in range(starts[row], starts[row + 1]):
            other = targets[at]
            if other > row and values[at] >= lowest:
                near[at] = dot(X[other], X[row]) >= least


@kernel
def _any_near(X: Float32Array, rows: IntArray, others: IntArray, least: np.float32) -> bool:
    for row in rows:
        for other in others:
            if dot(X[row], X[other]) >= least:
                return True
    return False
