"""Classes that are supposed where the classifier is sure: they vote, and are never written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from knnal.acquisition.state import PoolState
from knnal.acquisition.terms import MEASURES
from knnal.classifiers.pseudo_votes import beside_supposed, with_supposed_votes
from knnal.classifiers.votes import neighbor_votes
from knnal.index.search import NO_NEIGHBOR
from knnal.types import Float32Array, Int32Array, IntArray

_BLOCK = 65536


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
        """``delta_t`` with so many labels."""
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


def uncertainty_beside(
    state: PoolState, pseudo: PseudoLabels, weight: float, measures: Sequence[str]
) -> list[Float32Array]:
    """Measures of uncertainty of every row, each ``(rows,)``, once the pseudo-labels vote too.

    A row's neighbors in the graph that have one vote beside its nearest labeled items, whose
    votes have the shares that the classifier gives. Good for unlabeled rows.
    """
    found = [state.uncertainty(measure).copy() for measure in measures]
    if not len(pseudo):
        return found
    supposed = pseudo.by_row(len(state.unlabeled))
    touched = state.unlabeled & beside_supposed(state.geometry.graph, supposed)
    rows = np.flatnonzero(touched)
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        P = _probabilities_beside(state, block, supposed, weight)
        for measure, values in zip(measures, found, strict=True):
            values[block] = MEASURES[measure](P)
    return found


def _probabilities_beside(
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
        0.0 if options.uniform else 1.0 / options.temperature,
    )
