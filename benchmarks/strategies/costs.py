"""What a label costs: the state's update and the next pick, beside one pass over the vectors."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engine.pools import mixed
from benchmarks.engine.seeds import Seeds
from benchmarks.peers.sizes import Size
from benchmarks.sets.catalog import FRUITS, kept, kept_file
from benchmarks.source import source_digest
from benchmarks.strategies.areas import file_name, store_of
from knnal.acquisition.state import PoolState
from knnal.acquisition.strategies.base import PoolView, Strategy, create_strategy
from knnal.errors import InputError
from knnal.index.pool_index import PoolIndex
from knnal.session.question_selection import question_rng
from knnal.types import Float32Array, IntArray

START = 100
"""Labels in hand, drawn at random."""

STEPS = 25
BATCH = 100
_SEED = 0
_VERSION = 1


class _Pool:
    """The pool that is measured on, made when something is missing."""

    def __init__(self, items: int, size: Size, work: Path) -> None:
        self.items, self.size, self.work = items, size, work

    @cached_property
    def parts(self) -> tuple[Float32Array, IntArray, int]:
        """Vectors, class numbers, and how many classes there are."""
        fruits = kept(FRUITS, kept_file(FRUITS, self.work, self.size.items))
        seeds = Seeds(fruits.X, fruits.classes, fruits.names, fruits.name)
        chunks = list(mixed(seeds, self.items, _SEED))
        X = np.concatenate([rows for rows, _ in chunks])
        return X, np.concatenate([found for _, found in chunks]), len(fruits.names)

    @cached_property
    def geometry(self) -> PoolIndex:
        return PoolIndex.of(self.parts[0])

    def labeled(self) -> PoolState:
        """A state of its own, with so many labels."""
        _, classes, count = self.parts
        rows = np.sort(np.random.default_rng(_SEED).permutation(self.items)[:START])
        state = PoolState(self.geometry)
        state.rebuild(rows, classes[rows], count)
        return state


def measure_costs(names: list[str], items: int, size: Size, work: Path) -> None:
    """Store what is not stored yet, one after the other: they would slow each other down."""
    store, pool = store_of(work, size), _Pool(items, size, work)
    for name in names:
        if stored_cost(name, items, size, work) is None:
            print(f"costs of {name}, {items:,} items", file=sys.stderr, flush=True)
            try:
                cost = _measured(create_strategy(name), pool)
            except InputError as error:  # it needs what these vectors do not have
                cost = {"failure": str(error)}
            store.write(_key(name, items), _settings(name, items), cost)


def stored_cost(name: str, items: int, size: Size, work: Path) -> dict[str, Any] | None:
    """``first`` and ``batch`` in seconds, and lists of the seconds of ``label``, ``pick`` and
    ``pass``; or a ``failure``; None where it was not measured.
    """
    return store_of(work, size).read(_key(name, items), _settings(name, items))


def _key(name: str, items: int) -> tuple[str, ...]:
    return "costs", str(items), file_name(name)


def _settings(name: str, items: int) -> dict[str, Any]:
    return {
        "strategy": name,
        "items": items,
        "start": START,
        "steps": STEPS,
        "batch": BATCH,
        "version": _VERSION,
        "knnal": source_digest(),
    }


def _measured(strategy: Strategy, pool: _Pool) -> dict[str, Any]:
    """The first pick prepares what a strategy keeps, so it is told by itself."""
    (X, classes, _), state = pool.parts, pool.labeled()

    def view() -> PoolView:
        return PoolView(state, state.unlabeled, question_rng(_SEED, START))

    first, pick = _timed(lambda: strategy.pick(view()))
    seconds: dict[str, list[float]] = {"label": [], "pick": [], "pass": []}
    for _ in range(STEPS):
        assert pick is not None
        row = pick.row
        seconds["pass"].append(_timed(lambda row=row: X @ X[row])[0])  # type: ignore[misc]
        seconds["label"].append(
            _timed(lambda row=row: state.assign(row, int(classes[row])))[0]  # type: ignore[misc]
        )
        took, pick = _timed(lambda: strategy.pick(view()))
        seconds["pick"].append(took)
    strategy.choose(view(), 2)  # what a batch compiles at its first time
    batch, _ = _timed(lambda: strategy.choose(view(), BATCH))
    return {"first": first, "batch": batch, **seconds}


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def summed_up(names: list[str], items: int, size: Size, work: Path) -> dict[str, Any]:
    """By strategy, in milliseconds: medians of a label with its next pick and of a pass, the
    ratio of the two, the slowest pick, and a batch.
    """
    found = {}
    for name in names:
        cost = stored_cost(name, items, size, work)
        if cost is None or "failure" in cost:
            continue
        label, pick, one_pass = (1000 * np.array(cost[k]) for k in ("label", "pick", "pass"))
        figures = {
            "label": np.median(label + pick),
            "pick": np.median(pick),
            "slowest_pick": pick.max(),
            "pass": np.median(one_pass),
            "ratio": np.median(label + pick) / np.median(one_pass),
            "first": 1000 * cost["first"],
            "batch": 1000 * cost["batch"],
        }
        found[name] = {what: float(f"{value:.4g}") for what, value in figures.items()}
    return found
