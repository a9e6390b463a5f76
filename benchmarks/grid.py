"""Contenders x data sets x splits: what commands share that simulate labeling on embeddings."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bootstrap import bootstrap_mean
from benchmarks.running import run_all
from benchmarks.sets.catalog import EmbeddedSet, kept, kept_file
from benchmarks.source import settings_of
from benchmarks.store import Store
from knnal.acquisition.state import PoolState
from knnal.index.pool_index import PoolIndex, QueryVectors
from knnal.types import Float64Array, IntArray

_VERSION = 1
_HELD_OUT = 0.25


@dataclass(frozen=True, slots=True)
class Extent:
    """``items`` are embedded of each set (None: all), at most ``pool`` of them are asked about."""

    items: int | None
    pool: int
    held_out: int
    labels: int
    seeds: int


EXTENTS = {
    "small": Extent(1500, 800, 400, 100, 2),
    "full": Extent(None, 3000, 1000, 300, 10),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """All contenders on one split of a data set, or of its two classes that are most alike."""

    command: str
    data_set: str
    two_classes: bool
    seed: int
    contenders: tuple[str, ...]
    extent: Extent
    folder: Path

    @property
    def name(self) -> str:
        return f"{self.data_set}-of-two" if self.two_classes else self.data_set

    def result(self, contender: str) -> dict[str, Any] | None:
        """What is stored of a contender, or None."""
        return self._store.read(self._key(contender), self._settings)

    def keep(self, contender: str, result: dict[str, Any]) -> None:
        self._store.write(self._key(contender), self._settings, result)

    @property
    def _store(self) -> Store:
        return Store(self.folder / self.command)

    def _key(self, contender: str) -> tuple[str, ...]:
        return self.name, str(self.seed), contender

    @property
    def _settings(self) -> dict[str, Any]:
        return settings_of(self.extent, _VERSION)


@dataclass(frozen=True, slots=True)
class Setting:
    """A split: live rows of the geometry are asked about, the others judge.

    ``classes`` ``(rows,)`` are known, of ``class_count``; ``labels`` are given.
    """

    geometry: PoolIndex
    classes: IntArray
    class_count: int
    labels: int
    seed: int


Simulate = Callable[[Setting, str], dict[str, Any]]


def run(simulate: Simulate, cells: Sequence[Cell], jobs: int) -> None:
    """Find and store what is not stored yet; ``simulate`` is of a module, not a closure."""
    missing = [cell for cell in cells if None in map(cell.result, cell.contenders)]
    run_all(partial(_fill, simulate), missing, jobs)


def described(found: EmbeddedSet, cell: Cell) -> dict[str, Any]:
    """What the cells of a data set have in common: embedder, items of the pool and held out."""
    live = setting_of(cell).geometry.live
    return {
        "embedder": found.embedder,
        "pool": int(np.count_nonzero(live)),
        "held_out": int(np.count_nonzero(~live)),
    }


def results(cells: Sequence[Cell], contender: str) -> list[dict[str, Any]]:
    """Of a contender in each of the cells, which must have been run."""
    found = [cell.result(contender) for cell in cells]
    return [result for result in found if result is not None]


def curves(found: Sequence[dict[str, Any]], name: str) -> Float64Array:
    """A curve of each of the results, ``(seeds, points)``."""
    return np.array([result[name] for result in found], dtype=np.float64)


def difference(better: Float64Array, worse: Float64Array) -> list[float]:
    """The mean difference of paired means over the points, with its 95 % interval."""
    gain = bootstrap_mean((better.mean(axis=1) - worse.mean(axis=1)).tolist())
    return [round(value, 4) for value in (gain.mean, gain.low, gain.high)]


def set_of(name: str, folder: Path, extent: Extent, *, two_classes: bool) -> EmbeddedSet:
    """An embedded set that is kept already, or the items of its two most similar classes."""
    found = _kept(name, folder, extent.items)
    return of_two_classes(found) if two_classes else found


def of_two_classes(found: EmbeddedSet) -> EmbeddedSet:
    """The items of the two classes whose mean directions are most alike: the hardest pair."""
    means = np.stack([found.X[found.classes == c].mean(axis=0) for c in range(len(found.names))])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    alike = np.triu(means @ means.T, 1) - 2.0 * np.tri(len(means))
    pair = np.sort(np.unravel_index(int(alike.argmax()), alike.shape))
    there = np.isin(found.classes, pair)
    return EmbeddedSet(
        found.name,
        found.X[there],
        np.searchsorted(pair, found.classes[there]),
        [found.names[c] for c in pair],
        None if found.groups is None else found.groups[there],
        found.embedder,
    )


def setting_of(cell: Cell) -> Setting:
    found = set_of(cell.data_set, cell.folder, cell.extent, two_classes=cell.two_classes)
    extent = cell.extent
    split = found.split(_HELD_OUT, cell.seed, extent.pool, extent.held_out)
    rows = np.concatenate([split.pool, split.held_out])
    live = np.arange(len(rows)) < len(split.pool)
    labels = min(extent.labels, len(split.pool))
    geometry = PoolIndex.of(found.X[rows], live)
    return Setting(geometry, found.classes[rows], len(found.names), labels, cell.seed)


def with_every_label(setting: Setting, classifier: str) -> float:
    """The accuracy on the held-out items once all others are labeled."""
    live, truth = setting.geometry.live, setting.classes[~setting.geometry.live]
    rows = np.flatnonzero(live)
    state = PoolState(setting.geometry, classifier=classifier)
    state.rebuild(rows, setting.classes[rows], setting.class_count)
    P = state.classifier.predict(QueryVectors.held_out(setting.geometry))
    return float(np.mean(P.argmax(axis=1) == truth))


def _fill(simulate: Simulate, cell: Cell) -> str:
    started = time.process_time()
    setting = setting_of(cell)
    for contender in cell.contenders:
        if cell.result(contender) is None:
            cell.keep(contender, simulate(setting, contender))
    return f"{cell.name}, seed {cell.seed}: {time.process_time() - started:.1f} s"


@lru_cache(maxsize=1)
def _kept(name: str, folder: Path, items: int | None) -> EmbeddedSet:
    return kept(name, kept_file(name, folder, items))
