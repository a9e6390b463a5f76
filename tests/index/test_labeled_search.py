"""The products that the block search begins with, in both ways of finding them, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from knnal.index import labeled_search as labeled_search
from knnal.index.compilation import LANES, TOGETHER, multiplies_bytes
from knnal.index.labeled_search import coded_axes, coded_vectors
from knnal.index.reduced import FIRST, GroupQueries
from knnal.index.similarity import similarities

EXTREMES = [-127, 127, 0, 1]


def bytes_and_codes(labels: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(labels)
    values = rng.integers(0, 256, (labels, FIRST)).astype(np.uint8)
    values[0] = 255
    codes = rng.integers(-127, 128, (2 * TOGETHER, FIRST)).astype(np.int8)
    codes[TOGETHER:] = np.array(EXTREMES)[rng.integers(0, 4, TOGETHER)][:, None]
    return values, codes


@pytest.mark.parametrize("labels", [1, LANES - 1, LANES, 3 * LANES + 5])
@pytest.mark.parametrize("in_tiles", [False, True])
def test_products_of_bytes_are_exact(labels: int, in_tiles: bool) -> None:
    if in_tiles and not multiplies_bytes():
        pytest.skip("this processor has no products of bytes")
    values, codes = bytes_and_codes(labels)
    out = np.full((TOGETHER, -(-labels // LANES) * LANES), -1, dtype=np.int32)
    for first in (0, TOGETHER):
        if in_tiles:
            labeled_search._tiles_of_dots(codes, first, labeled_search._tiles(values), out)
        else:
            labeled_search._rows_of_dots(codes, first, values, out)
        exact = codes[first : first + TOGETHER].astype(np.int64) @ values.T.astype(np.int64)
        np.testing.assert_array_equal(out[:, :labels], exact)


def test_labels_in_bytes_are_no_further_off_than_they_say() -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(-32767, 32768, (40, FIRST)).astype(np.int16)
    values[0], values[1] = 0, 1
    unit = rng.uniform(1e-9, 1e-4, 40).astype(np.float32)
    nothing = np.zeros(40, dtype=np.float32)
    in_bytes = coded_axes(GroupQueries(values, unit, nothing, nothing))
    exact = values * unit[:, None].astype(np.float64)
    kept = (in_bytes.values.astype(np.float64) - 128) * in_bytes.unit[:, None]
    off, length = np.linalg.norm(exact - kept, axis=1), np.linalg.norm(exact, axis=1)
    assert (off <= in_bytes.error + 1e-6 * length).all()
    assert (in_bytes.error <= 0.01 * length).all()


@pytest.mark.parametrize("d", [1, 3, 512])
def test_no_similarity_is_above_the_bound_by_full_vectors(d: int) -> None:
    rng = np.random.default_rng(d)
    X = rng.normal(size=(60, d)) * rng.choice([1e-6, 1.0, 30.0], (60, d))
    X = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
    full = coded_vectors(X)
    rounded = np.empty(d, dtype=np.int16)
    for x in X:
        labeled_search._round(x, rounded)
        products = np.array([labeled_search._product(rounded, full.values, j) for j in range(60)])
        exact = rounded.astype(np.int64) @ full.values.T.astype(np.int64)
        np.testing.assert_array_equal(products, exact.astype(np.float32))
        excess = products * full.unit + full.error - similarities(X, x)
        assert (excess >= 0).all()
        assert (excess <= 2 * full.error).all()
    assert (full.error <= 0.05).all()
