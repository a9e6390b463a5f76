"""The one place that appends to a pool's label log, in step with the ledger."""

from __future__ import annotations

import copy
import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

from knnal.names import checked_name
from knnal.pool.labels.ledger import NAMED, Event, EventKind, Ledger
from knnal.pool.pool import Pool


class LogWriter:
    """Appends events by one annotator, and follows those of everybody else. Not thread-safe.

    The log is read into a new ledger unless one is given, which is then behind the log until
    ``refresh``. ``take_in`` is called with each event that the log has gained, instead of
    ``ledger.apply``. Raises InvalidNameError for an annotator's name.
    """

    def __init__(
        self,
        pool: Pool,
        annotator: str | None = None,
        *,
        ledger: Ledger | None = None,
        take_in: Callable[[Event], object] | None = None,
    ) -> None:
        self.annotator = checked_annotator(annotator)
        self.ledger = Ledger() if ledger is None else ledger
        self.pool = pool
        self.take_in = take_in or self.ledger.apply
        if ledger is None:
            self.refresh()

    def by(self, annotator: str) -> Self:
        """The same, on the same ledger, for another annotator. Raises InvalidNameError."""
        other = copy.copy(self)
        other.annotator = checked_annotator(annotator)
        return other

    def refresh(self) -> None:
        """Take in what was appended to the log since. Raises PoolDamagedError."""
        self._catch_up()

    def _catch_up(self) -> None:
        self.pool.require_sound()
        for event in self.pool.log.events(after=self.ledger.last_seq):
            self.take_in(event)

    @contextmanager
    def writing(self) -> Iterator[list[Event]]:
        """A transaction on the whole log. What is put into the list is taken in at its end."""
        events: list[Event] = []
        with self.pool.log.writing(self._catch_up):
            yield events
        for event in events:
            self.take_in(event)

    def append(self, kind: EventKind, origin: str = NAMED, **fields: Any) -> Event:
        """Append an event, inside a transaction; ``fields`` as for ``LabelLog.append``."""
        return self.pool.log.append(kind, annotator=self.annotator, origin=origin, **fields)

    def append_label(self, kind: EventKind, label: str, **fields: Any) -> list[Event]:
        """Append a label, relabel or opinion, and the class that it brings if that is new."""
        event = self.append(kind, label=label, **fields)
        if not self.ledger.lacks_class(label):
            return [event]
        return [event, self.append(EventKind.CLASS, "label", label=label, target=event.seq)]


def checked_annotator(name: str | None) -> str:
    """The name of who labels; without one, of who is logged in. Raises InvalidNameError."""
    if name is not None:
        return checked_name(name, "name of an annotator")
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # no user database, as in some containers
        return "unknown"
