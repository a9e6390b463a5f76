"""The labeled neighbors of a large pool in its folder, so that opening it need not find them.

The file is a copy of what the log amounts to, never a source. It is checked when it is read and
brought up to the labels in force one by one, or made anew where it does not hold or lags far.
"""

from __future__ import annotations

import numpy as np

from knnal.index.labeled import LabeledNeighbors
from knnal.pool.derived import Arrays, DerivedFile
from knnal.pool.pool import Pool
from knnal.types import IntArray, Narrator

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
    if _load(file, key, neighbors):
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
        file.save(key, _arrays(neighbors))


def _arrays(neighbors: LabeledNeighbors) -> Arrays:
    labeled = np.array(sorted(neighbors.labeled), dtype=np.int64)
    return {
        _LABELED: labeled, "ids": neighbors.ids, "similarities": neighbors.similarities,
    }  # fmt: skip


def _load(file: DerivedFile, key: str, neighbors: LabeledNeighbors) -> bool:
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
