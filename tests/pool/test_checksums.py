"""Checksums: XXH3 of the documented bytes, another one wherever a value is another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from xxhash import xxh3_64_intdigest

from knnal.pool.checksums import arrays_checksum, row_checksums, values_checksum
from knnal.pool.connection import CHECKSUM
from knnal.pool.database import connect

texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\1"))
values = st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), texts)


@given(st.lists(values, min_size=1, max_size=8), st.data())
def test_another_value_gives_another_checksum(row: list[Any], data: Any) -> None:
    at, other = data.draw(st.integers(0, len(row) - 1)), data.draw(values)
    assume(str(other) != str(row[at]))  # a column has one type, so 1 and "1" never meet
    changed = [*row[:at], other, *row[at + 1 :]]
    assert values_checksum(*changed) != values_checksum(*row)


@given(st.lists(values, min_size=2, max_size=8), st.data())
def test_a_value_that_moves_or_goes_gives_another_checksum(row: list[Any], data: Any) -> None:
    at = data.draw(st.integers(0, len(row) - 2))
    assume(str(row[at]) != str(row[at + 1]))
    swapped = [*row[:at], row[at + 1], row[at], *row[at + 2 :]]
    assert values_checksum(*swapped) != values_checksum(*row)
    assert values_checksum(*row[:at], *row[at + 1 :]) != values_checksum(*row)


def test_values_that_run_together_differ() -> None:
    rows = [
        ("ab", "c"),
        ("a", "bc"),
        ("abc", ""),
        ("", "abc"),
        ("abc",),
        ("abc", None),
        (None, "abc"),
    ]
    assert len({values_checksum(*row) for row in rows}) == len(rows)


@given(st.lists(values, max_size=8))
def test_it_is_what_the_format_says(row: list[Any]) -> None:
    data = b"".join(("\1" if value is None else str(value)).encode() + b"\0" for value in row)
    assert values_checksum(*row) == xxh3_64_intdigest(data or b"\0") - 2**63


@given(st.lists(values, min_size=1, max_size=8))
def test_sqlite_computes_the_same_and_holds_it(row: list[Any]) -> None:
    db = connect(None)
    marks = ", ".join("?" * len(row))
    ((found,),) = db.rows(f"SELECT {CHECKSUM}({marks})", row)
    assert found == values_checksum(*row)
    db.close()


def test_rows_have_the_checksums_of_their_bytes() -> None:
    X = np.random.default_rng(0).normal(size=(9, 2, 3)).astype(np.float32)
    expected = [xxh3_64_intdigest(row.tobytes()) for row in X]
    assert row_checksums(X).tolist() == expected
    assert row_checksums(X[::-1]).tolist() == expected[::-1]
    assert row_checksums(np.asfortranarray(X)).tolist() == expected
    assert row_checksums(X[:0]).tolist() == []


@pytest.mark.parametrize(
    "other",
    [
        {"a": np.array([1, 2, 4]), "b": np.array("x")},
        {"a": np.array([1, 2, 3]), "b": np.array("y")},
        {"a": np.array([1, 2, 3]), "c": np.array("x")},
        {"a": np.array([1, 2, 3])},
        {"a": np.array([[1, 2, 3]]), "b": np.array("x")},
        {"a": np.array([1, 2, 3]).view("<u8"), "b": np.array("x")},
        {"a": np.array([1, 2, 3]), "b": np.array("x"), "c": np.empty(0)},
    ],
)
def test_arrays_differ_by_name_type_shape_and_bytes(other: Any) -> None:
    arrays = {"a": np.array([1, 2, 3]), "b": np.array("x")}
    assert arrays_checksum(other) != arrays_checksum(arrays)
    assert arrays_checksum({"b": arrays["b"], "a": arrays["a"]}) == arrays_checksum(arrays)
