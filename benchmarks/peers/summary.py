"""From stored curves to what is said of them: areas, labels to targets, differences, verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.article import first_at
from benchmarks.bootstrap import Interval, bootstrap_mean
from benchmarks.peers.base import COMBINED
from benchmarks.peers.contenders import CONTENDERS, PEERS
from benchmarks.peers.costs import stored_cost, timed_with
from benchmarks.peers.curves import CEILING, Task
from benchmarks.peers.ours import DEFAULT
from benchmarks.peers.sizes import HELD_OUT, Size
from benchmarks.sets.catalog import DATA_SETS, kept, kept_file
from knnal.types import Float64Array

SHARES = (0.80, 0.85, 0.90, 0.95)
"""Of the accuracy with every label of the pool."""


@dataclass(frozen=True, slots=True)
class Curves:
    """Accuracies ``(seeds, points)`` of a contender under a judge, after so many ``labels``."""

    labels: Float64Array
    accuracy: Float64Array

    def dense(self, budget: int) -> Float64Array:
        """The accuracies after 1 to ``budget`` labels, straight between the points: the rows."""
        wanted = np.arange(1, budget + 1)
        return np.array([np.interp(wanted, self.labels, row) for row in self.accuracy])

    def areas(self, budget: int) -> Float64Array:
        """The mean accuracy over 1 to ``budget`` labels, for each seed."""
        areas: Float64Array = self.dense(budget).mean(axis=1)
        return areas


@dataclass(frozen=True, slots=True)
class SetResults:
    """All curves of a data set by contender and judge, and the accuracy with every label."""

    name: str
    seeds: list[int]
    curves: dict[tuple[str, str], Curves]
    ceilings: Float64Array

    @property
    def peers(self) -> list[str]:
        return [name for name in PEERS if (name, COMBINED) in self.curves]

    def difference(self, name: str, judge: str, budget: int) -> Interval | None:
        """The contender's area less that of knnal's default under the same judge, if both are
        there.
        """
        ours, theirs = self.curves.get((DEFAULT, judge)), self.curves.get((name, judge))
        if ours is None or theirs is None:
            return None
        return bootstrap_mean((theirs.areas(budget) - ours.areas(budget)).tolist())


def load(
    name: str, seeds: Sequence[int], contenders: Sequence[str], size: Size, work: Path
) -> SetResults:
    """The results of those contenders that have one for every seed."""
    tasks = {c: [Task(name, seed, c, size, work) for seed in seeds] for c in (*contenders, CEILING)}
    results = {c: [task.stored() for task in found] for c, found in tasks.items()}
    curves = {}
    for contender in contenders:
        found = [r for r in results[contender] if r is not None]
        if len(found) < len(seeds):
            continue
        for judge in found[0]["curves"]:
            points = [r["curves"][judge] for r in found]
            curves[contender, judge] = Curves(
                np.array(points[0]["labels"], dtype=np.float64),
                np.array([p["accuracy"] for p in points]),
            )
    ceilings = np.array([r["accuracy"] for r in results[CEILING] if r is not None])
    return SetResults(name, list(seeds), curves, ceilings)


def summed_up(results: SetResults, size: Size, work: Path) -> dict[str, Any]:
    """Of a data set, as plain values."""
    embedded = kept(results.name, kept_file(results.name, work, size.items))
    split = embedded.split(HELD_OUT, 0, size.pool, size.held_out)
    names = list(dict.fromkeys(contender for contender, _ in results.curves))
    return {
        "title": DATA_SETS[results.name].title,
        "embedder": embedded.embedder,
        "items": len(embedded.X),
        "classes": len(embedded.names),
        "pool": len(split.pool),
        "held_out": len(split.held_out),
        "every_label": round(float(results.ceilings.mean()), 4),
        "contenders": {name: _contender(results, name, size.labels) for name in names},
    }


def _contender(results: SetResults, name: str, budget: int) -> dict[str, Any]:
    judges = {}
    for (contender, judge), curves in results.curves.items():
        if contender == name:
            judges[judge] = {
                "area": round(float(curves.areas(budget).mean()), 4),
                "areas": [round(float(v), 4) for v in curves.areas(budget)],
                "difference": plain(results.difference(name, judge, budget)),
            }
    mean = results.curves[name, COMBINED].dense(budget).mean(axis=0)
    target = results.ceilings.mean()
    return {
        "judge": CONTENDERS[name].judge,
        "judges": judges,
        "labels_to": {f"{share:.2f}": first_at(mean, share * target) for share in SHARES},
    }


def costs(names: Sequence[str], size: Size, work: Path) -> dict[str, Any]:
    """Median seconds and memory by pool size of what was measured of these contenders, and of what
    is timed beside them.
    """
    found: dict[str, Any] = {}
    for items in size.cost_pools:
        for name in timed_with(names):
            cost = stored_cost(name, items, size, work)
            if cost is not None:
                found.setdefault(str(items), {})[name] = _cost(cost)
    return found


def _cost(cost: dict[str, Any]) -> dict[str, Any]:
    if "failure" in cost:
        return cost
    preparing = {"preparing": _median(cost["preparing"])} if cost["preparing"] else {}
    return {
        "seconds": _median(cost["seconds"]),
        **preparing,
        "timed": len(cost["seconds"]),
        "megabytes": None if cost["memory"] is None else round(cost["memory"] / 1e6, 1),
    }


def _median(seconds: list[float]) -> float:
    return float(f"{np.median(seconds):.4g}")


def plain(interval: Interval | None) -> list[float] | None:
    if interval is None:
        return None
    return [round(value, 4) for value in (interval.mean, interval.low, interval.high)]


def cpu_seconds(tasks: Sequence[Task]) -> float:
    """What all stored results took together, whenever they were found."""
    return float(sum(result["cpu_seconds"] for task in tasks if (result := task.stored())))
