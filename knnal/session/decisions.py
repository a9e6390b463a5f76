"""Decisions on a pool's items: every verb that writes to its log, single and bulk.

The only writer of decisions. It needs the log, the ledger and the catalog, and nothing that
scores or predicts.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from knnal.errors import (
    InputError,
    LabelConflictError,
    NothingToRedoError,
    NothingToUndoError,
    PoolUnwritableError,
)
from knnal.names import checked_name, did_you_mean, is_unicode
from knnal.pool.labels.ledger import (
    AUDIT,
    NAMED,
    OPINION,
    PENDING,
    REVIEW,
    Event,
    EventKind,
    is_same,
)
from knnal.pool.labels.writer import LogWriter
from knnal.pool.pool import Pool
from knnal.pool.storage import Offer

Scores = dict[str, Any]

_LATEST = 100
"""Pending predictions of this many latest labels are computed, twice what the advice on stopping
averages over. Of older ones, only those of the audit are used.
"""


class Predictor(Protocol):
    """What a classifier says at the present end of the log, before the next label is learned."""

    def predictions(self, items: Sequence[str]) -> list[Scores]:
        """Each item's ``prediction`` and its ``probability``; empty before any label."""

    def agreement(self) -> float | None:
        """Cohen's kappa of the predictions with and without the latest label."""


