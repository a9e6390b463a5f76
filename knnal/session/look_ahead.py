"""The next question, prepared for each answer that the present one may get.

While somebody looks at an item, a background thread labels it with each class in turn, the
likeliest first, and works out what would be asked next. The answer is then a look-up. Nothing of it
shows: the state is a function of the labels in force, so a label that is tried and taken back
leaves no trace, and what is prepared is what would have been found afterwards.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from knnal.session.projection import PoolProjection
from knnal.session.question_selection import Moment, Question, QuestionSelector


class LookAhead:
    """Prepares questions. Between ``begin`` and ``cancel`` the pool state belongs to it.

    ``look`` is called before anything is tried, when the state is that of the labels in force.
    """

    def __init__(
        self, replay: PoolProjection, asker: QuestionSelector, look: Callable[[], object]
    ) -> None:
        self._replay = replay
        self._asker = asker
        self._look = look
        self._thread: ThreadPoolExecutor | None = None
        self._work: Future[None] | None = None
        self._stop = threading.Event()
        self._question: Question | None = None
        self._prepared: dict[str, Question | None] = {}
        self._tried: int | None = None  # the row that has a label for a trial
        self._given: tuple[int, int] | None = None  # the row and class of an answer that was taken

    def begin(self, question: Question) -> None:
        """Prepare for the answers to a question, in the background."""
        if self._question is question:
            return
        self._give_up()
        self._question = question
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="knnal-speculation")
            self._replay.pool.before_closing(self.cancel)
        self._work = self._thread.submit(self._prepare, question, self._asker.moment())

    def prepared(self, item: str, label: str) -> bool:
        """Whether the question is ready that follows when the item gets that label."""
        asked = self._question is not None and self._question.item == item
        return asked and self._prepared.get(label) is not None

    def foreseen(self) -> list[Question]:
        """What is prepared by now; may be called from any thread."""
        return [question for question in list(self._prepared.values()) if question is not None]

    def take(self, label: str) -> Question:
        """The question that follows, now that the present one has got that answer.

        The state follows when the next preparation begins, or on ``cancel``.
        """
        present, following = self._question, self._prepared[label]
        assert present is not None
        assert following is not None
        self._stop.set()
        self._question, self._prepared = None, {}
        self._given = self._replay.row(present.item), self._replay.class_number(label)
        return following

    def wait(self) -> None:
        """Wait until everything is prepared."""
        work, self._work = self._work, None
        if work is not None:
            work.result()

    def cancel(self) -> None:
        """Give up what is under way, and leave the state as that of the labels in force."""
        self._give_up()
        self._settle()
        self._question, self._prepared = None, {}

    def _give_up(self) -> None:
        self._stop.set()
        self.wait()
        self._stop.clear()

    def _settle(self) -> None:
        """Put the answer that was taken in the place of the label that was tried, or nothing."""
        tried, self._tried = self._tried, None
        given, self._given = self._given, None
        if given is not None:
            self._replay.assign(*given)
        elif tried is not None:
            self._replay.assign(tried, None)

    def _prepare(self, question: Question, moment: Moment) -> None:
        self._settle()
        self._look()
        row = self._replay.row(question.item)
        chances = question.prediction.probabilities
        prepared: dict[str, Question | None] = {}
        self._prepared = prepared
        for label in sorted(chances, key=lambda name: -chances[name]):
            if self._stop.is_set():
                return
            self._tried = row
            self._replay.assign(row, self._replay.class_number(label))
            following = self._asker.moment_after(moment, question, label)
            prepared[label] = self._asker.next(following)
