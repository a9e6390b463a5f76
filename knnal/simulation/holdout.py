"""Simulated labeling: known labels answer the questions, held-out items judge after each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from knnal import defaults
from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.search_progress import RECENT, seek_name
from knnal.classifiers.vote import VoteOptions
from knnal.index.duplicates import DuplicateGroups, OpenGroups, find_duplicates
from knnal.index.pool_index import PoolIndex, QueryVectors
from knnal.session.question_selection import Choice, QuestionSelector
from knnal.session.schedule import Schedule
from knnal.simulation.measures import count_outcomes
from knnal.types import BoolArray, IntArray


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run: the rows ``asked`` ``(T,)`` about in order, and after each label, by class, how
    many held-out items were predicted to be of it, ``predicted`` ``(T, C)``, and rightly so,
    ``hits`` ``(T, C)``.
    """

    asked: IntArray
    hits: IntArray
    predicted: IntArray


class SimulatedPool:
    """A pool whose decisions are in memory alone: what ``QuestionSelector`` chooses from.

    Of ``groups`` of near-duplicates one row each is asked about, and when each has been, the rest
    one by one.
    """

    def __init__(self, state: PoolState, groups: DuplicateGroups | None = None) -> None:
        self.state = state
        self.groups = None if groups is None else OpenGroups(groups, ~state.unlabeled)
        self.classes: list[str] = []
        self._answers: list[tuple[str, str]] = []  # the strategy that chose a row, and its label

    @property
    def step(self) -> int:
        return len(self._answers)

    @property
    def askable(self) -> BoolArray:
        if self.groups is not None:
            allowed: BoolArray = self.state.unlabeled & ~self.groups.closed
            if allowed.any():
                return allowed
            self.groups = None
        return self.state.unlabeled

    def recent_outcomes(self, name: str) -> tuple[bool, ...]:
        searching = seek_name(name)
        found = (label == name for strategy, label in self._answers if strategy == searching)
        return tuple(found)[-RECENT:]

    def label(self, row: int, label: str, choice: Choice | None = None) -> None:
        """Label a row, which a choice was made of, or which the user named."""
        if label not in self.classes:
            self.classes.append(label)
            self.state.declare_classes(len(self.classes))
        self.state.assign(row, self.classes.index(label))
        if self.groups is not None:
            self.groups.set_decided(row, decided=True)
        score = None if choice is None else choice.score
        self._answers.append(("" if score is None else score.strategy, label))


class Holdout:
    """A geometry whose live rows are asked about, and whose other rows judge.

    ``classes`` ``(rows,)`` are the known class numbers, of ``class_count``. All that depends on no
    label is found once and serves every run.
    """

    def __init__(self, geometry: PoolIndex, classes: IntArray, class_count: int) -> None:
        self._geometry = geometry
        self._classes = classes
        self._class_count = class_count
        self._judged = QueryVectors.held_out(geometry)
        self._truth = classes[~geometry.live]
        self._latest_groups: tuple[float, DuplicateGroups] | None = None

    @property
    def support(self) -> IntArray:
        """Held-out items by class, ``(C,)``."""
        return np.bincount(self._truth, minlength=self._class_count)

    def run(
        self,
        strategy: str,
        labels: int,
        *,
        seed: int = defaults.SEED,
        classifier: str = defaults.CLASSIFIER,
        vote: VoteOptions | None = None,
        schedule: Schedule | None = None,
        near: float | None = None,
        example: int | None = None,
        seek: bool = False,
        step_done: Callable[[], None] = lambda: None,
    ) -> Outcome:
        """Label ``labels`` items, or all there are, from none, a round of the schedule at a time,
        which is one item unless it is given.

        It asks what a ``Session`` with that strategy, classifier and seed asks. A round is asked
        about before any of its labels is learned; these are judged one by one.

        Of near-duplicates, of a similarity ``near``, one is asked about, until each group has been.
        With an ``example``, a class number, an item of that class comes first, drawn by the seed;
        with ``seek``, the class is then searched for. Raises InputError for a strategy that needs
        views where the geometry has none.
        """
        state = PoolState(self._geometry, classifier=classifier, vote=vote)
        pool = SimulatedPool(state, None if near is None else self._groups(near))
        target = str(example) if seek and example is not None else None
        selector = QuestionSelector(pool, strategy, seed=seed, seek=target)
        schedule = schedule or Schedule()
        count = min(labels, int(np.count_nonzero(state.unlabeled)))
        asked = np.empty(count, dtype=np.int64)
        hits, predicted = np.zeros((2, count, self._class_count), dtype=np.int64)
        waiting: list[Choice] = []
        for step in range(count):
            if step == 0 and example is not None:
                choice, row = None, example_of(self._classes, self._geometry.live, example, seed)
            else:
                waiting = waiting or selector.choose(schedule.size(step))
                choice = waiting.pop(0)
                row = choice.row
            asked[step] = row
            pool.label(row, str(self._classes[row]), choice)
            hits[step], predicted[step] = self._judge(state, pool.classes)
            step_done()
        return Outcome(asked, hits, predicted)

    def _judge(self, state: PoolState, classes: Sequence[str]) -> tuple[IntArray, IntArray]:
        """Held-out items that are predicted rightly, and all that are, by predicted class."""
        best = state.classifier.predict(self._judged).argmax(axis=1)
        numbers = np.array([int(name) for name in classes])
        return count_outcomes(self._truth, numbers[best], self._class_count)

    def _groups(self, near: float) -> DuplicateGroups:
        """Found once, whatever runs here."""
        if self._latest_groups is None or self._latest_groups[0] != near:
            geometry = self._geometry
            self._latest_groups = near, find_duplicates(geometry.X, geometry.graph, near)
        return self._latest_groups[1]


def example_of(classes: IntArray, live: BoolArray, wanted: int, seed: int) -> int:
    """A live row of a class, drawn by the seed: the example that whoever seeks a class has."""
    rows = np.flatnonzero(live & (classes == wanted))
    return int(np.random.default_rng((seed, wanted)).choice(rows))
