"""Guided labeling: what looks different every time it is looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from knnal.acquisition.strategies.base import PoolView, Scores, Strategy


class Guided(Strategy):
    """Asks where the votes on an item's augmented views are most even, on average.

    The classifier is the vote of the k nearest labeled items, whatever the pool's own is; the
    paper's is a network. As its first items are drawn uniformly, so are these, until two classes
    have a label: before that no vote is unsure. A label costs what it costs the kNN state of a
    pool of 1 + views times as many items, exactly, and no more.
    """

    summary: ClassVar[str] = "entropy of the votes on an item's augmented views, on average"
    source: ClassVar[str] = (
        "'Guided Labeling using Convolutional Neural Networks', arXiv 1712.02154"
    )
    formula: ClassVar[str] = "mean over the views of -sum p log2 p"
    terms: ClassVar[Mapping[str, str]] = {"u": "response-entropy"}
    needs: ClassVar[str] = "views of the items"
    needs_views: ClassVar[bool] = True
    incremental: ClassVar[bool] = True
    cost: ClassVar[str] = "the kNN update of a pool of 1 + views times as many items"

    def score(self, pool: PoolView) -> Scores:
        u = pool.term("response-entropy")
        if np.count_nonzero(pool.state.labeling.class_sizes()) < 2:
            return Scores(pool.rng.random(len(pool.rows)), {"u": u})
        return Scores(u, {"u": u})
