"""Pools of any size, mixed from a few thousand seeds, on disk as knnal keeps them."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.engine.process import Memory, MemoryPeak
from benchmarks.engine.seeds import Seeds
from knnal.index.linalg import unit_rows
from knnal.pool.graph_file import stored_graph
from knnal.pool.index_files import stored_reduction
from knnal.pool.pool import Pool
from knnal.pool.storage import NewRecord
from knnal.types import EmbedderIdentity, Float32Array, IntArray, Modality

RECIPE = (
    "row = unit((1 - t) a + t b + 0.1 n): a, b seeds drawn at random, t uniform in [0, 0.5], "
    "n a random direction of unit length; its class is that of a"
)
NOISE = 0.1
MOST_OF_B = 0.5
CHUNK = 10_000
"""Rows drawn by one generator: a pool is the beginning of every larger one."""

_STORED_AT_ONCE = 4
_LINKED_FROM = 1 << 20
_ROOM = 1.6
"""Bytes on disk by bytes of embeddings: graph, reduced copy, catalog and a copy of it too."""


@dataclass(frozen=True, slots=True)
class Made:
    """What making a pool took, in seconds, and how good its neighbor graph is."""

    items: int
    dimension: int
    rows_s: float
    reduced_s: float
    graph_s: float
    graph: str
    recall: float
    reduced_memory: Memory
    graph_memory: Memory


@dataclass(frozen=True, slots=True)
class BenchmarkPool:
    """``folder`` holds knnal's pool, the true classes of its rows, and what making it took."""

    folder: Path

    @property
    def pool(self) -> Path:
        return self.folder / "pool"

    @property
    def made(self) -> Made:
        stored = json.loads((self.folder / "made.json").read_text(encoding="utf-8"))
        for name in ("reduced_memory", "graph_memory"):
            stored[name] = Memory(**stored[name])
        return Made(**stored)

    @property
    def finished(self) -> bool:
        return (self.folder / "made.json").exists()

    def truth(self) -> list[str]:
        """The class of every row, by name."""
        with np.load(self.folder / "truth.npz") as stored:
            names = [str(name) for name in stored["names"]]
            return [names[c] for c in stored["classes"]]

    @contextmanager
    def copied(self) -> Iterator[Path]:
        """A pool of the same items without a label, whose log is its own.

        Large files are links to the same bytes, since labeling never writes to them.
        """
        with TemporaryDirectory(prefix="labeled-", dir=self.folder) as temporary:
            for file in self.pool.iterdir():
                target = Path(temporary) / file.name
                if file.stat().st_size >= _LINKED_FROM and ".sqlite" not in file.name:
                    os.link(file, target)
                else:
                    shutil.copyfile(file, target)
            yield Path(temporary)


def pool_of(work: Path, kind: str, items: int, dimension: int, seed: int) -> BenchmarkPool:
    """Where the pool of that recipe is, or would be."""
    return BenchmarkPool(work / f"{kind}-{items}x{dimension}-seed{seed}")


def require_room(work: Path, items: int, dimension: int) -> None:
    """Leave the program with advice where a pool does not fit on the disk."""
    needed = int(items * dimension * 4 * _ROOM)
    work.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(work).free
    if free < needed:
        sys.exit(
            f"Expected {needed / 1e9:.1f} GB free in {work} for {items:,} x {dimension}, found "
            f"{free / 1e9:.1f} GB. Name another folder with --work DIR, or leave that size out."
        )


def make_pool(pool: BenchmarkPool, seeds: Seeds, items: int, dimension: int, seed: int) -> Made:
    """Mix the rows, then let knnal make its reduced copy and its graph of them, and time each."""
    shutil.rmtree(pool.folder, ignore_errors=True)
    pool.folder.mkdir(parents=True)
    started = time.perf_counter()
    classes = _store(pool.pool, mixed(seeds, items, seed), dimension)
    np.savez(pool.folder / "truth.npz", classes=classes, names=seeds.names)
    rows_s = time.perf_counter() - started
    stored = Pool.open(pool.pool)
    stored.embeddings.sum(dtype=np.float64)  # read once, so that all that is timed reads memory
    started = time.perf_counter()
    with MemoryPeak() as reduced_peak:
        stored_reduction(stored, stored.live)
    reduced_s = time.perf_counter() - started
    started = time.perf_counter()
    with MemoryPeak() as graph_peak:
        facts = stored_graph(stored, stored.live).facts
    graph_s = time.perf_counter() - started
    stored.close()
    made = Made(
        items, dimension, rows_s, reduced_s, graph_s, str(facts), facts.recall,
        reduced_peak.memory, graph_peak.memory,
    )  # fmt: skip
    (pool.folder / "made.json").write_text(json.dumps(asdict(made), indent=2), encoding="utf-8")
    return made


def mixed(seeds: Seeds, items: int, seed: int) -> Iterator[tuple[Float32Array, IntArray]]:
    """The rows and their classes, a chunk at a time, ``(c, d), (c,)``."""
    m, d = seeds.vectors.shape
    for number, start in enumerate(range(0, items, CHUNK)):
        rng = np.random.default_rng((seed, d, number))
        a, b = rng.integers(0, m, (2, CHUNK))
        t = rng.uniform(0.0, MOST_OF_B, (CHUNK, 1)).astype(np.float32)
        size = min(CHUNK, items - start)
        a, b, t = a[:size], b[:size], t[:size]
        noise = unit_rows(rng.standard_normal((size, d), dtype=np.float32))
        rows = (1 - t) * seeds.vectors[a] + t * seeds.vectors[b] + np.float32(NOISE) * noise
        yield unit_rows(rows), seeds.classes[a]


def _store(folder: Path, chunks: Iterator[tuple[Float32Array, IntArray]], d: int) -> IntArray:
    """Fill a new pool, some chunks at a time; the classes of its rows."""
    pool = Pool.create(folder)
    pool.adopt(EmbedderIdentity("precomputed", "", d, "as given"), Modality.VECTOR)
    classes: list[IntArray] = []
    waiting: list[Float32Array] = []
    source = -1
    count = 0

    def store() -> None:
        nonlocal count
        vectors = np.concatenate(waiting)
        waiting.clear()
        records = [NewRecord(str(count + i), "", "") for i in range(len(vectors))]
        with pool.transaction():
            pool.store(source, records, vectors)
        count += len(vectors)

    with pool.transaction():
        source = pool.catalog.source(folder.parent)
    for vectors, numbers in chunks:
        classes.append(numbers)
        waiting.append(vectors)
        if len(waiting) == _STORED_AT_ONCE:
            store()
    if waiting:
        store()
    pool.close()
    return np.concatenate(classes)
