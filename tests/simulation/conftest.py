"""A small pool whose classes are known, and one simulation of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.index.parallel import thread_count, use_threads
from knnal.pool.pool import Pool
from knnal.simulation.known import KnownItems
from knnal.simulation.settings import Settings
from knnal.simulation.simulation import Simulated, simulate
from knnal.simulation.splits import SplitPlan

CLASSES = ("</script><b>hostile</b>", "plain & simple", "üñí 'quoted' \"twice\"")


@pytest.fixture(scope="session")
def class_names() -> tuple[str, ...]:
    """The classes of the items, sorted; the first would be markup if it were not escaped."""
    return CLASSES


@pytest.fixture(scope="session")
def settings() -> Settings:
    return Settings(
        strategies=("cdf-product", "smallest-margin"),
        classifiers=("combined", "knn"),
        labels=12,
        splits=SplitPlan(folds=3, seeds=2),
        targets=(0.5, 1.0),
    )


@pytest.fixture(scope="session")
def items() -> tuple[Any, dict[str, str], dict[str, str]]:
    """Vectors in three clusters that overlap, their classes by id, and groups of two."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 90)
    X = rng.normal(size=(3, 6))[y] * 2 + rng.normal(size=(90, 6)) * 2
    labels = {f"item {i}": CLASSES[c] for i, c in enumerate(y)}
    groups = {f"item {i}": f"group {i // 2}" for i in range(90)}
    return X, labels, groups


@pytest.fixture(scope="session")
def known(items: Any) -> KnownItems:
    X, labels, _ = items
    return KnownItems.of(Pool.in_memory(X, list(labels)), labels)


@pytest.fixture(scope="session")
def simulated(
    known: KnownItems, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Simulated:
    """By this process alone."""
    threads = thread_count()
    use_threads(1)
    try:
        return simulate(known, settings, tmp_path_factory.mktemp("simulated"))
    finally:
        use_threads(threads)


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = thread_count()
    use_threads(1)
    yield
    use_threads(threads)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"
