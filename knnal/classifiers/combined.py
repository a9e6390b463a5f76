"""The three experts together, weighed by how many labels each mixture would have predicted."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from knnal.classifiers.base import Labelling, Outsiders, PoolClassifier
from knnal.classifiers.graph import GraphExpert
from knnal.classifiers.knn import KNNExpert, neighbour_votes
from knnal.classifiers.means import MeansExpert
from knnal.classifiers.tables import class_table
from knnal.classifiers.weighing import FLOOR, choose_powers
from knnal.compiled import kernel
from knnal.neighbors.search import Nearest
from knnal.neighbors.vote import VoteOptions
from knnal.parallel import over_rows
from knnal.types import Float32Array, Int32Array, IntArray

_CHUNK = 1024
_MEASURES = {"least-confidence": 0, "smallest-margin": 1, "largest-margin": 2}


class CombinedExpert(PoolClassifier):
    """The product of the experts' probabilities, each plus 0.05 and to a power of its own.

    The powers are those under which most labels are predicted, each left out in turn.
    """

    summary: ClassVar[str] = (
        "kNN, graph and class means, weighed by what they predict of labels left out"
    )

    def __init__(self, labelling: Labelling, options: VoteOptions) -> None:
        super().__init__(labelling, options)
        self._knn = KNNExpert(labelling, options)
        self._graph = GraphExpert(labelling, options)
        self._means = MeansExpert(labelling, options)
        self._experts = (self._knn, self._graph, self._means)
        self._votes: Float32Array = class_table(0, len(labelling.geometry), np.float32)
        self.powers: IntArray = np.zeros(3, dtype=np.int64)
        self.rebuild()

    def update(self, row: int, before: int, changed: IntArray) -> IntArray | None:
        revoted, _, _ = (expert.update(row, before, changed) for expert in self._experts)
        self._count_votes(revoted)
        self._weigh_experts()
        return None

    def rebuild(self) -> None:
        for expert in self._experts:
            expert.rebuild()
        self._grow()
        self._count_votes(None)
        self._weigh_experts()

    def declare_classes(self) -> None:
        for expert in self._experts:
            expert.declare_classes()
        self._grow()
        self._weigh_experts()

    def probabilities(self, rows: IntArray) -> Float32Array:
        return self._product([expert.probabilities(rows) for expert in self._experts])

    def predict(self, outsiders: Outsiders) -> Float32Array:
        return self._product([expert.predict(outsiders) for expert in self._experts])

    def measure(self, name: str, start: int, stop: int, out: Float32Array) -> bool:
        if name not in _MEASURES or not self.labelling.class_count:
            return False
        _measure(
            _MEASURES[name],
            self.powers,
            self._votes[: self.labelling.class_count],
            self._graph.scores[: self.labelling.class_count],
            self._means.closeness[: self.labelling.class_count],
            start,
            stop,
            out,
        )
        return True

    def _product(self, parts: list[Float32Array]) -> Float32Array:
        product = np.ones_like(parts[0])
        for P, power in zip(parts, self.powers, strict=True):
            product *= (P + np.float32(FLOOR)) ** power
        if not product.shape[1]:
            return product
        total = np.zeros(len(product), dtype=np.float32)
        for c in range(product.shape[1]):
            total += product[:, c]
        shares: Float32Array = product / total[:, None]
        return shares

    def _grow(self) -> None:
        self._votes = class_table(self.labelling.class_count, 0, np.float32, self._votes)

    def _count_votes(self, rows: IntArray | None) -> None:
        """Count the neighbours' votes for some rows anew, or for all."""
        everyone = len(self.labelling.geometry)
        changed = np.arange(everyone) if rows is None else rows
        neighbours = self.labelling.neighbours

        def count(start: int, stop: int) -> None:
            block = changed[start:stop]
            nearest = Nearest(neighbours.ids[block], neighbours.similarities[block])
            votes = neighbour_votes(self.labelling, nearest, self.options)
            _gather_votes(neighbours.ids, votes, self.labelling.classes, block, self._votes)

        over_rows(count, len(changed))

    def _weigh_experts(self) -> None:
        labelled = self.labelling.labelled
        knn, graph, means = (
            np.ascontiguousarray(expert.probabilities(labelled)) for expert in self._experts
        )
        self.powers = choose_powers((knn, graph, means), self.labelling.classes[labelled])


