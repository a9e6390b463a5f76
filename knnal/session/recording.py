"""Decisions on a pool's items: recorded in its log, and a replay kept in step with them."""

from __future__ import annotations

import getpass
from collections.abc import Sequence

from knnal.errors import (
    InputError,
    LabelConflictError,
    NothingToRedoError,
    NothingToUndoError,
)
from knnal.names import checked_name, did_you_mean, is_unicode
from knnal.pool.labels.ledger import AUDIT, NAMED, REVIEW, Event, EventKind, Ledger
from knnal.pool.pool import Pool
from knnal.session.projection import PoolProjection


class Recording:
    """Changes decisions that there are, and takes them back; ``Session`` adds asking and telling.

    Every decision is made on the whole log, whoever else writes to it, and on disk when the method
    that records it returns.
    """

    def __init__(self, pool: Pool, replay: PoolProjection, annotator: str | None) -> None:
        self.pool = pool
        self.annotator = checked_annotator(annotator)
        self._replay = replay

    @property
    def classes(self) -> list[str]:
        """The classes, in the order in which they came up."""
        return self._replay.classes

    @property
    def ledger(self) -> Ledger:
        """The decisions in force."""
        return self._replay.ledger

    def relabel(self, item: str, label: str, *, suspicion: float | None = None) -> Event:
        """Give a labeled item another label; in a review, which tells its ``suspicion``.

        Raises InputError for an item without a label, LabelConflictError if somebody else has
        changed it since this session last looked.
        """
        label = checked_name(label)
        item = self._replay.known(item).id
        seen = self.ledger.decision(item)
        with self.pool.log.writing(self._catch_up):
            current = self._require_label(item, seen)
            # An audited item stays one, and is judged by its corrected label.
            origin, scores = AUDIT if current.origin == AUDIT else NAMED, current.scores
            if suspicion is not None:
                origin, scores = REVIEW, {**scores, "suspicion": suspicion}
            events = self.pool.log.append_label(
                EventKind.RELABEL,
                label,
                new_class=self.ledger.lacks_class(label),
                annotator=self.annotator,
                item=item,
                origin=origin,
                strategy=current.strategy,
                scores=scores,
            )
        self._apply(events)
        return events[0]

    def keep(self, item: str, *, suspicion: float) -> Event:
        """Confirm an item's label in a review, which asks about it no more until it is another.

        Raises as ``relabel`` does.
        """
        return self._review(EventKind.KEEP, item, suspicion)

    def withdraw(self, item: str, *, suspicion: float) -> Event:
        """Take an item's label out of force in a review, and set the item aside.

        Raises as ``relabel`` does.
        """
        return self._review(EventKind.SKIP, item, suspicion)

    def unlabel(self, *items: str) -> list[Event]:
        """Take the items' labels away, or that they are skipped: they may be asked about again.

        All of it is undone as one. Raises InputError for an unknown item and one that has no label
        and is not skipped, LabelConflictError if somebody else has changed it since this session
        last looked; no item is changed then.
        """
        for item in items:
            self._replay.row(item)
        seen = {item: self.ledger.decision(item) for item in items}
        events: list[Event] = []
        with self.pool.log.writing(self._catch_up):
            for item, decision in seen.items():
                self._require_decision(item, decision)
            for item in seen:
                event = self.pool.log.append(
                    EventKind.UNLABEL,
                    annotator=self.annotator,
                    item=item,
                    origin=NAMED,
                    batch=events[0].seq if events else None,
                )
                events.append(event)
        self._apply(events)
        return events

    def _review(self, kind: EventKind, item: str, suspicion: float) -> Event:
        item = self._replay.known(item).id
        seen = self.ledger.decision(item)
        with self.pool.log.writing(self._catch_up):
            current = self._require_label(item, seen)
            event = self.pool.log.append(
                kind,
                annotator=self.annotator,
                item=item,
                label=current.label if kind is EventKind.KEEP else None,
                target=current.seq if kind is EventKind.KEEP else None,
                origin=REVIEW,
                scores={"suspicion": suspicion},
            )
        self._apply([event])
        return event

    def undoable(self) -> Event:
        """What ``undo`` would take back, as it returns it. Raises NothingToUndoError."""
        self.refresh()
        return latest_of(self.ledger, self.annotator)

    def undo(self, expected: int | None = None) -> Event:
        """Take back this annotator's latest decision, and return it. Repeat to go further back.

        What was decided at once, such as an import, is taken back at once: the first of its events
        is returned, and ``ledger.batch_of`` has all of them. Items that were decided on since keep
        the later decision. With ``expected``, the number of an event, nothing else is taken back.

        Raises NothingToUndoError when none is left, LabelConflictError where the latest is not the
        one that is expected.
        """
        with self.pool.log.writing(self._catch_up):
            target = latest_of(self.ledger, self.annotator)
            if expected not in (None, target.seq):
                raise LabelConflictError(
                    f"{self.annotator} has decided on something else since. Nothing was undone; "
                    "undo that first."
                )
            event = self.pool.log.append(
                EventKind.UNDO,
                annotator=self.annotator,
                item=self._only_item(target),
                target=target.seq,
                origin=NAMED,
            )
        self._apply([event])
        return target

    def redo(self) -> Event:
        """Bring back what this annotator's latest undo took back, and return it. Repeat to go on.

        What was decided otherwise since goes before: raises NothingToRedoError when the annotator
        has decided on anything since the undo, LabelConflictError when somebody else has decided on
        the item meanwhile, or on every item of several, or has labeled items as a class whose
        removal would be brought back.
        """
        with self.pool.log.writing(self._catch_up):
            redoable = self.ledger.redoable(self.annotator)
            if redoable is None:
                raise NothingToRedoError(f"{self.annotator} has nothing to redo in this pool.")
            undo, target = redoable
            self._require_effect(target)
            event = self.pool.log.append(
                EventKind.REDO,
                annotator=self.annotator,
                item=self._only_item(target),
                target=undo,
                origin=NAMED,
            )
        self._apply([event])
        return target

    def note(self, item: str, text: str) -> Event:
        """Put a note on an item, in the place of the one before; an empty text removes it.

        Raises InputError for an unknown item and a text that is not valid Unicode.
        """
        item = self._replay.known(item).id
        text = text.strip()
        if not is_unicode(text):
            raise InputError(f"A note must be valid Unicode, got {text!r}.")
        with self.pool.log.writing(self._catch_up):
            event = self.pool.log.append(
                EventKind.NOTE,
                annotator=self.annotator,
                item=item,
                origin=NAMED,
                text=text,
            )
        self._apply([event])
        return event

    def add_class(self, name: str) -> None:
        """Declare a class before any item has it. Declaring it twice changes nothing."""
        name = checked_name(name)
        with self.pool.log.writing(self._catch_up):
            if self.ledger.is_declared(name):
                return
            event = self.pool.log.append_class(name, self.annotator)
        self._apply([event])

    def rename_class(self, old: str, new: str) -> Event:
        """Give a class another name; where that is a class too, the two become one.

        All labels of the class count as the new one's from now on, until that is undone. Raises
        InputError for a class that is not there, and for a name that it has already.
        """
        new = checked_name(new)
        with self.pool.log.writing(self._catch_up):
            old = known_class(old, self.ledger.classes())
            if new == old:
                raise InputError(f"The class '{old}' has that name already. Choose another one.")
            event = self.pool.log.append(
                EventKind.RENAME, annotator=self.annotator, origin=NAMED, label=new, text=old
            )
        self._apply([event])
        return event

    def remove_class(self, name: str) -> Event:
        """Remove a class that no item has, until that is undone or the class is given again.

        Raises InputError for a class that is not there, and for one that items are labeled as.
        """
        with self.pool.log.writing(self._catch_up):
            name = known_class(name, self.ledger.classes())
            if labels := self.ledger.class_counts()[name]:
                raise InputError(
                    f"'{name}' has {labels} label{'s' * (labels > 1)}; only a class without labels "
                    "can be removed. Rename it to another class to merge the two, or unlabel its "
                    "items first."
                )
            event = self.pool.log.append(
                EventKind.REMOVE_CLASS, annotator=self.annotator, origin=NAMED, label=name
            )
        self._apply([event])
        return event

    def refresh(self) -> None:
        """Take in what other processes have decided since."""
        self._catch_up()

    @property
    def _settled(self) -> PoolProjection:
        """The replay, its state that of the labels in force."""
        return self._replay

    def _catch_up(self) -> None:
        unseen = self._replay.unseen()
        if unseen:
            self._apply(unseen)

    def _apply(self, events: Sequence[Event]) -> None:
        """Take in the next events of the log, which are durable already."""
        self._settled.apply(events)

    def _require_label(self, item: str, seen: Event | None) -> Event:
        """The decision in force, which must give a label, and be the one that was ``seen``."""
        current = self.ledger.decision(item)
        if current is None or current.label is None:
            raise InputError(
                f"Expected a labeled item, but '{item}' has no label to change. Use tell."
            )
        return self._require_decision(item, seen)

    def _require_decision(self, item: str, seen: Event | None) -> Event:
        """The decision in force, which must be there, and be the one that was ``seen``."""
        current = self.ledger.decision(item)
        if current is None:
            raise InputError(f"'{item}' has no label to take away, and is not skipped.")
        if current != seen:
            done = "skipped" if current.label is None else f"labeled '{current.label}'"
            raise LabelConflictError(
                f"'{item}' was meanwhile {done} by {current.annotator}. "
                "Look again before you change it."
            )
        return current

    def _require_effect(self, target: Event) -> None:
        """Raises LabelConflictError where bringing something back would change nothing."""
        later = [self.ledger.replaced_by(event) for event in self.ledger.batch_of(target)]
        if all(later) and (latest := later[-1]):
            items = f"'{target.item}' was" if len(later) == 1 else f"All {len(later)} items were"
            raise LabelConflictError(
                f"{items} meanwhile decided on by {latest.annotator}. Use relabel to change it."
            )
        if target.kind is EventKind.REMOVE_CLASS and self.ledger.class_counts().get(
            str(target.label)
        ):
            raise LabelConflictError(f"Items were labeled '{target.label}' again meanwhile.")

    def _only_item(self, target: Event) -> str | None:
        """The item that an undo or redo is about; None for none and for several."""
        return target.item if len(self.ledger.batch_of(target)) == 1 else None


