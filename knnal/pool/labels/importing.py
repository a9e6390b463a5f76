"""Labels that come with data: written to the log as one batch, so that they are undone as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum

from knnal.pool.labels.ledger import IMPORTED, EventKind
from knnal.pool.labels.writer import LogWriter
from knnal.pool.pool import Pool


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

    def __init__(self, pool: Pool, annotator: str, source: str) -> None:
        self._writer = LogWriter(pool, annotator)
        self._ledger = self._writer.ledger
        self._source = source
        self._batch: int | None = None

    def add(
        self, labels: Iterable[tuple[str, str]], *, overwrite: bool = False
    ) -> Counter[Imported]:
        """Append labels, given as pairs of item and label; how many were added, changed, kept.

        Another label that an item has stays in force unless it is to be overwritten. The same one
        is appended where it is older than the item's content. Call it inside a transaction.
        """
        self._writer.refresh()
        self._batch = self._ledger.joinable(self._batch, self._writer.annotator)
        return Counter(self._add(item, label, overwrite) for item, label in labels)

    def classes(self) -> list[str]:
        """The classes of the log as it is now."""
        self._writer.refresh()
        return self._ledger.classes()

    def note_changes(self, changes: Mapping[str, tuple[str, str]]) -> None:
        """Append that items' contents changed, from one digest to another, where anything was ever
        decided on the item. Call it inside a transaction, before the labels of the new contents.
        """
        self._writer.refresh()
        for item, (before, after) in changes.items():
            if self._ledger.knows(item):
                scores = {"before": before, "after": after}
                event = self._writer.append(EventKind.CONTENT, IMPORTED, item=item, scores=scores)
                self._writer.take_in(event)

    def outdated(self, items: Iterable[str]) -> list[str]:
        """Those of the items whose label is older than their content, as far as is known here."""
        return [item for item in items if self._ledger.is_outdated(item)]

    def _add(self, item: str, label: str, overwrite: bool) -> Imported:
        current = self._ledger.label(item)
        if current == label and not self._ledger.is_outdated(item):
            return Imported.UNCHANGED
        if current not in (None, label) and not overwrite:
            return Imported.KEPT
        events = self._writer.append_label(
            EventKind.LABEL if current is None else EventKind.RELABEL,
            label,
            item=item,
            origin=IMPORTED,
            text=self._source if self._batch is None else None,
            batch=self._batch,
        )
        for event in events:
            self._writer.take_in(event)
        if self._batch is None:
            self._batch = events[0].seq
        if current == label:
            return Imported.UNCHANGED  # but given again, to another content
        return Imported.ADDED if current is None else Imported.CHANGED
