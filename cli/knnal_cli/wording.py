"""Sentences that more than one command says."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from knnal.names import checked_name, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from knnal.acquisition.strategies.search_progress import SearchProgress
    from knnal.pool.labels.ledger import Event
    from knnal.quality.review import Left


def taken_back(events: Sequence[Event]) -> str:
    """What was undone, without the end of the sentence: "Took back the label 'good'"."""
    return f"Took back {described(events)}"


def brought_back(events: Sequence[Event]) -> str:
    """The same of what was redone."""
    return f"Brought back {described(events)}"


def described(events: Sequence[Event]) -> str:
    """What is undone or redone at once, in words: "the import of 400 labels from wrong.csv"."""
    first, count = events[0], len(events)
    if first.origin == "imported" and first.decides:
        labels = f"the import of {count} label{'s' * (count > 1)}"
        return f"{labels} from {first.text}" if first.text else labels
    if first.kind == "forget":
        return f"the forgetting of {counted(count, 'vanished item')}"
    if count > 1:
        taken = first.kind == "unlabel"
        return f"{'the removal of ' * taken}{count} labels{' given together' * (not taken)}"
    if first.kind == "rename":
        return f"the rename of '{first.text}' to '{first.label}'"
    if first.kind == "unlabel":
        return "the removal of the label"
    if first.kind == "remove-class":
        return f"the removal of the class '{first.label}'"
    return f"the {first.kind} '{first.label}'" if first.label else f"the {first.kind}"


def counted(count: int, one: str, many: str | None = None) -> str:
    """A number and a noun: "1 item", "3 items"."""
    return f"{count} {one if count == 1 else many or one + 's'}"


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
    or_similar = ", or a near-duplicate of one that is" if per_group else ""
    return f"Nothing is left to label: every item is labeled or skipped{or_similar}."


def stands_for(near_duplicates: int) -> str:
    """What an answer about one of a group is worth."""
    return f"Stands for {near_duplicates} near-duplicate{'s' * (near_duplicates != 1)}"


def review_line(left: Left) -> str:
    """How much there is to review."""
    parts = [f"{counted(left.suspicious, 'label')} to review"]
    if left.outdated:
        parts.append(f"{left.outdated} of changed items")
    if left.disputed:
        parts.append(f"{left.disputed} disputed")
    return ", ".join([*parts, f"{left.confident} very doubtful"])


def search_line(search: SearchProgress) -> str:
    """How the search for a class stands."""
    if search.phase == "waiting":
        return f"'{search.name}': it takes one example of it, and three of other classes"
    at_boundary = ", now at its boundary" if search.phase == "boundary" else ""
    return f"'{search.name}': {search.found} found of {search.asked} asked{at_boundary}"


def search_advice(search: SearchProgress) -> str | None:
    """What to do for a search to begin, or None if it has."""
    if search.phase != "waiting":
        return None
    return (
        f"If you know some, name them, as with 'knnal tell ID {search.name}'. Until then, what is "
        "asked is what would be without --seek."
    )
