"""The map of a pool, kept in its folder and made anew when its neighbour graph is another one."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np

from knnal import defaults
from knnal.files import DAMAGED_ARCHIVE, atomic_writer
from knnal.neighbors.graph import NeighbourGraph, stored_graph
from knnal.neighbors.layout import lay_out
from knnal.neighbors.reduced_file import stored_reduction
from knnal.store.pool import Pool
from knnal.types import BoolArray, Float32Array, Narrator

_VERSION = 1
"""To be raised when equal graphs no longer give equal maps."""


def stored_layout(
    pool: Pool, live: BoolArray, narrator: Narrator | None = None, *, seed: int = defaults.SEED
) -> Float32Array:
    """Positions of the live rows, ``(rows, 2)``, NaN for the others; stored once they are found.

    A pool in memory stores nothing.
    """
    graph = stored_graph(pool, live, narrator)
    file = pool.layout_file
    key = layout_key(graph, seed)
    positions = None if file is None else load_layout(file, key, len(live))
    if positions is None:
        positions = lay_out(graph, stored_reduction(pool, live, narrator), seed, narrator)
        if file is not None:
            save_layout(positions, key, file)
    return positions


def found_layout(pool: Pool, live: BoolArray, *, seed: int = defaults.SEED) -> Float32Array | None:
    """What ``stored_layout`` gives, if it is stored; found without making anything large."""
    file = pool.layout_file
    if file is None or not file.exists():
        return None
    return load_layout(file, layout_key(stored_graph(pool, live), seed), len(live))


def layout_key(graph: NeighbourGraph, seed: int) -> str:
    """What positions depend on, as a SHA-256."""
    digest = sha256(f"{_VERSION} {seed} {graph.ids.shape}".encode())
    digest.update(graph.ids.astype("<i4").tobytes())
    return digest.hexdigest()


def save_layout(positions: Float32Array, key: str, file: Path) -> None:
    """Write the positions; a reader finds the old ones or the new ones, whole."""
    with atomic_writer(file) as stream:
        np.savez(stream, positions=positions, key=np.array(key))


def load_layout(file: Path, key: str, rows: int) -> Float32Array | None:
    """The stored positions, or None if there are none, or they are of another graph or seed."""
    try:
        with file.open("rb") as stream, np.load(stream) as stored:
            positions, found = stored["positions"], str(stored["key"])
    except DAMAGED_ARCHIVE:
        return None
    fits = found == key and positions.shape == (rows, 2) and positions.dtype == np.float32
    return positions if fits else None
