"""Bootstrapped votes: labels stand for mixtures of what they say and what others say of them.

A labeled item with label ``t`` votes for ``beta t + (1 - beta) q``, where ``q`` is what its own
labeled neighbors predict of it: their probabilities (soft), or all of it for the likeliest class
(hard). A wrong label among right ones then counts for less than a vote.

Source: S. Reed et al., "Training deep neural networks on noisy labels with bootstrapping" (arXiv
1412.6596), whose targets these are; there, ``q`` comes from the network that is trained.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from knnal.classifiers.base import PoolClassifier
from knnal.classifiers.ensemble import Ensemble
from knnal.classifiers.graph import LabelDiffusion
from knnal.classifiers.knn import Ballots, KNNVote, neighbor_votes
from knnal.classifiers.means import NearestMean, close, quantized
from knnal.classifiers.soft_targets import Mixture, Mixtures, parts_of
from knnal.classifiers.tables import decoded
from knnal.classifiers.vote import VoteOptions
from knnal.index.compilation import kernel
from knnal.index.pool_index import UNLABELED, Labeling
from knnal.index.reduced import ExtraProducts, first_dots
from knnal.index.search import NO_NEIGHBOR, Nearest
from knnal.types import Float32Array, Int8Array, Int32Array, IntArray, UInt16Array


class BootstrappedKNN(KNNVote):
    """A label changes the votes on the rows that have it as a neighbor, and those on the rows that
    have these as neighbors, which takes one more pass over the lists.
    """

    def update(self, row: int, before: int, changed: IntArray) -> IntArray | None:
        revoted = super().update(row, before, changed)
        if revoted is None:
            return None
        swayed = revoted[self.labeling.classes[revoted] != UNLABELED]
        return np.union1d(revoted, self.labeling.neighbors.voters_of_any(swayed))


class BootstrappedDiffusion(LabelDiffusion):
    """Spreads the mixture that a label stands for, and again those of its labeled neighbors."""

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None:
        super().__init__(labeling, options)
        self._mixtures = Mixtures(labeling, options)
        self._reach: dict[int, Int32Array] = {}  # what labels give to their labeled neighbors
        self._room: Int32Array = np.zeros(0, dtype=np.int32)

    def update(self, row: int, before: int, changed: IntArray) -> IntArray:
        del before
        everywhere = []
        for label in self._mixtures.update(row, changed):
            reached, scores = self._spread(label.row)
            for sign, mixture in ((-1, label.before), (1, label.after)):
                if mixture is not None:
                    self._spread_mixture(sign, mixture, reached, scores)
            self.own[label.row] = scores[0]
            self._reach[label.row] = self._at_neighbors(label.row, reached, scores)
            everywhere.append(reached)
        if self.labeling.classes[row] == UNLABELED:
            del self._reach[row]
        return np.unique(np.concatenate(everywhere))

    def rebuild(self) -> None:
        self._reach.clear()
        self._mixtures.rebuild()
        super().rebuild()

    def _add_label(self, row: int, reached: IntArray, scores: Int32Array) -> None:
        self._spread_mixture(1, self._mixtures.of(row), reached, scores)
        self._reach[row] = self._at_neighbors(row, reached, scores)

    def _spread_mixture(
        self, sign: int, mixture: Mixture, reached: IntArray, scores: Int32Array
    ) -> None:
        for c, parts in zip(*mixture, strict=True):
            if c != UNLABELED:
                amounts = (sign * parts_of(scores, parts)).astype(np.int32)
                self.scores.add(int(c), reached, amounts)

    def _at_neighbors(self, row: int, reached: IntArray, scores: Int32Array) -> Int32Array:
        """What a label gives to its own nearest labeled rows, ``(k,)``; 0 in empty slots."""
        if not len(self._room):
            self._room = np.zeros(len(self.labeling.geometry), dtype=np.int32)
        near = self.labeling.neighbors.ids[row]
        self._room[reached] = scores
        found: Int32Array = np.where(near == NO_NEIGHBOR, 0, self._room[near]).astype(np.int32)
        self._room[reached] = 0
        return found

    def _take_out_own(self, rows: IntArray, columns: IntArray, scores: Int32Array) -> None:
        own = self._mixtures.evidence(rows)
        given = self.own[own.sources]
        voters = np.flatnonzero(own.slots >= 0)
        if len(voters):
            sources, at = np.unique(own.sources[voters], return_inverse=True)
            reach = np.stack([self._reach[int(row)] for row in sources])
            given[voters] = reach[at, own.slots[voters]]
        amounts = own.signs[:, None] * parts_of(given[:, None], own.mixtures.parts)
        there = own.mixtures.classes != UNLABELED
        places = np.broadcast_to(columns[own.places][:, None], there.shape)
        np.subtract.at(scores, (own.mixtures.classes[there], places[there]), amounts[there])


class BootstrappedMean(NearestMean):
    """A label has a part in the mean of each class that it stands for, and moves those too that its
    labeled neighbors stand for: a pass for each class.
    """

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None:
        self._mixtures = Mixtures(labeling, options)
        super().__init__(labeling, options)

    def extra_products(self, row: int) -> ExtraProducts:
        del row
        return ExtraProducts.none()

    def update(self, row: int, before: int, changed: IntArray) -> None:
        del before
        touched: set[int] = set()
        for label in self._mixtures.update(row, changed):
            for sign, mixture in ((-1, label.before), (1, label.after)):
                if mixture is not None:
                    rows = np.full(len(mixture.classes), label.row)
                    self._add(sign, rows, *mixture)
                    touched.update(mixture.classes.tolist())
        for c in touched - {UNLABELED}:
            self._refresh(c)

    def _add_labels(self) -> None:
        labeled, mixed = self._mixtures.rebuild()
        for slot in range(mixed.classes.shape[1]):
            self._add(1, labeled, mixed.classes[:, slot], mixed.parts[:, slot])

    def _add(self, sign: int, rows: IntArray, classes: IntArray, parts: IntArray) -> None:
        """Add parts ``(m,)`` of rows to the sums of classes, or take them out."""
        there = classes != UNLABELED
        units = self._contribution(rows[there])
        classes, parts = classes[there], parts[there]
        np.add.at(self._sums, classes, sign * parts_of(units, parts[:, None]))
        np.add.at(self._counts, classes, sign * parts)

    def _take_out_own(self, rows: IntArray, columns: IntArray, closeness: Float32Array) -> None:
        own = self._mixtures.evidence(rows)
        pieces, slots = np.nonzero(own.mixtures.classes != UNLABELED)
        classes, parts = own.mixtures.classes[pieces, slots], own.mixtures.parts[pieces, slots]
        places, signs = own.places[pieces], own.signs[pieces]
        order = np.lexsort((classes, places))
        keys = places[order] * len(self._sums) + classes[order]
        begins = np.flatnonzero(np.diff(keys, prepend=-1))
        sources = own.sources[pieces][order]
        units = parts_of(self._contribution(sources), parts[order, None])
        taken = np.add.reduceat(signs[order, None] * units, begins)
        left = self._counts[classes[order[begins]]] - np.add.reduceat(
            (signs * parts)[order], begins
        )
        of, places = classes[order[begins]], places[order[begins]]
        reduced = self.labeling.geometry.reduced
        found = np.zeros(len(of), dtype=np.uint16)
        _close_to(
            reduced.first.codes,
            reduced.inverse_length,
            self._sums[of] - taken,
            left,
            rows[places],
            found,
        )
        closeness[of, columns[places]] = decoded(found)


BOOTSTRAPPED: Mapping[str, type[PoolClassifier]] = {
    "knn": BootstrappedKNN,
    "graph": BootstrappedDiffusion,
    "means": BootstrappedMean,
    "combined": Ensemble,
}
"""What takes the place of the classifiers that add labels up."""


def bootstrapped_ballots(
    labeling: Labeling,
    ballots: Ballots,
    options: VoteOptions,
    rows: IntArray | None,
) -> Ballots:
    """Each of the ballots ``(m, n)`` split between its label and what its neighbors vote for.

    Where the items are ``rows`` ``(m,)`` of the pool, their neighbors' neighbors are without them.
    """
    ids = ballots.rows
    m, near = ids.shape
    neighbors = labeling.neighbors
    k = neighbors.k
    others = neighbors.ids[ids]  # (m, near, k)
    unheard = np.broadcast_to((ids == NO_NEIGHBOR)[:, :, None], others.shape)
    if rows is not None:
        unheard = unheard | (others == rows[:, None, None])
    others = np.where(unheard, np.int32(NO_NEIGHBOR), others).reshape(m * near, k)
    nearest = Nearest(others, neighbors.similarities[ids].reshape(m * near, k))
    of_others = neighbor_votes(labeling, nearest, options)
    hard = options.bootstrap == "hard"
    shape = m, near * (2 if hard else 1 + k)
    mixed = Ballots(np.full(shape, NO_NEIGHBOR, dtype=np.int32), np.zeros(shape, dtype=np.float32))
    _mix(hard, options.beta, ids, ballots.weights, others, of_others, labeling.classes, mixed)
    return mixed


@kernel
def _close_to(
    codes: Int8Array,
    inverse_length: Float32Array,
    sums: IntArray,
    counts: IntArray,
    rows: IntArray,
    out: UInt16Array,
) -> None:
    """``close`` of each row ``(m,)`` to the direction of a sum of its own ``(m, d1)``."""
    product = np.empty(1, dtype=np.int32)
    for i in range(len(rows)):
        if counts[i] > 0:
            row = rows[i]
            mean, length = quantized(sums[i])
            first_dots(codes, mean, row, row + 1, product)
            close(product, inverse_length[row : row + 1], length, out[i : i + 1])


@kernel
def _mix(
    hard: bool,
    beta: float,
    ids: Int32Array,
    votes: Float32Array,
    others: Int32Array,
    of_others: Float32Array,
    classes: Int32Array,
    out: Ballots,
) -> None:
    """Split each neighbor's vote ``(m, n)`` between its label and those of the others next to it,
    ``(m n, k)``. Where there are no others, nothing speaks against the label: it has all.
    """
    count, k = ids.shape[1], others.shape[1]
    width = 2 if hard else 1 + k
    for i in range(len(ids)):
        for slot in range(count):
            near, say = others[i * count + slot], of_others[i * count + slot]
            rows = out.rows[i, slot * width : (slot + 1) * width]
            weights = out.weights[i, slot * width : (slot + 1) * width]
            total = np.float32(0.0)
            for value in say:
                total += value
            rows[0] = ids[i, slot]
            weights[0] = votes[i, slot] * (beta if total > 0.0 else 1.0)
            if total > 0.0 and hard:
                rows[1] = near[_winner(near, say, classes)]
                weights[1] = votes[i, slot] * (1.0 - beta)
            elif total > 0.0:
                rows[1:] = near
                for other in range(k):
                    weights[1 + other] = votes[i, slot] * (1.0 - beta) * say[other] / total


@kernel
def _winner(near: Int32Array, votes: Float32Array, classes: Int32Array) -> int:
    """The place ``(k,)`` of a vote for the class with most; of equals for the first class."""
    best, winner = np.float32(-1.0), -1
    for place in range(len(near)):
        if near[place] != NO_NEIGHBOR:
            total = np.float32(0.0)
            for other in range(len(near)):
                if near[other] != NO_NEIGHBOR and classes[near[other]] == classes[near[place]]:
                    total += votes[other]
            if total > best or (total == best and classes[near[place]] < classes[near[winner]]):
                best, winner = total, place
    return winner
