"""What a log of events amounts to: the decision in force for each item, and the classes."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import takewhile
from typing import Any

from knnal.pool.labels.naming import REMOVED, ClassHistory, Given, Removal, Rename, name_now

ASKED = "asked"
"""The origin of a label whose item a strategy chose."""
AUDIT = "audit"
"""... whose item was drawn uniformly, to estimate the accuracy."""
NAMED = "named"
"""... whose item the user named."""
IMPORTED = "imported"
"""... that came with the data, by an import or with what was embedded."""
REVIEW = "review"
"""... that was changed, kept or withdrawn when labels were looked at again."""
OPINION = "opinion"
"""The origin of a second opinion, and of the question that asks for one."""


PENDING = "pending"
"""The key in the scores of a label whose prediction is still to be worked out by a classifier, and
has an event of its own then. True; in a relabel, the number of the label that it shares it with.
"""


class EventKind(StrEnum):
    LABEL = "label"
    RELABEL = "relabel"
    SKIP = "skip"
    UNDO = "undo"
    CLASS = "class"
    KEEP = "keep"
    OPINION = "opinion"
    REDO = "redo"
    RENAME = "rename"
    NOTE = "note"
    UNLABEL = "unlabel"
    REMOVE_CLASS = "remove-class"
    CONTENT = "content"
    FORGET = "forget"
    PREDICTION = "prediction"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log. ``target`` is the event that an undo takes back, the undo that a redo
    takes back, the label that a keep confirms, the label that an opinion is a second one to, or, of
    a class that a label or opinion brought with it, that one. ``origin`` tells how the item came to
    be decided on: asked by a strategy, drawn for the audit, named by the user, imported, reviewed.
    ``at`` is UTC, ISO 8601. ``text`` is a note, "" for none; of a rename, the name that ``label``
    takes the place of; of the first label of an import, the name of its file or folder. ``batch``
    is the first of several events that are undone together, in all but that one itself. A
    prediction says what was predicted before its target, a label, was learned. A content
    event says that the item's content changed, from the digest ``before`` in its ``scores`` to that
    ``after``.
    """

    seq: int
    kind: EventKind
    origin: str
    annotator: str
    at: str
    item: str | None = None
    label: str | None = None
    target: int | None = None
    strategy: str | None = None
    scores: dict[str, Any] = field(default_factory=dict)
    text: str | None = None
    batch: int | None = None

    @property
    def decides(self) -> bool:
        """Whether it says what the item's label is, or that it has none."""
        return self.kind in _DECISIONS

    @property
    def first(self) -> int:
        """The first of the events that are undone together with this one."""
        return self.seq if self.batch is None else self.batch


_CLEARING = (EventKind.UNLABEL, EventKind.FORGET)
"""After these an item has no label and is not skipped."""
_DECISIONS = (EventKind.LABEL, EventKind.RELABEL, EventKind.SKIP, *_CLEARING)
_OF_CLASSES = (EventKind.RENAME, EventKind.REMOVE_CLASS)
_TEACHING = (EventKind.CLASS, EventKind.UNDO, EventKind.REDO, *_OF_CLASSES)
"""These may change what is predicted though no label changes."""


@dataclass(frozen=True, slots=True)
class Change:
    """What an event did to an item: the label in force before and after, None for no label."""

    item: str
    before: str | None
    after: str | None

    @property
    def concerns_labels(self) -> bool:
        """Whether there was or is a label; a relabel may give the same one."""
        return self.before is not None or self.after is not None


