"""What a log of events amounts to: the decision in force for each item, and the classes."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from knnal.store.naming import Rename, name_now, renamed_classes

ASKED = "asked"
"""The origin of a label whose item a strategy chose."""
AUDIT = "audit"
"""... whose item was drawn uniformly, to estimate the accuracy."""
NAMED = "named"
"""... whose item the user named."""
IMPORTED = "imported"
"""... that came with the data: undo leaves it alone."""
REVIEW = "review"
"""... that was changed, kept or withdrawn when labels were looked at again."""


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
    CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log. ``target`` is the event that an undo takes back, the undo that a redo
    takes back, the label that a keep confirms, the label that an opinion is a second one to, or, of
    a class that a label or opinion brought with it, that one. ``origin`` tells how the item came to
    be decided on: asked by a strategy, drawn for the audit, named by the user, imported, reviewed.
    ``at`` is UTC, ISO 8601. ``text`` is a note, "" for none; of a rename, the name that ``label``
    takes the place of. A content event says that the item's content changed, from the digest
    ``before`` in its ``scores`` to that ``after``.
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

    @property
    def decides(self) -> bool:
        return self.kind in (EventKind.LABEL, EventKind.RELABEL, EventKind.SKIP)


@dataclass(frozen=True, slots=True)
class Change:
    """What an event did to an item: the label in force before and after, None for no label."""

    item: str
    before: str | None
    after: str | None


class Ledger:
    """Replays events in order. Holds memory only for items that somebody decided on.

    All events that it gives have the names that their classes have by now. ``step`` counts the
    decisions, and what was taken back and restored of them; ``renamings`` the renames likewise.
    """

    def __init__(self) -> None:
        self.last_seq = 0
        self.step = 0
        self.renamings = 0
        self._events: dict[int, Event] = {}  # in their order, those that were taken back too
        self._named: dict[int, Event] = {}  # those of them that bear another name by now
        self._taken: set[int] = set()
        self._undos: dict[int, Event] = {}
        self._redoable: dict[str, list[int]] = {}
        self._by_item: dict[str, list[int]] = {}
        self._kept: dict[int, list[int]] = {}
        self._contents: dict[str, list[Event]] = {}
        self._opinions: list[int] = []
        self._notes: dict[str, list[int]] = {}
        self._renames: list[Rename] = []
        self._class_events: list[Event] = []
        self._classes: dict[str, int | None] = {}
        self._counts: Counter[str] = Counter()

    def apply(self, event: Event) -> Change | None:
        """Take in the next event; what it changed, or None if no label could change by it, or many
        by a new name, which ``renamings`` tells.
        """
        self.last_seq = event.seq
        if event.kind is EventKind.CLASS:
            self._class_events.append(event)
            self._declare(event)
            return None
        if event.kind is EventKind.CONTENT:
            self._contents.setdefault(str(event.item), []).append(event)
            return None
        if event.kind is EventKind.UNDO:
            return self._undo(event)
        if event.kind is EventKind.REDO:
            return self._redo(event)
        self._events[event.seq] = event
        if event.origin != IMPORTED:
            self._redoable.pop(event.annotator, None)
        return self._enforce(event)

    def _undo(self, event: Event) -> Change | None:
        assert event.target is not None
        self._undos[event.seq] = event
        self._taken.add(event.target)
        self._redoable.setdefault(event.annotator, []).append(event.seq)
        return self._enforce(self._events[event.target], again=False)

    def _redo(self, event: Event) -> Change | None:
        assert event.target is not None
        target = self._undos[event.target].target
        assert target is not None
        self._taken.remove(target)
        self._redoable[event.annotator].remove(event.target)
        return self._enforce(self._events[target])

    def _enforce(self, event: Event, again: bool = True) -> Change | None:
        """Bring an event into force, or out of it if not ``again``."""
        if event.kind is EventKind.KEEP:
            assert event.target is not None
            _insert(self._kept.setdefault(event.target, []), event.seq, again)
        elif event.kind is EventKind.OPINION:
            _insert(self._opinions, event.seq, again)
        elif event.kind is EventKind.NOTE:
            _settle(self._notes, event, again)
        elif event.kind is EventKind.RENAME:
            self._rename(event, again)
        else:
            assert event.item is not None
            self.step += 1
            before = self.label(event.item)
            _settle(self._by_item, event, again)
            return self._changed(event.item, before)
        return None

    def _changed(self, item: str, before: str | None) -> Change:
        after = self.label(item)
        if before is not None:
            self._counts[before] -= 1
        if after is not None:
            self._counts[after] += 1
        return Change(item, before, after)

    def _declare(self, event: Event) -> None:
        assert event.label is not None
        # A class that was both brought by a label and declared on its own outlives the label.
        if event.label not in self._classes or event.target is None:
            self._classes[event.label] = event.target

    def _rename(self, event: Event, again: bool) -> None:
        rename = Rename(event.seq, str(event.text), str(event.label))
        if again:
            insort(self._renames, rename)
        else:
            self._renames.remove(rename)
        self.renamings += 1
        if event.seq == self.last_seq:  # all that was named before is named by this one alone
            self._classes = renamed_classes(self._classes, rename)
            self._name_all({seq: self._now(seq) for seq in self._events}, [rename])
        else:
            self._replay_classes()
            self._named = {}
            self._name_all(self._events, self._renames)
        self._counts = Counter(e.label for e in self.decisions() if e.label is not None)

    def _replay_classes(self) -> None:
        self._classes = {}
        steps: list[Event | Rename] = [*self._class_events, *self._renames]
        for step in sorted(steps, key=lambda step: step.seq):
            if isinstance(step, Rename):
                self._classes = renamed_classes(self._classes, step)
            else:
                self._declare(step)

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
        """The event in force for the item, or None."""
        active = self._by_item.get(item)
        return self._now(active[-1]) if active else None

    def label(self, item: str) -> str | None:
        decision = self.decision(item)
        return None if decision is None else decision.label

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

    def outdated(self) -> list[str]:
        """The items whose label is older than their content."""
        return [item for item in self._contents if self.is_outdated(item)]

    def opinions(self) -> Iterator[tuple[Event, Event]]:
        """Second opinions on labels, and the label that each is beside, taken back neither."""
        for seq in self._opinions:
            target = self._events[seq].target
            if target is not None and target not in self._taken:
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
        """Whether the item was drawn for the audit when it got its label, or its first one."""
        events = (self._events[seq] for seq in self._by_item.get(item, ()))
        return any(event.origin == AUDIT and event.label is not None for event in events)

    def decisions(self) -> Iterator[Event]:
        """The events in force, one an item, in the order in which they were made."""
        return (self._now(seq) for seq, event in self._events.items() if self._in_force(event))

    def labelled_latest_first(self) -> Iterator[Event]:
        """The events in force that give a label, the latest first."""
        latest_first = reversed(self._events.items())
        return (
            self._now(seq)
            for seq, event in latest_first
            if event.label is not None and self._in_force(event)
        )

    def _in_force(self, event: Event) -> bool:
        """Whether it decides on an item, is not taken back, and nothing later replaces it."""
        active = self._by_item.get(str(event.item)) if event.decides else None
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

        One that came with a label goes with it, unless another item has it by now.
        """
        return [
            name
            for name, target in self._classes.items()
            if target is None or target not in self._taken or self._counts[name]
        ]

    def is_declared(self, name: str) -> bool:
        """Whether the class was declared on its own, and so outlives its labels."""
        return name in self._classes and self._classes[name] is None

    def class_counts(self) -> dict[str, int]:
        """Labels in force by class."""
        return {name: self._counts[name] for name in self.classes()}

    def last_of(self, annotator: str) -> Event | None:
        """The annotator's latest decision, keep, opinion, rename or note that has not been taken
        back, or None. Imports are left alone.
        """
        for seq, event in reversed(self._events.items()):
            mine = event.annotator == annotator and event.origin != IMPORTED
            if mine and seq not in self._taken:
                return self._now(seq)
        return None

    def redoable(self, annotator: str) -> tuple[int, Event] | None:
        """The annotator's latest undo, and what it took back; None if it has been restored, or if
        they have decided on anything since.
        """
        undos = self._redoable.get(annotator)
        target = self._undos[undos[-1]].target if undos else None
        return None if not undos or target is None else (undos[-1], self._now(target))


def is_same(event: Event | None, other: Event | None) -> bool:
    """Whether two are one event, whatever its class is named by now; or neither is one."""
    return (event and event.seq) == (other and other.seq)


def _settle(active: dict[str, list[int]], event: Event, again: bool) -> None:
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
    predicted = event.scores.get("prediction")
    prediction = predicted and name_now(predicted, event.seq, renames)
    if label == event.label and prediction == predicted:
        return event
    scores = {**event.scores, "prediction": prediction} if predicted else event.scores
    return replace(event, label=label, scores=scores)
