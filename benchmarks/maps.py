"""How good the map of a pool is, and what it costs: ``python -m benchmarks.maps --data DIR``.

The fruits, and as many items as ``--items`` says, mixed from them as ``benchmarks.engine`` mixes
its pools. Of 2,000 items drawn at random: how many of the 10 nearest in the pool are among the 10
nearest on the map, and how many of these are of the item's class. The plane of the first two
principal coordinates, which the map starts from, is beside it.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.data import add_data_option
from benchmarks.engine.pools import mixed
from benchmarks.engine.seeds import Seeds
from benchmarks.options import default_work
from benchmarks.sets.catalog import FRUITS, embedded_set
from knnal.index.graph import NeighborGraph, build_graph
from knnal.index.layout import compute_layout
from knnal.index.reduced import ReducedCopy
from knnal.types import Float32Array, IntArray, RowArray

NEIGHBORS = 10
_JUDGED = 2000
_HEAD = f"{'':<24}{'neighbors kept':>16}{'of its class':>14}{'seconds':>9}{'processor':>11}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--work", type=Path, default=default_work(), help="keeps embeddings")
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = embedded_set(FRUITS, options.data, options.work)
    print(_HEAD, flush=True)
    for line in measured("fruits", found.X, found.classes, options.seed):
        print(line, flush=True)
    seeds = Seeds(found.X, found.classes, found.names, found.name)
    chunks = list(mixed(seeds, options.items, options.seed))
    X, classes = (np.concatenate(parts) for parts in zip(*chunks, strict=True))
    for line in measured(f"{options.items:,} mixed", X, classes, options.seed):
        print(line, flush=True)


def measured(name: str, X: Float32Array, classes: IntArray, seed: int) -> Iterator[str]:
    """A line for the plane and one for the map."""
    graph = build_graph(X, np.ones(len(X), dtype=np.bool_))
    reduced = ReducedCopy.fit(X, np.arange(len(X)))
    plane = reduced.first.codes[:, :2] * reduced.first.scale[:, None]
    yield _line(f"{name}, plane", plane, graph, classes, seed)
    wall, processor = time.perf_counter(), time.process_time()
    positions = compute_layout(graph, reduced, seed)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    line = _line(f"{name}, map", positions, graph, classes, seed)
    yield f"{line}{wall:>9.1f}{processor:>11.1f}"


def _line(
    name: str, positions: Float32Array, graph: NeighborGraph, classes: IntArray, seed: int
) -> str:
    kept, alike = judged(positions, graph.ids, classes, seed)
    return f"{name:<24}{kept:>16.3f}{alike:>14.3f}"


def judged(
    positions: Float32Array, ids: RowArray, classes: IntArray, seed: int
) -> tuple[float, float]:
    """The shares of neighbors kept, and of neighbors of the same class, on the map."""
    from faiss import IndexFlatL2

    index = IndexFlatL2(2)
    index.add(np.ascontiguousarray(positions, dtype=np.float32))
    count = min(_JUDGED, len(positions))
    rows = np.random.default_rng(seed).choice(len(positions), count, replace=False)
    _, found = index.search(positions[rows], NEIGHBORS + 1)
    kept, alike = [], []
    for row, near in zip(rows, found, strict=True):
        others = near[near != row][:NEIGHBORS]
        kept.append(np.isin(ids[row, :NEIGHBORS], others).mean())
        alike.append((classes[others] == classes[row]).mean())
    return float(np.mean(kept)), float(np.mean(alike))


if __name__ == "__main__":
    main()
