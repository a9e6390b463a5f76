"""Simulated labeling: known labels answer the questions, held-out items judge after each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from knnal import defaults
from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.base import create_strategy, require_views
from knnal.classifiers.vote import VoteOptions
from knnal.index.duplicates import DuplicateGroups, find_duplicates
from knnal.index.pool_index import PoolIndex, QueryVectors
from knnal.session.schedule import Schedule
from knnal.simulation.measures import count_outcomes
from knnal.simulation.questions import SimulatedQuestions, example_of
from knnal.types import IntArray


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run: the rows ``asked`` ``(T,)`` about in order, and after each label, by class, how
    many held-out items were predicted to be of it, ``predicted`` ``(T, C)``, and rightly so,
    ``hits`` ``(T, C)``.
    """

    asked: IntArray
    hits: IntArray
    predicted: IntArray


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

        It asks what a ``Session`` with that strategy, classifier and seed would ask. A round is
        asked about before any of its labels is learned; these are judged one by one.

        Of near-duplicates, of a similarity ``near``, one is asked about, until each group has been.
        With an ``example``, a class number, an item of that class comes first, drawn by the seed;
        to ``seek``, the class is then looked for. Raises InputError for a strategy that needs views
        where the geometry has none.
        """
        state = PoolState(self._geometry, classifier=classifier, vote=vote)
        chooser = create_strategy(strategy)
        require_views(strategy, chooser, has_views=self._geometry.has_views)
        count = min(labels, int(np.count_nonzero(state.unlabeled)))
        known: list[int] = []  # classes as they came up: their places are the state's numbers
        asked = np.empty(count, dtype=np.int64)
        hits, predicted = np.zeros((2, count, self._class_count), dtype=np.int64)
        questions = SimulatedQuestions(
            state,
            chooser,
            schedule=schedule or Schedule(),
            seed=seed,
            groups=None if near is None else self._groups(near),
            seek=0 if seek and example is not None else None,
        )
        for step in range(count):
            if step == 0 and example is not None:
                row = example_of(self._classes, self._geometry.live, example, seed)
            else:
                row = questions.next(step)
            asked[step] = row
            answer = int(self._classes[row])
            if answer not in known:
                known.append(answer)
                state.declare_classes(len(known))
            state.assign(row, known.index(answer))
            questions.learn(row, known.index(answer))
            best = state.classifier.predict(self._judged).argmax(axis=1)
            hits[step], predicted[step] = count_outcomes(
                self._truth, np.array(known)[best], self._class_count
            )
            step_done()
        return Outcome(asked, hits, predicted)

    def _groups(self, near: float) -> DuplicateGroups:
        """Found once, whatever runs here."""
        if self._latest_groups is None or self._latest_groups[0] != near:
            geometry = self._geometry
            self._latest_groups = near, find_duplicates(geometry.X, geometry.graph, near)
        return self._latest_groups[1]
