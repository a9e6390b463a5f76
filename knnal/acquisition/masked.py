"""The kNN vote under random feature masks, over the labels in force."""

from __future__ import annotations

import numpy as np

from knnal.acquisition.terms import disagreement
from knnal.classifiers.masks import FeatureMasks, MaskedVote
from knnal.classifiers.vote import VoteOptions, guided_class_weights
from knnal.index.labeled import LabeledNeighbors
from knnal.index.pool_index import UNLABELED, Labeling
from knnal.types import BoolArray, Float32Array, IntArray

CANDIDATES = 4
"""Labeled neighbors from which each mask takes its ``k``, in units of ``k``: with 20 for 5, half
the dimensions kept, disagreement ranks a pool as the search of all labels under every mask does
(Spearman .99 on CIFAR-10 and banking77), which is closer than two draws of masks are.
"""

_SEED = 0
_BLOCK = 8192


class MaskedVotes:
    """Class probabilities of pool rows under 16 masks, each of half the dimensions.

    The masks are the same for every pool of a dimension. A label costs a pruned pass over the
    reduced copy; where it is among a row's candidates, it is compared with that row, once for all
    masks, and the row's votes are counted anew when they are asked for.
    """

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None:
        X = labeling.geometry.X
        self._labeling = labeling
        self._options = options
        masks = FeatureMasks.draw(X.shape[1], np.random.default_rng(_SEED))
        self._vote = MaskedVote(X, masks)
        slots = CANDIDATES * options.k
        self._candidates = LabeledNeighbors(X, slots, labeling.geometry.reduced)
        self._candidates.rebuild(labeling.labeled)
        self._disagreement: Float32Array = np.zeros(len(X), dtype=np.float32)
        self._stale: BoolArray = np.ones(len(X), dtype=np.bool_)

    def update(self, row: int, before: int) -> None:
        """The class of ``row`` was ``before`` and is now another one, either may be UNLABELED."""
        if before == UNLABELED:
            changed = self._candidates.add(row)
        elif self._labeling.classes[row] == UNLABELED:
            changed = self._candidates.remove(row)
        else:
            changed = self._candidates.voters(row)
        if self._options.balanced:  # class weights depend on every label
            self._stale[:] = True
        else:
            self._stale[changed] = True

    def probabilities(self, rows: IntArray) -> Float32Array:
        """Of pool rows, none of which votes for itself: ``(m,) -> (m, M, class_count)``."""
        sizes = self._labeling.class_sizes()
        weights = guided_class_weights(sizes) if self._options.balanced else np.ones(len(sizes))
        candidates = self._candidates.ids[rows]
        return self._vote.probabilities(
            rows, candidates, self._labeling.classes, weights.astype(np.float32), self._options
        )

    def disagreement(self) -> Float32Array:
        """Mutual information of the label and the mask, of every row, ``(rows,)``, in nats."""
        rows = np.flatnonzero(self._stale)
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            self._disagreement[block] = disagreement(self.probabilities(block))
        self._stale[:] = False
        return self._disagreement
