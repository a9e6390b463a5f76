"""A labeling session or a review for any screen: what is done to it, and snapshots to draw.

The plain loop calls it directly; the full-screen application does on the session's own thread.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from knnal.errors import (
    InputError,
    LabelConflictError,
    NothingToRedoError,
    NothingToUndoError,
)
from knnal.pool.labels.ledger import REVIEW
from knnal.pool.pool import Pool
from knnal.quality.audit import audited_items, latest_estimate
from knnal.quality.label_errors import Suspect
from knnal.quality.random_baseline import RandomEstimate, RandomLabels, located
from knnal.quality.review import Review
from knnal.quality.stopping import advise
from knnal.session.questions import Question
from knnal.session.session import Session
from knnal.session.similar_items import SimilarItems, find_similar
from knnal.types import Neighbor
from knnal_cli.class_keys import ClassKeys
from knnal_cli.keymap import KeyMode
from knnal_cli.latest import Latest
from knnal_cli.wording import (
    brought_back,
    counted,
    described,
    label_remark,
    nothing_left,
    review_line,
    search_line,
    stands_for,
    taken_back,
)

Subject: TypeAlias = Question | Suspect
"""An item that is asked about, or a label that may be wrong."""

_FORESEEN = 8
"""Next items whose pictures are decoded ahead, those after the likeliest answers."""
_REFUSED = (InputError, LabelConflictError, NothingToUndoError, NothingToRedoError)


@dataclass(frozen=True, slots=True)
class NeighborView:
    """A neighbor with its content."""

    neighbor: Neighbor
    path: Path | None
    text: str | None


@dataclass(frozen=True, slots=True)
class PastItem:
    """An item that was decided on; ``label`` is None where it was set aside."""

    item: str
    label: str | None


@dataclass(frozen=True, slots=True)
class Undoable:
    """What an undo would take back: ``count`` events from ``first`` on, in ``words``."""

    first: int
    count: int
    words: str


@dataclass(frozen=True, slots=True)
class View:
    """What a screen draws. ``subject`` is None when nothing is left; ``label`` is in force already;
    ``remark`` says what the latest key did; ``lines``, the first one the progress, are on top.
    """

    subject: Subject | None
    remark: str
    label: str | None
    note: str | None
    counts: Mapping[str, int]
    keys: Mapping[str, str]
    lines: tuple[str, ...]
    neighbors: tuple[NeighborView, ...]


@dataclass(frozen=True, slots=True)
class BatchView:
    """Similar items to label at once, and the classes."""

    similar: SimilarItems
    counts: Mapping[str, int]
    keys: Mapping[str, str]

    @property
    def first(self) -> str:
        """The item that the others are similar to."""
        return self.similar.members[0].item


class Forecast:
    """What more labels would bring, and when to stop; ``target`` is an accuracy that is enough.

    The estimate of random labels is worked out in the background: no answer waits for it.
    """

    def __init__(self, session: Session, target: float | None = None) -> None:
        self._session = session
        self._target = target
        self._random_labels = RandomLabels(lambda: session.geometry)
        self._random: Latest[RandomEstimate | None] = Latest("knnal-forecast")

    def lines(self) -> list[str]:
        """None to two lines, by the labels in force."""
        ledger = self._session.ledger
        advice = advise(ledger, audited_items(ledger), self._target)
        random = self._random.take()
        parts = [] if advice.outlook is None else [advice.outlook]
        if random is not None:
            interval = f"{random.low:.0%}-{random.high:.0%}"
            parts.insert(0, f"Random labels: {random.accuracy:.0%} ({interval})")
        lines = [" · ".join(parts)] if parts else []
        if advice.could_stop:
            lines.append(f"You could stop: {' and '.join(advice.reasons)}.")
        return lines

    def work(self) -> None:
        """Begin to estimate again if there are new labels."""
        audited, labels = audited_items(self._session.ledger), self._session.ledger.label_count
        if self._random.wants((audited, labels)):
            rows = located(self._session.pool, audited, len(self._session.geometry))
            work = self._random_labels.estimate
            self._random.begin((audited, labels), lambda: work(*rows, labels))

    def close(self) -> None:
        """Wait for what is under way."""
        self._random.close()


class Model(ABC):
    """What labeling and reviewing have in common. What is done returns the next view."""

    mode: ClassVar[KeyMode]

    def __init__(self, session: Session, keys: ClassKeys | None = None) -> None:
        self.session = session
        self.keys = keys or ClassKeys.in_pool(session.pool)

    @abstractmethod
    def next(self, remark: str = "") -> View:
        """What comes next."""

    @abstractmethod
    def answer(self, subject: Any, label: str) -> View:
        """Give the subject a label."""

    @abstractmethod
    def undo(self, subject: Any, expected: int | None = None) -> View:
        """Take back the latest, what was done at once as a whole, if it is the expected one."""

    @abstractmethod
    def lines(self, subject: Any) -> list[str]:
        """What stands on top."""

    @property
    @abstractmethod
    def simple(self) -> Mapping[str, Callable[[Any], View]]:
        """By the name of its action, what takes a subject and nothing else."""

    def view(self, subject: Subject | None, remark: str = "") -> View:
        """A subject with all that is drawn around it."""
        ledger, pool = self.session.ledger, self.session.pool
        near: Sequence[Neighbor] = ()
        if subject is not None:
            near = subject.against if isinstance(subject, Suspect) else subject.prediction.neighbors
        return View(
            subject=subject,
            remark=remark,
            label=None if subject is None else ledger.label(subject.item),
            note=None if subject is None else ledger.note(subject.item),
            counts=ledger.class_counts(),
            keys=self.keys.of(self.session.classes),
            lines=tuple(self.lines(subject)),
            neighbors=neighbor_views(pool, near),
        )

    def undoable(self) -> Undoable | None:
        """What an undo would take back; None for nothing."""
        try:
            first = self.session.undoable()
        except NothingToUndoError:
            return None
        events = self.session.ledger.batch_of(first)
        return Undoable(first.seq, len(events), described(events))

    def work_ahead(self, subject: Any) -> None:  # noqa: B027
        """Prepare what may come next, now that a subject is on screen."""

    def close(self) -> None:  # noqa: B027
        """Give up what is under way in the background."""

    def attempt(self, subject: Subject | None, act: Callable[[], str]) -> View:
        """Do something that says what it did, and go on; or say why not, and stay."""
        try:
            return self.next(act())
        except LabelConflictError as error:  # somebody else was quicker
            return self.next(str(error))
        except _REFUSED as error:
            return self.view(subject, str(error))


class LabelModel(Model):
    """A session, its forecast and its keys."""

    mode = KeyMode.LABEL

    def __init__(self, session: Session, target: float | None = None) -> None:
        super().__init__(session)
        self._forecast = Forecast(session, target)

    @property
    def simple(self) -> Mapping[str, Callable[[Any], View]]:
        return {
            "skip": self.skip,
            "unlabel": self.unlabel,
            "redo": self.redo,
            "leave": lambda _: self.next(),
        }

    def next(self, remark: str = "") -> View:
        question = self.session.ask()
        if question is None:
            remark = " ".join([remark, nothing_left(self.session.per_group)]).strip()
        return self.view(question, remark)

    def lines(self, subject: Question | None) -> list[str]:
        ledger = self.session.ledger
        if subject is None:
            return [f"{ledger.label_count} labeled"]
        progress = f"{ledger.label_count} labeled, {subject.remaining} to go"
        estimate = latest_estimate(audited_items(ledger))
        if estimate is not None:
            interval = f"{estimate.low:.0%}-{estimate.high:.0%}"
            audited = f"{interval}, {estimate.audited} audited"
            progress += f" · accuracy {estimate.accuracy:.0%} ({audited})"
        more = [stands_for(subject.near_duplicates)] if subject.near_duplicates else []
        if self.session.search is not None:
            more.append(f"Seeking {search_line(self.session.search)}")
        return [progress, *self._forecast.lines(), *([" · ".join(more)] if more else [])]

    def work_ahead(self, subject: Question | None) -> None:
        self._forecast.work()
        if subject is not None:
            self.session.anticipate(subject)

    def foreseen(self) -> list[tuple[Path, list[Path]]]:
        """The pictures of the likeliest next items that are prepared, and of their neighbors."""
        pool = self.session.pool
        return [
            (q.path, [n.path for n in neighbor_views(pool, q.prediction.neighbors) if n.path])
            for q in self.session.foreseen()[:_FORESEEN]
            if q.path is not None
        ]

    def answer(self, subject: Question, label: str) -> View:
        """Label the item; one that has a label gets another."""
        item, session = subject.item, self.session
        before = session.ledger.label(item)

        def act() -> str:
            remark = f"{item}: {label_remark(label, session.classes, was=before)}"
            session.tell(item, label) if before is None else session.relabel(item, label)
            return remark

        return self.attempt(subject, act)

    def skip(self, subject: Question) -> View:
        """Set the item aside."""
        item = subject.item
        return self.attempt(subject, lambda: f"Set {self.session.skip(item).item} aside.")

    def unlabel(self, subject: Question) -> View:
        """Remove the item's label, or that it was set aside."""
        item = subject.item

        def act() -> str:
            self.session.unlabel(item)
            return f"Removed the label of {item}."

        return self.attempt(subject, act)

    def undo(self, subject: Question | None, expected: int | None = None) -> View:
        """A single item whose label is taken back is shown again."""
        session = self.session
        try:
            event = session.undo(expected)
        except _REFUSED as error:
            return self.view(subject, str(error))
        events = session.ledger.batch_of(event)
        again = event.item if len(events) == 1 else None
        if again is None or session.ledger.decision(again) is not None:
            return self.next(f"{taken_back(events)}.")
        return self.view(session.explain(again), f"{taken_back(events)}. Here is the item again.")

    def redo(self, subject: Question | None) -> View:
        """Bring back what was taken back last."""
        redo, batch_of = self.session.redo, self.session.ledger.batch_of
        return self.attempt(subject, lambda: f"{brought_back(batch_of(redo()))}.")

    def note(self, subject: Question, text: str) -> View:
        """Put a note on the item, and that stays."""
        self.session.note(subject.item, text)
        return self.view(subject, "Noted." if text.strip() else "Removed the note.")

    def rename(self, subject: Question | None, old: str, new: str) -> View:
        """Rename a class; the name of another class merges the two, none removes the class."""
        session, classes = self.session, self.session.classes
        try:
            if new:
                name = str(session.rename_class(old, new).label)
                self.keys.rename(old, name)
                remark = f"Renamed '{old}' to '{name}'."
                if name in classes:
                    remark = f"Merged '{old}' into '{name}'."
            else:
                session.remove_class(old)
                remark = f"Removed the class '{old}'."
        except InputError as error:
            return self.view(subject, str(error))
        return self.view(None if subject is None else session.explain(subject.item), remark)

    def assign(self, subject: Question | None, name: str, key: str) -> View:
        """Give a class a key."""
        try:
            self.keys.assign(name, key)
        except InputError as error:
            return self.view(subject, str(error))
        return self.view(subject, f"{key} is now '{name}'.")

    def past(self) -> list[PastItem]:
        """The items decided on, the latest first."""
        self.session.refresh()
        return [PastItem(str(e.item), e.label) for e in self.session.ledger.decisions()][::-1]

    def go_back(self, item: str) -> View:
        """An item of the past, to see and to relabel."""
        return self.view(self.session.explain(item), "A class's key relabels it; Esc goes on.")

    def similar(self, item: str, count: int) -> BatchView | None:
        """An item and similar ones; None where there is no label to predict by, or it has one."""
        session = self.session
        try:
            found = find_similar(session, item, count)
        except InputError:  # it has a label now
            return None
        if found is None:
            return None
        return BatchView(found, session.ledger.class_counts(), self.keys.of(session.classes))

    def next_batch(self, count: int, remark: str = "") -> tuple[str, BatchView | None]:
        """The same for the next question, and what to say."""
        question = self.session.ask()
        return remark, None if question is None else self.similar(question.item, count)

    def undo_batch(self, count: int, expected: int | None) -> tuple[str, BatchView | None]:
        """Take back the latest; what to say, and the batch that comes then."""
        return self.next_batch(count, self.undo(None, expected).remark)

    def accept(self, given: Sequence[tuple[str, str]]) -> str:
        """Label the items of a batch, the first one as it was asked about; what to say."""
        try:
            labeled = self.session.tell_all(given)
        except (InputError, LabelConflictError) as error:
            return str(error)
        return f"Labeled a batch of {counted(len(labeled), 'item')}; u takes it back."

    def close(self) -> None:
        self.session.stop_anticipating()
        self._forecast.close()


