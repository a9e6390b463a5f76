"""Labels that come with data: written to the log as one batch, so that they are undone as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from knnal.store.ledger import IMPORTED, EventKind, Ledger
from knnal.store.log import LabelLog


class Imported(StrEnum):
    """What became of a label that was imported; KEPT: the item keeps another one."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    KEPT = "kept"


class LabelImport:
    """One import, in one or more transactions; ``source`` is the name of its file or folder.

    If one of them fails, nothing more can be imported by it.
    """

    def __init__(self, log: LabelLog, annotator: str, source: str) -> None:
        self._log = log
        self._annotator = annotator
        self._source = source
        self._ledger = Ledger()
        self._batch: int | None = None

    def add(
        self, labels: Iterable[tuple[str, str]], *, overwrite: bool = False
    ) -> Counter[Imported]:
        """Append labels, given as pairs of item and label; how many were added, changed, kept.

        Another label that an item has stays in force unless it is to be overwritten. Call it inside
        a transaction.
        """
        self._log.read_into(self._ledger)
        self._batch = self._ledger.joinable(self._batch, self._annotator)
        return Counter(self._add(item, label, overwrite) for item, label in labels)

    def _add(self, item: str, label: str, overwrite: bool) -> Imported:
        current = self._ledger.label(item)
        if current == label:
            return Imported.UNCHANGED
        if current is not None and not overwrite:
            return Imported.KEPT
        events = self._log.append_label(
            EventKind.LABEL if current is None else EventKind.RELABEL,
            label,
            new_class=self._ledger.lacks_class(label),
            annotator=self._annotator,
            item=item,
            origin=IMPORTED,
            text=self._source if self._batch is None else None,
            batch=self._batch,
        )
        for event in events:
            self._ledger.apply(event)
        if self._batch is None:
            self._batch = events[0].seq
        return Imported.ADDED if current is None else Imported.CHANGED
