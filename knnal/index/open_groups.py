"""Which groups of near-duplicates are still to be asked about, while answers come and go."""

from __future__ import annotations

import numpy as np

from knnal.index.duplicates import DuplicateGroups
from knnal.types import BoolArray, IntArray


class OpenGroups:
    """A group is open until one of its rows is decided: labeled, or skipped.

    ``closed`` ``(rows,)`` are the rows of groups that are not. A decision costs as much as its
    group is large. All of it depends on which rows are decided, and on nothing else.
    """

    def __init__(self, groups: DuplicateGroups, decided: BoolArray) -> None:
        self.groups = groups
        self._decided: BoolArray = np.zeros(len(decided), dtype=np.bool_)
        self._counts: IntArray = np.zeros(len(groups), dtype=np.int64)
        self.closed: BoolArray = np.zeros(len(decided), dtype=np.bool_)
        self.rebuild(decided)

    def rebuild(self, decided: BoolArray) -> None:
        """Start over from all rows that are decided, ``(rows,)``."""
        self._decided[:] = decided
        self._counts[:] = np.bincount(self.groups.numbers[decided], minlength=len(self.groups))
        self.closed[:] = self._counts[self.groups.numbers] > 0

    def settle(self, row: int, decided: bool) -> None:
        """A row is decided now, or no longer; saying so twice changes nothing."""
        if self._decided[row] == decided:
            return
        self._decided[row] = decided
        group = self.groups.numbers[row]
        self._counts[group] += 1 if decided else -1
        self.closed[self.groups.members(row)] = self._counts[group] > 0

    def count(self, rows: BoolArray) -> int:
        """How many groups some of these rows ``(rows,)`` are of."""
        return int(np.count_nonzero(np.bincount(self.groups.numbers[rows])))

    def first_of_each(self, rows: IntArray) -> IntArray:
        """The places of those rows ``(m,)`` that no row of their group comes before, rising."""
        _, first = np.unique(self.groups.numbers[rows], return_index=True)
        return np.sort(first)
