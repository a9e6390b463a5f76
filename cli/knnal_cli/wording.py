"""Sentences that more than one command says."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from knnal.names import checked_name, did_you_mean

if TYPE_CHECKING:
    from knnal.store.ledger import Event
    from knnal.strategies.sought import Sought


def taken_back(event: Event) -> str:
    """What was undone, without the end of the sentence: "Took back the label 'good'"."""
    return f"Took back the {_named(event)}"


def brought_back(event: Event) -> str:
    """The same of what was redone."""
    return f"Brought back the {_named(event)}"


def _named(event: Event) -> str:
    if event.kind == "rename":
        return f"rename of '{event.text}' to '{event.label}'"
    return f"{event.kind} '{event.label}'" if event.label else str(event.kind)


def new_class(name: str, classes: Collection[str]) -> str:
    """What to say of a name that is none of the classes, with the class that it may be a
    misspelling of; without the end of the sentence.
    """
    return f"New class '{name}'{did_you_mean(name, classes)}"


def label_remark(label: str, classes: Collection[str], was: str | None = None) -> str:
    """A label that is given to an item in the place of the one that it ``was``, and whether its
    class is new. Raises InvalidNameError.
    """
    name = checked_name(label)
    remark = name if was is None else f"{name} (was {was})"
    return remark if name in classes else f"{remark}. {new_class(name, classes)}; u takes it back"


def nothing_left(per_group: bool) -> str:
    """Why there is no question."""
    or_alike = ", or a near-duplicate of one that is" if per_group else ""
    return f"Nothing is left to ask about: every item is labelled or skipped{or_alike}."


def stands_for(near_duplicates: int) -> str:
    """What an answer about one of a group is worth."""
    return f"Stands for {near_duplicates} near-duplicate{'s' * (near_duplicates != 1)}"


def search_line(sought: Sought) -> str:
    """How the search for a class stands."""
    if sought.phase == "waiting":
        return f"'{sought.name}': it takes one example of it, and three of other classes"
    at_boundary = ", now at its boundary" if sought.phase == "boundary" else ""
    return f"'{sought.name}': {sought.found} found of {sought.asked} asked{at_boundary}"


def search_advice(sought: Sought) -> str | None:
    """What to do for a search to begin, or None if it has."""
    if sought.phase != "waiting":
        return None
    return (
        f"If you know some, name them, as with 'knnal tell ID {sought.name}'. Until then, what is "
        "asked is what would be without --seek."
    )
