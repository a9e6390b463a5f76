"""Values in 16 bits, against what they stand for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from knnal.classifiers.tables import class_table, code_of, columns_of, decoded


def encoded(values: Any) -> Any:
    return np.array([code_of(value) for value in values.astype(np.float32)], dtype=np.uint16)


def test_values_keep_three_digits_and_their_order() -> None:
    values = np.sort(np.exp(np.random.default_rng(0).uniform(np.log(1e-9), np.log(1.999), 5000)))
    codes = encoded(values)
    assert (np.diff(codes.astype(np.int64)) >= 0).all()
    np.testing.assert_allclose(decoded(codes), values, rtol=2.0**-12, atol=2.0**-31)


@pytest.mark.parametrize("value", [0.0, 2.0**-20, 0.5, 1.0, 1.5])
def test_some_values_are_kept_exactly(value: float) -> None:
    assert decoded(encoded(np.array([value]))) == np.float32(value)


def test_codes_stand_for_values_of_their_own() -> None:
    codes = np.arange(1 << 16).astype(np.uint16)
    values = decoded(codes)
    assert values[0] == 0
    assert values[-1] < 2
    assert (np.diff(values) > 0).all()
    np.testing.assert_array_equal(encoded(values), codes)


def test_a_table_grows_and_keeps_what_it_has() -> None:
    table = class_table(2, 5, np.uint16)
    table[1] = 7
    grown = class_table(3, 0, np.uint16, table)
    assert grown.shape == (4, 5)
    assert class_table(4, 0, np.uint16, grown) is grown
    np.testing.assert_array_equal(
        columns_of(grown, np.array([4, 0])), [[0] * 2, [7] * 2, [0] * 2, [0] * 2]
    )