class Decisions(LogWriter):
    """Writes decisions by one annotator to a pool's log.

    Each decision is made on the whole log, whoever else appends to it, and is on disk when the
    method that makes it returns. Not thread-safe.

    Parameters
    ----------
    pool
        Only its log and its catalog are used.
    annotator
        Who decides; by default the logged-in user.
    predictor
        Asked for what was predicted before a label is learned, where the question that was asked
        does not say it. Without one, it is pending until the pool is next opened with one.
    **more
        As for ``LogWriter``.

    Raises
    ------
    InvalidNameError
        For an annotator's name without a visible character.
    """

    def __init__(
        self,
        pool: Pool,
        annotator: str | None = None,
        predictor: Predictor | None = None,
        **more: Any,
    ) -> None:
        self._predictor = predictor
        self._worked_out: dict[int, Scores] = {}
        super().__init__(pool, annotator, **more)

    def refresh(self) -> None:
        """Take in what was appended to the log since, and log predictions that were pending.

        A pool that cannot be written to has them worked out again when it is next opened. Raises
        PoolDamagedError.
        """
        self._catch_up()
        if not self._worked_out:
            return
        with contextlib.suppress(PoolUnwritableError), self.writing() as events:
            for label in self.ledger.pending:
                if label.seq not in self._worked_out:
                    continue
                scores = self._worked_out[label.seq]
                more: dict[str, Any] = {"item": label.item, "target": label.seq, "scores": scores}
                events.append(self.append(EventKind.PREDICTION, "replay", **more))
        for seq, scores in self._worked_out.items():  # also where they cannot be logged
            self.ledger.predict(seq, scores)
        self._worked_out.clear()

    def _catch_up(self) -> None:
        """Take in what was appended since; the predictor is asked on the way, before each label
        whose prediction is pending and is to be used: for the audit, or for advice on stopping.
        """
        self.pool.require_sound()
        events = list(self.pool.log.events(after=self.ledger.last_seq))
        wanted = set(_to_work_out(events)) if self._predictor is not None else set()
        for event in events:
            if event.seq in wanted and self._predictor is not None:
                with contextlib.suppress(InputError):  # an item that the predictor does not know
                    (found,) = self._predictor.predictions([str(event.item)])
                    found["agreement"] = self._predictor.agreement()
                    self._worked_out[event.seq] = _known(found)
            self.take_in(event)

    # Labels

    def tell(
        self, item: str, label: str, *, offer: Offer | None = None, batch: int | None = None
    ) -> Event:
        """Label an item.

        Parameters
        ----------
        item
            Its id.
        label
            The name of its class, which may be new.
        offer
            How the item was asked about; by default as the log remembers it. A prediction that
            is given is kept, with its place in the log as ``predicted_after`` if it is not the
            latest one.
        batch
            The number of an earlier label, to be undone together with it.

        Raises
        ------
        InputError
            For an unknown item or an empty label.
        LabelConflictError
            For an item that has a label.
        """
        label, item = checked_name(label), self._known(item)
        with self.writing() as events:
            self._require_unlabeled(item)
            asked, offer = offer, offer or self._offered(item)
            events += self.append_label(
                EventKind.LABEL,
                label,
                item=item,
                batch=self.ledger.joinable(batch, self.annotator),
                origin=offer.origin if offer else NAMED,
                strategy=offer.strategy if offer else None,
                scores={
                    **(offer.scores if offer else {}),
                    **self._predicted(item, offer, asked is not None),
                },
            )
        return events[0]

    def tell_all(self, labels: Sequence[tuple[str, str]]) -> list[Event]:
        """Label items, as pairs of item and label, but for those that have a label.

        They are undone as one. An item that was asked about counts as asked, with what is
        predicted when its turn comes; the others as named by the user. Raises as ``tell`` does.
        """
        events: list[Event] = []
        for item, label in labels:
            if self.pool.log.offered(item) is not None and self.ledger.label(item) is None:
                events.append(self.tell(item, label, batch=events[0].seq if events else None))
        for label in dict.fromkeys(label for _, label in labels):
            items = [item for item, other in labels if other == label]
            events += self.label_items(items, label, events[0].seq if events else None)
        return events

    def label_items(
        self, items: Sequence[str], label: str, batch: int | None = None
    ) -> list[Event]:
        """Label those of the items that have no label, all of them or, on an error, none.

        They are undone as one, together with ``batch``, the number of an earlier label, if it is
        in force. What was predicted is of before the first. Raises as ``tell`` does.
        """
        label, items = checked_name(label), [self._known(item) for item in items]
        with self.writing() as events:
            items = [item for item in dict.fromkeys(items) if self.ledger.label(item) is None]
            scores: list[Scores] = [{} for _ in items]
            if self._predictor is not None and self.ledger.label_count and items:
                scores = self._predictor.predictions(items)
            batch = self.ledger.joinable(batch, self.annotator)
            for item, predictions in zip(items, scores, strict=True):
                more: dict[str, Any] = {"item": item, "batch": batch, "scores": predictions}
                if events:  # a new class has come with the first
                    events.append(self.append(EventKind.LABEL, label=label, **more))
                else:
                    events += self.append_label(EventKind.LABEL, label, **more)
                batch = events[0].first
        return [event for event in events if event.decides]

    def skip(self, item: str) -> Event:
        """Set an item aside: it is not asked about again. Raises as ``tell`` does."""
        item = self._known(item)
        with self.writing() as events:
            self._require_unlabeled(item)
            offer = self._offered(item)
            origin, strategy = (offer.origin, offer.strategy) if offer else (NAMED, None)
            events.append(self.append(EventKind.SKIP, origin, item=item, strategy=strategy))
        return events[0]

    def relabel(
        self, item: str, label: str, *, was: str | None = None, suspicion: float | None = None
    ) -> Event:
        """Give a labeled item another label.

        Parameters
        ----------
        item, label
            As for ``tell``.
        was
            The label that the annotator saw; by default the one in force when the log was last
            read.
        suspicion
            Of a label that is changed in a review: how doubtful it was, in [0, 1].

        Raises
        ------
        InputError
            For an item without a label.
        LabelConflictError
            If the item has another label than the annotator saw.
        """
        label = checked_name(label)
        item, seen = self._seen(item)
        with self.writing() as events:
            current = self._in_force(item, seen, was)
            # An audited item stays one, and is judged by its corrected label.
            origin, scores = AUDIT if current.origin == AUDIT else NAMED, current.scores
            if scores.get(PENDING) is True:
                scores = {**scores, PENDING: current.seq}
            if suspicion is not None:
                origin, scores = REVIEW, {**scores, "suspicion": suspicion}
            events += self.append_label(
                EventKind.RELABEL,
                label,
                item=item,
                origin=origin,
                strategy=current.strategy,
                scores=scores,
            )
        return events[0]

    def unlabel(self, *items: str, was: str | None = None) -> list[Event]:
        """Take the items' labels away, or that they are skipped: they may be asked about again.

        All of it is undone as one; ``was`` as for ``relabel``.

        Raises
        ------
        InputError
            For an unknown item and one that has no label and is not skipped. Nothing is changed.
        LabelConflictError
            As ``relabel``. Nothing is changed.
        """
        seen = dict(self._seen(item) for item in items)
        with self.writing() as events:
            for item, decision in seen.items():
                self._as_seen(item, decision, was)
            for item in seen:
                batch = events[0].seq if events else None
                events.append(self.append(EventKind.UNLABEL, item=item, batch=batch))
        return events

    def note(self, item: str, text: str) -> Event:
        """Put a note on an item, in the place of the one before; an empty text removes it.

        Raises InputError for an unknown item and a text that is not valid Unicode.
        """
        item, text = self._known(item), text.strip()
        if not is_unicode(text):
            raise InputError(f"A note must be valid Unicode, got {text!r}.")
        with self.writing() as events:
            events.append(self.append(EventKind.NOTE, item=item, text=text))
        return events[0]

    # Second opinions and reviews

    def opinion(
        self, item: str, label: str, first: Event, predicted: Mapping[str, Any] | None = None
    ) -> Event:
        """Record what somebody else would have labeled an item as; its label stays in force.

        ``first`` is the label that this is an opinion on, ``predicted`` what was predicted before.
        Raises LabelConflictError if that label is not in force.
        """
        label = checked_name(label)
        with self.writing() as events:
            current = self.ledger.decision(item)
            if current is None or current.seq != first.seq:
                raise LabelConflictError(
                    f"The label of '{item}' was changed meanwhile, so that there is nothing to "
                    "compare yours with. It was not stored."
                )
            events += self.append_label(
                EventKind.OPINION,
                label,
                item=item,
                target=first.seq,
                origin=OPINION,
                scores=predicted,
            )
        return events[0]

    def review(
        self, item: str, label: str | None, *, suspicion: float, was: str | None = None
    ) -> Event:
        """Keep a doubtful label, change it, or, by None, withdraw it and set the item aside.

        In all cases the item counts as reviewed. Raises as ``relabel`` does.
        """
        if label is None:
            return self.withdraw(item, suspicion=suspicion, was=was)
        if label.strip() == (was or self.ledger.label(self._known(item))):
            return self.keep(item, suspicion=suspicion, was=was)
        return self.relabel(item, label, suspicion=suspicion, was=was)

    def keep(self, item: str, *, suspicion: float, was: str | None = None) -> Event:
        """Confirm an item's label in a review, which asks about it no more until it is another.

        Raises as ``relabel`` does.
        """
        item, seen = self._seen(item)
        with self.writing() as events:
            current = self._in_force(item, seen, was)
            more = {"label": current.label, "target": current.seq}
            scores = {"suspicion": suspicion}
            events.append(self.append(EventKind.KEEP, REVIEW, item=item, scores=scores, **more))
        return events[0]

    def withdraw(self, item: str, *, suspicion: float, was: str | None = None) -> Event:
        """Take an item's label out of force in a review, and set the item aside.

        Raises as ``relabel`` does.
        """
        item, seen = self._seen(item)
        with self.writing() as events:
            self._in_force(item, seen, was)
            scores = {"suspicion": suspicion}
            events.append(self.append(EventKind.SKIP, REVIEW, item=item, scores=scores))
        return events[0]

    # Undo and redo

    def undoable(self) -> Event:
        """What ``undo`` would take back, as it returns it. Raises NothingToUndoError."""
        self.refresh()
        latest = self.ledger.last_of(self.annotator)
        if latest is None:
            raise NothingToUndoError(f"{self.annotator} has nothing left to undo in this pool.")
        return latest

    def undo(self, expected: int | None = None) -> Event:
        """Take back this annotator's latest decision. Repeat to go further back.

        What was decided at once, such as an import, is taken back at once. Items that were decided
        on since keep the later decision.

        Parameters
        ----------
        expected
            The number of an event: nothing else is taken back.

        Returns
        -------
        Event
            What was taken back; of several events, the first. ``ledger.batch_of`` has all.

        Raises
        ------
        NothingToUndoError
            When nothing is left.
        LabelConflictError
            Where the latest decision is not the expected one.
        """
        with self.writing() as events:
            target = self.undoable()
            if expected not in (None, target.seq):
                raise LabelConflictError(
                    f"{self.annotator} has decided on something else since. Nothing was undone; "
                    "undo that first."
                )
            item = self._only_item(target)
            events.append(self.append(EventKind.UNDO, item=item, target=target.seq))
        return target

    def redo(self) -> Event:
        """Bring back what this annotator's latest undo took back. Repeat to go on.

        Returns
        -------
        Event
            What was brought back, as ``undo`` returns it.

        Raises
        ------
        NothingToRedoError
            When nothing was undone, or the annotator has decided on anything since.
        LabelConflictError
            When somebody else has decided on the item meanwhile, or on every item of several, or
            has labeled items as a class whose removal would be brought back.
        """
        with self.writing() as events:
            redoable = self.ledger.redoable(self.annotator)
            if redoable is None:
                raise NothingToRedoError(f"{self.annotator} has nothing to redo in this pool.")
            undo, target = redoable
            self._require_effect(target)
            item = self._only_item(target)
            events.append(self.append(EventKind.REDO, item=item, target=undo))
        return target

    # Classes

    def add_class(self, name: str) -> None:
        """Declare a class before any item has it. Declaring it twice changes nothing."""
        name = checked_name(name)
        with self.writing() as events:
            if not self.ledger.is_declared(name):
                events.append(self.append(EventKind.CLASS, "declared", label=name))

    def rename_class(self, old: str, new: str) -> Event:
        """Give a class another name; where that is a class too, the two become one.

        All labels of the class count as the new one's from now on, until that is undone. Raises
        InputError for an unknown class, and for a name that it has already.
        """
        new = checked_name(new)
        with self.writing() as events:
            old = known_class(old, self.ledger.classes())
            if new == old:
                raise InputError(f"The class '{old}' has that name already. Choose another one.")
            events.append(self.append(EventKind.RENAME, label=new, text=old))
        return events[0]

    def remove_class(self, name: str) -> Event:
        """Remove a class that no item has, until that is undone or the class is given again.

        Raises InputError for an unknown class, and for one that items are labeled as.
        """
        with self.writing() as events:
            name = known_class(name, self.ledger.classes())
            if labels := self.ledger.class_counts()[name]:
                raise InputError(
                    f"'{name}' has {labels} label{'s' * (labels > 1)}; only a class without labels "
                    "can be removed. Rename it to another class to merge the two, or unlabel its "
                    "items first."
                )
            events.append(self.append(EventKind.REMOVE_CLASS, label=name))
        return events[0]

    # What a decision rests on

    def _known(self, item: str) -> str:
        """The item's id as the pool writes it. Raises InputError for an unknown one."""
        return self.pool.catalog.get(item).id

    def _seen(self, item: str) -> tuple[str, Event | None]:
        """An item's id, and what was in force on it when the log was last read."""
        item = self._known(item)
        return item, self.ledger.decision(item)

    def _offered(self, item: str) -> Offer | None:
        """How the item came to be asked about, or None.

        A draw for the audit that this annotator passed over is none any more: which of those are
        answered later after all is not left to chance.
        """
        offer = self.pool.log.offered(item)
        if offer is None or offer.origin != AUDIT:
            return offer
        passed = self.ledger.has_answered_since(self.annotator, offer.after, item)
        return None if passed else offer

    def _predicted(self, item: str, offer: Offer | None, is_kept: bool) -> Scores:
        """What was predicted before the item's label is learned; nothing before any label."""
        if not self.ledger.label_count:
            return {}
        found: Scores = {}
        if offer is not None and (is_kept or offer.after >= self.ledger.learned):
            found |= offer.predicted
            if offer.after < self.ledger.learned and found.get("prediction") is not None:
                found["predicted_after"] = offer.after
        if found.keys() >= {"prediction", "agreement"}:
            return _known(found)
        if self._predictor is None:
            return {PENDING: True}
        if "prediction" not in found:
            (prediction,) = self._predictor.predictions([item])
            found |= prediction
        if "agreement" not in found:
            found["agreement"] = self._predictor.agreement()
        return _known(found)

    def _require_unlabeled(self, item: str) -> None:
        decision = self.ledger.decision(item)
        if decision is not None and decision.label is not None:
            raise LabelConflictError(
                f"'{item}' was labeled '{decision.label}' by {decision.annotator} at "
                f"{decision.at}. Use relabel to change it."
            )

    def _in_force(self, item: str, seen: Event | None, was: str | None) -> Event:
        """The label in force, which must be the one that was seen.

        Raises InputError for no label, LabelConflictError for another one.
        """
        current = self.ledger.decision(item)
        if was is None and (current is None or current.label is None):
            raise InputError(f"'{item}' has no label to change. Use tell.")
        return self._as_seen(item, seen, was)

    def _as_seen(self, item: str, seen: Event | None, was: str | None) -> Event:
        """The decision in force, which must be the one that was seen. Raises as ``_in_force``."""
        current = self.ledger.decision(item)
        if current is None:
            if was is None:
                raise InputError(f"'{item}' has no label to take away, and is not skipped.")
            raise LabelConflictError(
                f"'{item}' has no label any more. Look again before you label it."
            )
        same = is_same(current, seen) and seen is not None and current.label == seen.label
        if not same if was is None else current.label != was:
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


def _known(scores: Scores) -> Scores:
    return {name: value for name, value in scores.items() if value is not None}


def _to_work_out(events: Sequence[Event]) -> Iterator[int]:
    """The labels among events whose prediction is pending and is to be used, by number."""
    known = {event.target for event in events if event.kind is EventKind.PREDICTION}
    labels = [event for event in events if event.kind is EventKind.LABEL]
    for place, label in enumerate(labels, start=-len(labels)):
        used = label.origin == AUDIT or place >= -_LATEST
        if used and PENDING in label.scores and label.seq not in known:
            yield label.seq


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
