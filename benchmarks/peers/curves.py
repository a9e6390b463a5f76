"""One contender on one split of one data set: what it asks, and how good that was."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.peers.base import COMBINED, KNN, Setting
from benchmarks.peers.contenders import CONTENDERS, OURS, asked_by
from benchmarks.peers.judges import JUDGES, Problem, ceiling, curve, points
from benchmarks.peers.sizes import HELD_OUT, Size
from benchmarks.sets.catalog import kept, kept_file
from benchmarks.source import JUDGING, source_digest
from benchmarks.store import Store
from knnal.index.linalg import unit_rows

CEILING = "every label"
"""Stands in place of a contender for the accuracy with all labels of the pool."""

_VERSION = 1
"""Rises when a change here makes earlier results others."""


@dataclass(frozen=True, slots=True)
class Task:
    """A contender, or ``CEILING``, on a data set with the split of a seed."""

    data_set: str
    seed: int
    contender: str
    size: Size
    work: Path

    @property
    def store(self) -> Store:
        return store_of(self.work, self.size)

    def key(self, what: str) -> tuple[str, ...]:
        return self.data_set, str(self.seed), file_name(self.contender), what

    @property
    def asking(self) -> dict[str, Any]:
        """What its questions depend on; those of others do not depend on knnal."""
        entry = CONTENDERS.get(self.contender)
        return {
            **self.size.settings(),
            "version": _VERSION,
            "with": entry.settings if entry else "",
            "knnal": source_digest() if self.contender in OURS else "",
        }

    @property
    def judging(self) -> dict[str, Any]:
        """What its curves depend on besides."""
        return {"asking": self.asking, "judges": source_digest(*JUDGING)}

    def stored(self) -> dict[str, Any] | None:
        """The curves, or None where there are none yet."""
        return self.store.read(self.key("judged"), self.judging)


def file_name(contender: str) -> str:
    return contender.replace(" ", "-").replace(",", "")


def store_of(work: Path, size: Size) -> Store:
    return Store(work / "peers" / size.name)


def waiting(tasks: Iterable[Task]) -> list[Task]:
    """Those whose result is not stored yet."""
    return [task for task in tasks if task.stored() is None]


def do(task: Task) -> str:
    """Store the result of a task; says what it was and took."""
    warnings.simplefilter("ignore")  # what peers deprecate or find hard is not measured
    started = time.process_time()
    problem = problem_of(task.data_set, task.seed, task.size, task.work)
    before = 0.0
    if task.contender == CEILING:
        result: dict[str, Any] = {"accuracy": ceiling(problem)}
    else:
        asked, before = _asked(task, problem, started)
        result = {"curves": judged(task.contender, problem, asked, task.size)}
    took = before + time.process_time() - started
    task.store.write(task.key("judged"), task.judging, {**result, "cpu_seconds": round(took, 3)})
    return f"{task.data_set}, seed {task.seed}, {task.contender}: {took:.1f} s"


def _asked(task: Task, problem: Problem, started: float) -> tuple[list[int], float]:
    """What the contender asks, and how many seconds that took in an earlier run, if it did."""
    known = task.store.read(task.key("asked"), task.asking)
    if known is not None:
        return known["asked"], known["cpu_seconds"]
    budget = _budget(problem, task.size)
    setting = Setting(problem.X, problem.class_count, problem.seed, ahead=budget)
    asked = asked_by(CONTENDERS[task.contender], setting, problem.classes, budget)
    took = time.process_time() - started
    task.store.write(
        task.key("asked"), task.asking, {"asked": asked, "cpu_seconds": round(took, 3)}
    )
    return asked, 0.0


def judged(name: str, problem: Problem, asked: list[int], size: Size) -> dict[str, Any]:
    """The curve of what a contender asked under knnal's judges and under its own.

    Where there are peers, knnal's questions and random ones are judged by everybody's.
    """
    ours = name in OURS
    budget = _budget(problem, size)
    judges = dict.fromkeys((KNN, COMBINED, CONTENDERS[name].judge))
    curves = {}
    for judge in JUDGES if ours and size.with_peers else judges:
        # Each label where that is cheap: what is claimed counts single labels.
        every = ours and judge in (KNN, COMBINED)
        at = list(range(1, budget + 1)) if every else points(budget)
        curves[judge] = {"labels": at, "accuracy": curve(judge, problem, asked[: at[-1]], at)}
    return curves


def _budget(problem: Problem, size: Size) -> int:
    return min(size.labels, len(problem.X))


@lru_cache(maxsize=2)
def problem_of(name: str, seed: int, size: Size, work: Path) -> Problem:
    """The split of a seed, which is the same for every contender."""
    found = kept(name, kept_file(name, work, size.items))
    split = found.split(HELD_OUT, seed, size.pool, size.held_out)
    return Problem(
        unit_rows(found.X[split.pool]),
        found.classes[split.pool],
        unit_rows(found.X[split.held_out]),
        found.classes[split.held_out],
        len(found.names),
        seed,
    )
