"""Class probabilities under random feature masks: the vote, each time by a part of the dimensions.

Dropping features at random is to a kNN vote what dropout at prediction is to a network: the votes
differ where the label hangs on few features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from knnal.classifiers.vote import VoteOptions, vote
from knnal.errors import InputError
from knnal.index.compilation import kernel
from knnal.index.parallel import over_rows
from knnal.index.search import NO_NEIGHBOR
from knnal.index.similarity import frozen
from knnal.types import Float32Array, Int32Array, IntArray, RowArray

GROUPS = 32
"""Dimensions are kept or dropped by the group: parts of a dot product serve all masks at once."""

_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class FeatureMasks:
    """Which dimensions each of M masks keeps: ``kept`` ``(G, M)`` is 1 for a group that it keeps,
    else 0. Dimension j is in group ``j % G``; up to 32 dimensions are a group each.
    """

    kept: Float32Array

    @classmethod
    def draw(
        cls, dimension: int, rng: np.random.Generator, *, count: int = 16, share: float = 0.5
    ) -> FeatureMasks:
        """``count`` masks, each of which keeps a share of the groups, at least one.

        Raises InputError for no mask, or a share outside (0, 1].
        """
        if count < 1:
            raise InputError(f"The number of masks must be at least 1, got {count}.")
        if not 0.0 < share <= 1.0:
            raise InputError(f"The share of dimensions must be above 0 and at most 1, got {share}.")
        groups = min(GROUPS, dimension)
        kept = np.zeros((groups, count), dtype=np.float32)
        for mask in kept.T:
            mask[rng.permutation(groups)[: max(1, round(share * groups))]] = 1.0
        return cls(kept)

    def __len__(self) -> int:
        return int(self.kept.shape[1])

    def dimensions(self, dimension: int) -> Float32Array:
        """1 for each dimension that a mask keeps, else 0, ``(d, M)``."""
        return self.kept[np.arange(dimension) % len(self.kept)]

    def lengths(self, X: Float32Array) -> Float32Array:
        """The length of each row under each mask, ``(n, d) -> (n, M)``."""
        X = frozen(X)
        out = np.empty((len(X), len(self)), dtype=np.float32)
        over_rows(lambda start, stop: _lengths(X, self.kept, start, stop, out), len(X))
        return out


class _Known(NamedTuple):
    """The latest candidates of each row ``ids`` ``(n, slots)``, NO_NEIGHBOR in empty ones, and
    their ``cosines`` to it under each mask ``(n, slots, M)``, allocated when first used.
    """

    ids: Int32Array
    cosines: Float32Array

    @classmethod
    def none(cls, rows: int, slots: int, masks: int) -> _Known:
        cosines = np.empty((rows, slots, masks), dtype=np.float32)
        return cls(np.full((rows, slots), NO_NEIGHBOR, dtype=np.int32), cosines)


class MaskedVote:
    """The kNN vote on rows of ``X`` ``(n, d)`` under each mask.

    Under a mask, the ``k`` of a row's candidates that are most similar by the dimensions kept
    (cosine, 0 where nothing is left; ties by lower row) vote as they do by all dimensions. A row's
    candidates are the labeled rows that are nearest to it by all dimensions.

    What was found for a row is kept: of candidates that come and go one by one, only the new ones
    are compared with it.
    """

    def __init__(self, X: Float32Array, masks: FeatureMasks) -> None:
        self.masks = masks
        self._X = frozen(X)
        self._lengths = masks.lengths(X)
        self._known = _Known.none(len(X), 0, len(masks))

    def probabilities(
        self,
        rows: IntArray,
        candidates: RowArray,
        classes: RowArray,
        class_weights: Float32Array,
        options: VoteOptions,
    ) -> Float32Array:
        """Of different rows, ``(m,), (m, slots) -> (m, M, C)``; even where there is no candidate.

        ``candidates`` are rows of ``X``, the empty slots last; ``classes`` ``(n,)`` has their
        numbers, and ``class_weights`` ``(C,)`` says how much the vote of a class counts.
        """
        ids = np.ascontiguousarray(candidates, dtype=np.int32)
        classes = np.ascontiguousarray(classes, dtype=np.int32)
        weights = np.ascontiguousarray(class_weights, dtype=np.float32)
        shares = np.empty((len(rows), len(self.masks), len(weights)), dtype=np.float32)
        if self._known.ids.shape[1] != ids.shape[1]:
            self._known = _Known.none(len(self._X), ids.shape[1], len(self.masks))
        known = self._known

        def count(start: int, stop: int) -> None:
            _vote(
                self._X, self._lengths, self.masks.kept, known, rows, ids, classes, weights,
                options.k, options.scale, start, stop, shares,
            )  # fmt: skip

        over_rows(count, len(rows), _BLOCK)
        return shares


@kernel
def _masked_dots(
    x: Float32Array, q: Float32Array, kept: Float32Array, parts: Float32Array, out: Float32Array
) -> None:
    """Dot products under each mask, ``out`` ``(M,)``, from those of the groups, ``parts``."""
    groups = len(parts)
    whole = len(x) // groups * groups
    parts[:] = 0.0
    for begin in range(0, whole, groups):
        for g in range(groups):
            parts[g] += x[begin + g] * q[begin + g]
    for j in range(whole, len(x)):
        parts[j - whole] += x[j] * q[j]
    out[:] = 0.0
    for g in range(groups):
        for m in range(len(out)):
            out[m] += parts[g] * kept[g, m]


@kernel
def _lengths(X: Float32Array, kept: Float32Array, start: int, stop: int, out: Float32Array) -> None:
    parts = np.empty(len(kept), dtype=np.float32)
    for row in range(start, stop):
        _masked_dots(X[row], X[row], kept, parts, out[row])
        for m in range(out.shape[1]):
            out[row, m] = math.sqrt(out[row, m])


@kernel
def _vote(
    X: Float32Array,
    lengths: Float32Array,
    kept: Float32Array,
    known: _Known,
    rows: IntArray,
    candidates: Int32Array,
    classes: Int32Array,
    class_weights: Float32Array,
    k: int,
    scale: float,
    start: int,
    stop: int,
    out: Float32Array,
) -> None:
    masks = kept.shape[1]
    parts = np.empty(len(kept), dtype=np.float32)
    cosines = np.empty((candidates.shape[1], masks), dtype=np.float32)
    ranks = np.empty((candidates.shape[1], masks), dtype=np.int32)
    for at in range(start, stop):
        row, own = rows[at], candidates[at]
        count = 0
        while count < len(own) and own[count] != NO_NEIGHBOR:
            count += 1
        if _of_one_class(own[:count], classes):  # whoever votes, they agree
            out[at] = 0.0
            out[at, :, classes[own[0]]] = 1.0
            continue
        for slot in range(count):
            other = own[slot]
            place = _place_of(other, known.ids[row], slot)
            if place >= 0:
                cosines[slot] = known.cosines[row, place]
                continue
            _masked_dots(X[row], X[other], kept, parts, cosines[slot])
            for m in range(masks):
                length = lengths[row, m] * lengths[other, m]
                cosines[slot, m] = cosines[slot, m] / length if length > 0.0 else 0.0
        known.ids[row] = own
        known.cosines[row, :count] = cosines[:count]
        _rank(own[:count], cosines, ranks)
        for m in range(masks):
            _share(own[:count], cosines, ranks, m, classes, class_weights, k, scale, out[at, m])


@kernel
def _of_one_class(candidates: Int32Array, classes: Int32Array) -> bool:
    """Whether there are candidates and all are of one class."""
    for other in candidates:
        if classes[other] != classes[candidates[0]]:
            return False
    return len(candidates) > 0


@kernel
def _place_of(wanted: int, ids: Int32Array, near: int) -> int:
    """The place of an id, -1 for none; looked for first around where it was if one has come."""
    for place in range(max(near - 1, 0), len(ids)):
        if ids[place] == wanted:
            return place
    for place in range(near - 1):
        if ids[place] == wanted:
            return place
    return -1


@kernel
def _rank(candidates: Int32Array, cosines: Float32Array, ranks: Int32Array) -> None:
    """How many candidates are before each under each mask, by cosine, ties by lower row.

    All pairs are compared, for all masks at a time: quicker on vectors than sorting mask by mask.
    """
    ranks[: len(candidates)] = 0
    for slot in range(len(candidates)):
        for other in range(slot):
            lower = candidates[other] < candidates[slot]
            for m in range(ranks.shape[1]):
                a, b = cosines[other, m], cosines[slot, m]
                before = np.int32(a > b) | (np.int32(a == b) & np.int32(lower))
                ranks[slot, m] += before
                ranks[other, m] += np.int32(1) - before


@kernel
def _share(
    candidates: Int32Array,
    cosines: Float32Array,
    ranks: Int32Array,
    m: int,
    classes: Int32Array,
    class_weights: Float32Array,
    k: int,
    scale: float,
    out: Float32Array,
) -> None:
    """The normalized votes ``(C,)`` of the ``k`` candidates of the highest cosines under a mask."""
    out[:] = 0.0
    nearest, total = np.float32(-np.inf), 0.0
    for slot in range(len(candidates)):
        nearest = max(nearest, cosines[slot, m])
    for slot in range(len(candidates)):
        if ranks[slot, m] < k:
            label = classes[candidates[slot]]
            weight = vote(cosines[slot, m], nearest, scale) * class_weights[label]
            out[label] += weight
            total += weight
    for c in range(len(out)):
        out[c] = out[c] / total if total > 0.0 else 1.0 / len(out)
