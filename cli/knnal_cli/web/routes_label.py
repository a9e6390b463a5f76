"""The part of the API that labels: seats, questions, answers, changes.

Every request renews the lease of its seat.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from knnal.names import checked_name
from knnal.pool.labels.ledger import Event
from knnal_cli.web import requests, responses
from knnal_cli.web.conversions import event_of, question_of
from knnal_cli.web.served import Served, Serving
from knnal_cli.wording import new_class

SeatName = Annotated[
    str, Path(min_length=1, max_length=64, description="The seat that 'join' returned.")
]

routes = APIRouter(prefix="/seats", tags=["labeling"])


@routes.post("", status_code=201)
def join(served: Serving, person: requests.JoinIn) -> responses.SeatOut:
    """Take a seat to label. Take one for each window or worker: it holds one item at a time."""
    seat = served.session.join(person.annotator or served.about.annotator, person.item)
    return responses.SeatOut(
        seat=seat,
        annotator=served.session.heartbeat(seat),
        lease_seconds=served.session.lease,
    )


@routes.delete("/{seat}", status_code=204)
def leave(served: Serving, seat: SeatName) -> None:
    """Give up a seat: its item goes to somebody else. Leaving twice changes nothing."""
    served.session.leave(seat)


@routes.get("/{seat}/question")
def ask(served: Serving, seat: SeatName) -> responses.Step:
    """What the seat is asked: the same until it is answered, and nobody else is asked it."""
    return _step(served, seat)


@routes.post("/{seat}/answers")
def answer(served: Serving, seat: SeatName, given: requests.AnswerIn) -> responses.Step:
    """Label an item, the one asked about or any other, and get the next question.

    The label is on disk before the response comes. The same answer again changes nothing.
    """
    remark = _remark(served, given.label)
    return _step(served, seat, served.session.answer(seat, given.item, given.label), remark=remark)


@routes.post("/{seat}/skips")
def skip(served: Serving, seat: SeatName, chosen: requests.SkipIn) -> responses.Step:
    """Set an item aside for everybody, or, asked for a second opinion, give none."""
    event = served.session.skip(seat, chosen.item)
    return _step(served, seat, *([] if event is None else [event]))


@routes.get("/{seat}/undo")
def undoable(served: Serving, seat: SeatName) -> responses.UndoableOut:
    """What an undo would take back: more than one label, where they were given at once."""
    events = served.session.undoable(seat)
    return responses.UndoableOut(event=event_of(events[0]), count=len(events))


@routes.post("/{seat}/undo")
def undo(served: Serving, seat: SeatName, wanted: requests.UndoIn) -> responses.Step:
    """Take back the annotator's latest decision; its item is asked about again. What was decided at
    once, such as an import, is taken back at once.
    """
    return _step(served, seat, *served.session.undo(seat, wanted.event))


@routes.post("/{seat}/redo")
def redo(served: Serving, seat: SeatName) -> responses.Step:
    """Bring back what the annotator's latest undo took back."""
    return _step(served, seat, *served.session.redo(seat))


@routes.post("/{seat}/relabels")
def relabel(served: Serving, seat: SeatName, changed: requests.RelabelIn) -> responses.Step:
    """Give a labeled item another label."""
    remark = _remark(served, changed.label)
    with served.session.deciding(seat) as decisions:
        event = decisions.relabel(changed.item, changed.label, was=changed.was)
    return _step(served, seat, event, remark=remark)


@routes.post("/{seat}/unlabels")
def unlabel(served: Serving, seat: SeatName, chosen: requests.UnlabelIn) -> responses.Step:
    """Take an item's label away, or that it is skipped: it may be asked about again."""
    with served.session.deciding(seat) as decisions:
        events = decisions.unlabel(chosen.item, was=chosen.was)
    return _step(served, seat, *events)


@routes.post("/{seat}/settlements")
def review(served: Serving, seat: SeatName, reviewed: requests.ReviewIn) -> responses.Step:
    """Keep, change or withdraw a doubtful label, which then counts as reviewed."""
    label = reviewed.label
    remark = None if label is None else _remark(served, label)
    event = served.session.review(seat, reviewed.item, label, reviewed.was)
    return _step(served, seat, event, remark=remark)


@routes.post("/{seat}/regions")
def label_items(served: Serving, seat: SeatName, bulk: requests.BulkIn) -> responses.BulkStep:
    """Give many items one label. They are undone as one, together with the earlier ``batch``.

    What has a label already, or is with somebody else, is left as it is.
    """
    remark = _remark(served, bulk.label)
    events = served.session.label_items(seat, bulk.items, bulk.label, bulk.batch)
    return responses.BulkStep(
        events=[event_of(event) for event in events],
        unchanged=len(bulk.items) - len(events),
        **_fields(served, seat, *events, remark=remark),
    )


@routes.post("/{seat}/classes")
def add_class(served: Serving, seat: SeatName, added: requests.ClassIn) -> responses.Step:
    """Declare a class before any item has it. Declaring it twice changes nothing."""
    with served.session.deciding(seat) as decisions:
        decisions.add_class(added.name)
    served.status.look_again()
    return _step(served, seat)


@routes.post("/{seat}/classes/remove")
def remove_class(served: Serving, seat: SeatName, removed: requests.ClassIn) -> responses.Step:
    """Remove a class that no item has."""
    with served.session.deciding(seat) as decisions:
        event = decisions.remove_class(removed.name)
    return _step(served, seat, event)


@routes.post("/{seat}/keys")
def assign_key(served: Serving, seat: SeatName, chosen: requests.KeyIn) -> responses.Step:
    """Let a key stand for a class, for everybody; the class that had it before loses it."""
    served.session.heartbeat(seat)
    served.status.assign_key(chosen.name, chosen.key)
    return _step(served, seat)


@routes.post("/{seat}/renames")
def rename_class(served: Serving, seat: SeatName, rename: requests.RenameIn) -> responses.Step:
    """Give a class another name; where that is a class too, the two become one."""
    with served.session.deciding(seat) as decisions:
        event = decisions.rename_class(rename.old, rename.new)
    served.status.rename_key(str(event.text), str(event.label))
    return _step(served, seat, event)


@routes.post("/{seat}/notes")
def put_note(served: Serving, seat: SeatName, note: requests.NoteIn) -> responses.Step:
    """Put a note on an item, in the place of the one before."""
    with served.session.deciding(seat) as decisions:
        event = decisions.note(note.item, note.text)
    return _step(served, seat, event)


def _remark(served: Served, label: str) -> str | None:
    """What to say of a label before it is given: whether it is a new class. Raises InputError."""
    name, classes = checked_name(label), served.session.classes()
    return None if name in classes else f"{new_class(name, classes)}."


def _step(served: Served, seat: str, *events: Event, remark: str | None = None) -> responses.Step:
    """What was done, and what is asked now; ``events`` are of one decision, or made at once."""
    return responses.Step(**_fields(served, seat, *events, remark=remark))


def _fields(served: Served, seat: str, *events: Event, remark: str | None) -> dict[str, Any]:
    for event in events[:1]:
        served.status.take_in(event)
    question = served.session.question(seat)
    return {
        "event": event_of(events[0]) if events else None,
        "count": len(events),
        "question": question and question_of(served.session, question),
        "remark": remark,
    }
