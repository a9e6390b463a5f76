"""Labeling in batches that double, judged where a batch ends; results are kept one by one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bootstrap import bootstrap_mean
from benchmarks.guided.viewed import ViewedItems, load
from benchmarks.running import run_all
from benchmarks.sets.splits import split_at_random
from benchmarks.source import source_digest
from benchmarks.store import Store
from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.terms import term_of
from knnal.classifiers.vote import VoteOptions
from knnal.session.schedule import Schedule, ScheduleKind
from knnal.simulation.holdout import Holdout
from knnal.simulation.measures import accuracy
from knnal.types import Float32Array, Float64Array, IntArray

CLASSIFIER = "knn"
GUIDED, RANDOM = "guided", "random"


@dataclass(frozen=True, slots=True)
class Contender:
    """``weights``: whether rare classes' votes weigh more."""

    strategy: str
    weights: bool

    def __str__(self) -> str:
        return f"{self.strategy}{', class weights' if self.weights else ''}"

    @property
    def vote(self) -> VoteOptions:
        return VoteOptions(balanced=self.weights)


CONTENDERS = (
    Contender(GUIDED, weights=True),
    Contender(GUIDED, weights=False),
    Contender("entropy", weights=False),
    Contender(RANDOM, weights=True),
    Contender(RANDOM, weights=False),
)


@dataclass(frozen=True, slots=True)
class Extent:
    """``items`` with ``views`` each, of which ``held_out`` judge; batches double from ``first``
    labels until there are ``last``.
    """

    items: int
    views: int
    held_out: int
    first: int
    last: int
    seeds: int

    @property
    def sizes(self) -> list[int]:
        """Labels at the end of each batch."""
        sizes = [self.first]
        while sizes[-1] < self.last:
            sizes.append(2 * sizes[-1])
        return sizes


EXTENTS = {
    "small": Extent(3000, 4, 500, 80, 1280, 3),
    "full": Extent(12_000, 8, 2000, 160, 5120, 5),
}


@dataclass(frozen=True, slots=True)
class Task:
    """One labeling: a contender, on the split of a seed."""

    data_set: str
    seed: int
    contender: Contender
    extent: Extent
    work: Path

    @property
    def store(self) -> Store:
        return Store(self.work / "guided" / "runs")

    @property
    def key(self) -> tuple[str, ...]:
        weights = "weights" if self.contender.weights else "plain"
        return self.data_set, str(self.seed), f"{self.contender.strategy}-{weights}"

    @property
    def settings(self) -> dict[str, Any]:
        return {"extent": asdict(self.extent), "knnal": source_digest()}

    @property
    def result(self) -> dict[str, Any] | None:
        return self.store.read(self.key, self.settings)


def run(tasks: Sequence[Task], jobs: int) -> None:
    """Do what is not done yet."""
    run_all(_run_one, [task for task in tasks if task.result is None], jobs)


def _run_one(task: Task) -> str:
    started = time.process_time()
    items = _items(task.data_set, task.work, task.extent.items, task.extent.views)
    held_out = held_out_of(items, task.seed, task.extent)
    extent = task.extent
    holdout = Holdout(items.geometry(held_out), items.classes, len(items.names))
    outcome = holdout.run(
        task.contender.strategy,
        extent.last,
        seed=task.seed,
        classifier=CLASSIFIER,
        vote=task.contender.vote,
        schedule=Schedule(ScheduleKind.DOUBLING, extent.first),
    )
    asked, ends = items.classes[outcome.asked], np.array(extent.sizes)
    classes = [np.bincount(asked[:end], minlength=len(items.names)).tolist() for end in ends]
    result = {
        "accuracy": accuracy(outcome.hits, holdout.support)[ends - 1].tolist(),
        "classes": classes,
        "asked": outcome.asked.tolist(),
    }
    task.store.write(task.key, task.settings, result)
    took = time.process_time() - started
    return f"{task.data_set}, {task.contender}, seed {task.seed}: {took:.1f} s"


def held_out_of(items: ViewedItems, seed: int, extent: Extent) -> IntArray:
    share = extent.held_out / len(items.classes)
    return split_at_random(len(items.classes), share, seed, None, extent.held_out).held_out


def confusion(items: ViewedItems, task: Task, labels: int) -> tuple[IntArray, Float32Array]:
    """The rows without a label after the first labels of a run, and how confusing each is."""
    assert task.result is not None
    asked = np.array(task.result["asked"][:labels], dtype=np.int64)
    geometry = items.geometry(held_out_of(items, task.seed, task.extent))
    state = PoolState(geometry, classifier=CLASSIFIER, vote=task.contender.vote)
    state.rebuild(asked, items.classes[asked], len(items.names))
    rows = np.flatnonzero(state.unlabeled)
    return rows, term_of("response-entropy").of(state)[rows]


def summary(tasks: Sequence[Task]) -> dict[str, Any]:
    """Of each contender: the mean accuracy where batches end, the classes asked about there, and
    the mean of its accuracies less that of random labels with the same votes, with its interval.
    """
    sizes = tasks[0].extent.sizes
    curves = {c: _stacked(tasks, c, "accuracy") for c in CONTENDERS}
    found: dict[str, Any] = {}
    for contender, runs in curves.items():
        classes = _stacked(tasks, contender, "classes").mean(axis=0)
        shares = np.sort(classes / classes.sum(axis=1, keepdims=True), axis=1)
        reference = curves[Contender(RANDOM, contender.weights)]
        gains = (runs - reference).mean(axis=1)
        gain = None
        if contender.strategy != RANDOM:
            interval = bootstrap_mean(gains.tolist())
            gain = [round(v, 4) for v in (interval.mean, interval.low, interval.high)]
        found[str(contender)] = {
            "accuracy": runs.mean(axis=0).round(4).tolist(),
            "classes": classes.round(1).tolist(),
            "rarest": shares[:, 0].round(4).tolist(),
            "commonest": shares[:, -1].round(4).tolist(),
            "gain": gain,
            "enough": _enough(runs.mean(axis=0), reference.mean(axis=0)[-1], sizes),
        }
    return found


def _enough(curve: Float64Array, target: float, sizes: Sequence[int]) -> int | None:
    """The labels at which a mean curve reaches what random labels reach with all of theirs."""
    reached = np.flatnonzero(curve >= target)
    return sizes[int(reached[0])] if len(reached) else None


def _stacked(tasks: Sequence[Task], contender: Contender, field: str) -> Float64Array:
    results = [task.result for task in tasks if task.contender == contender]
    assert all(result is not None for result in results)
    return np.array([result[field] for result in results if result is not None], dtype=np.float64)


@lru_cache(maxsize=1)
def _items(name: str, work: Path, items: int, views: int) -> ViewedItems:
    return load(name, work, items, views)
