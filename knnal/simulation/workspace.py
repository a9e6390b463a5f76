"""What runs in several processes share: vectors to be mapped, and the geometry of each split."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

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
from knnal.types import Float32Array, Narrator

_VECTORS, _CLASSES = "embeddings.npy", "classes.npy"
_VIEWS, _MADE = "views.npy", "views-made.npy"
_GRAPH, _REDUCED = "graph.npz", "reduced.npz"
_SPARE = 1.5
"""How many neighbors more than a split needs on average are found among all items."""


class Workspace:
    """A folder for the length of a simulation. Each process opens it for itself."""

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
        """Lay out what the splits have in common, views too if they are wanted; what an
        interrupted simulation left goes.
        """
        cls.remove(folder)
        folder.mkdir(parents=True)
        known.write_vectors(folder / _VECTORS)
        np.save(folder / _CLASSES, known.classes)
        if views is not None:
            known.write_views(views, folder / _VIEWS, folder / _MADE)
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
        """Find all that depends on a split and on no label: once, for whoever runs in it."""
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
        """A prepared split to run in. The latest is kept, since its runs follow each other."""
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
        """Remove what was prepared for a split whose runs are all done."""
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
