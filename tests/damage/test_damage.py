"""Whatever happens to a file of a pool: the same answers, or a clear error; never a crash, and
never another answer in silence. ``python -m tests.damage`` runs as many cases as one likes.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from .__main__ import repeat
from .answers import difference
from .cases import Cases
from .commands import Commands, serving
from .kinds import KINDS, Damage

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="forks, and reads /proc"),
]

SEED, COUNT = 0, 160
FILES = (
    "manifest", "embeddings", "labels", "graph", "reduced", "neighbours", "layout", "views", "keys",
    "embed.",
)  # fmt: skip
"""What the names of a pool's files begin with."""


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """In memory where there is such a folder: durable writes need not wait for a disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def knnal(place: Path) -> Iterator[Commands]:
    with serving(place) as commands:
        yield commands


@pytest.fixture(scope="module")
def cases(place: Path, knnal: Commands) -> Cases:
    return Cases(place, knnal, SEED)


@pytest.mark.parametrize("file", FILES)
def test_damaged_files(file: str, cases: Cases) -> None:
    results = [cases.run(number) for number in cases.numbers(COUNT, file)]
    assert results
    failed = [result for result in results if not result.outcome.allowed]
    assert not failed, "\n".join(f"{one.short()}\n    {repeat(SEED, one.number)}" for one in failed)


def test_all_files_and_kinds_are_among_the_cases(cases: Cases) -> None:
    assert {number for file in FILES for number in cases.numbers(COUNT, file)} == set(range(COUNT))
    assert {cases.target(number) for number in range(COUNT)} == set(cases.targets)
    assert {target.kind for target in cases.targets} == set(KINDS)


def test_hangs_and_crashes_are_seen(place: Path, knnal: Commands) -> None:
    hung = knnal.run(place, ("embed", "nothing.npy"), limit=0.001)
    assert hung.code == -14
    refused = knnal.run(place, ("embed", "nothing.npy"))
    assert refused.code == 1
    assert refused.err.startswith("Error: ")
    crashed = knnal.run(place / "nowhere", ("status",))
    assert crashed.code == 1
    assert "Traceback" in crashed.err


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"swap", "stale"}))
def test_damage_is_done_and_drawn_by_the_seed(kind: str, tmp_path: Path) -> None:
    def damaged(seed: int) -> bytes:
        file = tmp_path / "array.npy"
        np.save(file, np.arange(1, 201, dtype=np.float32).reshape(50, 4))
        KINDS[kind](Damage(file, file, file, np.random.default_rng(seed)))
        return file.read_bytes() if file.exists() else b"gone"

    whole = tmp_path / "whole.npy"
    np.save(whole, np.arange(1, 201, dtype=np.float32).reshape(50, 4))
    assert damaged(1) == damaged(1) != whole.read_bytes()


@pytest.mark.parametrize(
    ("found", "right", "where"),
    [
        ({"a": [1.0, "x"]}, {"a": [1.0000001, "x"]}, ""),
        ({"a": [1.0, "x"]}, {"a": [1.1, "x"]}, "['a'][0] is 1.0, not 1.1"),
        ({"a": "0.5"}, {"a": "0.50000001"}, ""),
        ([1, 2], [1], "all is [1, 2], not [1]"),
        ({"a": 1}, {"b": 1}, " has ['a'], not ['b']"),
        ({"a": None}, {"a": 0}, "['a'] is None, not 0"),
    ],
)
def test_differences_of_answers(found: object, right: object, where: str) -> None:
    assert difference(found, right) == where
