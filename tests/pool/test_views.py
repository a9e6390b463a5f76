"""The files of views: plain NumPy, and whole whatever a crash left behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from xxhash import xxh3_64_intdigest

from knnal.errors import PoolDamagedError, PoolUnwritableError
from knnal.pool.views import ViewFacts, ViewFiles

from ..damage.files import flip, full_disk

FACTS = ViewFacts(2, ("drop", "swap"))


@pytest.fixture
def files(tmp_path: Path) -> ViewFiles:
    files = ViewFiles(tmp_path, 4, "this pool")
    files.begin(FACTS)
    return files


def vectors(n: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=(n, 3, 4)).astype(np.float32)


def test_there_are_none_until_they_are_begun(tmp_path: Path) -> None:
    files = ViewFiles(tmp_path, 4, "this pool")
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
    sums = np.load(tmp_path / "views-sums.npy")
    assert sums.dtype == np.dtype("<u8")
    expected = [xxh3_64_intdigest(row.tobytes()) | 1 for row in stored]
    expected[5] = xxh3_64_intdigest(stored[5, 0].tobytes()) & ~1
    assert sums.tolist() == expected
    assert json.loads((tmp_path / "views.json").read_bytes())["augmentations"] == ["drop", "swap"]
    found = files.read()
    assert found is not None
    assert isinstance(found.vectors, np.memmap)
    assert isinstance(found.vectors.reshape(-1, 4), np.memmap)


def test_vectors_that_no_checksum_counts_are_overwritten(files: ViewFiles, tmp_path: Path) -> None:
    V = vectors(6)
    files.append(V[:2], np.ones(2, np.bool_))
    sums = (tmp_path / "views-sums.npy").read_bytes()
    files.append(vectors(3, seed=1), np.ones(3, np.bool_))
    (tmp_path / "views-sums.npy").write_bytes(sums)  # as if killed between the two files
    assert files.count() == 2
    files.append(V[2:], np.ones(4, np.bool_))
    found = files.read()
    assert found is not None
    np.testing.assert_array_equal(found.vectors, V)


def test_a_crash_before_the_first_checksum(files: ViewFiles, tmp_path: Path) -> None:
    files.append(vectors(1), np.ones(1, np.bool_))
    (tmp_path / "views-sums.npy").write_bytes(b"")
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
    with pytest.raises(PoolDamagedError, match=r"views\.npy .*Repair the pool"):
        files.read()
    for text in (b"{}", b"", b"[]", b'{"views": 0, "augmentations": []}', b"\xff"):
        (tmp_path / "views.json").write_bytes(text)
        with pytest.raises(PoolDamagedError, match=r"views\.json .*Repair the pool"):
            files.facts()
    files.remove()
    assert files.facts() is None


def test_damaged_rows_are_found_but_not_those_without_views(
    files: ViewFiles, tmp_path: Path
) -> None:
    V = vectors(6)
    files.append(V, np.array([True, False, True, True, True, True]))
    X = V[:, 0].copy()
    assert damaged(files, X) == []
    for row in (1, 3, 5):
        flip(tmp_path / "views.npy", 128 + row * 3 * 4 * 4 + 20)
    assert damaged(files, X) == [3, 5]
    X[2, 1] += 1
    assert damaged(files, X) == [2, 3, 5]
    assert damaged(files, X[:3]) == [2]


@pytest.mark.parametrize("made", [True, False])
def test_checksums_of_zeros_are_damage(files: ViewFiles, tmp_path: Path, made: bool) -> None:
    V = vectors(4)
    files.append(V, np.full(4, made))
    sums = np.load(tmp_path / "views-sums.npy")
    sums[1:3] = 0
    np.save(tmp_path / "views-sums.npy", sums)
    assert damaged(files, V[:, 0]) == [1, 2]


def test_a_crash_in_the_middle_of_filling_is_no_damage(files: ViewFiles, tmp_path: Path) -> None:
    V = vectors(3)
    files.append(V, np.zeros(3, np.bool_))
    sums = (tmp_path / "views-sums.npy").read_bytes()
    files.fill(1, np.concatenate([V[1, :1], vectors(1, seed=1)[0, 1:]]))
    (tmp_path / "views-sums.npy").write_bytes(sums)
    assert damaged(files, V[:, 0]) == []
    assert not files.made().any()


def test_facts_that_are_missing_changed_or_of_another_pool(
    files: ViewFiles, tmp_path: Path
) -> None:
    files.append(vectors(2), np.ones(2, np.bool_))
    file = tmp_path / "views.json"
    told = json.loads(file.read_bytes())
    other = ViewFiles(tmp_path / "other", 4, "another pool")
    (tmp_path / "other").mkdir()
    other.begin(FACTS)
    for change in (
        lambda: file.unlink(),
        lambda: file.write_text(json.dumps({**told, "views": 10**30})),
        lambda: file.write_text(json.dumps({**told, "augmentations": ["drop"]})),
        lambda: file.write_bytes((tmp_path / "other" / "views.json").read_bytes()),
    ):
        change()
        with pytest.raises(PoolDamagedError, match=r"views\.json.*Repair the pool"):
            files.facts()
    file.write_text('{"views": 2, "augmentations": ["drop", "swap"]}')  # of before schema 4
    assert files.facts() == FACTS


def damaged(files: ViewFiles, X: Any) -> list[int]:
    return [row for rows in files.damaged(X) for row in rows.tolist()]


def test_rows_that_come_while_others_are_checked_are_no_damage(files: ViewFiles) -> None:
    V = vectors(6)
    files.append(V[:2], np.ones(2, np.bool_))
    read = files.read

    def read_then_append() -> Any:
        found = read()
        files.append(V[2:], np.ones(4, np.bool_))
        return found

    files.read = read_then_append  # type: ignore[method-assign]
    assert damaged(files, V[:, 0]) == []


def test_views_are_forgotten(files: ViewFiles) -> None:
    V = vectors(4)
    files.append(V, np.ones(4, np.bool_))
    files.forget(np.array([1, 3]), V[:, 0])
    assert files.made().tolist() == [True, False, True, False]
    assert damaged(files, V[:, 0]) == []


def test_a_disk_that_is_full_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knnal.pool.views.atomic_writer", full_disk)
    with pytest.raises(PoolUnwritableError, match=r"views\.json is full"):
        ViewFiles(tmp_path, 4, "this pool").begin(FACTS)
