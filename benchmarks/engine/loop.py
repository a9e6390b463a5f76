"""The real loop on a pool on disk: ask, answer, ask again, with every answer durable."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from benchmarks.engine.pools import BenchmarkPool
from benchmarks.engine.process import Memory, MemoryPeak, available_memory
from benchmarks.engine.stages import Stages
from knnal.project import Project
from knnal.session.questions import Question
from knnal.session.session import Session
from knnal.types import Float32Array

STRATEGY, CLASSIFIER = "cdf-product", "combined"
EARLY = (5, 50)
"""The labels in hand at the first and at the last step of the window "up to 50 labels"."""

BASELINES = 5
"""Baseline passes in each window, spread over it."""

_READ_ROWS = 65536


@dataclass(frozen=True, slots=True)
class Step:
    """One answer and the question after it. ``labels`` were in hand before; ``new_class`` says
    that the answer was a class that no item had. Seconds; ``prepared_s`` if it was anticipated.
    """

    labels: int
    seconds: float
    stages: dict[str, float]
    new_class: bool
    prepared_s: float | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The steps from ``first`` to ``last`` labels in hand; baselines of the same minutes."""

    first: int
    last: int
    steps: list[Step]
    baselines_s: list[float]
    anticipated: list[Step]

    @property
    def baseline_s(self) -> float:
        return float(np.median(self.baselines_s))

    def quantile_s(self, percent: float) -> float:
        return float(np.percentile([step.seconds for step in self.steps], percent))

    def ratio(self, percent: float) -> float:
        return self.quantile_s(percent) / self.baseline_s

    def stage_s(self, stage: str) -> float:
        return float(np.median([step.stages[stage] for step in self.steps]))

    def perceived_s(self, percent: float) -> float:
        """Of answers with a class that there was already: no other can be anticipated."""
        known = [step.seconds for step in self.anticipated if not step.new_class]
        return float(np.percentile(known, percent)) if known else float("nan")

    def prepared_s(self) -> float:
        times = [s.prepared_s for s in self.anticipated if s.prepared_s is not None]
        return float(np.median(times)) if times else float("nan")


@dataclass(frozen=True, slots=True)
class LoopFigures:
    """What the loop took on one pool; ``early`` is the window of the first labels."""

    items: int
    dimension: int
    early: Window
    windows: list[Window]
    fits_in_memory: bool | None
    memory: Memory


class Loop:
    """A session, and who answers it: the true classes."""

    def __init__(self, session: Session, truth: list[str], stages: Stages) -> None:
        self._session = session
        self._truth = truth
        self._stages = stages
        self._X: Float32Array = np.asarray(session.pool.embeddings)
        self._question = self._asked()
        self.labels = 0
        self.steps: list[Step] = []
        self.baselines: list[tuple[int, float]] = []

    def run(self, steps: int, *, baselines: int = 0) -> None:
        """Answer so many questions, with so many baseline passes in between."""
        every = max(1, steps // baselines) if baselines else steps + 1
        for number in range(steps):
            if baselines and number % every == 0:
                self.baselines.append((self.labels, self._baseline()))
            self.steps.append(self._step(None))

    def run_anticipated(self, steps: int) -> None:
        """Answer so many questions, each after what may come next has been prepared."""
        for _ in range(steps):
            started = time.perf_counter()
            self._session.anticipate(self._question)
            self._session.finish_anticipating()  # who labels looks at the item for longer than that
            self.steps.append(self._step(time.perf_counter() - started))
        self._session.predict([self._question.item])  # the state is that of the last answer again

    def window(self, first: int, last: int, anticipated: tuple[int, int]) -> Window:
        return Window(
            first,
            last,
            [s for s in self.steps if s.prepared_s is None and first <= s.labels <= last],
            [seconds for labels, seconds in self.baselines if first <= labels <= last],
            [
                s
                for s in self.steps
                if s.prepared_s is not None and anticipated[0] <= s.labels < anticipated[1]
            ],
        )

    def _step(self, prepared_s: float | None) -> Step:
        item = self._question.item
        label = self._truth[int(item)]
        new_class = label not in self._session.classes
        self._stages.spent.clear()
        started = time.perf_counter()
        self._session.tell(item, label)
        self._question = self._asked()
        seconds = time.perf_counter() - started
        self.labels += 1
        return Step(self.labels - 1, seconds, self._stages.taken(seconds), new_class, prepared_s)

    def _asked(self) -> Question:
        question = self._session.ask()
        assert question is not None, "more labels than items"
        return question

    def _baseline(self) -> float:
        """One numpy pass over the same memory-mapped rows."""
        q = np.array(self._X[int(self._question.item)])
        started = time.perf_counter()
        self._X @ q
        return time.perf_counter() - started


def measure_loop(
    pool: BenchmarkPool, points: tuple[int, ...], steps: int, anticipated: int
) -> LoopFigures:
    """Label from none to the last point; at each, take so many steps, then so many anticipated."""
    truth = pool.truth()
    with pool.copied() as folder, MemoryPeak() as peak:
        project = Project.open(folder)
        fits = read_once(project.pool.embeddings)
        session = project.session(strategy=STRATEGY, classifier=CLASSIFIER)
        loop = Loop(session, truth, Stages())
        spans = []
        loop.run(min(EARLY[0], points[0]))
        for point in points:
            early = max(0, min(point, EARLY[1]) - loop.labels)
            loop.run(early, baselines=BASELINES)
            loop.run(point - loop.labels)
            start = loop.labels
            loop.run(steps, baselines=BASELINES)
            loop.run_anticipated(anticipated)
            spans.append((start, start + steps, start + steps + anticipated))
        project.close()
    n, d = project.pool.embeddings.shape
    windows = [loop.window(a, b - 1, (b, c)) for a, b, c in spans]
    return LoopFigures(n, d, loop.window(*EARLY, (0, 0)), windows, fits, peak.memory)


def read_once(X: Float32Array) -> bool | None:
    """Read all rows, so that the system has them in memory; whether they fit there."""
    available = available_memory()
    for start in range(0, len(X), _READ_ROWS):
        X[start : start + _READ_ROWS].sum(dtype=np.float64)
    return None if available is None else available > X.nbytes
