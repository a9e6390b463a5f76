"""What random labels would have reached by now: worked out beside the labeling."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from threading import Lock

from knnal.collaboration.desk import MultiUserSession
from knnal.pool.pool import Pool
from knnal.quality.audit import Audited, audited_items
from knnal.quality.random_baseline import LEAST_AUDITED, RandomEstimate, RandomLabels, located
from knnal.session.session import stored_geometry
from knnal_cli.latest import Latest
from knnal_cli.web import schemas


class RandomStanding:
    """The estimate for the labels of a moment ago. Nobody waits for it: it is begun when somebody
    looks, and there when they look again. It reads the pool's folder by itself.
    """

    def __init__(self, desk: MultiUserSession, folder: Path) -> None:
        self._desk = desk
        self._folder = folder
        self._labels: RandomLabels | None = None
        self._lock = Lock()
        self._random: Latest[RandomEstimate | None] = Latest("knnal-random")

    def now(self) -> schemas.RandomLabels:
        """What is known, and whether more is being worked out."""
        with self._desk.reading() as (_, ledger):
            asked = audited_items(ledger), ledger.label_count
        with self._lock:
            if self._random.wants(asked) and len(asked[0]) >= LEAST_AUDITED:
                self._random.begin(asked, lambda: self._estimate(*asked))
            found, working = self._random.found, self._random.working
        return schemas.RandomLabels(
            audited=len(asked[0]),
            needed=LEAST_AUDITED,
            working=working,
            estimate=None
            if found is None
            else schemas.CurvePoint(
                labels=found.labels, accuracy=found.accuracy, low=found.low, high=found.high
            ),
            curve=[schemas.CurvePoint(**asdict(point)) for point in found.curve] if found else [],
        )

    def close(self) -> None:
        """Wait for what is under way."""
        self._random.close()

    def _estimate(self, audited: list[Audited], labels: int) -> RandomEstimate | None:
        with closing(Pool.open(self._folder)) as pool:
            if self._labels is None:
                geometry = stored_geometry(pool)
                self._labels = RandomLabels(lambda: geometry)
            there, rows = located(pool, audited, len(pool.embeddings))
            return self._labels.estimate(there, rows, labels)
