"""Second opinions: which labels get one, and how far people agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from knnal.errors import InputError
from knnal.pool.labels.ledger import ASKED, AUDIT, Event, EventKind, Ledger, is_same
from knnal.session.agreement import cohens_kappa

_OVERLAP = 3
"""Distinguishes these draws from those of questions and batches with the same seed."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of ``pairs`` of labels by two people, how many are ``equal``, and Cohen's kappa of all.

    ``kappa`` is None without pairs, and where everybody always says the same one class.
    """

    pairs: int
    equal: int
    kappa: float | None


def is_drawn(label: Event, overlap: float, seed: int) -> bool:
    """Whether a label is among the share ``overlap`` that gets a second opinion.

    A draw that depends on nothing but the seed and the label's number in the log. Labels of items
    that were named or imported get none.
    """
    if label.kind is not EventKind.LABEL or label.origin not in (ASKED, AUDIT):
        return False
    return bool(np.random.default_rng((seed, label.seq, _OVERLAP)).random() < overlap)


class Awaiting:
    """The labels that were drawn for a second opinion and have none. Follows the log."""

    def __init__(self, overlap: float, seed: int) -> None:
        if not 0.0 <= overlap <= 1.0:
            raise InputError(f"overlap must be between 0 and 1, got {overlap}; 0.1 is usual.")
        self._overlap = overlap
        self._seed = seed
        self._open: dict[int, Event] = {}
        self._given: dict[int, Event] = {}
        self._taken_back: dict[int, tuple[int, Event]] = {}

    def note(self, event: Event) -> None:
        """Take in the next event of the log."""
        if is_drawn(event, self._overlap, self._seed):
            self._open[event.seq] = event
        elif event.kind is EventKind.OPINION and event.target in self._open:
            self._given[event.seq] = self._open.pop(event.target)
        elif event.kind is EventKind.UNDO and event.target in self._given:
            label = self._given.pop(event.target)
            self._taken_back[event.seq] = event.target, label
            self._open[label.seq] = label
        elif event.kind is EventKind.REDO and event.target in self._taken_back:
            opinion, label = self._taken_back.pop(event.target)
            self._given[opinion] = self._open.pop(label.seq, label)

    def labels_by_others(self, annotator: str, ledger: Ledger) -> Iterator[Event]:
        """Those in force that somebody else than the annotator gave."""
        return (
            label
            for label in self._open.values()
            if label.annotator != annotator and is_same(ledger.decision(str(label.item)), label)
        )


def agreement(ledger: Ledger) -> Agreement:
    """How far second opinions agree with the labels that they are on, as both were given."""
    pairs = [(str(first.label), str(opinion.label)) for first, opinion in ledger.opinions()]
    if not pairs:
        return Agreement(0, 0, None)
    numbers = {name: number for number, name in enumerate({n for pair in pairs for n in pair})}
    first, second = np.array([[numbers[a], numbers[b]] for a, b in pairs]).T
    return Agreement(len(pairs), int(np.sum(first == second)), cohens_kappa(first, second))
