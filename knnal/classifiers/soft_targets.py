"""What a label counts for where labels add up: its class, or a mixture of classes.

With bootstrapped votes (``ballots``) a label stands for ``beta t + (1 - beta) q`` in an expert that
sums labels just as in one that lets them vote. Mixtures are whole parts of 2^16, and an expert adds
``parts_of`` its whole numbers: what was added can be taken back exactly, whatever came between.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from knnal.classifiers.knn import cast_ballots
from knnal.classifiers.vote import VoteOptions
from knnal.index.pool_index import UNLABELED, Labeling
from knnal.index.search import Nearest
from knnal.types import IntArray, RowArray

WHOLE = 1 << 16

_BLOCK = 4096


class Mixture(NamedTuple):
    """``parts`` ``(..., w)`` of ``classes`` ``(..., w)``; empty places are UNLABELED, with 0."""

    classes: IntArray
    parts: IntArray


class Moved(NamedTuple):
    """What a labeled row stood for and stands for now; None without a label."""

    row: int
    before: Mixture | None
    after: Mixture | None


class Evidence(NamedTuple):
    """What the labels of some rows say of these rows themselves, ``e`` pieces of it.

    Piece ``i`` counts with ``signs[i]`` for the row at place ``places[i]``. It is a mixture that
    comes from the row ``sources[i]``: the row itself, slot -1, or a labeled row that has it as
    its neighbor in ``slots[i]``.
    """

    places: IntArray
    sources: IntArray
    slots: IntArray
    signs: IntArray
    mixtures: Mixture


class Mixtures:
    """The mixtures of all labeled rows, a function of the labels in force.

    Class weights are left out: they are a matter of votes, and would change every label's mixture
    with each label.
    """

    def __init__(self, labeling: Labeling, options: VoteOptions) -> None:
        self._labeling = labeling
        self._options = replace(options, balanced=False)
        self._of: dict[int, Mixture] = {}

    def update(self, row: int, changed: IntArray) -> list[Moved]:
        """The class of ``row`` is another one; the nearest labeled rows of ``changed`` are others.

        Returns every labeled row whose mixture or neighbors may be others, ``row`` the last.
        """
        labeled = self._labeling.labeled
        has_it = (self._labeling.neighbors.ids[labeled] == row).any(axis=1)
        swayed = np.union1d(labeled[has_it], changed[self._labeling.classes[changed] >= 0])
        swayed = swayed[swayed != row]
        if self._labeling.classes[row] != UNLABELED:
            swayed = np.append(swayed, row)
        found = self.mixed(swayed)
        moved = [
            Moved(int(at), self._of.get(int(at)), Mixture(*mixture))
            for at, *mixture in zip(swayed, *found, strict=True)
        ]
        if self._labeling.classes[row] == UNLABELED:
            moved.append(Moved(row, self._of.pop(row), None))
        self._of.update({of.row: of.after for of in moved if of.after is not None})
        return moved

    def of(self, row: int) -> Mixture:
        """What a labeled row stands for."""
        return self._of[row]

    def rebuild(self) -> tuple[IntArray, Mixture]:
        """Start over; returns the labeled rows, rising, and what they stand for."""
        labeled = self._labeling.labeled
        found = self.mixed(labeled)
        self._of = {
            int(row): Mixture(*mixture) for row, *mixture in zip(labeled, *found, strict=True)
        }
        return labeled, found

    def mixed(self, rows: IntArray, without: IntArray | None = None) -> Mixture:
        """What labeled rows stand for, ``(m,) -> (m, w)``, recomputed; as it is for nobody but
        ``without`` ``(m,)``, what their neighbors say is without these.
        """
        parts = [
            self._mixed(
                rows[at : at + _BLOCK], None if without is None else without[at : at + _BLOCK]
            )
            for at in range(0, max(len(rows), 1), _BLOCK)
        ]
        return Mixture(*(np.concatenate(of) for of in zip(*parts, strict=True)))

    def evidence(self, rows: IntArray) -> Evidence:
        """What has to be taken away from labeled rows, ``(m,)``, so that each is as if it had no
        label and no neighbor had heard of it.
        """
        labeled = self._labeling.labeled
        order = np.argsort(rows)
        near = self._labeling.neighbors.ids[labeled]
        at = order[np.minimum(np.searchsorted(rows, near, sorter=order), len(rows) - 1)]
        voter, slot = np.nonzero(rows[at] == near)
        place, source = at[voter, slot], labeled[voter]
        own = self._known(rows)
        heard, unheard = self._known(source), self.mixed(source, rows[place])
        ones, none = np.ones(len(source), dtype=np.int64), np.full(len(rows), -1)
        return Evidence(
            np.concatenate([np.arange(len(rows)), place, place]),
            np.concatenate([rows, source, source]),
            np.concatenate([none, slot, slot]),
            np.concatenate([np.ones(len(rows), dtype=np.int64), ones, -ones]),
            Mixture(*(np.concatenate(of) for of in zip(own, heard, unheard, strict=True))),
        )

    def _known(self, rows: IntArray) -> Mixture:
        known = [self._of[int(row)] for row in rows]
        if not known:
            return self.mixed(rows)
        return Mixture(*(np.stack(of) for of in zip(*known, strict=True)))

    def _mixed(self, rows: IntArray, without: IntArray | None) -> Mixture:
        own, ones = rows[:, None].astype(np.int32), np.ones((len(rows), 1), dtype=np.float32)
        ballots = cast_ballots(self._labeling, Nearest(own, ones), self._options, without)
        parts = np.rint(ballots.weights.astype(np.float64) * WHOLE).astype(np.int64)
        classes = self._labeling.classes[ballots.rows].astype(np.int64)
        return _merged(np.where(parts > 0, classes, UNLABELED), parts)


def parts_of(values: RowArray, parts: RowArray) -> IntArray:
    """Shares of whole numbers, in parts of WHOLE, rounded to whole numbers."""
    found: IntArray = (values.astype(np.int64) * parts + WHOLE // 2) >> 16
    return found


def _merged(classes: IntArray, parts: IntArray) -> Mixture:
    """Each class's parts in the first of its places, ``(m, w)``."""
    for later in range(1, classes.shape[1]):
        for first in range(later):
            same = (classes[:, later] == classes[:, first]) & (classes[:, later] != UNLABELED)
            parts[same, first] += parts[same, later]
            classes[same, later], parts[same, later] = UNLABELED, 0
    return Mixture(classes, parts)
