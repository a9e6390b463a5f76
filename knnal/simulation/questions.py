"""What a simulated run asks about, a round of its schedule at a time."""

from __future__ import annotations

import numpy as np

from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.base import Pick, PoolView, Strategy
from knnal.acquisition.strategies.grouped import one_of_each_group
from knnal.acquisition.strategies.search_progress import RECENT, can_be_sought
from knnal.acquisition.strategies.seek import Seek
from knnal.index.duplicates import DuplicateGroups, OpenGroups
from knnal.session.question_selection import question_rng
from knnal.session.schedule import Schedule
from knnal.types import BoolArray, IntArray


class SimulatedQuestions:
    """The rows to ask about, as a ``Session`` would: of ``groups`` one row each, and then the rest
    in the same way; by ``seek``, a class number, in search of that class once it can be told from
    others.
    """

    def __init__(
        self,
        state: PoolState,
        strategy: Strategy,
        *,
        schedule: Schedule,
        seed: int,
        groups: DuplicateGroups | None = None,
        seek: int | None = None,
    ) -> None:
        self._state = state
        self._strategy = strategy
        self._schedule = schedule
        self._seed = seed
        self._open = None if groups is None else OpenGroups(groups, ~state.unlabeled)
        self._seek = seek
        self._round: list[Pick] = []
        self._sought: set[int] = set()  # rows chosen by the search, not by the strategy
        self._outcomes: list[bool] = []

    def next(self, step: int) -> int:
        """The row to ask about when ``step`` items have a label. There must be one left."""
        if not self._round:
            self._round = self._ask(step)
        return self._round.pop(0).row

    def learn(self, row: int, label: int) -> None:
        """A row that was asked about has got its class number."""
        if self._open is not None:
            self._open.set_decided(row, decided=True)
        if row in self._sought:
            self._outcomes.append(label == self._seek)

    def _ask(self, step: int) -> list[Pick]:
        groups = self._open
        allowed: BoolArray = self._state.unlabeled
        if groups is not None:
            allowed = allowed & ~groups.closed
            if not allowed.any():
                groups, allowed = None, self._state.unlabeled
        view = PoolView(self._state, allowed, question_rng(self._seed, step))
        strategy, size = self._chooser(), self._schedule.size(step)
        if size > 1:
            picks = one_of_each_group(lambda count: strategy.choose(view, count), size, groups)
        else:
            pick = strategy.pick(view)
            picks = [] if pick is None else [pick]
        if strategy is not self._strategy:
            self._sought.update(pick.row for pick in picks)
        return picks

    def _chooser(self) -> Strategy:
        if self._seek is None:
            return self._strategy
        sizes = self._state.labeling.class_sizes()
        of_class = int(sizes[self._seek]) if self._seek < len(sizes) else 0
        if not can_be_sought(of_class, int(sizes.sum())):
            return self._strategy
        return Seek(self._seek, tuple(self._outcomes[-RECENT:]))


def example_of(classes: IntArray, live: BoolArray, wanted: int, seed: int) -> int:
    """A live row of a class, drawn by the seed: the example that whoever seeks a class has."""
    rows = np.flatnonzero(live & (classes == wanted))
    return int(np.random.default_rng((seed, wanted)).choice(rows))
