"""The three experts together, weighed by how many labels each mixture would have predicted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from knnal.classifiers.base import PoolClassifier, create_classifier
from knnal.classifiers.expert_weights import (
    MIXTURES,
    SMOOTHING,
    choose_powers,
    count_predicted,
    expert_product,
    factor,
)
from knnal.classifiers.graph import LabelDiffusion
from knnal.classifiers.knn import cast_ballots
from knnal.classifiers.means import NearestMean
from knnal.classifiers.sparse import Chains, scatter
from knnal.classifiers.tables import (
    class_table,
    code_of,
    columns_of,
    decoded,
    normalized_columns,
    value_of,
)
from knnal.classifiers.vote import VoteOptions
from knnal.index.compilation import kernel
from knnal.index.parallel import over_rows
from knnal.index.pool_index import UNLABELED, Labeling, QueryVectors
from knnal.index.reduced import ExtraProducts
from knnal.types import Float32Array, Int32Array, IntArray, UInt16Array

_CHUNK = 1024
_LABELS_A_TASK = 1024
_MEASURES = {"least-confidence": 0, "smallest-margin": 1, "largest-margin": 2}


class Ensemble(PoolClassifier):
    """The product of the experts' probabilities, each plus 0.05 and to a power of its own.

    The powers are those under which most labels are predicted, each left out in turn. Bootstrapped
    votes are kNN's alone here: the other two add up many labels, and lose by the mixtures.
    """

    summary = "kNN, graph and class means, weighed by what they predict of labels left out"

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None:
        super().__init__(labeling, options)
        self._knn = create_classifier("knn", labeling, options)
        of_labels = replace(options, bootstrap=None)
        self._graph = LabelDiffusion(labeling, of_labels)
        self._means = NearestMean(labeling, of_labels)
        self._experts = (self._knn, self._graph, self._means)
        # The product of kNN's and the graph's factors, which a label changes for few rows. The
        # means' change for all, and are multiplied in when something is measured. In 16 bits.
        self._partial: UInt16Array = class_table(0, len(labeling.geometry), np.uint16)
        self.powers: IntArray = np.zeros(3, dtype=np.int64)
        self._predicted = 0
        # The labeled rows, rising, and what each mixture predicts of them when they are left out.
        self._left_out = np.empty(0, np.int64), np.empty((0, len(MIXTURES)), np.int64)
        self.rebuild()

    def extra_products(self, row: int) -> ExtraProducts:
        return self._means.extra_products(row)

    def update(self, row: int, before: int, changed: IntArray) -> IntArray | None:
        revoted = self._knn.update(row, before, changed)
        reached = self._graph.update(row, before, changed)
        self._means.update(row, before, changed)
        powers = self._choose_powers()
        if revoted is None or (powers != self.powers).any():
            self.mix(powers)
        else:
            for rows in (revoted, reached) if powers[0] else (reached,):
                self._refresh_partial(rows)
        return None

    def rebuild(self) -> None:
        for expert in self._experts:
            expert.rebuild()
        self.mix(self._choose_powers())

    def declare_classes(self) -> None:
        for expert in self._experts:
            expert.declare_classes()
        self.mix(self._choose_powers())

    def mix(self, powers: IntArray) -> None:
        """Give kNN, graph and means the powers ``(3,)`` of one of MIXTURES, until labels suggest
        others.
        """
        self.powers = powers
        self._partial = class_table(self.labeling.class_count, 0, np.uint16, self._partial)
        self._refresh_partial(np.arange(len(self.labeling.geometry)))

    def probabilities(self, rows: IntArray) -> Float32Array:
        product = decoded(columns_of(self._partial[: self.labeling.class_count], rows)).T
        # The partial product of a labeled row has its own label in it.
        labeled = np.flatnonzero(self.labeling.classes[rows] != UNLABELED)
        votes_and_scores = [e.probabilities(rows[labeled]) for e in self._experts[:2]]
        product[labeled] = expert_product(votes_and_scores, self.powers[:2])
        product *= expert_product([self._means.probabilities(rows)], self.powers[2:])
        return normalized_columns(product.T)

    def predict(self, outsiders: QueryVectors) -> Float32Array:
        parts = [expert.predict(outsiders) for expert in self._experts]
        return normalized_columns(expert_product(parts, self.powers).T)

    def measure(self, name: str, start: int, stop: int, out: Float32Array) -> bool:
        if name not in _MEASURES or not self.labeling.class_count:
            return False
        classes = slice(self.labeling.class_count)
        partial, closeness = self._partial[classes], self._means.closeness[classes]
        _measure(_MEASURES[name], bool(self.powers[2]), partial, closeness, start, stop, out)
        return True

    def likeliest(self, rows: IntArray) -> IntArray:
        count = self.labeling.class_count
        classes = np.empty(len(rows), dtype=np.int64)
        partial = decoded(columns_of(self._partial[:count], rows))
        closeness = columns_of(self._means.closeness[: count if self.powers[2] else 0], rows)
        _likeliest(partial, decoded(closeness), classes)
        labeled = np.flatnonzero(self.labeling.classes[rows] != UNLABELED)
        known, by_each = self._left_out
        mixture = np.argmax((self.powers == MIXTURES).all(axis=1))
        classes[labeled] = by_each[np.searchsorted(known, rows[labeled]), mixture]
        return classes

    def predicted_labels(self) -> int:
        return self._predicted

    def _refresh_partial(self, rows: IntArray) -> None:
        """Multiply the factors of kNN and graph again for some rows."""
        count = self.labeling.class_count
        neighbors, classes = self.labeling.neighbors, self.labeling.classes
        scores, partial = self._graph.scores.chains, self._partial[:count]
        no_votes = np.empty((0, 0), dtype=np.int32), np.empty((0, 0), dtype=np.float32)

        def refresh(start: int, stop: int) -> None:
            block = rows[start:stop]
            voters, votes = no_votes
            if self.powers[0]:
                nearest = neighbors.at(block)
                voters, votes = cast_ballots(self.labeling, nearest, self.options, block)
            _multiply_partial(self.powers, voters, votes, classes, scores, block, partial)

        if count:
            over_rows(refresh, len(rows))

    def _choose_powers(self) -> IntArray:
        labeled, classes = self.labeling.labeled, self.labeling.classes
        sizes = np.bincount(classes[labeled], minlength=self.labeling.class_count)
        likeliest = np.empty((len(labeled), len(MIXTURES)), dtype=np.int64)

        def count(start: int, stop: int) -> IntArray:
            block = labeled[start:stop]
            knn, graph, means = (e.probabilities(block) for e in self._experts)
            return count_predicted(
                (knn, graph, means), classes[block], sizes, likeliest[start:stop]
            )

        counts = over_rows(count, len(labeled), _LABELS_A_TASK)
        self._left_out = labeled, likeliest
        nothing = np.zeros(len(MIXTURES), dtype=np.int64)
        powers, self._predicted = choose_powers(sum(counts, start=nothing))
        return powers


@kernel
def _multiply_partial(
    powers: IntArray,
    voters: Int32Array,
    votes: Float32Array,
    classes: Int32Array,
    scores: Chains,
    rows: IntArray,
    out: UInt16Array,
) -> None:
    """The factors of kNN and graph, multiplied, into columns ``rows`` of ``out``, encoded.

    ``voters`` and ``votes`` ``(m, v)`` are of those rows; ``scores`` and ``out`` have all rows.
    """
    product = np.empty((len(out), _CHUNK), dtype=np.float32)
    table = np.empty((len(out), _CHUNK), dtype=np.float32)
    for start in range(0, len(rows), _CHUNK):
        some = rows[start : start + _CHUNK]
        product[:] = np.float32(1.0)
        if powers[0]:
            own = slice(start, start + len(some))
            _gather_votes(voters[own], votes[own], classes, table)
            _multiply(product, table, len(some), powers[0])
        if powers[1]:
            table[:, : len(some)] = np.float32(0.0)
            scatter(scores, some, table)
            _multiply(product, table, len(some), powers[1])
        for c in range(len(out)):
            for i in range(len(some)):
                out[c, some[i]] = code_of(product[c, i])


@kernel
def _gather_votes(
    voters: Int32Array, votes: Float32Array, classes: Int32Array, out: Float32Array
) -> None:
    """Rows' votes ``(m, v)`` for each class, into the first ``m`` columns of ``out``."""
    out[:, : len(voters)] = np.float32(0.0)
    for i in range(len(voters)):
        for slot in range(voters.shape[1]):
            voter = voters[i, slot]
            if voter >= 0:
                out[classes[voter], i] += votes[i, slot]


