"""The reduced copy: its bound is never below a similarity, and it survives its file."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knnal.files import DAMAGED_ARCHIVE
from knnal.index import reduced
from knnal.index.parallel import thread_count, use_threads
from knnal.index.reduced import Axes, ReducedCopy, fit_axes, reduce_rows
from knnal.index.similarity import similarities
from knnal.pool.derived import read_arrays, write_arrays
from knnal.pool.index_files import load_reduction, save_reduction, stored_reduction
from knnal.pool.pool import Pool

from ..damage.files import HEADERS, array_with, full_disk
from ..narrators import Hearing

HARD = [
    "generic", "lattice", "copies", "one point", "hair's breadth", "flat", "clusters", "fading",
    "outliers", "opposites",
]  # fmt: skip
DIMENSIONS = [1, 2, 3, 127, 128, 129, 384, 385, 1280]
GROUP = ("codes", "scale", "error", "rest")
Maker = Callable[..., Any]


@pytest.fixture
def two_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small pools get the second group of axes too."""
    monkeypatch.setattr(reduced, "_WORTH_A_SECOND", 1)


def everyone(X: Any) -> Any:
    return np.arange(len(X))


def bounds(copy: ReducedCopy, q: Any) -> tuple[Any, Any]:
    """The bound of every row's similarity to ``q`` by the first group, and by both."""
    query = copy.queries(q[None])
    known = copy.offset.astype(np.float64) + query.offset[0]
    found = []
    for group, part in ((copy.first, query.first), (copy.second, query.second)):
        dots = group.codes.astype(np.int64) @ part.values[0].astype(np.int64)
        known = known + dots * float(part.unit[0]) * group.scale + group.error * part.length[0]
        found.append(known + group.rest * part.rest[0])
    return found[0], found[1]


def assert_bounded(copy: ReducedCopy, X: Any, queries: Any) -> None:
    for q in queries:
        for bound in bounds(copy, q):
            assert (bound >= similarities(X, q)).all()


def assert_same(one: ReducedCopy, other: ReducedCopy) -> None:
    for name in ("first", "second"):
        for field in GROUP:
            np.testing.assert_array_equal(
                getattr(getattr(one, name), field), getattr(getattr(other, name), field)
            )
    np.testing.assert_array_equal(one.offset, other.offset)
    np.testing.assert_array_equal(one.inverse_length, other.inverse_length)
    for field in ("mean", "first", "second"):
        np.testing.assert_array_equal(getattr(one.axes, field), getattr(other.axes, field))
    assert one.fitted_rows == other.fitted_rows


# The bound


@pytest.mark.usefixtures("two_groups")
@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("kind", HARD)
def test_no_similarity_is_above_its_bound(hard_vectors: Maker, kind: str, d: int) -> None:
    X = hard_vectors(kind, 60, d, d)
    copy = ReducedCopy.fit(X, everyone(X))
    assert copy.first.codes.shape == (60, 128)
    assert not copy.first.codes[:, d:].any()
    assert copy.second.codes.shape == (60, 256)
    assert not copy.second.codes[:, max(d - 128, 0) :].any()
    assert_bounded(copy, X, X[::7])
    assert_bounded(copy, X, hard_vectors("generic", 5, d, 99))


@settings(max_examples=60)
@given(st.data())
def test_nor_for_rows_that_the_axes_were_not_fitted_to(hard_vectors: Maker, data: Any) -> None:
    draw, seeds = data.draw, st.integers(0, 999)
    d = draw(st.sampled_from(DIMENSIONS[:-1]))
    fitted = hard_vectors(draw(st.sampled_from(HARD)), draw(st.integers(1, 200)), d, draw(seeds))
    others = hard_vectors(draw(st.sampled_from(HARD)), 40, d, draw(seeds))
    X = np.vstack([fitted, others])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reduced, "_WORTH_A_SECOND", draw(st.sampled_from([1, 1000])))
        copy = ReducedCopy.fit(X, np.arange(len(fitted)))
    assert_bounded(copy, X, np.vstack([fitted[:3], others[:3]]))


