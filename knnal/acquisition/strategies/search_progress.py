"""How the search for a class has gone, from the log alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice

from knnal.pool.labels.ledger import AUDIT, Event, Ledger

RECENT = 10
"""The latest sought items that say whether there is more to find."""

PRECISE = 0.2
"""The share of them that has to be of the class for the search to go on as it does."""

CONTRAST = 3
"""Labels of other classes that it takes to tell the class from anything else."""

_PREFIX, _END = "seek(", ")"


class SeekPhase(StrEnum):
    """What a search does next. WAITING: it takes examples, and asks as if there were no search."""

    WAITING = "waiting"
    FINDING = "finding"
    BOUNDARY = "boundary"


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """Of ``asked`` items that were sought as of the class ``name`` and labeled, ``found`` were."""

    name: str
    found: int
    asked: int
    phase: SeekPhase


def seek_name(name: str) -> str:
    """The strategy that a sought item is logged with."""
    return f"{_PREFIX}{name}{_END}"


def progress_of(ledger: Ledger, name: str) -> SearchProgress:
    """How the search for one class stands, whether or not it has begun."""
    outcomes = list(_outcomes(ledger.labeled_latest_first(), name))[::-1]
    of_class = ledger.class_counts().get(name, 0)
    if not can_be_searched(of_class, ledger.label_count):
        phase = SeekPhase.WAITING
    else:
        phase = SeekPhase.BOUNDARY if is_at_boundary(outcomes) else SeekPhase.FINDING
    return SearchProgress(name, sum(outcomes), len(outcomes), phase)


def can_be_searched(of_class: int, labels: int) -> bool:
    """Whether a class with this share of the labels can be told from the rest."""
    return of_class > 0 and labels - of_class >= CONTRAST


def searched_classes(ledger: Ledger) -> tuple[SearchProgress, ...]:
    """All searches that labels in force come from, in the order in which they began."""
    names = dict.fromkeys(
        event.strategy.removeprefix(_PREFIX).removesuffix(_END)
        for event in ledger.decisions()
        if event.label is not None
        and event.strategy is not None
        and event.strategy.startswith(_PREFIX)
        and event.strategy.endswith(_END)
        and event.origin != AUDIT
    )
    return tuple(progress_of(ledger, name) for name in names)


def recent_outcomes(ledger: Ledger, name: str) -> tuple[bool, ...]:
    """Whether the latest ``RECENT`` sought items were of the class, the latest last."""
    return tuple(islice(_outcomes(ledger.labeled_latest_first(), name), RECENT))[::-1]


def is_at_boundary(outcomes: Iterable[bool]) -> bool:
    """Whether the latest sought items, by being of the class or not, say to turn to its boundary.

    The latest comes last. Before there are ``RECENT``, nothing says so.
    """
    latest = list(outcomes)[-RECENT:]
    return len(latest) == RECENT and sum(latest) < PRECISE * RECENT


def _outcomes(labeled: Iterable[Event], name: str) -> Iterator[bool]:
    """For each labeled item that was sought, whether it is of the class.

    Items drawn for the audit meanwhile are not sought, nor are those that the user named.
    """
    strategy = seek_name(name)
    return (e.label == name for e in labeled if e.strategy == strategy and e.origin != AUDIT)
