"""The reduced copy in a pool's folder: made once, extended when items are added."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from knnal.files import DAMAGED_ARCHIVE, atomic_writer
from knnal.neighbors.reduced import FIRST, SECOND, Axes, Group, ReducedCopy, reduce_rows
from knnal.store.pool import Pool
from knnal.types import BoolArray, Float32Array, LogNarrator, Narrator

_AXES = ("mean", "first", "second")
_GROWTH = 2
"""Axes fitted to a pool that has since grown by more than this are fitted anew."""


def stored_reduction(pool: Pool, live: BoolArray, narrator: Narrator | None = None) -> ReducedCopy:
    """The pool's reduced copy from its file, extended or made anew where rows are missing."""
    X = pool.embeddings
    narrator = narrator or LogNarrator()
    file = pool.reduced_file
    if file is None:
        return ReducedCopy.fit(X, np.flatnonzero(live))
    stored = load_reduction(file, X)
    if stored is not None and len(stored) == len(X):
        return stored
    narrator.progress("Reduced copy", 0, len(X))
    if stored is None or stored.fitted_rows * _GROWTH < len(X):
        stored = ReducedCopy.fit(X, np.flatnonzero(live))
    else:
        stored = stored.extended(X)
    save_reduction(stored, file)
    narrator.progress("Reduced copy", len(X), len(X))
    return stored


def save_reduction(reduced: ReducedCopy, file: Path) -> None:
    """Write the copy; a reader finds the old one or the new one, whole."""
    groups = {
        f"{name}_{field}": getattr(group, field)
        for name, group in (("first", reduced.first), ("second", reduced.second))
        for field in Group._fields
    }
    axes = {f"axes_{field}": getattr(reduced.axes, field) for field in _AXES}
    with atomic_writer(file) as stream:
        np.savez(stream, offset=reduced.offset, fitted_rows=reduced.fitted_rows, **groups, **axes)


def load_reduction(file: Path, X: Float32Array) -> ReducedCopy | None:
    """The stored copy of the first rows of ``X``; None if there is none, or it is of other rows."""
    try:
        with file.open("rb") as stream, np.load(stream) as stored:
            axes = Axes(*(stored[f"axes_{field}"] for field in _AXES))
            first, second = (
                Group(*(stored[f"{name}_{field}"] for field in Group._fields))
                for name in ("first", "second")
            )
            reduced = ReducedCopy(axes, first, second, stored["offset"], int(stored["fitted_rows"]))
    except DAMAGED_ARCHIVE:
        return None
    n = len(reduced)
    sizes = (FIRST, X.shape[1]), (len(axes.second) and SECOND, X.shape[1])
    if not 0 < n <= len(X) or (axes.first.shape, axes.second.shape) != sizes:
        return None
    last = reduce_rows(axes, X[n - 1 : n])[0]
    return reduced if np.array_equal(last.codes[0], first.codes[n - 1]) else None
