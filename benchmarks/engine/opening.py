"""From a pool's folder with many labels to the first question."""

from __future__ import annotations

import csv
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.engine.loop import CLASSIFIER, STRATEGY, read_once
from benchmarks.engine.pools import BenchmarkPool
from benchmarks.engine.process import Memory, MemoryPeak, in_a_process
from knnal.project import Project

LEFT_BEHIND = ("neighbors*", "snapshot*")
"""What a session leaves in the folder so that the next one opens sooner."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Seconds to the first question: without what a session left behind, and with it."""

    items: int
    dimension: int
    labels: int
    first_s: float
    again_s: float
    memory: Memory


def measure_opening(pool: BenchmarkPool, labels: int, seed: int) -> Opening:
    """Open twice, each time in a process of its own; at most half of the pool is labeled."""
    truth = pool.truth()
    labels = min(labels, len(truth) // 2)
    with pool.copied() as folder:
        import_random_labels(folder, truth, labels, seed)
        for file in (found for name in LEFT_BEHIND for found in folder.glob(name)):
            file.unlink()
        first_s, memory = in_a_process(open_and_ask, folder)
        again_s, _ = in_a_process(open_and_ask, folder)
    return Opening(pool.made.items, pool.made.dimension, labels, first_s, again_s, memory)


def import_random_labels(folder: Path, truth: list[str], count: int, seed: int) -> list[int]:
    """Label random rows by their true classes through the public import; which ones."""
    rng = np.random.default_rng((seed, count))
    rows = [int(row) for row in rng.choice(len(truth), count, replace=False)]
    file = folder / "labels.csv"
    with file.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(("id", "label"))
        table.writerows((row, truth[row]) for row in rows)
    project = Project.open(folder)
    project.import_labels(file)
    project.close()
    file.unlink()
    return rows


def open_and_ask(folder: Path) -> tuple[float, Memory]:
    """Seconds to a question, the interpreter's start and imports apart."""
    project = Project.open(folder)
    read_once(project.pool.embeddings)
    project.close()
    with MemoryPeak() as peak:
        started = time.perf_counter()
        project = Project.open(folder)
        question = project.session(strategy=STRATEGY, classifier=CLASSIFIER).ask()
        seconds = time.perf_counter() - started
        assert question is not None
        project.close()
    return seconds, peak.memory
