"""Where a step's time goes, by timers around the methods that do the work.

Private to the benchmark: the product knows nothing of it. A stage's time is its own, without that
of stages called within it; what no stage covers is the rest: the log, the catalog, the like.
"""

from __future__ import annotations

import functools
import threading
from collections import defaultdict
from time import perf_counter
from typing import Any

from knnal.acquisition.coverage import Coverage
from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.cdf_product import CdfProduct
from knnal.classifiers.ensemble import Ensemble
from knnal.classifiers.graph import LabelDiffusion
from knnal.classifiers.means import NearestMean
from knnal.index.labeled import LabeledNeighbors

WATCHED: tuple[tuple[type, str, str], ...] = (
    (LabeledNeighbors, "add", "neighbors"),
    (NearestMean, "update", "reduced pass"),
    (LabelDiffusion, "update", "graph"),
    (Coverage, "update", "graph"),
    (Ensemble, "update", "weighing"),
    (PoolState, "reliability", "weighing"),
    (PoolState, "uncertainty", "uncertainty"),
    (CdfProduct, "pick", "selection"),
)
REST = "rest"
STAGES = (*dict.fromkeys(stage for _, _, stage in WATCHED), REST)


class Stages:
    """Time spent by stage, in seconds, on the thread that made this."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)
        self._thread = threading.get_ident()
        self._inner: list[float] = []
        for owner, method, stage in WATCHED:
            self._watch(owner, method, stage)

    def taken(self, total: float) -> dict[str, float]:
        """The stages of a step of so many seconds; the next step starts from zero."""
        spent = {stage: self.spent[stage] for stage in STAGES}
        spent[REST] = total - sum(spent.values())
        self.spent.clear()
        return spent

    def _watch(self, owner: type, method: str, stage: str) -> None:
        plain = getattr(owner, method)

        @functools.wraps(plain)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if threading.get_ident() != self._thread:  # work in the background is nobody's wait
                return plain(*args, **kwargs)
            self._inner.append(0.0)
            started = perf_counter()
            try:
                return plain(*args, **kwargs)
            finally:
                took = perf_counter() - started
                self.spent[stage] += took - self._inner.pop()
                if self._inner:
                    self._inner[-1] += took

        setattr(owner, method, timed)
