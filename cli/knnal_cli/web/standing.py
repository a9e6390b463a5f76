"""Where the pool stands, for everybody who watches: worked out once for all of them."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict

from knnal.collaboration.desk import MultiUserSession
from knnal.collaboration.opinions import agreement
from knnal.errors import InputError
from knnal.pool.labels.ledger import Event, EventKind
from knnal.pool.storage import ItemState
from knnal.quality.audit import audit_curve, audited_items, latest_estimate
from knnal.quality.stopping import advise
from knnal_cli.class_keys import ClassKeys
from knnal_cli.web import schemas

_FRESH_S = 0.5
_REST = 20
"""What takes long is worked out more rarely: this many times as long apart."""

_MOST_POINTS = 200


class Standing:
    """Counts, classes with keys, accuracy, curve and advice, about half a second old at most."""

    def __init__(self, desk: MultiUserSession, target: float | None, keys: ClassKeys) -> None:
        self._desk = desk
        self._keys = keys
        self._target = target
        self._lock = threading.Lock()
        self._found: schemas.Status | None = None
        self._due = 0.0
        with desk.reading() as (pool, _):
            self.items = pool.catalog.counts()[ItemState.LIVE]

    def now(self) -> schemas.Status:
        with self._lock:
            began = time.monotonic()
            if self._found is None or began >= self._due:
                self._found = self._work_out()
                now = time.monotonic()
                self._due = now + max(_FRESH_S, _REST * (now - began))
            return self._found.model_copy(update={"people": self._desk.annotators})

    def look_again(self) -> None:
        """Have the next look be a fresh one: classes have changed."""
        with self._lock:
            self._found = None

    def note(self, event: Event) -> None:
        """Take in a decision; what changes the classes is seen at the next look."""
        with self._lock:
            known = {c.name for c in self._found.classes} if self._found else set()
            of_classes = event.kind in (EventKind.RENAME, EventKind.REMOVE_CLASS)
            if of_classes or (event.label and event.label not in known):
                self._found = None

    def assign_key(self, name: str, key: str) -> None:
        """Let a key stand for a class. Raises InputError for an unknown class or key."""
        with self._desk.reading() as (_, ledger):
            known = name in ledger.class_counts()
        if not known:
            raise InputError(f"Expected a class of this pool, came '{name}'.")
        self._keys.assign(name, key)
        self.look_again()

    def rename_key(self, old: str, new: str) -> None:
        """A class that is named otherwise keeps its key."""
        self._keys.rename(old, new)
        self.look_again()

    def _work_out(self) -> schemas.Status:
        with self._desk.reading() as (_, ledger):
            audited = audited_items(ledger)
            advice = advise(ledger, audited, self._target)
            counts = ledger.class_counts()
            labeled, skipped = ledger.label_count, len(ledger.skipped())
            agreed, doubtful = agreement(ledger), len(ledger.conflicts())
            latest = ledger.last_seq
        estimate = latest_estimate(audited)
        curve = audit_curve(audited)
        step = -(-len(curve) // _MOST_POINTS) or 1
        keys = {name: key for key, name in self._keys.of(list(counts)).items()}
        return schemas.Status(
            items=self.items,
            labeled=labeled,
            skipped=skipped,
            remaining=max(self.items - labeled - skipped, 0),
            people=[],
            classes=[
                schemas.ClassCount(name=name, key=keys.get(name), count=count)
                for name, count in counts.items()
            ],
            accuracy=None
            if estimate is None
            else schemas.Accuracy(
                accuracy=estimate.accuracy,
                low=estimate.low,
                high=estimate.high,
                audited=estimate.audited,
            ),
            curve=[
                schemas.CurvePoint(**asdict(point)) for point in (*curve[:-1:step], *curve[-1:])
            ],
            advice=schemas.Advice(
                could_stop=advice.could_stop, reasons=list(advice.reasons), outlook=advice.outlook
            ),
            agreement=schemas.Agreement(**asdict(agreed)),
            conflicts=doubtful,
            latest=latest,
        )