def latest_of(ledger: Ledger, annotator: str) -> Event:
    """What an undo by the annotator takes back. Raises NothingToUndoError for nothing."""
    latest = ledger.last_of(annotator)
    if latest is None:
        raise NothingToUndoError(f"{annotator} has nothing left to undo in this pool.")
    return latest


def known_class(name: str, classes: Sequence[str]) -> str:
    """The class of that name. Raises InputError for one that is not among the classes."""
    if name in classes:  # a name from an older log is not cleaned
        return name
    cleaned = checked_name(name)
    if cleaned not in classes:
        listed = ", ".join(f"'{known}'" for known in classes) or "none yet"
        raise InputError(
            f"There is no class '{cleaned}'{did_you_mean(cleaned, classes)}. Classes: {listed}."
        )
    return cleaned


def require_unlabeled(ledger: Ledger, item: str) -> None:
    """Raises LabelConflictError for an item that has a label already."""
    decision = ledger.decision(item)
    if decision is not None and decision.label is not None:
        raise LabelConflictError(
            f"'{item}' was labeled '{decision.label}' by {decision.annotator} at "
            f"{decision.at}. Use relabel to change it."
        )


def checked_annotator(name: str | None) -> str:
    """The name of who labels; without one, ``default_annotator``. Raises InvalidNameError."""
    return default_annotator() if name is None else checked_name(name, "name of an annotator")


def default_annotator() -> str:
    """The name of whoever is logged in."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # no user database, as in some containers
        return "unknown"