@kernel
def _multiply(product: Float32Array, table: Float32Array, size: int, power: int) -> None:
    """Multiply ``size`` columns by each class's share of them, plus the floor, to a power."""
    scale = np.empty(size, dtype=np.float32)
    least = np.empty(size, dtype=np.float32)
    _find_shares(table, scale, least)
    for c in range(len(table)):
        for _ in range(power):
            for i in range(size):
                product[c, i] *= factor(table[c, i], scale[i], least[i])


@kernel
def _find_shares(table: Float32Array, scale: Float32Array, least: Float32Array) -> None:
    """The ``scale`` and ``least`` (``factor``) of as many columns as fit."""
    scale[:] = np.float32(0.0)
    for c in range(len(table)):
        values = table[c, : len(scale)]
        for i in range(len(scale)):
            scale[i] += values[i]
    _share_out(len(table), scale, least)


@kernel
def _share_out(classes: int, scale: Float32Array, least: Float32Array) -> None:
    """``_find_shares`` where ``scale`` holds the sums. A column of zeros counts as even shares."""
    smoothed, even = np.float32(SMOOTHING), np.float32(SMOOTHING + 1.0 / classes)
    for i in range(len(scale)):
        filled = scale[i] > 0.0
        least[i] = smoothed if filled else even
        scale[i] = np.float32(1.0) / scale[i] if filled else np.float32(0.0)