@pytest.mark.parametrize("shift", [0.0, 0.9])
def test_nor_where_rounded_axes_hide_what_is_left_out(shift: float) -> None:
    """Axes in float32 are not quite of unit length. A vector that they stretch, with a part outside
    of them that is as long as what they add, seems to have no such part.
    """
    A = np.linalg.qr(np.random.default_rng(0).normal(size=(140, 140)))[0][:128].astype(np.float32)
    exact = A.astype(np.float64)
    stretch = exact @ exact.T - np.eye(128)
    signs = np.sign(np.linalg.eigh(stretch)[1][:, -1])
    while (gains := 4 * (np.diag(stretch) - signs * (stretch @ signs))).max() > 1e-15:
        signs[gains.argmax()] *= -1
    within = signs @ exact / np.sqrt(128)
    added = np.sqrt(signs @ stretch @ signs / 128)
    outside = np.linalg.svd(exact)[2][-1]
    axes = Axes((-shift * within).astype(np.float32), A, A[:0])
    X = unit(np.array([outside, within + 0.99 * (1 + shift) * added * outside]))
    assert_bounded(ReducedCopy(axes, *reduce_rows(axes, X), fitted_rows=2), X, X)


def unit(X: Any) -> Any:
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.usefixtures("two_groups")
def test_the_bounds_are_close_and_the_second_closer(hard_vectors: Maker) -> None:
    X = hard_vectors("fading", 200, 385, 5)
    copy = ReducedCopy.fit(X, everyone(X))
    first, both = bounds(copy, X[7])
    gaps = first - similarities(X, X[7]), both - similarities(X, X[7])
    assert gaps[0].mean() < 0.03
    assert gaps[1].max() < 0.03
    X = hard_vectors("generic", 2000, 385, 6)
    copy = ReducedCopy.fit(X, everyone(X))
    first, both = bounds(copy, X[7])
    assert (both - similarities(X, X[7])).mean() < 0.3 * (first - similarities(X, X[7])).mean()


# What is kept


def test_codes_are_the_principal_coordinates(hard_vectors: Maker) -> None:
    X = hard_vectors("fading", 300, 200, 1)
    copy = ReducedCopy.fit(X, everyone(X))
    exact = X.astype(np.float64)
    centered = exact - exact.mean(axis=0)
    directions = np.linalg.svd(centered, full_matrices=False)[2]
    kept = copy.first.codes * copy.first.scale[:, None].astype(np.float64)
    # As far as variances tell directions apart; which way a direction points is free.
    for axis in range(20):
        theirs = centered @ directions[axis]
        assert abs(np.corrcoef(kept[:, axis], theirs)[0, 1]) > 0.999
    np.testing.assert_allclose(copy.axes.mean, exact.mean(axis=0), atol=1e-6)
    gram = copy.axes.first.astype(np.float64) @ copy.axes.first.T
    np.testing.assert_allclose(gram, np.eye(128), atol=1e-6)
    a = centered @ copy.axes.first.T.astype(np.float64)
    off = np.linalg.norm(a - kept, axis=1)
    np.testing.assert_allclose(copy.first.error, off, atol=1e-6)
    assert (copy.first.error <= 0.6 * copy.first.scale * np.sqrt(128)).all()
    rest = np.sqrt(np.maximum((centered**2).sum(axis=1) - (a**2).sum(axis=1), 0))
    assert (copy.first.rest >= rest - 1e-7).all()
    np.testing.assert_allclose(copy.first.rest, rest, atol=2e-3)


def test_directions_of_other_vectors_have_unit_length(hard_vectors: Maker) -> None:
    X = hard_vectors("clusters", 300, 40, 2)
    copy = ReducedCopy.fit(X, everyone(X))
    inside = copy.first.codes * copy.inverse_length[:, None].astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(inside, axis=1), 1, atol=1e-6)
    outside = copy.directions_of(X)
    np.testing.assert_allclose(np.linalg.norm(outside, axis=1), 1, atol=1e-9)
    assert (np.vecdot(inside, outside) > 0.999).all()


