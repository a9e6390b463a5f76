"""The part of the API that labels: seats, questions, answers, second thoughts.

Every call is a sign of life of its seat.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from knnal.names import checked_name
from knnal.pool.labels import ledger
from knnal_cli.web import bodies, schemas
from knnal_cli.web.convert import event_of
from knnal_cli.web.serving import Served, Serving
from knnal_cli.wording import new_class

SeatName = Annotated[
    str, Path(min_length=1, max_length=64, description="The seat that 'join' has given.")
]


routes = APIRouter(prefix="/seats", tags=["labeling"])


@routes.post("", status_code=201)
def join(served: Serving, person: bodies.Join) -> schemas.Seat:
    """Sit down to label. Take a seat for each window or worker: it holds one item at a time."""
    name = person.annotator or served.about.annotator
    seat = served.desk.join(name, person.item)
    return schemas.Seat(
        seat=seat, annotator=served.desk.renew(seat), lease_seconds=served.desk.lease_seconds
    )


@routes.delete("/{seat}", status_code=204)
def leave(served: Serving, seat: SeatName) -> None:
    """Get up: the item at hand goes to somebody else. Leaving twice changes nothing."""
    served.desk.leave(seat)


@routes.get("/{seat}/question")
def ask(served: Serving, seat: SeatName) -> schemas.Step:
    """What the seat is asked: the same until it is answered, and nobody else is asked it."""
    return _step(served, seat)


@routes.post("/{seat}/answers")
def answer(served: Serving, seat: SeatName, given: bodies.Answer) -> schemas.Step:
    """Label an item, the one asked about or any other, and get the next question.

    The label is on disk before the answer comes. The same answer again changes nothing.
    """
    remark = _remark(served, given.label)
    return _step(served, seat, served.desk.answer(seat, given.item, given.label), remark=remark)


@routes.post("/{seat}/skips")
def skip(served: Serving, seat: SeatName, chosen: bodies.Chosen) -> schemas.Step:
    """Set an item aside for everybody, or, asked for a second opinion, give none."""
    event = served.desk.skip(seat, chosen.item)
    return _step(served, seat) if event is None else _step(served, seat, event)


@routes.get("/{seat}/undo")
def undoable(served: Serving, seat: SeatName) -> schemas.Undoable:
    """What an undo would take back: more than one label, where they were given at once."""
    events = served.desk.undoable(seat)
    return schemas.Undoable(event=event_of(events[0]), count=len(events))


@routes.post("/{seat}/undo")
def undo(served: Serving, seat: SeatName, wanted: bodies.Undo) -> schemas.Step:
    """Take back the annotator's latest decision; its item is asked about again. What was decided at
    once, such as an import, is taken back at once.
    """
    return _step(served, seat, *served.desk.undo(seat, wanted.event))


@routes.post("/{seat}/redo")
def redo(served: Serving, seat: SeatName) -> schemas.Step:
    """Bring back what the annotator's latest undo took back."""
    return _step(served, seat, *served.desk.redo(seat))


@routes.post("/{seat}/relabels")
def relabel(served: Serving, seat: SeatName, changed: bodies.Relabel) -> schemas.Step:
    """Give a labeled item another label."""
    remark = _remark(served, changed.label)
    event = served.desk.relabel(seat, changed.item, changed.label, changed.was)
    return _step(served, seat, event, remark=remark)


@routes.post("/{seat}/unlabels")
def unlabel(served: Serving, seat: SeatName, chosen: bodies.Unlabel) -> schemas.Step:
    """Take an item's label away, or that it is skipped: it may be asked about again."""
    return _step(served, seat, served.desk.unlabel(seat, chosen.item, chosen.was))


@routes.post("/{seat}/settlements")
def settle(served: Serving, seat: SeatName, settled: bodies.Settlement) -> schemas.Step:
    """Keep, change or withdraw a doubtful label, which then counts as reviewed."""
    remark = None if settled.label is None else _remark(served, settled.label)
    event = served.desk.settle(seat, settled.item, settled.label, settled.was)
    return _step(served, seat, event, remark=remark)


@routes.post("/{seat}/regions")
def label_region(served: Serving, seat: SeatName, region: bodies.Region) -> schemas.RegionStep:
    """Give many items one label. They are undone as one, together with the earlier ``batch``.

    What has a label already, or is with somebody else, is left as it is.
    """
    remark = _remark(served, region.label)
    events = served.desk.label_items(seat, region.items, region.label, region.batch)
    return schemas.RegionStep(
        events=[event_of(event) for event in events],
        left_out=len(region.items) - len(events),
        question=_step(served, seat, *events).question,
        remark=remark,
    )


@routes.post("/{seat}/classes")
def add_class(served: Serving, seat: SeatName, added: bodies.NewClass) -> schemas.Step:
    """Declare a class before any item has it. Declaring it twice changes nothing."""
    served.desk.add_class(seat, added.name)
    served.standing.look_again()
    return _step(served, seat)


@routes.post("/{seat}/classes/remove")
def remove_class(served: Serving, seat: SeatName, removed: bodies.OldClass) -> schemas.Step:
    """Remove a class that no item has."""
    return _step(served, seat, served.desk.remove_class(seat, removed.name))


@routes.post("/{seat}/keys")
def assign_key(served: Serving, seat: SeatName, chosen: bodies.NewKey) -> schemas.Step:
    """Let a key stand for a class, for everybody; the class that was given it before loses it."""
    served.desk.renew(seat)
    served.standing.assign_key(chosen.name, chosen.key)
    return _step(served, seat)


@routes.post("/{seat}/renames")
def rename_class(served: Serving, seat: SeatName, rename: bodies.Rename) -> schemas.Step:
    """Give a class another name; where that is a class too, the two become one."""
    event = served.desk.rename_class(seat, rename.old, rename.new)
    served.standing.rename_key(str(event.text), str(event.label))
    return _step(served, seat, event)


@routes.post("/{seat}/notes")
def put_note(served: Serving, seat: SeatName, note: bodies.NewNote) -> schemas.Step:
    """Put a note on an item, in the place of the one before."""
    return _step(served, seat, served.desk.note(seat, note.item, note.text))


def _remark(served: Served, label: str) -> str | None:
    """What to say of a label before it is given: whether it is a new class. Raises InputError."""
    name = checked_name(label)
    with served.desk.reading() as (_, decided):
        classes = decided.classes()
    return None if name in classes else f"{new_class(name, classes)}."


def _step(
    served: Served, seat: str, *events: ledger.Event, remark: str | None = None
) -> schemas.Step:
    """What was done, and what is asked now; ``events`` are of one decision, or taken at once."""
    for event in events[:1]:
        served.standing.note(event)
    question = served.desk.question(seat)
    return schemas.Step(
        event=event_of(events[0]) if events else None,
        count=len(events),
        question=None if question is None else served.reader.question(question),
        remark=remark,
    )
