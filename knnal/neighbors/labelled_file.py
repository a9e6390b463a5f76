"""The labelled neighbours of a large pool in its folder, so that opening it need not find them.

The file is a copy of what the log amounts to, never a source. It is checked when it is read and
brought up to the labels in force one by one, or made anew where it does not hold or lags far.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from knnal.files import DAMAGED_ARCHIVE, atomic_writer
from knnal.neighbors.labelled import LabelledNeighbours
from knnal.store.pool import Pool
from knnal.types import IntArray

_WORTH_A_FILE = 50_000_000
"""Rows x labels from which on finding all neighbours takes about a second."""

_STALE = 64
"""Labels behind which a file is written again."""


def restore_neighbours(pool: Pool, neighbours: LabelledNeighbours, labelled: IntArray) -> None:
    """Bring ``neighbours`` to a set of labelled rows, by way of the pool's file if it has one."""
    file = pool.neighbours_file
    if file is None or len(neighbours.ids) * len(labelled) < _WORTH_A_FILE:
        neighbours.rebuild(labelled)
        return
    wanted = set(map(int, labelled))
    behind = len(wanted)
    if _load(file, neighbours):
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
        _save(file, neighbours)


def _save(file: Path, neighbours: LabelledNeighbours) -> None:
    labelled = np.array(sorted(neighbours.labelled), dtype=np.int64)
    with atomic_writer(file) as stream:
        np.savez(
            stream, labelled=labelled, ids=neighbours.ids, similarities=neighbours.similarities
        )


def _load(file: Path, neighbours: LabelledNeighbours) -> bool:
    """Take over the file's state if it is whole, of these rows, and right on a sample of them."""
    try:
        with file.open("rb") as stream, np.load(stream) as stored:
            labelled, ids, similarities = (
                stored[name] for name in ("labelled", "ids", "similarities")
            )
    except DAMAGED_ARCHIVE:
        return False
    return neighbours.adopt(labelled, ids, similarities)
