"""The files of views: plain NumPy, and whole whatever a crash left behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.errors import PoolError
from knnal.store.views import ViewFacts, ViewFiles

FACTS = ViewFacts(2, ("drop", "swap"))


@pytest.fixture
def files(tmp_path: Path) -> ViewFiles:
    files = ViewFiles(tmp_path, 4)
    files.begin(FACTS)
    return files


def vectors(n: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(n, 3, 4)).astype(np.float32)


def test_there_are_none_until_they_are_begun(tmp_path: Path) -> None:
    files = ViewFiles(tmp_path, 4)
    assert files.read() is None
    assert files.facts() is None
    files.begin(FACTS)
    found = files.read()
    assert found is not None
    assert (found.facts, found.vectors.shape, found.made.shape) == (FACTS, (0, 3, 4), (0,))
    files.append(vectors(2), np.array([True, False]))
    files.remove()
    assert files.read() is None
    assert list(tmp_path.iterdir()) == []


def test_numpy_reads_what_is_appended_and_filled(files: ViewFiles, tmp_path: Path) -> None:
    V = vectors(7)
    files.append(V[:3], np.array([True, False, True]))
    files.append(V[3:], np.array([True, True, False, True]))
    files.fill(1, vectors(1, seed=1)[0])
    np.testing.assert_array_equal(files.made(), [1, 1, 1, 1, 1, 0, 1])
    stored = np.load(tmp_path / "views.npy")
    assert stored.dtype == np.float32
    np.testing.assert_array_equal(stored, np.concatenate([V[:1], vectors(1, seed=1), V[2:]]))
    assert np.load(tmp_path / "views-made.npy").dtype == np.bool_
    assert json.loads((tmp_path / "views.json").read_bytes())["augmentations"] == ["drop", "swap"]
    found = files.read()
    assert found is not None
    assert isinstance(found.vectors, np.memmap)
    assert isinstance(found.vectors.reshape(-1, 4), np.memmap)


def test_vectors_that_no_mark_counts_are_overwritten(files: ViewFiles, tmp_path: Path) -> None:
    V = vectors(6)
    files.append(V[:2], np.ones(2, np.bool_))
    marks = (tmp_path / "views-made.npy").read_bytes()
    files.append(vectors(3, seed=1), np.ones(3, np.bool_))
    (tmp_path / "views-made.npy").write_bytes(marks)  # as if killed between the two files
    assert files.count() == 2
    files.append(V[2:], np.ones(4, np.bool_))
    found = files.read()
    assert found is not None
    np.testing.assert_array_equal(found.vectors, V)


def test_a_crash_before_the_first_mark(files: ViewFiles, tmp_path: Path) -> None:
    files.append(vectors(1), np.ones(1, np.bool_))
    (tmp_path / "views-made.npy").write_bytes(b"")
    assert files.count() == 0
    files.append(vectors(2), np.array([True, False]))
    np.testing.assert_array_equal(files.made(), [True, False])


def test_beginning_anew_leaves_nothing_of_another_size(files: ViewFiles) -> None:
    files.append(vectors(4), np.ones(4, np.bool_))
    files.begin(ViewFacts(1, ("drop",)))
    assert files.count() == 0
    files.append(vectors(2)[:, :2], np.ones(2, np.bool_))
    found = files.read()
    assert found is not None
    assert found.vectors.shape == (2, 2, 4)


def test_damage_is_told(files: ViewFiles, tmp_path: Path) -> None:
    files.append(vectors(4), np.ones(4, np.bool_))
    whole = (tmp_path / "views.npy").read_bytes()
    (tmp_path / "views.npy").write_bytes(whole[:-9])
    with pytest.raises(PoolError, match=r"vectors of views in .*views\.npy.*--views 0"):
        files.read()
    (tmp_path / "views.json").write_bytes(b"{}")
    with pytest.raises(PoolError, match=r"facts of the pool's views in .*views\.json.*--views 0"):
        files.facts()
    files.remove()
    assert files.facts() is None
