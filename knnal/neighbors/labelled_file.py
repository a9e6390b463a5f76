"""The labelled neighbours of a large pool in its folder, so that opening it need not find them.

The file is a copy of what the log amounts to, never a source. It is checked when it is read and
brought up to the labels in force one by one, or made anew where it does not hold or lags far.
"""

from __future__ import annotations

import numpy as np

from knnal.neighbors.labelled import LabelledNeighbours
from knnal.store.derived import Arrays, DerivedFile
from knnal.store.pool import Pool
from knnal.types import IntArray, Narrator

_WORTH_A_FILE = 50_000_000
"""Rows x labels from which on finding all neighbours takes about a second."""

_STALE = 64
"""Labels behind which a file is written again."""


def restore_neighbours(
    pool: Pool,
    neighbours: LabelledNeighbours,
    labelled: IntArray,
    narrator: Narrator | None = None,
) -> None:
    """Bring ``neighbours`` to a set of labelled rows, by way of the pool's file if it has one."""
    path = pool.neighbours_file
    if path is None or len(neighbours.ids) * len(labelled) < _WORTH_A_FILE:
        neighbours.rebuild(labelled)
        return
    file = DerivedFile(path, narrator)
    key = f"{pool.vectors_key(len(neighbours.ids))}, {neighbours.ids.shape[1]} nearest"
    wanted = set(map(int, labelled))
    behind = len(wanted)
    if _load(file, key, neighbours):
        gone, new = neighbours.labelled - wanted, wanted - neighbours.labelled
        if len(gone) + len(new) <= max(_STALE, len(wanted) // 10):
            behind = len(gone) + len(new)
            for row in sorted(gone):
                neighbours.remove(row)
            for row in sorted(new):
                neighbours.add(row)
    if neighbours.labelled != wanted or behind == len(wanted):
        neighbours.rebuild(labelled)
    if behind >= _STALE:
        file.save(key, _arrays(neighbours))


def _arrays(neighbours: LabelledNeighbours) -> Arrays:
    labelled = np.array(sorted(neighbours.labelled), dtype=np.int64)
    return {
        "labelled": labelled, "ids": neighbours.ids, "similarities": neighbours.similarities,
    }  # fmt: skip


def _load(file: DerivedFile, key: str, neighbours: LabelledNeighbours) -> bool:
    """Take over the file's state if it is whole, of these rows, and right on a sample of them."""
    stored = file.load()
    if stored is None or stored.made_of != key:  # of fewer rows, or of fewer neighbours each
        return False
    try:
        arrays = [stored.arrays[name] for name in ("labelled", "ids", "similarities")]
    except KeyError as error:
        file.reject(f"it is damaged ({error})")
        return False
    if neighbours.adopt(*arrays):
        return True
    file.reject("it does not hold the neighbors of this pool's vectors")
    return False
