"""How much the votes on an item's views leave open: the measure of guided labeling."""

from __future__ import annotations

import numpy as np

from knnal.acquisition.terms import response_entropy
from knnal.classifiers.vote import VoteOptions, class_probabilities
from knnal.classifiers.votes import cast_ballots
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
