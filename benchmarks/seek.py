"""Finding a rare class: how much of it is found by how many labels.

From each data set a pool in which one class, another one for every seed, is thinned to 15 items in
a thousand. One of these is named as an example, known labels answer every question, and counted
are those of the class among the labels that follow.

    python -m benchmarks.seek --data DIR --size full

`seek` is `--seek CLASS` with the default classifier, `likeliest` the same without its turn to the
boundary, `nearest` asks for the item most similar to any of the class found so far; the others are
strategies that know nothing of the class.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from benchmarks import article, page
from benchmarks.about import about
from benchmarks.options import command_of, parser_of
from benchmarks.running import run_all
from benchmarks.sets.catalog import DATA_SETS, EmbeddedSet, embedded_set, kept, kept_file
from benchmarks.source import settings_of
from benchmarks.store import Store
from knnal import defaults
from knnal.acquisition.strategies.base import PoolView
from knnal.acquisition.strategies.search_progress import SeekPhase
from knnal.acquisition.strategies.seek import Seek
from knnal.index.pool_index import PoolIndex
from knnal.pool.pool import Pool
from knnal.session.session import Session
from knnal.types import BoolArray, Float32Array, Float64Array, IntArray

SETS = ("fruits", "cifar10", "mnist", "banking77")
SEEK, LIKELIEST, NEAREST = "seek", "likeliest", "nearest"
CONTENDERS = (SEEK, LIKELIEST, NEAREST, defaults.STRATEGY, "random")
TARGETS = (0.5, 0.9)
AT = (25, 50, 100, 200, 300)
PREVALENCE = 0.015
_VERSION = 1

Chooser: TypeAlias = Callable[[Session], str]


@dataclass(frozen=True, slots=True)
class Extent:
    """``items`` are embedded (None: all), ``pool`` of them are asked about."""

    items: int | None
    pool: int
    labels: int
    seeds: int

    @property
    def rare(self) -> int:
        """Items of the rare class in the pool."""
        return round(PREVALENCE * self.pool)


EXTENTS = {"small": Extent(1500, 1000, 100, 2), "full": Extent(None, 3000, 300, 10)}


@dataclass(frozen=True, slots=True)
class Task:
    """All contenders on the pool of a seed."""

    data_set: str
    seed: int
    extent: Extent
    folder: Path

    @property
    def store(self) -> Store:
        return Store(self.folder / "seek")

    def key(self, contender: str) -> tuple[str, ...]:
        return self.data_set, str(self.seed), contender

    @property
    def settings(self) -> dict[str, Any]:
        return settings_of(self.extent, _VERSION)

    def missing(self) -> list[str]:
        """Those whose result is not stored yet."""
        return [c for c in CONTENDERS if self.store.read(self.key(c), self.settings) is None]


def main(arguments: list[str] | None = None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    parser = parser_of("seek", __doc__)
    parser.add_argument("--sets", default=",".join(SETS), help="parted by commas (%(default)s)")
    parser.add_argument("--labels", type=int, help="for each contender (as --size has it)")
    options = parser.parse_args(given)
    started = time.perf_counter()
    extent = EXTENTS[options.size]
    extent = replace(extent, labels=options.labels or extent.labels)
    seeds = list(range(options.seeds or extent.seeds))
    sets: dict[str, Any] = {}
    for name in options.sets.split(","):
        found = embedded_set(name, options.data, options.work, extent.items)
        tasks = [Task(name, seed, extent, options.work) for seed in seeds]
        run_all(do, [task for task in tasks if task.missing()], options.jobs)
        sets[name] = {
            "title": DATA_SETS[name].title,
            "embedder": found.embedder,
            "contenders": article.summary(curves_of(tasks), TARGETS, AT, NEAREST),
        }
    spent = time.perf_counter() - started
    figures = {
        "about": about(command_of("seek", given), options.size, seeds, spent),
        "pool": extent.pool,
        "rare": extent.rare,
        "labels": extent.labels,
        "sets": sets,
    }
    page.finish(options, "seek", figures)
    return 0


def do(task: Task) -> str:
    started = time.process_time()
    found = _set(task.data_set, task.folder, task.extent.items)
    rows, rare, example = rare_pool(found.classes, task.extent, task.seed)
    names = [found.names[c] for c in found.classes[rows]]
    geometry = PoolIndex.of(np.ascontiguousarray(found.X[rows]))
    for contender in task.missing():
        hits = label(geometry, names, example, contender, task.extent.labels, task.seed)
        shares = np.cumsum(hits) / (task.extent.rare - 1)
        task.store.write(task.key(contender), task.settings, {"found": shares.tolist()})
    took = time.process_time() - started
    return f"{task.data_set}, seed {task.seed}, {found.names[rare]}: {took:.1f} s"


def rare_pool(classes: IntArray, extent: Extent, seed: int) -> tuple[IntArray, int, int]:
    """Rows of a pool in random order, the class that is rare there, and the place of an example."""
    rng = np.random.default_rng(seed)
    rare = int(rng.choice(np.flatnonzero(np.bincount(classes) >= extent.rare)))
    inside = rng.permutation(np.flatnonzero(classes == rare))[: extent.rare]
    outside = rng.permutation(np.flatnonzero(classes != rare))[: extent.pool - extent.rare]
    rows = rng.permutation(np.concatenate([inside, outside]))
    return rows, rare, int(rng.choice(np.flatnonzero(classes[rows] == rare)))


def label(
    geometry: PoolIndex, y: Sequence[str], example: int, contender: str, labels: int, seed: int
) -> BoolArray:
    """Name the example, then label so many items; which of these are of its class, in order."""
    rare = y[example]
    strategy = contender if contender not in (SEEK, LIKELIEST, NEAREST) else defaults.STRATEGY
    with closing(Pool.in_memory(geometry.X)) as pool:
        session = Session(
            pool,
            strategy=strategy,
            seek=rare if contender in (SEEK, LIKELIEST) else None,
            seed=seed,
            annotator="s",
            geometry=geometry,
        )
        choose = {LIKELIEST: _likeliest, NEAREST: _nearest(geometry.X, y, rare)}.get(
            contender, _asked
        )
        session.tell(str(example), rare)
        hits = np.zeros(labels, dtype=np.bool_)
        for step in range(labels):
            item = choose(session)
            hits[step] = y[int(item)] == rare
            session.tell(item, y[int(item)])
    return hits


def _asked(session: Session) -> str:
    question = session.ask()
    assert question is not None
    return question.item


def _likeliest(session: Session) -> str:
    search = session.search
    assert search is not None
    if search.phase is SeekPhase.WAITING:
        return _asked(session)
    view = PoolView(session.state, session.state.unlabeled, np.random.default_rng(0))
    pick = Seek(session.classes.index(search.name)).pick(view)
    assert pick is not None
    return str(pick.row)


def _nearest(X: Float32Array, y: Sequence[str], rare: str) -> Chooser:
    closest = np.full(len(X), -np.inf, dtype=np.float32)
    taken: set[str] = set()

    def choose(session: Session) -> str:
        labels = session.ledger.labels()
        for item in labels.keys() - taken:
            taken.add(item)
            if y[int(item)] == rare:
                np.maximum(closest, X @ X[int(item)], out=closest)
        rows = session.candidates
        return str(rows[np.argmax(closest[rows])])

    return choose


def curves_of(tasks: Sequence[Task]) -> dict[str, Float64Array]:
    """The share that each contender has found, ``(seeds, labels)``."""
    found: dict[str, list[list[float]]] = {name: [] for name in CONTENDERS}
    for task in tasks:
        for name in CONTENDERS:
            result = task.store.read(task.key(name), task.settings)
            assert result is not None
            found[name].append(result["found"])
    return {name: np.array(runs) for name, runs in found.items()}


@lru_cache(maxsize=1)
def _set(name: str, folder: Path, items: int | None) -> EmbeddedSet:
    return kept(name, kept_file(name, folder, items))


if __name__ == "__main__":
    sys.exit(main())