@kernel
def _measure(
    kind: int,
    with_means: bool,
    partial: UInt16Array,
    closeness: UInt16Array,
    start: int,
    stop: int,
    out: Float32Array,
) -> None:
    """An uncertainty of the product, for rows ``start`` to ``stop``, a cacheful at a time.

    Every loop runs along a class, so that the compiler can put it on vectors, or along four.
    """
    scale = np.zeros(_CHUNK, dtype=np.float32)
    least = np.ones(_CHUNK, dtype=np.float32)
    best = np.empty(_CHUNK, dtype=np.float32)
    rival = np.empty(_CHUNK, dtype=np.float32)
    total = np.empty(_CHUNK, dtype=np.float32)
    fours = len(partial) // 4 * 4 if kind == 1 else 0
    for first in range(start, stop, _CHUNK):
        last = min(first + _CHUNK, stop)
        size = last - first
        if with_means:
            _add_up(closeness, first, last, scale)
            _share_out(len(closeness), scale[:size], least[:size])
        best[:], total[:] = np.float32(0.0), np.float32(0.0)
        rival[:] = np.float32(np.inf if kind == 2 else 0.0)
        for c in range(0, fours, 4):
            _rank_four(partial, closeness, c, first, last, scale, least, best, rival, total)
        for c in range(fours, len(partial)):
            fixed, moving = partial[c, first:last], closeness[c, first:last]
            _rank_class(kind, fixed, moving, scale, least, best, rival, total)
        for i in range(size):
            out[first + i] = np.float32(1.0) - (best[i] - rival[i]) / total[i]


@kernel
def _likeliest(partial: Float32Array, closeness: Float32Array, out: IntArray) -> None:
    """The class of the highest product in each column of ``partial`` ``(C, m)``, of equals the
    first; ``closeness`` is of the same columns, or ``(0, m)`` where the means do not count.
    """
    size = len(out)
    scale, least = np.zeros(size, dtype=np.float32), np.ones(size, dtype=np.float32)
    if len(closeness):
        _find_shares(closeness, scale, least)
    best = np.full(size, np.float32(-1.0))
    for c in range(len(partial)):
        for i in range(size):
            product = partial[c, i]
            if len(closeness):
                product *= factor(closeness[c, i], scale[i], least[i])
            out[i] = c if product > best[i] else out[i]
            best[i] = max(best[i], product)


@kernel
def _add_up(table: UInt16Array, first: int, last: int, out: Float32Array) -> None:
    """The sums of columns ``first`` to ``last`` of a table, into as many places of ``out``."""
    out[:] = np.float32(0.0)
    fours = len(table) // 4 * 4
    for c in range(0, fours, 4):
        p, q = table[c, first:last], table[c + 1, first:last]
        r, s = table[c + 2, first:last], table[c + 3, first:last]
        for i in range(len(p)):
            out[i] += (value_of(p[i]) + value_of(q[i])) + (value_of(r[i]) + value_of(s[i]))
    for c in range(fours, len(table)):
        values = table[c, first:last]
        for i in range(len(values)):
            out[i] += value_of(values[i])


@kernel
def _rank_class(
    kind: int,
    fixed: UInt16Array,
    moving: UInt16Array,
    scale: Float32Array,
    least: Float32Array,
    best: Float32Array,
    rival: Float32Array,
    total: Float32Array,
) -> None:
    """Bring one more class into the likeliest, the one to compare it with, and the sum of all."""
    for i in range(len(fixed)):
        p = value_of(fixed[i]) * factor(value_of(moving[i]), scale[i], least[i])
        if kind == 1:
            rival[i] = max(rival[i], min(best[i], p))
        elif kind == 2:
            rival[i] = min(rival[i], p)
        best[i] = max(best[i], p)
        total[i] += p


@kernel
def _rank_four(
    partial: UInt16Array,
    closeness: UInt16Array,
    c: int,
    first: int,
    last: int,
    scale: Float32Array,
    least: Float32Array,
    best: Float32Array,
    rival: Float32Array,
    total: Float32Array,
) -> None:
    """``_rank_class`` of class ``c`` and the three after it, for the smallest margin: with what is
    kept of the rows read and written once, it takes little more than half the time.
    """
    f0, m0 = partial[c, first:last], closeness[c, first:last]
    f1, m1 = partial[c + 1, first:last], closeness[c + 1, first:last]
    f2, m2 = partial[c + 2, first:last], closeness[c + 2, first:last]
    f3, m3 = partial[c + 3, first:last], closeness[c + 3, first:last]
    for i in range(len(f0)):
        p = value_of(f0[i]) * factor(value_of(m0[i]), scale[i], least[i])
        q = value_of(f1[i]) * factor(value_of(m1[i]), scale[i], least[i])
        r = value_of(f2[i]) * factor(value_of(m2[i]), scale[i], least[i])
        s = value_of(f3[i]) * factor(value_of(m3[i]), scale[i], least[i])
        high, other = max(p, q), max(r, s)
        highest = max(high, other)
        second = max(min(high, other), max(min(p, q), min(r, s)))
        rival[i] = max(max(rival[i], second), min(best[i], highest))
        best[i] = max(best[i], highest)
        total[i] += (p + q) + (r + s)
