"""The embedding file: plain NumPy at every moment, whatever a crash left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.errors import PoolDamagedError
from knnal.pool.vectors import EmbeddingFile

from ..damage.files import flip


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


def test_a_crash_after_the_header_but_before_the_catalog(file: EmbeddingFile) -> None:
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
    with pytest.raises(PoolDamagedError, match=r"embeddings\.npy is damaged: it cannot be read"):
        file.rows(5)


def test_a_missing_file_and_one_with_too_few_rows_are_named(file: EmbeddingFile) -> None:
    with pytest.raises(PoolDamagedError, match=r"embeddings\.npy.*: it is missing.*Repair"):
        file.rows(2)
    file.append(0, vectors(2))
    with pytest.raises(PoolDamagedError, match=r": it holds 2 rows of 3\. Repair .* backup\."):
        file.rows(3)
    with pytest.raises(PoolDamagedError, match=r"says <f4, 2 x 6, where <f4, rows x 7 was"):
        EmbeddingFile(file.path, 7).rows(2)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (vectors(4).astype(">f4"), "says >f4"),
        (vectors(4).astype("<f8"), "says <f8"),
        (vectors(4).view("<i4"), "says <i4"),
        (np.asfortranarray(vectors(4)), "Fortran order"),
        (vectors(4).ravel(), "says <f4, 24,"),
        (vectors(4)[None], "says <f4, 1 x 4 x 6"),
        (np.float32(1), "says <f4, ,"),
    ],
)
def test_numbers_of_another_kind_are_refused(file: EmbeddingFile, array: Any, said: str) -> None:
    np.save(file.path, array)
    before = file.path.read_bytes()
    with pytest.raises(PoolDamagedError, match=said):
        file.rows(3)
    with pytest.raises(PoolDamagedError, match=said):
        file.count()
    assert file.path.read_bytes() == before


def test_an_archive_of_arrays_is_refused(file: EmbeddingFile) -> None:
    with file.path.open("wb") as stream:
        np.savez(stream, X=vectors(4))
    with pytest.raises(PoolDamagedError, match="archive"):
        file.rows(3)


def test_no_flipped_bit_of_the_header_gives_other_rows(file: EmbeddingFile) -> None:
    X = vectors(5)
    file.append(0, X)
    found = 0
    for at in range(128):
        for bit in range(8):
            flip(file.path, at, bit)
            try:
                rows = file.rows(5)
            except PoolDamagedError:
                found += 1
            else:  # a space that became another one
                np.testing.assert_array_equal(rows, X)
            flip(file.path, at, bit)
    assert found > 400
    np.testing.assert_array_equal(file.rows(5), X)


def test_rows_are_replaced_where_they_are(file: EmbeddingFile) -> None:
    X = vectors(6)
    file.append(0, X)
    file.replace(2, X[:2])
    np.testing.assert_array_equal(np.load(file.path), X[[0, 1, 0, 1, 4, 5]])


def test_a_header_is_written_again(file: EmbeddingFile) -> None:
    X = vectors(3)
    file.append(0, X)
    with file.path.open("r+b") as stream:
        stream.write(b"?" * 128)
    file.restore_header(3)
    np.testing.assert_array_equal(file.rows(3), X)
    file.restore_header(5)
    np.testing.assert_array_equal(file.rows(5), np.vstack([X, np.zeros((2, 6))]))
    file.path.unlink()
    file.restore_header(2)
    np.testing.assert_array_equal(file.rows(2), np.zeros((2, 6)))


def test_vectors_of_another_dimension_are_refused_and_leave_the_file(file: EmbeddingFile) -> None:
    file.append(0, vectors(2))
    before = file.path.read_bytes()
    with pytest.raises(ValueError, match="expected"):
        file.append(2, np.zeros((2, 5), np.float32))
    assert file.path.read_bytes() == before
