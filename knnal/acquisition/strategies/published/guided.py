"""Guided labeling: where the votes on an item's augmented views are most even."""

from __future__ import annotations

import numpy as np

from knnal.acquisition.strategies.base import PoolView, Scores, Strategy
from knnal.acquisition.strategies.terms import Term
from knnal.acquisition.terms import response_entropy
from knnal.classifiers.knn import cast_ballots
from knnal.classifiers.vote import VoteOptions, class_probabilities
from knnal.index.labeled import LabeledNeighbors
from knnal.index.parallel import over_rows
from knnal.index.pool_index import UNLABELED, Labeling
from knnal.index.search import Nearest
from knnal.types import BoolArray, Float32Array, IntArray

_BLOCK = 4096


class ViewVotes:
    """The nearest labeled rows of every view, and the entropy of their votes.

    A label is compared with the views as one of ``LabeledNeighbors`` is with rows: with the few
    that it may be a neighbor of, once a bound has passed over all of them. Its cost is that of a
    label in a pool of ``1 + views`` times as many rows.
    """

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None:
        views = labeling.geometry.views
        self._labeling = labeling
        self._views = views
        self._options = options
        self._neighbors = LabeledNeighbors(views.X, options.k, views.reduced)
        self._entropy: Float32Array = np.zeros(len(views), dtype=np.float32)
        self._stale: BoolArray = np.ones(len(views), dtype=np.bool_)
        self._classes = labeling.class_count
        self._neighbors.rebuild(labeling.labeled * views.slots)

    def update(self, row: int, before: int) -> None:
        """The class of ``row`` was ``before`` and is now another one; either may be UNLABELED."""
        place = self._views.own(row)
        if before == UNLABELED:
            changed = self._neighbors.add(place)
        elif self._labeling.classes[row] == UNLABELED:
            changed = self._neighbors.remove(place)
        else:
            changed = self._neighbors.voters(place)
        self._stale[self._views.rows_of(changed)] = True
        if self._options.balanced or self._options.bootstrap:  # a vote depends on more labels
            self._stale[:] = True

    def entropy(self) -> Float32Array:
        """Mean entropy in bits of the votes on each row's views, ``(rows,)``.

        A row whose views are not made counts with its own vector. Of a labeled row, its own label
        is among those that vote.
        """
        if self._classes != self._labeling.class_count:  # nobody's vote is now spread over others
            self._classes = self._labeling.class_count
            self._stale[:] = True
        rows = np.flatnonzero(self._stale)

        def fill(start: int, stop: int) -> None:
            block = rows[start:stop]
            self._entropy[block] = self._measure(block)

        over_rows(fill, len(rows), _BLOCK)
        self._stale[:] = False
        return self._entropy

    def _measure(self, rows: IntArray) -> Float32Array:
        slots = self._views.slots
        places = (rows[:, None] * slots + np.arange(slots)).ravel()
        ids = self._views.rows_of(self._neighbors.ids[places])
        nearest = Nearest(ids, self._neighbors.similarities[places])
        ballots = cast_ballots(self._labeling, nearest, self._options, np.repeat(rows, slots))
        classes = self._labeling.classes[ballots.rows]
        P = class_probabilities(ballots.weights, classes, self._labeling.class_count)
        P = P.reshape(len(rows), slots, self._labeling.class_count)
        own, made = response_entropy(P[:, :1]), self._views.made[rows]
        measured: Float32Array = np.where(made, response_entropy(P[:, 1:]), own)
        return measured


class Guided(Strategy):
    """Asks where the votes on an item's augmented views are most even, on average.

    The classifier is the vote of the k nearest labeled items, whatever the pool's own is; the
    paper's is a network. As its first items are drawn uniformly, so are these, until two classes
    have a label: before that no vote is unsure. A label costs what it costs the kNN state of a
    pool of 1 + views times as many items, exactly, and no more.
    """

    summary = "entropy of the votes on an item's augmented views, on average"
    source = "'Guided Labeling using Convolutional Neural Networks', arXiv 1712.02154"
    formula = "mean over the views of -sum p log2 p"
    terms = {"u": "response-entropy"}
    needs = "views of the items"
    needs_views = True
    incremental = True
    cost = "the kNN update of a pool of 1 + views times as many items"

    def score(self, pool: PoolView) -> Scores:
        u = pool.term("response-entropy")
        if np.count_nonzero(pool.state.labeling.class_sizes()) < 2:
            return Scores(pool.rng.random(len(pool.rows)), {"u": u})
        return Scores(u, {"u": u})


RESPONSE_ENTROPY = Term(
    "entropy of the votes on the item's augmented views, on average",
    lambda state: state.statistic(ViewVotes).entropy(),
    is_uncertainty=True,
    needs_views=True,
)
