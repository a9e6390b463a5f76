"""The next question, prepared for each answer that the present one may get.

While somebody looks at an item, a background thread labels it with each class in turn, the
likeliest first, and works out what would be asked next. The answer is then a look-up. The state is
a function of the labels in force, so a label that is tried and taken back leaves no trace, and what
is prepared is what would have been found afterwards.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from knnal.pool.labels.ledger import EventKind
from knnal.session.projection import PoolProjection
from knnal.session.question_selection import Moment, QuestionSelector
from knnal.session.questions import Question, question_for


@dataclass(frozen=True, slots=True)
class Preparation:
    """What follows each answer to ``question``, as far as it is found.

    ``after`` is the last event of the log when it began.
    """

    question: Question
    after: int
    following: dict[str, Question | None] = field(default_factory=dict)


class LookAhead:
    """Prepares questions. Between ``begin`` and ``stop`` the pool state belongs to it.

    ``look`` is called before anything is tried, when the state is that of the labels in force.
    """

    def __init__(
        self, replay: PoolProjection, selector: QuestionSelector, look: Callable[[], object]
    ) -> None:
        self._replay = replay
        self._selector = selector
        self._look = look
        self._thread: ThreadPoolExecutor | None = None
        self._work: Future[None] | None = None
        self._stop = threading.Event()
        self._ledger_read = threading.Event()
        self._preparation: Preparation | None = None

    def begin(self, question: Question) -> None:
        """Prepare for the answers to a question, in the background."""
        last, after = self._preparation, self._replay.ledger.last_seq
        if last is not None and last.question is question and last.after == after:
            return
        self.stop()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="knnal-look-ahead")
            self._replay.pool.before_closing(self.stop)
        self._preparation = Preparation(question, after)
        self._stop.clear()
        self._ledger_read.clear()
        moment = self._selector.moment()
        self._work = self._thread.submit(self._prepare, self._preparation, moment)

    def following(self) -> Question | None:
        """The question that is prepared for what the log has gained since: one answer."""
        prepared, ledger = self._preparation, self._replay.ledger
        if prepared is None or ledger.last_seq != prepared.after + 1:
            return None
        answer = ledger.decision(prepared.question.item)
        if answer is None or answer.seq != ledger.last_seq or answer.kind is not EventKind.LABEL:
            return None
        return prepared.following.get(str(answer.label))

    def foreseen(self) -> list[Question]:
        """What is prepared so far; may be called from any thread."""
        prepared = self._preparation
        if prepared is None or prepared.after != self._replay.ledger.last_seq:
            return []
        return [question for question in list(prepared.following.values()) if question is not None]

    def release_ledger(self) -> None:
        """Begin nothing more, and wait until the ledger is not read in the background."""
        self._stop.set()
        if self._work is not None:
            self._ledger_read.wait()

    def stop(self) -> None:
        """End what is under way. The state may have the label that was tried last."""
        self._stop.set()
        self.wait()

    def wait(self) -> None:
        """Wait until everything is prepared."""
        work, self._work = self._work, None
        if work is not None:
            work.result()

    def _prepare(self, preparation: Preparation, moment: Moment) -> None:
        question = preparation.question
        try:
            self._replay.update()
            self._look()
            self._replay.disturb(question.item)
        finally:
            self._ledger_read.set()
        row = self._replay.row(question.item)
        chances = question.prediction.probabilities
        for label in sorted(chances, key=lambda name: -chances[name]):
            if self._stop.is_set():
                return
            self._replay.assign(row, self._replay.class_number(label))
            then = self._selector.moment_after(moment, question.score, question.origin, label)
            choice = self._selector.next(then)
            following = None if choice is None else question_for(self._replay, choice)
            preparation.following[label] = following
