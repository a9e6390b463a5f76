"""Progress, accuracy and advice for everybody who watches, worked out once for all of them."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from pathlib import Path

from knnal.collaboration.multi_user import MultiUserSession
from knnal.collaboration.opinions import agreement
from knnal.errors import InputError
from knnal.pool.index_files import stored_index
from knnal.pool.labels.ledger import Event, EventKind
from knnal.pool.pool import Pool
from knnal.pool.storage import ItemState
from knnal.quality.audit import Audited, CurvePoint, audit_curve, audited_items, latest_estimate
from knnal.quality.random_baseline import (
    LEAST_AUDITED,
    RandomEstimate,
    RandomLabels,
    located,
)
from knnal.quality.stopping import advise
from knnal_cli.class_keys import ClassKeys
from knnal_cli.latest import Latest
from knnal_cli.web import responses

_FRESH_S = 0.5
_REST = 20
"""What takes long is worked out more rarely: this many times as long apart."""

_MOST_POINTS = 200


class StatusFeed:
    """Counts, classes with keys, accuracy, curve and advice, about half a second old at most."""

    def __init__(self, session: MultiUserSession, target: float | None) -> None:
        self._session = session
        self._keys = ClassKeys.in_pool(session.pool)
        self._target = target
        self._lock = threading.Lock()
        self._found: responses.StatusOut | None = None
        self._is_stale = False
        self._due = 0.0
        self._items = session.pool.catalog.counts()[ItemState.LIVE]

    def now(self) -> responses.StatusOut:
        """The status, now or a moment ago."""
        with self._lock:
            began = time.monotonic()
            if self._found is None or self._is_stale or began >= self._due:
                self._is_stale = False
                self._found = self._work_out()
                now = time.monotonic()
                self._due = now + max(_FRESH_S, _REST * (now - began))
            return self._found.model_copy(update={"people": self._session.annotators})

    def look_again(self) -> None:
        """Have the next status be a fresh one: classes have changed."""
        self._is_stale = True

    def take_in(self, event: Event) -> None:
        """Take in a decision; what changes the classes is in the next status."""
        found = self._found
        known = {c.name for c in found.classes} if found else set()
        of_classes = event.kind in (EventKind.RENAME, EventKind.REMOVE_CLASS)
        if of_classes or (event.label and event.label not in known):
            self.look_again()

    def assign_key(self, name: str, key: str) -> None:
        """Let a key stand for a class. Raises InputError for an unknown class or key."""
        if name not in self._session.classes():
            raise InputError(f"There is no class '{name}' in this pool. Add it first.")
        self._keys.assign(name, key)
        self.look_again()

    def rename_key(self, old: str, new: str) -> None:
        """A class keeps its key when it is renamed."""
        self._keys.rename(old, new)
        self.look_again()

    def _work_out(self) -> responses.StatusOut:
        with self._session.reading() as ledger:
            audited = audited_items(ledger)
            advice = advise(ledger, audited, self._target)
            counts = ledger.class_counts()
            labeled, skipped = ledger.label_count, len(ledger.skipped())
            agreed, conflicts = agreement(ledger), len(ledger.conflicts())
            latest = ledger.last_seq
        estimate = latest_estimate(audited)
        curve = audit_curve(audited)
        step = -(-len(curve) // _MOST_POINTS) or 1
        keys = {name: key for key, name in self._keys.of(list(counts)).items()}
        return responses.StatusOut(
            items=self._items,
            labeled=labeled,
            skipped=skipped,
            remaining=max(self._items - labeled - skipped, 0),
            people=[],
            classes=[
                responses.ClassOut(name=name, key=keys.get(name), count=count)
                for name, count in counts.items()
            ],
            accuracy=None if estimate is None else responses.Accuracy.model_validate(estimate),
            curve=[*curve[:-1:step], *curve[-1:]],
            advice=responses.AdviceOut.model_validate(advice),
            agreement=agreed,
            conflicts=conflicts,
            latest=latest,
        )


class RandomBaseline:
    """The estimate for the labels of a moment ago. Nobody waits for it: it is begun when somebody
    asks, and there when they ask again. It reads the pool's folder by itself.
    """

    def __init__(self, session: MultiUserSession, folder: Path) -> None:
        self._session = session
        self._folder = folder
        self._labels: RandomLabels | None = None
        self._lock = threading.Lock()
        self._estimate: Latest[RandomEstimate | None] = Latest("knnal-random")

    def now(self) -> responses.RandomBaselineOut:
        """What is known, and whether more is being worked out."""
        with self._session.reading() as ledger:
            asked = audited_items(ledger), ledger.label_count
        with self._lock:
            if self._estimate.wants(asked) and len(asked[0]) >= LEAST_AUDITED:
                self._estimate.begin(asked, lambda: self._work_out(*asked))
            found, working = self._estimate.found, self._estimate.working
        return responses.RandomBaselineOut(
            audited=len(asked[0]),
            needed=LEAST_AUDITED,
            working=working,
            estimate=None
            if found is None
            else CurvePoint(found.labels, found.accuracy, found.low, found.high),
            curve=[] if found is None else list(found.curve),
        )

    def close(self) -> None:
        """Wait for what is under way."""
        self._estimate.close()

    def _work_out(self, audited: list[Audited], labels: int) -> RandomEstimate | None:
        with closing(Pool.open(self._folder)) as pool:
            if self._labels is None:
                index = stored_index(pool)
                self._labels = RandomLabels(lambda: index)
            there, rows = located(pool, audited, len(pool.embeddings))
            return self._labels.estimate(there, rows, labels)
