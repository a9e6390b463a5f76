"""The reduced copy in a pool's folder: made once, extended when items are added."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from knnal.index.reduced import FIRST, SECOND, Axes, Group, ReducedCopy
from knnal.pool.derived import Arrays, DerivedFile, read_arrays, write_arrays
from knnal.pool.pool import Pool
from knnal.types import BoolArray, Float32Array, LogNarrator, Narrator

_AXES = ("mean", "first", "second")
_GROWTH = 2
"""Axes fitted to a pool that has since grown by more than this are fitted anew."""


def stored_reduction(pool: Pool, live: BoolArray, narrator: Narrator | None = None) -> ReducedCopy:
    """The pool's reduced copy from its file, extended or made again where rows are missing."""
    X = pool.embeddings
    narrator = narrator or LogNarrator()
    path = pool.reduced_file
    if path is None:
        return ReducedCopy.fit(X, np.flatnonzero(live))
    file = DerivedFile(path, narrator)
    reduced = load_pool_reduction(pool, file)
    if reduced is not None and len(reduced) == len(X):
        return reduced
    narrator.progress("Reduced copy", 0, len(X))
    if reduced is None or reduced.fitted_rows * _GROWTH < len(X):
        reduced = ReducedCopy.fit(X, np.flatnonzero(live))
    else:
        reduced = reduced.extended(X)
    file.save(pool.vectors_key(len(X)), _arrays(reduced))
    narrator.progress("Reduced copy", len(X), len(X))
    return reduced


def save_reduction(reduced: ReducedCopy, path: Path) -> None:
    """Write the copy where no pool is, as a simulation does."""
    write_arrays(path, "", _arrays(reduced))


def load_reduction(path: Path, X: Float32Array) -> ReducedCopy:
    """The copy of the rows ``X`` that ``save_reduction`` wrote."""
    return _reduction(read_arrays(path).arrays, X.shape[1])


def load_pool_reduction(pool: Pool, file: DerivedFile) -> ReducedCopy | None:
    """The stored copy of the pool's first rows.

    None where there is none, or it is damaged or of other vectors, which the file says.
    """
    dimension = pool.embeddings.shape[1]
    reduced = file.read(
        lambda arrays: _reduction(arrays, dimension), lambda made: pool.vectors_key(len(made))
    )
    # A session that began before items were added knows fewer rows.
    return reduced if reduced is not None and len(reduced) <= len(pool.embeddings) else None


def _arrays(reduced: ReducedCopy) -> Arrays:
    groups = {
        f"{name}_{field}": getattr(group, field)
        for name, group in (("first", reduced.first), ("second", reduced.second))
        for field in Group._fields
    }
    axes = {f"axes_{field}": getattr(reduced.axes, field) for field in _AXES}
    fitted = np.array(reduced.fitted_rows)
    return {"offset": reduced.offset, "fitted_rows": fitted, **groups, **axes}


def _reduction(arrays: Arrays, dimension: int) -> ReducedCopy:
    """The copy of vectors of that dimension. Raises one of DAMAGED_ARCHIVE for other arrays."""
    axes = Axes(*(arrays[f"axes_{field}"] for field in _AXES))
    first, second = (
        Group(*(arrays[f"{name}_{field}"] for field in Group._fields))
        for name in ("first", "second")
    )
    offset, fitted = arrays["offset"], arrays["fitted_rows"]
    n = len(first.codes)
    sizes = (FIRST, dimension), (len(axes.second) and SECOND, dimension)
    fits = (axes.first.shape, axes.second.shape) == sizes and axes.mean.shape == (dimension,)
    for group, width in ((first, FIRST), (second, len(axes.second))):
        fits &= group.codes.shape == (n, width) and group.codes.dtype == np.int8
        fits &= all(a.shape == (n,) for a in group[1:])
    floats = (axes.mean, axes.first, axes.second, offset, *first[1:], *second[1:])
    fits &= all(a.dtype == np.float32 for a in floats) and offset.shape == (n,)
    if not n or not fits or fitted.shape:
        raise ValueError("its arrays do not fit each other")
    return ReducedCopy(axes, first, second, offset, int(fitted))
