"""A table of one number for each class and row, most of them 0, which take no memory."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from knnal.index.compilation import kernel
from knnal.types import Float32Array, Int32Array, IntArray

END = -1
"""Where a chain ends."""

_FEWEST = 1024


class Chains(NamedTuple):
    """For each row the place of its first number, ``(rows,)``, or END; and at each place the place
    of the row's next number, the class of this one, and itself, ``(places,)``.
    """

    first: Int32Array
    following: Int32Array
    classes: Int32Array
    values: Int32Array

    def with_more(self, count: int) -> Chains:
        """A number of free places, each leading to the next."""
        start, nothing = len(self.values), np.zeros(count, dtype=np.int32)
        places = np.arange(start + 1, start + count + 1, dtype=np.int32)
        grown = zip(self[1:], (places, nothing, nothing), strict=True)
        return Chains(self.first, *map(np.concatenate, grown))


class SparseTable:
    """Whole numbers ``(classes, rows)`` to which others are added, and taken back.

    A row has a chain of those that are not 0. Where they lie depends on what was added when; what
    they are, on nothing but their sums.
    """

    def __init__(self, rows: int) -> None:
        nothing = np.empty(0, dtype=np.int32)
        first = np.full(rows, END, dtype=np.int32)
        self.chains = Chains(first, nothing, nothing, nothing)
        self._free = END  # the first of the free places, which are a chain too
        self._used = 0

    def clear(self) -> None:
        """Make all of them 0."""
        self.chains.first[:] = END
        self.chains = Chains(self.chains.first, *(part[:0] for part in self.chains[1:]))
        self._free, self._used = END, 0

    def add(self, c: int, rows: IntArray, amounts: Int32Array) -> None:
        """Add ``amounts`` ``(m,)`` to a class's numbers at different rows ``(m,)``."""
        places = len(self.chains.values)
        if places - self._used < len(rows):
            self.chains = self.chains.with_more(max(len(rows), places, _FEWEST))
            self.chains.following[-1] = self._free
            self._free = places
        self._free, taken = _add(self.chains, self._free, c, rows, amounts)
        self._used += taken

    def columns(self, classes: int, rows: IntArray) -> Int32Array:
        """Those of some rows, ``(m,) -> (classes, m)``."""
        columns = np.zeros((classes, len(rows)), dtype=np.int32)
        scatter(self.chains, rows, columns)
        return columns


@kernel
def _add(chains: Chains, free: int, c: int, rows: IntArray, amounts: Int32Array) -> tuple[int, int]:
    """Returns the first place that is free then, and how many more are taken than before."""
    first, following, classes, values = chains
    taken = 0
    for i in range(len(rows)):
        row = rows[i]
        before, at = END, first[row]
        while at != END and classes[at] != c:
            before, at = at, following[at]
        if at == END:
            before, at, free = END, free, following[free]
            first[row], following[at] = at, first[row]
            classes[at], values[at] = c, 0
            taken += 1
        values[at] += amounts[i]
        if values[at] == 0:
            if before == END:
                first[row] = following[at]
            else:
                following[before] = following[at]
            free, following[at] = at, free
            taken -= 1
    return free, taken


@kernel
def scatter(chains: Chains, rows: IntArray, out: Int32Array | Float32Array) -> None:
    """Write the numbers of ``rows`` ``(m,)`` into the zeros of ``out`` ``(classes, m)``."""
    for i in range(len(rows)):
        at = chains.first[rows[i]]
        while at != END:
            out[chains.classes[at], i] = chains.values[at]
            at = chains.following[at]
