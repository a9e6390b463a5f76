"""How often part of the features would predict another class."""

from __future__ import annotations

import numpy as np

from knnal.acquisition.masked import MaskedVotes
from knnal.classifiers.knn import KNNVote
from knnal.classifiers.vote import VoteOptions
from knnal.index.pool_index import Labeling
from knnal.types import Float32Array, IntArray

_BLOCK = 8192


class Inconsistency(MaskedVotes):
    """The share of feature masks whose kNN vote predicts another class than that of all features.

    Source: DropQuery (arXiv 2401.14555), its dropout on the features of a frozen network.
    """

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None:
        super().__init__(labeling, options)
        self._unmasked = KNNVote(labeling, options)
        self._share: Float32Array = np.zeros(len(labeling.geometry), dtype=np.float32)

    def share(self) -> Float32Array:
        """Of every row, ``(rows,)`` in [0, 1]; 0 while there are no classes."""
        rows = np.flatnonzero(self._stale)
        for start in range(0, len(rows), _BLOCK):
            block = rows[start : start + _BLOCK]
            self._share[block] = self._share_of(block)
        self._stale[:] = False
        return self._share

    def _share_of(self, rows: IntArray) -> Float32Array:
        if not self._labeling.class_count:
            return np.zeros(len(rows), dtype=np.float32)
        predicted = self._unmasked.probabilities(rows).argmax(axis=1)
        masked = self.probabilities(rows).argmax(axis=2)
        shares: Float32Array = (masked != predicted[:, None]).mean(axis=1, dtype=np.float32)
        return shares
