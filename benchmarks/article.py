"""The experiments of "Learn faster with smarter data labeling", beside knnal's default.

The article: embeddings of a pretrained network, cosine kNN, one label at a time from none, the
product of three empirical CDFs against uniform sampling, a holdout of a tenth, sixteen splits.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bootstrap import bootstrap_mean
from benchmarks.running import run_all
from benchmarks.sets.catalog import EmbeddedSet, kept, kept_file
from benchmarks.sets.splits import Split, split_at_random, split_by_group
from benchmarks.source import source_digest
from benchmarks.store import Store
from knnal import KNNClassifier, defaults
from knnal.simulation.learning_curve import Experiment
from knnal.types import Float32Array, Float64Array

AT_RANDOM, BY_GROUP = "at random", "by photo group"
ARTICLE_HELD_OUT, GROUPS_HELD_OUT = 0.1, 0.25
ARTICLE_SPLITS = 16
DEFAULT = "cdf-product+combined"
CONTENDERS = (DEFAULT, "article+knn", "article-as-printed+knn", "random+combined", "random+knn")
"""Pairs of strategy and classifier; the classifier also judges."""

EVERY_LABEL = "every-label"
"""Stands in place of a contender for the accuracy of kNN with all labels of the pool."""

_VERSION = 1
_MOST_HELD_OUT = 2000


@dataclass(frozen=True, slots=True)
class Extent:
    """``items`` are embedded (None: all), ``group_pool`` is the pool where groups are split."""

    items: int | None
    group_pool: int
    labels: int
    seeds: int


EXTENTS = {
    "small": Extent(1500, 800, 60, 2),
    "full": Extent(None, 3000, 300, ARTICLE_SPLITS),
}


@dataclass(frozen=True, slots=True)
class Task:
    """All contenders on the split of a seed."""

    data_set: str
    protocol: str
    seed: int
    contenders: tuple[str, ...]
    extent: Extent
    folder: Path

    @property
    def store(self) -> Store:
        return Store(self.folder / "article")

    def key(self, contender: str) -> tuple[str, ...]:
        return self.data_set, self.protocol.replace(" ", "-"), str(self.seed), contender

    @property
    def settings(self) -> dict[str, Any]:
        extent = self.extent
        return {
            "items": extent.items,
            "group_pool": extent.group_pool if self.protocol == BY_GROUP else None,
            "labels": extent.labels,
            "version": _VERSION,
            "knnal": source_digest(),
        }

    def missing(self) -> tuple[str, ...]:
        """Those whose result is not stored yet."""
        return tuple(
            name
            for name in (*self.contenders, EVERY_LABEL)
            if self.store.read(self.key(name), self.settings) is None
        )


def run(tasks: Sequence[Task], jobs: int) -> None:
    """Find and store what is not stored yet."""
    run_all(do, [task for task in tasks if task.missing()], jobs)


def do(task: Task) -> str:
    started = time.process_time()
    parts = _parts(task)
    experiment = Experiment(*parts)
    for name in task.missing():
        if name == EVERY_LABEL:
            accuracy = [accuracy_with_every_label(*parts)]
        else:
            strategy, _, classifier = name.partition("+")
            run = experiment.run(
                strategy, task.extent.labels, seed=task.seed, classifier=classifier
            )
            accuracy = run.accuracy.tolist()
        task.store.write(task.key(name), task.settings, {"accuracy": accuracy})
    took = time.process_time() - started
    return f"{task.data_set} {task.protocol}, seed {task.seed}: {took:.1f} s"


def split_of(found: EmbeddedSet, protocol: str, seed: int, extent: Extent) -> Split:
    if protocol == BY_GROUP:
        assert found.groups is not None
        return split_by_group(found.groups, GROUPS_HELD_OUT, seed, extent.group_pool)
    return split_at_random(len(found.X), ARTICLE_HELD_OUT, seed, None, _MOST_HELD_OUT)


def accuracy_with_every_label(
    pool: Float32Array, labels: list[str], held_out: Float32Array, held_out_labels: list[str]
) -> float:
    """Of kNN, which is as far as its curve goes."""
    predicted = KNNClassifier(n_neighbors=defaults.K).fit(pool, labels).predict(held_out)
    return float(np.mean(predicted == np.array(held_out_labels)))


def _parts(task: Task) -> tuple[Float32Array, list[str], Float32Array, list[str]]:
    """The pool's vectors and labels, and those held out."""
    found = _set(task.data_set, task.folder, task.extent.items)
    split = split_of(found, task.protocol, task.seed, task.extent)
    labels = np.array(found.names)[found.classes]
    return (
        found.X[split.pool],
        labels[split.pool].tolist(),
        found.X[split.held_out],
        labels[split.held_out].tolist(),
    )


@lru_cache(maxsize=1)
def _set(name: str, folder: Path, items: int | None) -> EmbeddedSet:
    return kept(name, kept_file(name, folder, items))


def runs_of(tasks: Sequence[Task]) -> dict[str, Float64Array]:
    """The curves of each contender, ``(seeds, labels)``, and ``EVERY_LABEL``, ``(seeds, 1)``."""
    names = (*tasks[0].contenders, EVERY_LABEL)
    found: dict[str, list[list[float]]] = {name: [] for name in names}
    for task in tasks:
        for name in names:
            result = task.store.read(task.key(name), task.settings)
            assert result is not None
            found[name].append(result["accuracy"])
    return {name: np.array(runs) for name, runs in found.items()}


def summary(
    runs: dict[str, Float64Array],
    targets: Sequence[float],
    at: Sequence[int],
    beside: str = "random+knn",
) -> dict[str, Any]:
    """Of each contender: labels until the mean curve reaches targets, accuracy at numbers of
    labels, the mean accuracy, and that less the mean of the one ``beside``, with its interval.
    """
    reference = runs.get(beside)
    found = {}
    for name, curves in runs.items():
        mean = curves.mean(axis=0)
        found[name] = {
            "labels_to": {str(target): first_at(mean, target) for target in targets},
            "by_seed": [first_at(curve, targets[-1]) for curve in curves],
            "accuracy": {str(n): round(float(mean[n - 1]), 4) for n in at if n <= len(mean)},
            "mean": round(float(mean.mean()), 4),
            "gain": None,
        }
        if reference is not None and name != beside:
            gain = bootstrap_mean((curves.mean(axis=1) - reference.mean(axis=1)).tolist())
            found[name]["gain"] = [round(v, 4) for v in (gain.mean, gain.low, gain.high)]
    return found


def first_at(curve: Float64Array, target: float) -> int | None:
    """The number of labels at which a curve from one label on first reaches the target, or None."""
    reached = np.flatnonzero(curve >= target)
    return int(reached[0]) + 1 if len(reached) else None
