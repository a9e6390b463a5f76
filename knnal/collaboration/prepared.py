"""Questions chosen ahead, which keep the log position that they rest on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from knnal.pool.labels.ledger import OPINION, Event, Ledger
from knnal.session.questions import Question
from knnal.types import Prediction

_KEPT = 1000
"""Answered questions that are kept."""


@dataclass(frozen=True, slots=True)
class PreparedQuestion:
    """A question, and the moment it was chosen at.

    Parameters
    ----------
    question
        Its prediction has the class names of that moment.
    after
        The last event of the log by then.
    agreement
        Returns what ``Session.agreement`` was by then; may wait until it is worked out.
    first
        The label that the answer is a second opinion on, if it is one.
    """

    question: Question
    after: int
    agreement: Callable[[], float | None]
    first: Event | None = None

    @property
    def item(self) -> str:
        return self.question.item

    def for_opinion(self, first: Event) -> PreparedQuestion:
        """The same, asked for a second opinion on a label."""
        return replace(self, question=replace(self.question, origin=OPINION), first=first)


class QuestionStock:
    """Questions that are ready to be asked, and those that were answered lately.

    A question that was chosen before the latest decisions is as good as its item is free: new ones
    come before it, and it is asked when they are gone.
    """

    def __init__(self) -> None:
        self._ready: deque[PreparedQuestion] = deque()
        self._answered: dict[str, PreparedQuestion] = {}

    def __len__(self) -> int:
        """The number of questions that are ready, some of which may be answered already."""
        return len(self._ready)

    def add(self, chosen: Sequence[PreparedQuestion], *, last: bool = False) -> None:
        """Have newly chosen questions asked first, or ``last``; of the older ones, as many stay."""
        items = {prepared.item for prepared in chosen}
        older = [prepared for prepared in self._ready if prepared.item not in items]
        older = older[: len(chosen)]
        self._ready = deque([*older, *chosen] if last else [*chosen, *older])

    def take(self, is_open: Callable[[str], bool]) -> PreparedQuestion | None:
        """Remove and return the best question whose item can be asked about."""
        while self._ready:
            prepared = self._ready.popleft()
            if is_open(prepared.item):
                return prepared
        return None

    def put_back(self, prepared: PreparedQuestion | None) -> None:
        """Have a question that nobody has answered asked first."""
        if prepared is not None and prepared.first is None:
            self._ready.appendleft(prepared)

    def clear(self) -> None:
        """Drop the questions that are ready."""
        self._ready.clear()

    def keep(self, prepared: PreparedQuestion | None) -> None:
        """Keep a question that was answered, for an undo and for a second opinion."""
        if prepared is not None and prepared.first is None:
            self._answered[prepared.item] = prepared
            if len(self._answered) > _KEPT:
                del self._answered[next(iter(self._answered))]

    def answered(self, item: str) -> PreparedQuestion | None:
        """What was asked about an item that was answered, if it is kept."""
        return self._answered.get(item)


class Renames:
    """The changes of class names that the log has gained, for predictions made before them."""

    def __init__(self) -> None:
        self._steps: list[tuple[int, str, str]] = []

    def take_in(self, event: Event, ledger: Ledger) -> None:
        """Take in the next event of the log, which the ledger has just applied."""
        names = ledger.renamed_by(event)
        if names is not None and names[0] not in ledger.classes():
            self._steps.append((event.seq, *names))

    def applied_to(self, prepared: PreparedQuestion) -> Question:
        """The question with the class names of now; its probabilities are as they were."""
        question = prepared.question
        for seq, old, new in self._steps:
            if seq > prepared.after and old in question.prediction.probabilities:
                question = replace(question, prediction=_renamed(question.prediction, old, new))
        return question


def _renamed(prediction: Prediction, old: str, new: str) -> Prediction:
    """The prediction with one class renamed; if ``new`` is a class too, the two become one."""
    probabilities: dict[str, float] = {}
    for name, probability in prediction.probabilities.items():
        name = new if name == old else name
        probabilities[name] = probabilities.get(name, 0.0) + probability
    label = prediction.label and max(probabilities, key=lambda name: probabilities[name])
    return replace(
        prediction,
        label=label,
        probability=probabilities[label] if label else 0.0,
        probabilities=probabilities,
        neighbors=tuple(
            replace(n, label=new) if n.label == old else n for n in prediction.neighbors
        ),
    )
