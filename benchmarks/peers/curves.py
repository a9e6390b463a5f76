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
from benchmarks.sets.catalogue import kept, kept_file
from benchmarks.store import Store
from knnal.linalg import unit_rows

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
    def key(self) -> tuple[str, ...]:
        return self.data_set, str(self.seed), file_name(self.contender)

    @property
    def settings(self) -> dict[str, Any]:
        known = CONTENDERS.get(self.contender)
        with_what = known.settings if known else ""
        return {**self.size.settings(), "version": _VERSION, "with": with_what}

    def stored(self) -> dict[str, Any] | None:
        """The result, or None where there is none yet."""
        return store_of(self.work, self.size).read(self.key, self.settings)


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
    if task.contender == CEILING:
        result: dict[str, Any] = {"accuracy": ceiling(problem)}
    else:
        result = judged(task.contender, problem, task.size)
    took = time.process_time() - started
    store_of(task.work, task.size).write(
        task.key, task.settings, {**result, "cpu_seconds": round(took, 3)}
    )
    return f"{task.data_set}, seed {task.seed}, {task.contender}: {took:.1f} s"


def judged(name: str, problem: Problem, size: Size) -> dict[str, Any]:
    """What a contender asked, and its curve under knnal's judges and under its own.

    knnal's questions and random ones are judged by everybody's.
    """
    entry = CONTENDERS[name]
    ours = name in OURS
    budget = min(size.own_labels if ours else size.labels, len(problem.X))
    setting = Setting(problem.X, problem.class_count, problem.seed, ahead=budget)
    asked = asked_by(entry, setting, problem.classes, budget)
    curves = {}
    for judge in JUDGES if ours else dict.fromkeys((KNN, COMBINED, entry.judge)):
        if ours and judge in (KNN, COMBINED):  # cheap, and what is claimed counts single labels
            at = list(range(1, budget + 1))
        else:
            at = points(min(budget, size.labels))
        curves[judge] = {"labels": at, "accuracy": curve(judge, problem, asked[: at[-1]], at)}
    return {"asked": asked, "curves": curves}


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