class Ledger:
    """Replays events in order. Holds memory only for items that somebody decided on.

    All events that it gives have the present names of their classes. ``step`` counts the
    decisions, and what was taken back and restored of them; ``renamings`` the renames likewise.
    ``learned`` is the last event that may have changed what is predicted, by a label or a class.
    """

    def __init__(self) -> None:
        self.last_seq = 0
        self.step = 0
        self.renamings = 0
        self.learned = 0
        self._events: dict[int, Event] = {}  # in their order, those that were taken back too
        self._named: dict[int, Event] = {}  # those of them whose class has another name now
        self._batches: dict[int, list[int]] = {}
        self._taken: set[int] = set()  # what undos target: the first events of batches alone
        self._undos: dict[int, Event] = {}
        self._redoable: dict[str, list[int]] = {}
        self._by_item: dict[str, list[int]] = {}
        self._kept: dict[int, list[int]] = {}
        self._pending: dict[int, list[int]] = {}
        self._contents: dict[str, list[Event]] = {}
        self._opinions: list[int] = []
        self._notes: dict[str, list[int]] = {}
        self._classes = ClassHistory()
        self._counts: Counter[str] = Counter()

    def apply(self, event: Event) -> Sequence[Change]:
        """Take in the next event; the changes of items' labels. A new name of a class is none;
        ``renamings`` tells it.
        """
        changes = self._apply(event)
        if event.kind in _TEACHING or any(change.concerns_labels for change in changes):
            self.learned = event.seq
        return changes

    def _apply(self, event: Event) -> Sequence[Change]:
        self.last_seq = event.seq
        if event.kind is EventKind.CLASS:
            self._classes.give(Given(event.seq, str(event.label), event.target))
            return ()
        if event.kind is EventKind.CONTENT:
            self._contents.setdefault(str(event.item), []).append(event)
            return ()
        if event.kind is EventKind.PREDICTION:
            self.predict(event.target, event.scores)
            return ()
        if event.kind is EventKind.UNDO:
            return self._undo(event)
        if event.kind is EventKind.REDO:
            return self._redo(event)
        self._events[event.seq] = event
        if pending := event.scores.get(PENDING):
            label = event.seq if pending is True else pending
            self._pending.setdefault(label, []).append(event.seq)
        if event.batch is not None:
            self._batches.setdefault(event.batch, [event.batch]).append(event.seq)
        self._redoable.pop(event.annotator, None)
        return () if self._is_taken(event) else self._enforce(event)

    @property
    def pending(self) -> list[Event]:
        """The labels whose prediction is still to be worked out."""
        return [self._now(seq) for seq in self._pending]

    def predict(self, label: int | None, scores: dict[str, Any]) -> None:
        """Take in what was predicted before a label, which its relabels share."""
        for seq in self._pending.pop(label or 0, ()):
            event = self._events[seq]
            before = [rename for rename in self._classes.renames if rename.seq < seq]
            known = {name: value for name, value in event.scores.items() if name != PENDING}
            event = replace(event, scores={**known, **_predicted(scores, label or 0, before)})
            self._events[seq] = event
            self._named.pop(seq, None)
            self._name_all({seq: event}, self._classes.renames)

    def _undo(self, event: Event) -> Sequence[Change]:
        assert event.target is not None
        self._undos[event.seq] = event
        self._taken.add(event.target)
        self._redoable.setdefault(event.annotator, []).append(event.seq)
        return self._enforce_all(event.target, again=False)

    def _redo(self, event: Event) -> Sequence[Change]:
        assert event.target is not None
        target = self._undos[event.target].target
        assert target is not None
        self._taken.remove(target)
        self._redoable[event.annotator].remove(event.target)
        return self._enforce_all(target)

    def _enforce_all(self, first: int, again: bool = True) -> Sequence[Change]:
        seqs = self._batches.get(first, (first,))
        return [change for seq in seqs for change in self._enforce(self._events[seq], again)]

    def _is_taken(self, event: Event) -> bool:
        """Whether it was taken back, alone or with its batch."""
        return event.first in self._taken

    def _enforce(self, event: Event, again: bool = True) -> Sequence[Change]:
        """Bring an event into force, or out of it if not ``again``."""
        if event.kind is EventKind.KEEP:
            assert event.target is not None
            _insert(self._kept.setdefault(event.target, []), event.seq, again)
        elif event.kind is EventKind.OPINION:
            _insert(self._opinions, event.seq, again)
        elif event.kind is EventKind.NOTE:
            _activate(self._notes, event, again)
        elif event.kind in _OF_CLASSES:
            self._change_classes(event, again)
        else:
            assert event.item is not None
            self.step += 1
            before = self.label(event.item)
            _activate(self._by_item, event, again)
            return (self._changed(event.item, before),)
        return ()

    def _changed(self, item: str, before: str | None) -> Change:
        after = self.label(item)
        if before is not None:
            self._counts[before] -= 1
        if after is not None:
            self._counts[after] += 1
        return Change(item, before, after)

    def _change_classes(self, event: Event, again: bool) -> None:
        """Rename or remove a class, or take that back."""
        is_next = event.seq == self.last_seq  # rather than undone or redone
        renames = event.kind is EventKind.RENAME
        if not is_next:
            self._classes.enforce(event.seq, again)
        elif renames:
            self._classes.change(Rename(event.seq, str(event.text), str(event.label)))
        else:
            self._classes.change(Removal(event.seq, str(event.label)))
        if renames:
            self.renamings += 1
            self._name_anew(only_last=is_next)

    def _name_anew(self, only_last: bool) -> None:
        """Name everything by the renames in force, of which all but the last may be known."""
        renames = self._classes.renames
        if only_last:  # all that was named before is named by this one alone
            self._name_all({seq: self._now(seq) for seq in self._events}, renames[-1:])
        else:
            self._named = {}
            self._name_all(self._events, renames)
        self._counts = Counter(e.label for e in self.decisions() if e.label is not None)

    def _name_all(self, events: dict[int, Event], renames: list[Rename]) -> None:
        """Note the events, as given, that renames give another name."""
        for seq, event in events.items():
            names = event.decides or event.kind is EventKind.OPINION
            named = _renamed(event, renames) if names else event
            if named is not event:
                self._named[seq] = named

    def _now(self, seq: int) -> Event:
        return self._named.get(seq) or self._events[seq]

    def decision(self, item: str) -> Event | None:
        """The event in force that labels or skips the item; None where nothing does, also as its
        label was taken away.
        """
        latest = self._latest(item)
        return None if latest is None or latest.kind in _CLEARING else latest

    def _latest(self, item: str) -> Event | None:
        active = self._by_item.get(item)
        return self._now(active[-1]) if active else None

    def replaced_by(self, event: Event) -> Event | None:
        """What was decided on the event's item later than it and is in force, or None."""
        latest = self._latest(str(event.item)) if event.decides else None
        return latest if latest is not None and latest.seq > event.seq else None

    def label(self, item: str) -> str | None:
        decision = self.decision(item)
        return None if decision is None else decision.label

    def is_forgotten(self, item: str) -> bool:
        """Whether the item was forgotten when it had vanished, and not decided on since."""
        latest = self._latest(item)
        return latest is not None and latest.kind is EventKind.FORGET

    def note(self, item: str) -> str | None:
        """The note on an item, or None."""
        seqs = self._notes.get(item)
        return (self._events[seqs[-1]].text or None) if seqs else None

    def is_reviewed(self, item: str) -> bool:
        """Whether a review has given the label in force, or kept it."""
        decision = self.decision(item)
        return decision is not None and (
            decision.origin == REVIEW or bool(self._kept.get(decision.seq))
        )

    def is_outdated(self, item: str) -> bool:
        """Whether the item has a label that was given, and last kept, when its content was another
        one than now.
        """
        decision = self.decision(item)
        if decision is None or decision.label is None:
            return False
        confirmed = max([decision.seq, *self._kept.get(decision.seq, ())])
        later = [event.scores for event in self._contents.get(item, ()) if event.seq > confirmed]
        return bool(later) and later[0]["before"] != later[-1]["after"]

    def knows(self, item: str) -> bool:
        """Whether anything was ever decided on the item, though it may have been taken back."""
        return item in self._by_item

    def outdated(self) -> list[str]:
        """The items whose label is older than their content."""
        return [item for item in self._contents if self.is_outdated(item)]

    def opinions(self) -> Iterator[tuple[Event, Event]]:
        """Second opinions with the labels that they are on; neither was taken back."""
        for seq in self._opinions:
            target = self._events[seq].target
            if target is not None and not self._is_taken(self._events[target]):
                yield self._now(target), self._now(seq)

    def conflicts(self) -> list[tuple[Event, Event]]:
        """Labels and the other opinions on them, until a review keeps or changes the label."""
        return [
            (first, opinion)
            for first, opinion in self.opinions()
            if first.label != opinion.label
            and is_same(self.decision(str(first.item)), first)
            and not self.is_reviewed(str(first.item))
        ]

    def is_audited(self, item: str) -> bool:
        """Whether the item was drawn for the audit when it got its label, or its first one since
        it had none.
        """
        latest_first = (self._events[seq] for seq in reversed(self._by_item.get(item, ())))
        labels = takewhile(lambda event: event.kind not in _CLEARING, latest_first)
        return any(event.origin == AUDIT and event.label is not None for event in labels)

    def decisions(self) -> Iterator[Event]:
        """The events in force that label or skip an item, in the order in which they were made."""
        return (self._now(seq) for seq, event in self._events.items() if self._in_force(event))

    def labeled_latest_first(self) -> Iterator[Event]:
        """The events in force that give a label, the latest first."""
        latest_first = reversed(self._events.items())
        return (
            self._now(seq)
            for seq, event in latest_first
            if event.label is not None and self._in_force(event)
        )

    def _in_force(self, event: Event) -> bool:
        """Whether it labels or skips an item, is not taken back, and nothing later replaces it."""
        decides = event.decides and event.kind not in _CLEARING
        active = self._by_item.get(str(event.item)) if decides else None
        return active is not None and active[-1:] == [event.seq]

    @property
    def label_count(self) -> int:
        """How many items have a label."""
        return self._counts.total()

    def labels(self) -> dict[str, str]:
        return {
            event.item: event.label
            for event in self.decisions()
            if event.item is not None and event.label is not None
        }

    def skipped(self) -> set[str]:
        return {
            event.item
            for event in self.decisions()
            if event.item is not None and event.kind is EventKind.SKIP
        }

    def classes(self) -> list[str]:
        """The classes, in the order in which they came up.

        One that came with a label goes with it, and one that was removed is gone, unless an item
        has it now.
        """
        return [name for name, by in self._classes.brought.items() if self._is_there(name, by)]

    def _is_there(self, name: str, by: int | None) -> bool:
        brought = by is None or (by != REMOVED and not self._is_taken(self._events[by]))
        return brought or self._counts[name] > 0

    def renamed_by(self, event: Event) -> tuple[str, str] | None:
        """The names of a class before and after an event that was just applied, if it renames one,
        or takes that back or brings it back.
        """
        rename = self._undos[event.target or 0] if event.kind is EventKind.REDO else event
        if rename.kind is EventKind.UNDO:
            rename = self._events[rename.target or 0]
        if rename.kind is not EventKind.RENAME:
            return None
        names = str(rename.text), str(rename.label)
        return names[::-1] if event.kind is EventKind.UNDO else names

    def is_declared(self, name: str) -> bool:
        """Whether the class was declared on its own, and so outlives its labels."""
        return name in self._classes.brought and self._classes.brought[name] is None

    def lacks_class(self, name: str) -> bool:
        """Whether the log must say that there is a class of this name when it is next given."""
        return self._classes.lacks(name)

    def class_counts(self) -> dict[str, int]:
        """Labels in force by class."""
        return {name: self._counts[name] for name in self.classes()}

    def last_of(self, annotator: str) -> Event | None:
        """The first event of the latest that the annotator decided, renamed, removed or noted and
        that has not been taken back, or None; ``batch_of`` has the rest of it.
        """
        for event in reversed(self._events.values()):
            if event.annotator == annotator and not self._is_taken(event):
                return self._now(event.first)
        return None

    def batch_of(self, event: Event) -> list[Event]:
        """The events that are undone and redone together with this one, in their order."""
        return [self._now(seq) for seq in self._batches.get(event.first, (event.first,))]

    def has_answered_since(self, annotator: str, after: int, item: str) -> bool:
        """Whether the annotator has labeled or skipped another item since the event ``after``."""
        since = takewhile(lambda event: event.seq > after, reversed(self._events.values()))
        return any(
            event.annotator == annotator
            and event.item != item
            and event.kind in (EventKind.LABEL, EventKind.SKIP)
            and event.origin != IMPORTED
            for event in since
        )

    def joinable(self, batch: int | None, annotator: str) -> int | None:
        """The batch, if it is one that the annotator's next decision can be undone with; or None,
        as for one that has been taken back.
        """
        first = None if batch is None else self._events.get(batch)
        if first is None or not first.decides or first.annotator != annotator:
            return None
        return None if first.batch is not None or self._is_taken(first) else batch

    def redoable(self, annotator: str) -> tuple[int, Event] | None:
        """The annotator's latest undo, and what it took back; None if it has been restored, or if
        they have decided on anything since.
        """
        undos = self._redoable.get(annotator)
        target = self._undos[undos[-1]].target if undos else None
        return None if not undos or target is None else (undos[-1], self._now(target))


