"""Files that the processes of a simulation share: vectors, and the index of each split."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from knnal.errors import InputError
from knnal.index.graph import EXACT_LIMIT, NEIGHBORS, build_graph, graph_within
from knnal.index.kernel_graph import KernelGraph
from knnal.index.pool_index import PoolIndex, Views
from knnal.index.reduced import Axes, ReducedCopy
from knnal.pool.graph_file import load_graph, save_graph
from knnal.pool.index_files import load_reduction, save_reduction
from knnal.pool.views import StoredViews
from knnal.simulation.holdout import Holdout
from knnal.simulation.known import KnownItems
from knnal.simulation.splits import Split
from knnal.types import Float32Array, IntArray, Narrator

_VECTORS, _CLASSES = "embeddings.npy", "classes.npy"
_VIEWS, _MADE = "views.npy", "views-made.npy"
_GRAPH, _REDUCED = "graph.npz", "reduced.npz"
_SPARE = 1.5
"""How many times the neighbors that a split needs are searched for among all items."""

_BLOCK = 1024


class Workspace:
    """A temporary folder of a simulation. Each process opens it for itself."""

    def __init__(self, folder: Path, class_count: int) -> None:
        self._folder = folder
        self._class_count = class_count
        self._latest: tuple[str, Holdout] | None = None

    @classmethod
    def create(
        cls,
        folder: Path,
        known: KnownItems,
        splits: Sequence[Split],
        views: StoredViews | None,
        narrator: Narrator,
    ) -> Workspace:
        """Write what all splits have in common, including views if given. Replaces the folder of
        an interrupted simulation. Raises InputError for views that are not complete.
        """
        cls.remove(folder)
        folder.mkdir(parents=True)
        _copy_rows(known.vectors, known.rows, folder / _VECTORS)
        np.save(folder / _CLASSES, known.classes)
        if views is not None:
            if len(views.made) <= np.max(known.rows):
                raise InputError(
                    f"All items need views, but only {len(views.made)} rows of the pool have them. "
                    "Embed the source again."
                )
            np.save(folder / _MADE, views.made[known.rows])
            _copy_rows(views.vectors, known.rows, folder / _VIEWS)
        workspace = cls(folder, len(known.class_names))
        if len(splits) > 1 and len(known) <= EXACT_LIMIT:
            held_out = max(len(split.held_out) for split in splits) / len(known)
            wide = int(_SPARE * NEIGHBORS / (1.0 - held_out))
            everything = np.ones(len(known), dtype=np.bool_)
            graph = build_graph(workspace._vectors, everything, wide, narrator)
            save_graph(graph, folder / _GRAPH)
        return workspace

    @staticmethod
    def remove(folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)

    def prepare(self, split: Split) -> None:
        """Compute everything that depends on a split but on no label, once for all of its runs."""
        X = self._vectors
        live = np.ones(len(X), dtype=np.bool_)
        live[split.held_out] = False
        place = self._place(split)
        place.mkdir(exist_ok=True)
        save_reduction(ReducedCopy.fit(X, np.flatnonzero(live)), place / _REDUCED)
        whole = load_graph(self._folder / _GRAPH)
        graph = build_graph(X, live) if whole is None else graph_within(whole, X, live)
        save_graph(graph, place / _GRAPH)

    def holdout(self, split: Split) -> Holdout:
        """A prepared split to run in. The latest one is cached, since its runs are consecutive."""
        place = self._place(split)
        if self._latest is None or self._latest[0] != place.name:
            graph = load_graph(place / _GRAPH)
            reduced = load_reduction(place / _REDUCED, self._vectors)
            assert graph is not None
            geometry = PoolIndex(
                self._vectors,
                graph.live,
                reduced=lambda: reduced,
                graph=lambda: KernelGraph(graph),
                views=self._views if (self._folder / _VIEWS).exists() else None,
            )
            classes = np.load(self._folder / _CLASSES)
            self._latest = (place.name, Holdout(geometry, classes, self._class_count))
        return self._latest[1]

    def discard(self, split: Split) -> None:
        """Remove the files of a split whose runs are all done."""
        shutil.rmtree(self._place(split), ignore_errors=True)

    @property
    def _vectors(self) -> Float32Array:
        X: Float32Array = np.load(self._folder / _VECTORS, mmap_mode="r")
        return X

    def _views(self, axes: Axes) -> Views:
        vectors = np.load(self._folder / _VIEWS, mmap_mode="r")
        return Views(vectors, np.load(self._folder / _MADE), axes)

    def _place(self, split: Split) -> Path:
        return self._folder / f"seed-{split.seed}-fold-{split.fold}"


def _copy_rows(source: Float32Array, rows: IntArray, file: Path) -> None:
    """Write rows of an array ``(n, ...)`` as an npy file, a block at a time."""
    shape = (len(rows), *source.shape[1:])
    copied = np.lib.format.open_memmap(file, "w+", np.float32, shape)
    for start in range(0, len(rows), _BLOCK):
        copied[start : start + _BLOCK] = source[rows[start : start + _BLOCK]]