def test_equal_rows_are_reduced_equally(hard_vectors: Maker) -> None:
    X = np.repeat(hard_vectors("generic", 50, 130, 3), 4, axis=0)
    copy = ReducedCopy.fit(X, everyone(X))
    for field in GROUP:
        values = getattr(copy.first, field)
        np.testing.assert_array_equal(values[::4], values[3::4])


@pytest.mark.parametrize("rows", [0, 1])
def test_pools_too_small_for_axes(rows: int) -> None:
    X = np.eye(2, 3, dtype=np.float32)
    copy = ReducedCopy.fit(X, np.arange(rows))
    assert_bounded(copy, X, X)
    assert len(ReducedCopy.fit(X[:0], np.arange(0))) == 0


def test_the_axes_do_not_depend_on_threads_or_blocks(
    hard_vectors: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    X = hard_vectors("generic", 300, 140, 4)
    whole = ReducedCopy.fit(X, everyone(X))
    before = thread_count()
    try:
        use_threads(2)
        monkeypatch.setattr(reduced, "_BLOCK", 37)
        parts = ReducedCopy.fit(X, everyone(X))
    finally:
        use_threads(before)
    for field in ("mean", "first", "second"):
        np.testing.assert_array_equal(getattr(parts.axes, field), getattr(whole.axes, field))
    np.testing.assert_array_equal(parts.first.codes, whole.first.codes)


def test_a_large_pool_is_fitted_to_an_even_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduced, "_SAMPLE", 10)
    X = np.random.default_rng(0).normal(size=(95, 4)).astype(np.float32)
    rows = np.arange(5, 95)
    np.testing.assert_allclose(fit_axes(X, rows).mean, X[rows[::9]].mean(axis=0), atol=1e-6)


# More rows


@pytest.mark.usefixtures("two_groups")
@pytest.mark.parametrize("d", [3, 128, 200])
def test_extending_is_reducing_at_once_on_the_same_axes(hard_vectors: Maker, d: int) -> None:
    X = hard_vectors("clusters", 90, d, 1)
    copy = ReducedCopy.fit(X[:60], np.arange(60))
    at_once = ReducedCopy(copy.axes, *reduce_rows(copy.axes, X), fitted_rows=60)
    extended = copy.extended(X)
    for name in ("first", "second"):
        ours, theirs = getattr(extended, name), getattr(at_once, name)
        np.testing.assert_array_equal(ours.codes, theirs.codes)
        np.testing.assert_allclose(ours.error, theirs.error, atol=1e-7)
        np.testing.assert_allclose(ours.rest, theirs.rest, atol=1e-6)
    np.testing.assert_allclose(extended.offset, at_once.offset, atol=1e-7)
    assert (len(extended), extended.fitted_rows) == (90, 60)
    assert_bounded(extended, X, X[55:65])
    assert_same(extended.extended(X), extended)


# The file


@pytest.mark.usefixtures("two_groups")
@pytest.mark.parametrize("d", [3, 200])
def test_it_comes_back_from_its_file(hard_vectors: Maker, tmp_path: Path, d: int) -> None:
    X = hard_vectors("generic", 50, d, 1)
    copy = ReducedCopy.fit(X, everyone(X))
    save_reduction(copy, tmp_path / "reduced.npz")
    assert_same(load_reduction(tmp_path / "reduced.npz", X), copy)
    assert len(load_reduction(tmp_path / "reduced.npz", np.vstack([X, X]))) == 50


def test_it_is_not_taken_for_a_copy_of_other_rows(hard_vectors: Maker, make_pool: Any) -> None:
    X = hard_vectors("generic", 50, 20, 1)
    pool = make_pool(X, folder="one")
    stored_reduction(pool, pool.live)
    stored = pool.reduced_file.read_bytes()
    others = hard_vectors("generic", 50, 20, 2), X[:30], X[::-1], X[:, :19].copy()
    for i, rows in enumerate(others):
        other, heard = make_pool(rows, folder=str(i)), Hearing()
        other.reduced_file.write_bytes(stored)
        expected = ReducedCopy.fit(other.embeddings, everyone(rows))
        assert_same(stored_reduction(other, other.live, heard), expected)
        assert len(heard.said) == 1
        assert_same(stored_reduction(other, other.live, heard), expected)
    assert heard.said == [
        "reduced.npz is not used: it is damaged (its arrays do not fit each other). It is rebuilt."
    ]


