"""What a pool's folder keeps of the index: reduced copy, labeled neighbors, map, views.

Each file is a copy of what vectors and log determine: checked when it is read, and rebuilt when it
is missing, damaged or stale.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np

from knnal import defaults
from knnal.errors import PoolError
from knnal.index.graph import NeighborGraph
from knnal.index.kernel_graph import KernelGraph
from knnal.index.labeled import LabeledNeighbors
from knnal.index.layout import compute_layout
from knnal.index.pool_index import PoolIndex, Views
from knnal.index.reduced import FIRST, SECOND, Axes, Group, ReducedCopy
from knnal.pool.derived import Arrays, DerivedFile, read_arrays, write_arrays
from knnal.pool.graph_file import stored_graph
from knnal.pool.pool import Pool
from knnal.types import BoolArray, Float32Array, IntArray, LogNarrator, Narrator

_AXES = ("mean", "first", "second")
_GROWTH = 2
"""Axes are fitted again once a pool has grown by more than this factor."""


def stored_reduction(pool: Pool, live: BoolArray, narrator: Narrator | None = None) -> ReducedCopy:
    """The pool's reduced copy from its file, extended or rebuilt where rows are missing."""
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
    file.save(pool.vectors_key(len(X)), _reduction_arrays(reduced))
    narrator.progress("Reduced copy", len(X), len(X))
    return reduced


def save_reduction(reduced: ReducedCopy, path: Path) -> None:
    """Write the copy where no pool is, as a simulation does."""
    write_arrays(path, "", _reduction_arrays(reduced))


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


def _reduction_arrays(reduced: ReducedCopy) -> Arrays:
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


_WORTH_A_FILE = 50_000_000
"""Rows x labels from which on finding all neighbors takes about a second."""

_LABELED = "labelled"
"""The array's name in the file, in the spelling of the first pools."""

_STALE = 64
"""Labels behind which a file is written again."""


def restore_neighbors(
    pool: Pool,
    neighbors: LabeledNeighbors,
    labeled: IntArray,
    narrator: Narrator | None = None,
) -> None:
    """Bring ``neighbors`` to a set of labeled rows, by way of the pool's file if it has one."""
    path = pool.neighbors_file
    if path is None or len(neighbors.ids) * len(labeled) < _WORTH_A_FILE:
        neighbors.rebuild(labeled)
        return
    file = DerivedFile(path, narrator)
    key = f"{pool.vectors_key(len(neighbors.ids))}, {neighbors.ids.shape[1]} nearest"
    wanted = set(map(int, labeled))
    behind = len(wanted)
    if _load_neighbors(file, key, neighbors):
        gone, new = neighbors.labeled - wanted, wanted - neighbors.labeled
        if len(gone) + len(new) <= max(_STALE, len(wanted) // 10):
            behind = len(gone) + len(new)
            for row in sorted(gone):
                neighbors.remove(row)
            for row in sorted(new):
                neighbors.add(row)
    if neighbors.labeled != wanted or behind == len(wanted):
        neighbors.rebuild(labeled)
    if behind >= _STALE:
        file.save(key, _neighbor_arrays(neighbors))


def _neighbor_arrays(neighbors: LabeledNeighbors) -> Arrays:
    labeled = np.array(sorted(neighbors.labeled), dtype=np.int64)
    return {
        _LABELED: labeled, "ids": neighbors.ids, "similarities": neighbors.similarities,
    }  # fmt: skip


def _load_neighbors(file: DerivedFile, key: str, neighbors: LabeledNeighbors) -> bool:
    """Take over the file's state if it is whole, of these rows, and right on a sample of them."""
    stored = file.load()
    if stored is None or stored.made_of != key:  # of fewer rows, or of fewer neighbors each
        return False
    try:
        arrays = [stored.arrays[name] for name in (_LABELED, "ids", "similarities")]
    except KeyError as error:
        file.reject(f"it is damaged ({error})")
        return False
    if neighbors.adopt(*arrays):
        return True
    file.reject("it does not hold the neighbors of this pool's vectors")
    return False


_VERSION = 1
"""To be raised when equal graphs no longer give equal maps."""


def stored_layout(
    pool: Pool, live: BoolArray, narrator: Narrator | None = None, *, seed: int = defaults.SEED
) -> Float32Array:
    """Positions of the live rows, ``(rows, 2)``, NaN for the others; stored once they are found.

    A pool in memory stores nothing.
    """
    graph = stored_graph(pool, live, narrator)
    path = pool.layout_file
    file = None if path is None else DerivedFile(path, narrator)
    key = layout_key(graph, seed)
    positions = None if file is None else load_layout(file, key, len(live))
    if positions is None:
        positions = compute_layout(graph, stored_reduction(pool, live, narrator), seed, narrator)
        if file is not None:
            file.save(key, {"positions": positions})
    return positions


def found_layout(pool: Pool, live: BoolArray, *, seed: int = defaults.SEED) -> Float32Array | None:
    """What ``stored_layout`` gives, if it is stored; found without making anything large."""
    path = pool.layout_file
    if path is None or not path.exists():
        return None
    return load_layout(DerivedFile(path), layout_key(stored_graph(pool, live), seed), len(live))


def layout_key(graph: NeighborGraph, seed: int) -> str:
    """What positions depend on, as a SHA-256."""
    digest = sha256(f"{_VERSION} {seed} {graph.ids.shape}".encode())
    digest.update(graph.ids.astype("<i4").tobytes())
    return digest.hexdigest()


def load_layout(file: DerivedFile, key: str, rows: int) -> Float32Array | None:
    """The stored positions, or None if there are none, or they are of another graph or seed."""
    stored = file.load()
    positions = None if stored is None else stored.arrays.get("positions")
    if stored is None or positions is None or stored.made_of != key:
        return None
    fits = positions.shape == (rows, 2) and positions.dtype == np.float32
    return positions if fits else None


def stored_views(
    pool: Pool, live: BoolArray, narrator: Narrator | None = None
) -> Callable[[Axes], Views] | None:
    """What maps the pool's views when they are wanted; None where the pool has none.

    That raises PoolError for views that an interrupted run left unfinished, and tells of items
    whose content could not be read.
    """
    narrator = narrator or LogNarrator()
    if not pool.has_views:
        return None

    def open_views(axes: Axes) -> Views:
        stored = pool.views()
        assert stored is not None
        made = stored.made[: len(live)]
        if len(made) < len(live):
            raise PoolError(
                f"The views of {len(live) - len(made)} of {len(live)} items are not made yet. Run "
                "`Project.embed` again, or wait until it is done."
            )
        missing = int(np.count_nonzero(live & ~made))
        if missing:
            narrator.say(
                f"{missing} of {len(live)} items have no views, since their content could not be "
                "read: they count as they are. `Project.embed` tries again."
            )
        return Views(stored.vectors[: len(live)], made, axes)

    return open_views


def stored_index(pool: Pool, narrator: Narrator | None = None) -> PoolIndex:
    """The index of a pool's vectors, from the files in its folder. Each part loads at first use."""
    live = pool.live
    return PoolIndex(
        pool.embeddings,
        live,
        reduced=lambda: stored_reduction(pool, live, narrator),
        graph=lambda: KernelGraph(stored_graph(pool, live, narrator)),
        views=stored_views(pool, live, narrator),
    )