@kernel
def _measure(
    kind: int,
    powers: IntArray,
    votes: Float32Array,
    scores: Int32Array,
    closeness: Float32Array,
    start: int,
    stop: int,
    out: Float32Array,
) -> None:
    """An uncertainty of the product, for rows ``start`` to ``stop``, a cacheful at a time."""
    product = np.empty((len(scores), _CHUNK), dtype=np.float32)
    for first in range(start, stop, _CHUNK):
        last = min(first + _CHUNK, stop)
        product[:] = np.float32(1.0)
        if powers[0]:
            _multiply(product, votes, first, last, powers[0])
        if powers[1]:
            _multiply(product, scores, first, last, powers[1])
        if powers[2]:
            _multiply(product, closeness, first, last, powers[2])
        _rank(kind, product, out[first:last])


@kernel
def _gather_votes(
    ids: Int32Array,
    votes: Float32Array,
    classes: Int32Array,
    rows: IntArray,
    out: Float32Array,
) -> None:
    """The votes ``(m, k)`` of rows ``(m,)`` for each class, into their columns of ``out``."""
    out_of = out.shape[0]
    for i in range(len(rows)):
        row = rows[i]
        for c in range(out_of):
            out[c, row] = 0.0
        for slot in range(ids.shape[1]):
            voter = ids[row, slot]
            if voter >= 0:
                out[classes[voter], row] += votes[i, slot]


@kernel
def _multiply(
    product: Float32Array, table: Float32Array | Int32Array, first: int, last: int, power: int
) -> None:
    """Multiply by each class's share of columns ``first`` to ``last``, plus the floor, to a power.

    A column of zeros counts as even shares. Every loop runs along a class, so that the compiler
    can put it on vectors.
    """
    size = last - first
    total = np.zeros(size, dtype=np.float32)
    for c in range(len(table)):
        values = table[c, first:last]
        for i in range(size):
            total[i] += np.float32(values[i])
    least = np.empty(size, dtype=np.float32)
    floor, even = np.float32(FLOOR), np.float32(FLOOR + 1.0 / len(table))
    for i in range(size):
        filled = total[i] > 0.0
        least[i] = floor if filled else even
        total[i] = np.float32(1.0) / total[i] if filled else np.float32(0.0)
    for c in range(len(table)):
        values = table[c, first:last]
        results = product[c]
        if power == 1:
            for i in range(size):
                results[i] *= np.float32(values[i]) * total[i] + least[i]
        else:
            for i in range(size):
                factor = np.float32(values[i]) * total[i] + least[i]
                for _ in range(power):
                    results[i] *= factor


@kernel
def _rank(kind: int, product: Float32Array, out: Float32Array) -> None:
    """Write the measure of each column of products to ``out``."""
    size = len(out)
    best = np.zeros(size, dtype=np.float32)
    rival = np.zeros(size, dtype=np.float32)
    total = np.zeros(size, dtype=np.float32)
    if kind == 2:
        rival[:] = np.inf
    for c in range(len(product)):
        values = product[c]
        if kind == 1:
            for i in range(size):
                rival[i] = max(rival[i], min(best[i], values[i]))
        elif kind == 2:
            for i in range(size):
                rival[i] = min(rival[i], values[i])
        for i in range(size):
            best[i] = max(best[i], values[i])
            total[i] += values[i]
    for i in range(size):
        out[i] = np.float32(1.0) - (best[i] - rival[i]) / total[i]