class ReviewModel(Model):
    """A review: suspicious labels, the most suspicious first, up to ``limit`` of them."""

    mode = KeyMode.REVIEW

    def __init__(
        self, review: Review, limit: int | None = None, keys: ClassKeys | None = None
    ) -> None:
        super().__init__(review.session, keys)
        self._review = review
        self._limit = limit
        self.answered = 0

    @property
    def simple(self) -> Mapping[str, Callable[[Any], View]]:
        return {
            "keep": lambda suspect: self._answer(suspect, suspect.label),
            "skip": lambda suspect: self._answer(suspect, None),
        }

    @property
    def is_through(self) -> bool:
        """Whether as many were answered as were wanted."""
        return self.answered == self._limit

    def next(self, remark: str = "") -> View:
        found = [] if self.is_through else self._review.suspects(1)
        return self.view(next(iter(found), None), remark)

    def lines(self, subject: Suspect | None) -> list[str]:  # noqa: ARG002
        return [review_line(self._review.left())]

    def answer(self, subject: Suspect, label: str) -> View:
        return self._answer(subject, label)

    def _answer(self, suspect: Suspect, label: str | None) -> View:
        def act() -> str:
            classes = self.session.classes
            self._review.answer(suspect, label)
            self.answered += 1
            if label is None:
                return f"{suspect.item}: set aside (was {suspect.label})"
            if label == suspect.label:
                return f"{suspect.item}: kept {label}"
            return f"{suspect.item}: {label_remark(label, classes, was=suspect.label)}"

        return self.attempt(suspect, act)

    def undo(self, subject: Suspect | None, expected: int | None = None) -> View:
        """Only answers of a review, of this one or an earlier one, are taken back."""
        session = self.session
        session.refresh()
        latest = session.ledger.last_of(session.annotator)
        if latest is None or latest.origin != REVIEW or latest.item is None:
            return self.view(subject, "No answer of a review is left to take back.")
        session.undo(latest.seq if expected is None else expected)
        self.answered = max(self.answered - 1, 0)
        again = self._review.suspect(latest.item)
        return self.view(again or subject, "Taken back. Here is the label again.")

    def summary(self) -> str:
        """What to say when it is left."""
        return f"Reviewed {counted(self.answered, 'label')}." if self.answered else ""


def neighbor_views(pool: Pool, neighbors: Sequence[Neighbor]) -> tuple[NeighborView, ...]:
    """Neighbors with their contents."""
    records = (pool.catalog.get(neighbor.item) for neighbor in neighbors)
    return tuple(
        NeighborView(neighbor, record.path, record.text)
        for neighbor, record in zip(neighbors, records, strict=True)
    )