def is_same(event: Event | None, other: Event | None) -> bool:
    """Whether two are one event, whatever its class is named now, or neither is one."""
    return (event and event.seq) == (other and other.seq)


def _activate(active: dict[str, list[int]], event: Event, again: bool) -> None:
    """Add an event to those in force of its item, in their order, or take it out."""
    assert event.item is not None
    _insert(active.setdefault(event.item, []), event.seq, again)


def _insert(seqs: list[int], seq: int, again: bool) -> None:
    if again:
        insort(seqs, seq)
    else:
        seqs.remove(seq)


def _renamed(event: Event, renames: list[Rename]) -> Event:
    """The event with the names of today, the same object where they are those that it has.

    What was predicted is named too, so that right stays right.
    """
    label = event.label and name_now(event.label, event.seq, renames)
    scores = _predicted(event.scores, event.seq, renames)
    if label == event.label and scores is event.scores:
        return event
    return replace(event, label=label, scores=scores)


def _predicted(scores: dict[str, Any], given: int, renames: list[Rename]) -> dict[str, Any]:
    """Scores with the name of today for what was predicted when the event ``given`` was logged."""
    predicted = scores.get("prediction")
    named = predicted and name_now(predicted, given, renames)
    return scores if named == predicted else {**scores, "prediction": named}
