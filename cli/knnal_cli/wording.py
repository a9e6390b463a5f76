"""Sentences that more than one command says."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number and a noun: "1 item", "3 items"."""
    return f"{count} {one if count == 1 else many or one + 's'}"


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
