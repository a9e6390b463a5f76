"""The k nearest labelled items of every pool item, kept exact while labels come and go."""

from __future__ import annotations

import numpy as np

from knnal.neighbors.search import NOBODY, ExactIndex, Nearest, without_itself
from knnal.neighbors.similarity import similarities
from knnal.types import Float32Array, IntArray

_BLOCK_FLOATS = 1 << 23


class LabelledNeighbours:
    """For each row of ``X``, its nearest labelled rows, never itself.

    ``ids`` and ``similarities`` are ``(n, k)``, by falling similarity, ties by lower row, empty
    slots NOBODY and -inf. The state depends on the set of labelled rows alone, not on the order
    in which they came, and not on their classes.
    """

    def __init__(self, X: Float32Array, k: int) -> None:
        self._X = X
        self.k = k
        self.labelled: set[int] = set()
        self.ids: IntArray = np.full((len(X), k), NOBODY, dtype=np.int64)
        self.similarities: Float32Array = np.full((len(X), k), -np.inf, dtype=np.float32)

    def rebuild(self, rows: IntArray) -> None:
        """Start over from a set of labelled rows: one search for the whole pool."""
        self.labelled = set(map(int, rows))
        ordered = np.array(sorted(self.labelled), dtype=np.int64)
        everyone = np.arange(len(self._X))
        self.ids[:], self.similarities[:] = self._search(everyone, ordered)

    def add(self, row: int) -> IntArray:
        """Row ``row`` has got a label. Returns the rows whose neighbours changed."""
        self.labelled.add(row)
        sims = similarities(self._X, self._X[row])
        last_ids, last_sims = self.ids[:, -1], self.similarities[:, -1]
        nearer = (sims > last_sims) | ((sims == last_sims) & (row < last_ids))
        nearer[row] = False
        changed = np.flatnonzero(nearer)
        self._insert(changed, row, sims[changed])
        return changed

    def remove(self, row: int) -> IntArray:
        """Row ``row`` has lost its label. Returns the rows whose neighbours changed."""
        self.labelled.remove(row)
        changed = np.flatnonzero((self.ids == row).any(axis=1))
        ordered = np.array(sorted(self.labelled), dtype=np.int64)
        self.ids[changed], self.similarities[changed] = self._search(changed, ordered)
        return changed

    def voters(self, row: int) -> IntArray:
        """The rows that ``row`` votes for."""
        return np.flatnonzero((self.ids == row).any(axis=1))

    def _insert(self, rows: IntArray, new: int, sims: Float32Array) -> None:
        ids, old = self.ids[rows], self.similarities[rows]
        ahead = (old > sims[:, None]) | ((old == sims[:, None]) & (ids < new) & (ids != NOBODY))
        place = ahead.sum(axis=1)[:, None]
        slot = np.arange(self.k)
        shifted = np.maximum(slot - 1, 0)
        self.ids[rows] = np.where(slot < place, ids, np.where(slot == place, new, ids[:, shifted]))
        self.similarities[rows] = np.where(
            slot < place, old, np.where(slot == place, sims[:, None], old[:, shifted])
        )

    def _search(self, rows: IntArray, labelled: IntArray) -> tuple[IntArray, Float32Array]:
        """The nearest of the labelled rows, by rising row, for each of ``rows``."""
        ids = np.full((len(rows), self.k), NOBODY, dtype=np.int64)
        sims = np.full((len(rows), self.k), -np.inf, dtype=np.float32)
        if not len(labelled):
            return ids, sims
        index = ExactIndex(self._X[labelled])
        step = max(1, _BLOCK_FLOATS // self._X.shape[1])
        for start in range(0, len(rows), step):
            block = rows[start : start + step]
            # One more than k, since a labelled row finds itself first among its equals.
            found = index.search(self._X[block], self.k + 1)
            names = np.where(found.ids == NOBODY, NOBODY, labelled[found.ids])
            others = without_itself(block, Nearest(names, found.similarities))
            ids[start : start + step] = others.ids
            sims[start : start + step] = others.similarities
        return ids, sims