def test_a_damaged_file_is_as_good_as_none(hard_vectors: Maker, tmp_path: Path) -> None:
    X = hard_vectors("generic", 20, 12, 1)
    copy = ReducedCopy.fit(X, everyone(X))
    file = tmp_path / "reduced.npz"
    save_reduction(copy, file)
    whole = file.read_bytes()
    rng = np.random.default_rng(0)
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(DAMAGED_ARCHIVE):
            load_reduction(file, X)
    found = 0
    for at in rng.choice(len(whole), 600, replace=False).tolist():
        file.write_bytes(whole[:at] + bytes([whole[at] ^ rng.integers(1, 256)]) + whole[at + 1 :])
        try:
            damaged = load_reduction(file, X)
        except DAMAGED_ARCHIVE:
            found += 1
        else:  # a byte that nothing depends on, such as a date
            assert_same(damaged, copy)
    assert found > 300
    file.write_bytes(b"no such thing")
    with pytest.raises(DAMAGED_ARCHIVE):
        load_reduction(file, X)
    for header in HEADERS.values():
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("axes_mean.npy", array_with(header))
        with pytest.raises(DAMAGED_ARCHIVE):
            load_reduction(file, X)


def test_parts_that_do_not_belong_together_are_no_copy(hard_vectors: Maker, make_pool: Any) -> None:
    """Even with a checksum that is right, since kernels trust the shapes."""
    X = hard_vectors("generic", 20, 12, 1)
    pool = make_pool(X)
    first = stored_reduction(pool, pool.live)
    file = pool.reduced_file
    stored = read_arrays(file)
    for name, array in stored.arrays.items():
        others = [array[None]]
        if array.ndim:
            others.append(array.astype("<f8"))
        if array.size > 1:
            others.append(array[..., :-1])
        for other in others:
            write_arrays(file, stored.made_of, {**stored.arrays, name: other})
            heard = Hearing()
            assert_same(stored_reduction(pool, pool.live, heard), first)
            assert [said[:38] for said in heard.said] == [
                "reduced.npz is not used: it is damaged"
            ], name


def test_a_copy_that_cannot_be_stored_stays_in_memory(
    hard_vectors: Maker, make_pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    X = hard_vectors("generic", 20, 12, 1)
    pool, heard = make_pool(X), Hearing()
    monkeypatch.setattr("knnal.pool.derived.atomic_writer", full_disk)
    copy = stored_reduction(pool, pool.live, heard)
    assert_same(copy, ReducedCopy.fit(pool.embeddings, everyone(X)))
    (said,) = heard.said
    assert said.startswith("reduced.npz is kept in memory for this command. The disk")
    assert not pool.reduced_file.exists()


def test_a_pool_keeps_it_extends_it_and_makes_it_anew(make_pool: Any) -> None:
    X = np.random.default_rng(0).normal(size=(70, 6))
    pool = make_pool(X[:40], ids=[f"item-{i}" for i in range(40)])
    first = stored_reduction(pool, pool.live)
    assert_same(stored_reduction(pool, pool.live), first)
    pool = grown(make_pool, X[40:70], 40)
    extended = stored_reduction(pool, pool.live)
    assert (len(extended), extended.fitted_rows) == (70, 40)
    np.testing.assert_array_equal(extended.axes.first, first.axes.first)
    assert_same(stored_reduction(pool, pool.live), extended)
    pool = grown(make_pool, X[:20] + 1, 70)
    anew = stored_reduction(pool, pool.live)
    assert (len(anew), anew.fitted_rows) == (90, 90)
    assert not np.array_equal(anew.axes.first, first.axes.first)
    pool.reduced_file.write_bytes(b"damaged")
    assert_same(stored_reduction(pool, pool.live), anew)


def grown(make_pool: Any, X: Any, start: int) -> Pool:
    return make_pool(X, ids=[f"item-{start + i}" for i in range(len(X))])
