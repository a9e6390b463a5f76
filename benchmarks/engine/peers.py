"""The same job by other libraries and by hand: seconds from an answer to the next query.

Each works as its documentation shows, on vectors in memory, and refits at every label. knnal does
the same steps from its pool on disk. All begin with the same random labels.
"""

from __future__ import annotations

import time
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import numpy as np

from benchmarks.engine.contenders import KNNAL, PEERS, Contender, Knnal
from benchmarks.engine.opening import import_random_labels
from benchmarks.engine.pools import BenchmarkPool
from benchmarks.engine.process import in_a_process
from knnal.project import Project
from knnal.types import IntArray

START = 100
"""Labels in hand before the first query."""


@dataclass(frozen=True, slots=True)
class PeerFigures:
    """Seconds of each query, the first apart, which may prepare; ``failure`` if there is none."""

    name: str
    items: int
    seconds: list[float]
    failure: str | None = None

    @property
    def median_s(self) -> float:
        return float(np.median(self.seconds)) if self.seconds else float("nan")


def measure_peers(
    pool: BenchmarkPool, queries: int, budget_s: float, seed: int
) -> list[PeerFigures]:
    """Of knnal and all that can bear a pool of that size, each in a process of its own."""
    items = pool.made.items
    names = [KNNAL, *(name for name, (_, limit) in PEERS.items() if items <= limit)]
    figures = []
    for name in names:
        try:
            seconds, failure = in_a_process(time_queries, name, pool, queries, budget_s, seed), None
        except BrokenProcessPool:
            seconds, failure = [], "its process died, as for want of memory"
        except Exception as error:  # a peer's failure is a finding
            seconds, failure = [], f"{type(error).__name__}: {error}"
        figures.append(PeerFigures(name, items, seconds, failure))
    return figures


def time_queries(
    name: str, pool: BenchmarkPool, queries: int, budget_s: float, seed: int
) -> list[float]:
    """Seconds from an answer to the next query, as many as the budget of seconds allows."""
    import warnings

    warnings.simplefilter("ignore")  # what peers deprecate is not measured
    truth = pool.truth()
    names = list(dict.fromkeys(truth))
    numbers = np.array([names.index(label) for label in truth])
    with pool.copied() as folder:
        rows = np.array(import_random_labels(folder, truth, min(START, len(truth) // 10), seed))
        project = Project.open(folder)
        try:
            if name == KNNAL:
                contender: Contender = Knnal(project, names)
            else:
                X = np.array(project.pool.embeddings)
                contender = PEERS[name][0](X, rows, numbers[rows])
            return _timed(contender, numbers, queries, budget_s)
        finally:
            project.close()


def _timed(contender: Contender, numbers: IntArray, queries: int, budget_s: float) -> list[float]:
    seconds: list[float] = []
    begun = time.perf_counter()
    row = contender.query()
    while len(seconds) < queries and time.perf_counter() - begun < budget_s:
        started = time.perf_counter()
        contender.learn(row, int(numbers[row]))
        row = contender.query()
        seconds.append(time.perf_counter() - started)
    return seconds
