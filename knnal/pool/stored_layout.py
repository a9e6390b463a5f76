"""The map of a pool, kept in its folder and made anew when its neighbor graph is another one."""

from __future__ import annotations

from hashlib import sha256

import numpy as np

from knnal import defaults
from knnal.index.graph import NeighborGraph
from knnal.index.layout import lay_out
from knnal.pool.derived import DerivedFile
from knnal.pool.pool import Pool
from knnal.pool.stored_graph import stored_graph
from knnal.pool.stored_reduction import stored_reduction
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
    path = pool.layout_file
    file = None if path is None else DerivedFile(path, narrator)
    key = layout_key(graph, seed)
    positions = None if file is None else load_layout(file, key, len(live))
    if positions is None:
        positions = lay_out(graph, stored_reduction(pool, live, narrator), seed, narrator)
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
