"""Classes that are supposed where the classifier is sure: they vote, and are never written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knnal.acquisition.state import PoolState
from knnal.acquisition.terms import MEASURES
from knnal.classifiers.knn import neighbor_votes
from knnal.classifiers.vote import vote
from knnal.index.compilation import kernel
from knnal.index.kernel_graph import KernelGraph
from knnal.index.parallel import over_rows
from knnal.index.search import NO_NEIGHBOR
from knnal.types import BoolArray, Float32Array, Int32Array, IntArray

_BLOCK = 65536
_VOTES_A_TASK = 4096


@dataclass(frozen=True, slots=True)
class PseudoRule:
    """Who gets a pseudo-label, and how much it counts.

    An unlabeled item gets its likeliest class for as long as the entropy of its probabilities, in
    nats, is below ``delta_t = max(delta_(t-1) - r t, 0)`` after ``t`` rounds of ``batch`` labels
    each: ``start`` is ``delta_0``, ``decay`` is ``r``. ``t`` counts all labels in force, so that
    the same labels have the same pseudo-labels. Its vote counts ``weight`` times that of a label.

    By ``benchmarks.ceal``, where five neighbors vote, an accuracy judged by pseudo-labels too is
    as good or better with these than with a fourth of the threshold, which few items are below.
    """

    batch: int = 10
    start: float = 0.2
    decay: float = 0.00043
    weight: float = 0.5

    def threshold(self, labels: int) -> float:
        """``delta_t`` with that number of labels."""
        t = labels // self.batch
        return max(self.start - self.decay * t * (t + 1) / 2, 0.0)


@dataclass(frozen=True, slots=True)
class PseudoLabels:
    """The supposed classes ``(p,)`` of some unlabeled rows ``(p,)``, rising, below a threshold."""

    rows: IntArray
    classes: Int32Array
    threshold: float

    def __len__(self) -> int:
        return len(self.rows)

    def by_row(self, rows: int) -> Int32Array:
        """The supposed class of every row of a pool, ``(rows,)``; NO_NEIGHBOR for none."""
        supposed = np.full(rows, NO_NEIGHBOR, dtype=np.int32)
        supposed[self.rows] = self.classes
        return supposed


def pseudo_labels(state: PoolState, rule: PseudoRule) -> PseudoLabels:
    """Those of a pool now. None before two classes have labels: one class alone is always sure."""
    sizes = state.labeling.class_sizes()
    delta = rule.threshold(int(sizes.sum()))
    rows = np.empty(0, dtype=np.int64)
    if np.count_nonzero(sizes) > 1 and delta > 0.0:
        rows = np.flatnonzero(state.unlabeled & (state.uncertainty("entropy") < delta))
    classes = np.empty(len(rows), dtype=np.int32)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        classes[block] = state.classifier.probabilities(rows[block]).argmax(axis=1)
    return PseudoLabels(rows, classes, delta)


def uncertainty_with(
    state: PoolState, pseudo: PseudoLabels, weight: float, measures: Sequence[str]
) -> list[Float32Array]:
    """Measures of uncertainty of every row, each ``(rows,)``, once the pseudo-labels vote too.

    A row's neighbors in the graph that have one vote together with its nearest labeled items, whose
    votes have the shares that the classifier gives. Good for unlabeled rows.
    """
    found = [state.uncertainty(measure).copy() for measure in measures]
    if not len(pseudo):
        return found
    supposed = pseudo.by_row(len(state.unlabeled))
    touched = state.unlabeled & near_supposed(state.geometry.graph, supposed)
    rows = np.flatnonzero(touched)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        P = _probabilities_with(state, block, supposed, weight)
        for measure, values in zip(measures, found, strict=True):
            values[block] = MEASURES[measure](P)
    return found


def _probabilities_with(
    state: PoolState, rows: IntArray, supposed: Int32Array, weight: float
) -> Float32Array:
    """The class probabilities of some rows, ``-> (m, C)``."""
    neighbors, options = state.labeling.neighbors, state.vote
    nearest = neighbors.at(rows)
    mass = neighbor_votes(state.labeling, nearest, options).sum(axis=1)
    return with_supposed_votes(
        state.classifier.probabilities(rows),
        mass,
        np.ascontiguousarray(nearest.similarities[:, 0]),
        rows,
        supposed,
        state.geometry.graph,
        weight,
        options.scale,
    )


def near_supposed(graph: KernelGraph, supposed: Int32Array) -> BoolArray:
    """Whether a neighbor of each row has a supposed class, ``(n,) -> (n,)``; NO_NEIGHBOR: none."""
    near = np.zeros(len(graph), dtype=np.bool_)
    _mark(graph.edges.starts, graph.edges.targets, supposed, near)
    return near


def with_supposed_votes(
    P: Float32Array,
    mass: Float32Array,
    nearest: Float32Array,
    rows: IntArray,
    supposed: Int32Array,
    graph: KernelGraph,
    weight: float,
    scale: float,
) -> Float32Array:
    """``(v P + w sum_j b_j e_j) / (v + w sum_j b_j)`` of some rows, ``(m, C) -> (m, C)``.

    ``j`` runs over a row's neighbors in the graph that have a ``supposed`` class ``(n,)``,
    NO_NEIGHBOR for none. ``e_j`` is that class and ``b_j = exp((s_j - s_1) scale)`` what a label
    as similar as ``j`` would vote, in units of the nearest label's vote, whose similarity ``s_1``
    is ``nearest`` ``(m,)``. In that unit all labels vote ``v``, ``mass`` ``(m,)``; ``weight`` is
    ``w``.
    """
    out = np.empty_like(P)

    def count(start: int, stop: int) -> None:
        _vote(
            P, mass, nearest, rows, supposed, graph.edges.starts, graph.edges.targets,
            graph.similarities, weight, scale, start, stop, out,
        )  # fmt: skip

    over_rows(count, len(rows), _VOTES_A_TASK)
    return out


@kernel
def _mark(starts: IntArray, targets: Int32Array, supposed: Int32Array, near: BoolArray) -> None:
    for row in range(len(supposed)):
        if supposed[row] != NO_NEIGHBOR:
            for at in range(starts[row], starts[row + 1]):
                near[targets[at]] = True


@kernel
def _vote(
    P: Float32Array,
    mass: Float32Array,
    nearest: Float32Array,
    rows: IntArray,
    supposed: Int32Array,
    starts: IntArray,
    targets: Int32Array,
    similarities: Float32Array,
    weight: float,
    scale: float,
    start: int,
    stop: int,
    out: Float32Array,
) -> None:
    votes = np.empty(P.shape[1])
    for at in range(start, stop):
        edges = range(starts[rows[at]], starts[rows[at] + 1])
        closest = nearest[at]
        for edge in edges:
            if supposed[targets[edge]] != NO_NEIGHBOR:
                closest = max(closest, similarities[edge])
        # Votes are in units of the strongest, so that none overflows.
        total = mass[at] * vote(nearest[at], closest, scale)
        for c in range(len(votes)):
            votes[c] = P[at, c] * total
        for edge in edges:
            label = supposed[targets[edge]]
            if label != NO_NEIGHBOR:
                supposition = weight * vote(similarities[edge], closest, scale)
                votes[label] += supposition
                total += supposition
        for c in range(len(votes)):
            out[at, c] = votes[c] / total if total > 0.0 else P[at, c]
