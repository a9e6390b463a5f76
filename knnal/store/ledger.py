"""What a log of events amounts to: the decision in force for each item, and the classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Any

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


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log. ``target`` is the event that an undo takes back, the one that a keep
    confirms, the label that an opinion is a second one to, or, of a class that a label or opinion
    brought with it, that one. ``origin`` tells how the item came to be decided on: asked by a
    strategy, drawn for the audit, named by the user, imported, reviewed. ``at`` is UTC, ISO 8601.
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
    """Replays events in order. Holds memory only for items that somebody decided on."""

    def __init__(self) -> None:
        self.last_seq = 0
        self.step = 0
        self._events: dict[int, Event] = {}
        self._by_item: dict[str, list[int]] = {}
        self._keeps: dict[int, Event] = {}
        self._kept: Counter[int] = Counter()
        self._opinions: dict[int, Event] = {}
        self._classes: dict[str, int | None] = {}
        self._counts: Counter[str] = Counter()

    def apply(self, event: Event) -> Change | None:
        """Take in the next event; what it changed, or None if no label could change by it."""
        self.last_seq = event.seq
        if event.kind is EventKind.CLASS:
            self._declare(event)
            return None
        if event.kind is EventKind.KEEP or event.target in self._keeps:
            self._confirm(event)
            return None
        if event.kind is EventKind.OPINION:
            self._opinions[event.seq] = event
            return None
        if event.target in self._opinions:
            del self._opinions[event.target]
            return None
        self.step += 1
        if event.kind is EventKind.UNDO:
            return self._undo(event)
        assert event.item is not None
        before = self.label(event.item)
        self._events[event.seq] = event
        self._by_item.setdefault(event.item, []).append(event.seq)
        return self._changed(event.item, before)

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

    def _confirm(self, event: Event) -> None:
        """A keep, or the undo of one."""
        assert event.target is not None
        if event.kind is EventKind.KEEP:
            self._keeps[event.seq] = event
            self._kept[event.target] += 1
        else:
            confirmed = self._keeps.pop(event.target).target
            assert confirmed is not None
            self._kept[confirmed] -= 1

    def _undo(self, event: Event) -> Change:
        assert event.target is not None
        item = self._events[event.target].item
        assert item is not None
        before = self.label(item)
        del self._events[event.target]
        self._by_item[item].remove(event.target)
        return self._changed(item, before)

    def decision(self, item: str) -> Event | None:
        """The event in force for the item, or None."""
        active = self._by_item.get(item)
        return self._events[active[-1]] if active else None

    def label(self, item: str) -> str | None:
        decision = self.decision(item)
        return None if decision is None else decision.label

    def is_reviewed(self, item: str) -> bool:
        """Whether a review has given the label in force, or kept it."""
        decision = self.decision(item)
        return decision is not None and (decision.origin == REVIEW or self._kept[decision.seq] > 0)

    def opinions(self) -> Iterator[tuple[Event, Event]]:
        """Second opinions on labels, and the label that each is beside, taken back neither."""
        for opinion in self._opinions.values():
            assert opinion.target is not None
            if (first := self._events.get(opinion.target)) is not None:
                yield first, opinion

    def is_audited(self, item: str) -> bool:
        """Whether the item was drawn for the audit when it got its label, or its first one."""
        events = (self._events[seq] for seq in self._by_item.get(item, ()))
        return any(event.origin == AUDIT and event.label is not None for event in events)

    def decisions(self) -> Iterator[Event]:
        """The events in force, one an item, in the order in which they were made."""
        return filter(self._in_force, self._events.values())

    def labelled_latest_first(self) -> Iterator[Event]:
        """The events in force that give a label, the latest first."""
        events = reversed(self._events.values())
        return (event for event in events if event.label is not None and self._in_force(event))

    def _in_force(self, event: Event) -> bool:
        """Whether nothing that was decided later on the item, and not taken back, replaces it."""
        assert event.item is not None
        return self._by_item[event.item][-1] == event.seq

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
            if target is None
            or target in self._events
            or target in self._opinions
            or self._counts[name]
        ]

    def is_declared(self, name: str) -> bool:
        """Whether the class was declared on its own, and so outlives its labels."""
        return name in self._classes and self._classes[name] is None

    def class_counts(self) -> dict[str, int]:
        """Labels in force by class."""
        return {name: self._counts[name] for name in self.classes()}

    def last_of(self, annotator: str) -> Event | None:
        """The annotator's latest decision, keep or opinion not taken back, or None.

        Imports are left alone.
        """
        mine = (
            event
            for event in chain(self._events.values(), self._keeps.values(), self._opinions.values())
            if event.annotator == annotator and event.origin != IMPORTED
        )
        return max(mine, default=None, key=lambda event: event.seq)
