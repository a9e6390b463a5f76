"""The accuracy curve of a strategy on one split of one data set, judged by what it asks with."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bootstrap import bootstrap_mean
from benchmarks.peers.curves import problem_of
from benchmarks.peers.judges import Problem, ceiling
from benchmarks.peers.sizes import Size
from benchmarks.peers.summary import plain
from benchmarks.sets.catalog import DATA_SETS
from benchmarks.source import source_digest
from benchmarks.store import Store
from knnal import defaults
from knnal.errors import InputError
from knnal.simulation.learning_curve import Experiment
from knnal.types import Float64Array

BASELINE = "random"
EVERY_LABEL = "every label"
"""Stands in place of a strategy for the accuracy with all labels of the pool."""

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Task:
    """All strategies on a data set with the split of a seed."""

    data_set: str
    seed: int
    strategies: tuple[str, ...]
    labels: int
    size: Size
    work: Path

    def key(self, strategy: str) -> tuple[str, ...]:
        return "areas", self.data_set, str(self.seed), file_name(strategy)

    def settings(self, strategy: str) -> dict[str, Any]:
        """What a curve depends on."""
        return {
            **self.size.settings(),
            "strategy": strategy,
            "labels": self.labels,
            "version": _VERSION,
            "knnal": source_digest(),
        }

    def stored(self, strategy: str) -> dict[str, Any] | None:
        """``accuracy`` after each label, or why there is none; None where it is not found yet."""
        return store_of(self.work, self.size).read(self.key(strategy), self.settings(strategy))

    def missing(self) -> list[str]:
        return [name for name in (*self.strategies, EVERY_LABEL) if self.stored(name) is None]


def store_of(work: Path, size: Size) -> Store:
    return Store(work / "strategies" / size.name)


def file_name(strategy: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", strategy.lower())


def do(task: Task) -> str:
    """Store what is missing; says what it was and took."""
    started = time.process_time()
    problem = problem_of(task.data_set, task.seed, task.size, task.work)
    experiment = Experiment(
        problem.X, _names(problem.classes), problem.held_out, _names(problem.held_out_classes)
    )
    for name in task.missing():
        result = _found(task, name, problem, experiment)
        store_of(task.work, task.size).write(task.key(name), task.settings(name), result)
    took = time.process_time() - started
    return f"{task.data_set}, seed {task.seed}: {took:.1f} s"


def _found(task: Task, name: str, problem: Problem, experiment: Experiment) -> dict[str, Any]:
    if name == EVERY_LABEL:
        return {"accuracy": [ceiling(problem)]}
    try:
        run = experiment.run(name, task.labels, seed=task.seed, classifier=defaults.CLASSIFIER)
    except InputError as error:  # it needs what these vectors do not have
        return {"failure": str(error)}
    return {"accuracy": run.accuracy.tolist()}


def _names(classes: Any) -> list[str]:
    return [str(c) for c in classes.tolist()]


def summed_up(tasks: Sequence[Task]) -> dict[str, Any]:
    """By data set and strategy: the area, its share of what every label gives, and its difference
    to the baseline's; strategies that failed are left out.
    """
    found: dict[str, Any] = {}
    for name in dict.fromkeys(task.data_set for task in tasks):
        own = [task for task in tasks if task.data_set == name]
        ceilings = _curves(own, EVERY_LABEL)
        assert ceilings is not None
        baseline = _curves(own, BASELINE)
        strategies = {}
        for strategy in own[0].strategies:
            curves = _curves(own, strategy)
            if curves is not None:
                strategies[strategy] = _of_one(curves, baseline, float(ceilings.mean()))
        found[name] = {
            "title": DATA_SETS[name].title,
            "every_label": round(float(ceilings.mean()), 4),
            "strategies": strategies,
        }
    return found


def _curves(tasks: Sequence[Task], strategy: str) -> Float64Array | None:
    """Accuracies ``(seeds, labels)``; None where it failed."""
    results = [task.stored(strategy) for task in tasks]
    if any(result is None or "failure" in result for result in results):
        return None
    return np.array([result["accuracy"] for result in results if result is not None])


def _of_one(curves: Float64Array, baseline: Float64Array | None, ceiling: float) -> dict[str, Any]:
    areas = curves.mean(axis=1)
    gain = None if baseline is None else bootstrap_mean((areas - baseline.mean(axis=1)).tolist())
    return {
        "area": round(float(areas.mean()), 4),
        "areas": [round(float(area), 4) for area in areas],
        "normalized": round(float(areas.mean()) / ceiling, 4),
        "gain": plain(gain),
    }
