"""What a label costs: seconds from an answer to the next query, and memory, at equal pool size.

Each contender in a process of its own with one thread, on vectors in memory, with the same random
labels in hand. Pools are mixed from the fruits' embeddings by the recipe of ``benchmarks.engine``.
Beside them stands what one pass over the vectors takes, which no contender that looks at all items
can do without. So does what is left to wait for knnal where it has looked ahead, that is prepared
what follows each answer before it came.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engine.pools import mixed
from benchmarks.engine.process import MemoryPeak, in_a_process
from benchmarks.engine.seeds import Seeds
from benchmarks.peers.base import COMBINED, Entry, Setting
from benchmarks.peers.contenders import CONTENDERS, OURS
from benchmarks.peers.curves import file_name, store_of
from benchmarks.peers.ours import DEFAULT, KnnalLookingAhead
from benchmarks.peers.sizes import Size
from benchmarks.sets.catalog import FRUITS, kept, kept_file
from benchmarks.source import source_digest
from benchmarks.threads import one_thread_each
from knnal.types import IntArray

YARDSTICK = "one pass X @ q"
AHEAD = "knnal, looking ahead"

_ROUNDS = 2
"""So often everybody is timed, in turns: for minutes at a time a shared machine is half as fast."""

_SEED = 0
_VERSION = 3


@dataclass(frozen=True, slots=True)
class Cost:
    """``seconds`` of each step, an answer and the next query, and of preparing each where that is
    done. ``memory`` is the peak in bytes beyond what the vectors take, None where it cannot be
    told.
    """

    seconds: list[float]
    preparing: list[float]
    memory: int | None


class OnePass:
    """The item least like the one before it, by NumPy: a yardstick, not a way to label."""

    def __init__(self, setting: Setting, rows: IntArray, labels: IntArray) -> None:  # noqa: ARG002
        self._X, self._row = setting.X, int(rows[-1])

    def query(self) -> int:
        return int(np.argmin(self._X @ self._X[self._row]))

    def learn(self, row: int, label: int) -> None:  # noqa: ARG002
        self._row = row


_TIMED = {
    **CONTENDERS,
    AHEAD: Entry(AHEAD, "knnal", COMBINED, CONTENDERS[DEFAULT].settings, KnnalLookingAhead),
    YARDSTICK: Entry(YARDSTICK, "numpy", "none", "", OnePass),
}
_WITH_KNNAL = OURS | {AHEAD}


def timed_with(names: Sequence[str]) -> list[str]:
    """These contenders and what is timed beside them."""
    return [*names, *([AHEAD] if DEFAULT in names else []), YARDSTICK]


def measure_costs(names: list[str], size: Size, work: Path) -> None:
    """Store what is not stored yet, one after the other: they would slow each other down."""
    store = store_of(work, size)
    for turn, items, name in product(range(_ROUNDS), size.cost_pools, timed_with(names)):
        key, settings = _key(name, items, turn), _settings(name, items, size)
        if store.read(key, settings) is None:
            what = f"costs of {name}, {items:,} items, round {turn + 1} of {_ROUNDS}"
            print(what, file=sys.stderr, flush=True)
            store.write(key, settings, _measured(name, items, size, work))


def stored_cost(name: str, items: int, size: Size, work: Path) -> dict[str, Any] | None:
    """``seconds`` and ``preparing`` of all rounds and the most ``memory``, or a ``failure``; None
    where it was not measured.
    """
    store, settings = store_of(work, size), _settings(name, items, size)
    rounds = [store.read(_key(name, items, turn), settings) for turn in range(_ROUNDS)]
    found = [cost for cost in rounds if cost is not None]
    failed = next((cost for cost in found if "failure" in cost), None)
    if failed is not None or len(found) < _ROUNDS:
        return failed
    memory = [cost["memory"] for cost in found]
    return {
        "seconds": [seconds for cost in found for seconds in cost["seconds"]],
        "preparing": [seconds for cost in found for seconds in cost["preparing"]],
        "memory": None if None in memory else max(memory),
    }


def _key(name: str, items: int, turn: int) -> tuple[str, ...]:
    return "costs", str(items), file_name(name), str(turn)


def _settings(name: str, items: int, size: Size) -> dict[str, Any]:
    """What a cost depends on."""
    return {
        "items": items,
        "start": size.start,
        "queries": size.queries,
        "seconds": size.query_seconds,
        "version": _VERSION,
        "with": _TIMED[name].settings,
        "knnal": source_digest() if name in _WITH_KNNAL else "",
    }


def _measured(name: str, items: int, size: Size, work: Path) -> dict[str, Any]:
    try:
        with one_thread_each():
            cost = in_a_process(measure, name, items, size, work)
    except BrokenProcessPool:
        return {"failure": "its process died, as for want of memory"}
    return asdict(cost)


def measure(name: str, items: int, size: Size, work: Path) -> Cost:
    """Of a contender, in this process. The first query, which may prepare, is not counted."""
    warnings.simplefilter("ignore")
    fruits = kept(FRUITS, kept_file(FRUITS, work, size.items))
    seeds = Seeds(fruits.X, fruits.classes, fruits.names, fruits.name)
    chunks = list(mixed(seeds, items, _SEED))
    X = np.concatenate([rows for rows, _ in chunks])
    classes = np.concatenate([found for _, found in chunks])
    start = np.random.default_rng(_SEED).permutation(items)[: size.start]
    with MemoryPeak() as before:
        pass
    with MemoryPeak() as during:
        setting = Setting(X, len(fruits.names), _SEED)
        contender = _TIMED[name].make(setting, start, classes[start])
        seconds: list[float] = []
        preparing: list[float] = []
        row = contender.query()
        begun = time.perf_counter()
        while len(seconds) < size.queries and (
            not seconds or time.perf_counter() - begun < size.query_seconds
        ):
            if isinstance(contender, KnnalLookingAhead):
                preparing.append(contender.look_ahead())
            started = time.perf_counter()
            contender.learn(row, int(classes[row]))
            row = contender.query()
            seconds.append(time.perf_counter() - started)
    if during.memory.anonymous is None or before.memory.anonymous is None:
        return Cost(seconds, preparing, None)
    return Cost(seconds, preparing, during.memory.anonymous - before.memory.anonymous)
