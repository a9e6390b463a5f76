"""Seeking a rare class: finding more of it first, then learning where it ends."""

from __future__ import annotations

import numpy as np

from knnal.acquisition.strategies.base import PoolView, Scores, Strategy
from knnal.acquisition.strategies.search_progress import is_at_boundary
from knnal.index.parallel import over_rows
from knnal.types import Float32Array, IntArray

_BLOCK = 65536


class Seek(Strategy):
    """Asks for items of one class, number ``target``, by the classifier's probability p of it.

    While at least a fifth of the ``recent`` answers, up to ten, were of the class, or there were
    less than ten, the item of highest p is asked about: the greedy policy of active search. When
    that finds little, the classifier takes others for the class, and the item whose p is nearest
    to 1/2 is asked about, which teaches where the class ends; where every p is below 1/2, that is
    the item of highest p as before. Each question passes once over the probabilities of the pool.
    """

    summary = "items of one class: the likeliest, then those at its boundary"
    source = "greedy active search: Garnett et al., arXiv 1206.6406"

    def __init__(self, target: int, recent: tuple[bool, ...] = ()) -> None:
        self._target = target
        self._at_boundary = is_at_boundary(recent)

    def score(self, pool: PoolView) -> Scores:
        p = self._probabilities(pool, pool.rows)
        values = 1.0 - 2.0 * np.abs(p - np.float32(0.5)) if self._at_boundary else p
        return Scores(values, {"p": p})

    def _probabilities(self, pool: PoolView, rows: IntArray) -> Float32Array:
        """Of the class, ``(m,) -> (m,)``."""
        p = np.empty(len(rows), dtype=np.float32)

        def fill(start: int, stop: int) -> None:
            P = pool.state.classifier.probabilities(rows[start:stop])
            p[start:stop] = P[:, self._target]

        over_rows(fill, len(rows), _BLOCK)
        return p
