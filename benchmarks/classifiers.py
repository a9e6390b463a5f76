"""Every classifier with the same random labels: how often it is right, and how far it is believed.

    python -m benchmarks.classifiers --data DIR

Six data sets. The calibration error is that on held-out items, before and after a temperature that
is fitted as ``knnal predict --calibrated`` does: on labeled items, each predicted without its own
label; on at most a hundred of them, as if these were audited.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import page
from benchmarks.about import about
from benchmarks.bootstrap import bootstrap_mean
from benchmarks.options import command_of, parser_of
from benchmarks.running import run_all
from benchmarks.sets.catalog import DATA_SETS, embedded_set, kept, kept_file
from benchmarks.source import settings_of
from benchmarks.store import Store
from knnal.acquisition.state import PoolState
from knnal.index.pool_index import PoolIndex, QueryVectors
from knnal.quality.calibration import LEAST_AUDITED
from knnal.session.calibration import (
    expected_calibration_error,
    fit_temperature,
    reliability,
    with_temperature,
)
from knnal.types import FloatArray, IntArray

CLASSIFIERS = ("knn", "graph", "means", "combined", "ridge")
REFERENCE = "combined"
HELD_OUT = 0.25
_VERSION = 1
_AUDITED = 100
_PARTS = ("classifiers", "neighbors", "scoring", "state.py", "compiled.py", "linalg.py")
_MEASURES = ("accuracy", "error", "calibrated_error", "temperature")


@dataclass(frozen=True, slots=True)
class Extent:
    """``items`` are embedded of each set (None: all), ``pool`` and ``held_out`` of them used."""

    items: int | None
    pool: int
    held_out: int
    labels: tuple[int, ...]
    seeds: int


EXTENTS = {
    "small": Extent(1500, 1000, 500, (10, 30, 100, 300, 1000), 2),
    "full": Extent(None, 5000, 2000, (10, 30, 100, 300, 1000, 3000), 5),
}


@dataclass(frozen=True, slots=True)
class Task:
    """All classifiers on the split of a seed."""

    data_set: str
    seed: int
    extent: Extent
    work: Path

    @property
    def store(self) -> Store:
        return Store(self.work / "classifiers")

    @property
    def key(self) -> tuple[str, ...]:
        return self.data_set, str(self.seed)

    @property
    def settings(self) -> dict[str, Any]:
        return settings_of(self.extent, _VERSION, *_PARTS)

    def stored(self) -> dict[str, Any] | None:
        return self.store.read(self.key, self.settings)


def do(task: Task) -> str:
    """Store each measure of each classifier at each number of labels; says what it was."""
    started = time.process_time()
    found = kept(task.data_set, kept_file(task.data_set, task.work, task.extent.items))
    split = found.split(HELD_OUT, task.seed, task.extent.pool, task.extent.held_out)
    geometry = PoolIndex.of(found.X[split.pool])
    outsiders = QueryVectors(geometry, found.X[split.held_out])
    classes, truth = found.classes[split.pool], found.classes[split.held_out]
    measured: dict[str, Any] = {}
    for name in CLASSIFIERS:
        state = PoolState(geometry, classifier=name)
        measured[name] = {}
        for count in (n for n in task.extent.labels if n <= len(classes)):
            state.rebuild(np.arange(count), classes[:count], len(found.names))
            measured[name][str(count)] = measure(state, outsiders, truth)
    result = {"measured": measured, "pool": len(split.pool), "held_out": len(split.held_out)}
    task.store.write(task.key, task.settings, result)
    return f"{task.data_set}, seed {task.seed}: {time.process_time() - started:.1f} s"


def measure(state: PoolState, outsiders: QueryVectors, truth: IntArray) -> dict[str, float | None]:
    """``_MEASURES`` of what is predicted of held-out items; None for too few labels to tell."""
    P = state.classifier.predict(outsiders)
    found: dict[str, float | None] = dict.fromkeys(_MEASURES)
    found["accuracy"] = float(np.mean(P.argmax(axis=1) == truth))
    found["error"] = _error(P, truth)
    labeled = state.labeling.labeled[:_AUDITED]
    if len(labeled) >= LEAST_AUDITED:
        left_out = state.classifier.probabilities(labeled)
        temperature = fit_temperature(left_out, state.labeling.classes[labeled].astype(np.int64))
        found["temperature"] = temperature
        found["calibrated_error"] = _error(with_temperature(P, temperature), truth)
    return found


def _error(P: FloatArray, truth: IntArray) -> float:
    bins = reliability(P.max(axis=1), P.argmax(axis=1) == truth)
    return expected_calibration_error(bins)


def summed_up(tasks: list[Task]) -> dict[str, Any]:
    """Of a data set: the means over the seeds, and the accuracy less that of ``REFERENCE``."""
    results = [result for task in tasks if (result := task.stored()) is not None]
    first = results[0]["measured"]
    found: dict[str, Any] = {}
    for name in CLASSIFIERS:
        found[name] = {}
        for count in first[name]:
            runs = [result["measured"][name][count] for result in results]
            others = [result["measured"][REFERENCE][count] for result in results]
            gain = bootstrap_mean(
                [
                    run["accuracy"] - other["accuracy"]
                    for run, other in zip(runs, others, strict=True)
                ]
            )
            found[name][count] = {
                **{measure: _mean([run[measure] for run in runs]) for measure in _MEASURES},
                "gain": [round(value, 4) for value in (gain.mean, gain.low, gain.high)],
            }
    data_set = DATA_SETS[tasks[0].data_set]
    sizes = {"pool": results[0]["pool"], "held_out": results[0]["held_out"]}
    return {"title": data_set.title, **sizes, "classifiers": found}


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 4) if known else None


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    parser = parser_of("classifiers", __doc__)
    parser.add_argument(
        "--sets", default=",".join(DATA_SETS), help="data sets, parted by commas (%(default)s)"
    )
    options = parser.parse_args(given)
    started = time.perf_counter()
    extent, names = EXTENTS[options.size], options.sets.split(",")
    seeds = list(range(options.seeds or extent.seeds))
    for name in names:
        embedded_set(name, options.data, options.work, extent.items)
    tasks = {name: [Task(name, seed, extent, options.work) for seed in seeds] for name in names}
    waiting = [task for of_set in tasks.values() for task in of_set if task.stored() is None]
    run_all(do, waiting, options.jobs)
    took = time.perf_counter() - started
    page.finish(
        options,
        "classifiers",
        {
            "about": about(command_of("classifiers", given), options.size, seeds, took),
            "reference": REFERENCE,
            "audited": _AUDITED,
            "sets": {name: summed_up(of_set) for name, of_set in tasks.items()},
        },
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
