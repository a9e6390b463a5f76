"""The embedding file: plain NumPy at every moment, whatever a crash left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.errors import PoolError
from knnal.store.embeddings import EmbeddingFile


@pytest.fixture
def file(tmp_path: Path) -> EmbeddingFile:
    return EmbeddingFile(tmp_path / "embeddings.npy", 6)


def vectors(n: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(n, 6)).astype(np.float32)


def test_numpy_reads_it_after_each_append(file: EmbeddingFile) -> None:
    X = vectors(70)
    start = 0
    for count in (1, 3, 0, 16, 50):
        file.append(start, X[start : start + count])
        start += count
        stored = np.load(file.path)
        assert stored.dtype == np.float32
        np.testing.assert_array_equal(stored, X[:start])
        np.testing.assert_array_equal(file.rows(start), X[:start])


def test_the_header_never_changes_its_size(file: EmbeddingFile) -> None:
    sizes = set()
    for rows in (0, 1, 9, 10, 1000, 10**9, 10**15):
        file.path.write_bytes(b"")
        file.append(0, vectors(0))
        with file.path.open("r+b") as stream:
            np.lib.format.write_array_header_1_0(
                stream, {"descr": "<f4", "fortran_order": False, "shape": (rows, 6)}
            )
            sizes.add(stream.tell())
    assert len(sizes) == 1
    file.append(0, vectors(3))
    assert file.path.stat().st_size == sizes.pop() + 3 * 6 * 4


def test_rows_are_read_only_and_mapped(file: EmbeddingFile) -> None:
    file.append(0, vectors(4))
    rows = file.rows(2)
    assert isinstance(rows, np.memmap)
    assert rows.shape == (2, 6)
    with pytest.raises(ValueError, match="read-only"):
        rows[0, 0] = 1


def test_no_rows_need_no_file(file: EmbeddingFile) -> None:
    assert file.rows(0).shape == (0, 6)
    assert not file.path.exists()


@pytest.mark.parametrize("extra", [1, 23, 24, 600])
def test_bytes_left_by_a_crash_before_the_header_was_written(
    file: EmbeddingFile, extra: int
) -> None:
    X = vectors(8)
    file.append(0, X[:5])
    with file.path.open("ab") as stream:
        stream.write(b"\xff" * extra)
    np.testing.assert_array_equal(file.rows(5), X[:5])
    file.append(5, X[5:])
    np.testing.assert_array_equal(file.rows(8), X)


def test_a_crash_after_the_header_but_before_the_catalogue(file: EmbeddingFile) -> None:
    X = vectors(12)
    file.append(0, X[:4])
    file.append(4, vectors(8, seed=1))  # nothing else ever names these rows
    np.testing.assert_array_equal(file.rows(4), X[:4])
    file.append(4, X[4:6])
    np.testing.assert_array_equal(file.rows(6), X[:6])
    file.append(6, X[6:])
    np.testing.assert_array_equal(np.load(file.path)[:12], X)


def test_a_crash_before_the_first_header(file: EmbeddingFile) -> None:
    file.path.touch()
    file.append(0, vectors(2))
    np.testing.assert_array_equal(file.rows(2), vectors(2))


@pytest.mark.parametrize("cut", [1, 24, 100, 170])
def test_a_file_that_lost_its_end_is_damaged(file: EmbeddingFile, cut: int) -> None:
    file.append(0, vectors(5))
    data = file.path.read_bytes()
    file.path.write_bytes(data[:-cut])
    with pytest.raises(PoolError, match="Expected 5"):
        file.rows(5)


def test_a_missing_file_and_one_with_too_few_rows_are_named(file: EmbeddingFile) -> None:
    with pytest.raises(PoolError, match=r"Expected 2 embeddings in .*embeddings\.npy"):
        file.rows(2)
    file.append(0, vectors(2))
    with pytest.raises(PoolError, match=r"Expected 3 x 6 .* found 2 x 6.*Restore"):
        file.rows(3)
    with pytest.raises(PoolError, match="Expected 2 x 7"):
        EmbeddingFile(file.path, 7).rows(2)


def test_vectors_of_another_dimension_are_refused_and_leave_the_file(file: EmbeddingFile) -> None:
    file.append(0, vectors(2))
    before = file.path.read_bytes()
    with pytest.raises(ValueError, match="expected"):
        file.append(2, np.zeros((2, 5), np.float32))
    assert file.path.read_bytes() == before
