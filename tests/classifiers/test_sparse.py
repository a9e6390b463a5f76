"""A sparse table against a dense one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from knnal.classifiers.sparse import SparseTable

CLASSES, ROWS = 4, 9

ADDED = st.tuples(
    st.integers(0, CLASSES - 1),
    st.lists(st.integers(0, ROWS - 1), unique=True),
    st.integers(-2, 2),
)


@given(st.lists(ADDED, max_size=30))
def test_it_holds_the_sums_of_what_was_added(added: list[tuple[int, list[int], int]]) -> None:
    table, dense = SparseTable(ROWS), np.zeros((CLASSES, ROWS), dtype=np.int32)
    everyone = np.arange(ROWS)
    for c, rows, amount in added:
        amounts = np.arange(len(rows), dtype=np.int32) * amount
        table.add(c, np.array(rows, dtype=np.int64), amounts)
        dense[c, rows] += amounts
        np.testing.assert_array_equal(table.columns(CLASSES, everyone), dense)
    some = np.array([3, 3, 0])
    np.testing.assert_array_equal(table.columns(CLASSES, some), dense[:, some])
    table.clear()
    assert not table.columns(CLASSES, everyone).any()


def test_what_is_taken_back_makes_room() -> None:
    """Labels are tried and taken back for every question that is prepared."""
    table, rows = SparseTable(3000), np.arange(3000)
    amounts = np.ones(3000, dtype=np.int32)
    table.add(0, rows, amounts)
    for c in range(1, 40):
        table.add(c, rows, amounts)
        table.add(c, rows, -amounts)
    assert len(table.chains.values) <= 4 * 3000
    np.testing.assert_array_equal(table.columns(2, rows), [amounts, 0 * amounts])
