"""MNIST and CIFAR-10 in pools with views, embedded once and kept in the folder --work."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.sets import sources
from benchmarks.sets.embedding import SampledItems
from knnal.errors import PoolNotFoundError
from knnal.index.graph import build_graph
from knnal.index.kernel_graph import KernelGraph
from knnal.index.pool_index import PoolIndex, Views
from knnal.index.reduced import Axes, ReducedCopy
from knnal.pool.labels.ledger import Ledger
from knnal.project import Project
from knnal.sources.base import Item, Source
from knnal.types import Float32Array, IntArray

_SEED = 1


@dataclass(frozen=True, slots=True)
class ViewedSet:
    """``source`` of so many pictures, and the augmentations that leave their classes as they are:
    a digit's mirror image is none, and no part of it may be cut off.
    """

    title: str
    source: Callable[[Path | None, int], AbstractContextManager[Source]]
    augmentations: tuple[str, ...]


VIEWED_SETS = {
    "mnist": ViewedSet("MNIST", sources.mnist_digits, ("rotate", "scale", "shear", "elastic")),
    "cifar10": ViewedSet(
        "CIFAR-10", sources.cifar10, ("mirror", "rotate", "scale", "shear", "crop")
    ),
}


@dataclass(frozen=True)
class ViewedItems:
    """Pictures ``paths`` of ``classes`` ``(n,)`` among ``names``, and ``vectors`` ``(n, 1 + views,
    d)``, each picture's own first.
    """

    paths: list[Path]
    classes: IntArray
    names: list[str]
    vectors: Float32Array
    embedder: str
    views: str

    def geometry(self, held_out: IntArray) -> PoolIndex:
        """Of all items, those held out not live."""
        X = np.ascontiguousarray(self.vectors[:, 0])
        live = np.ones(len(X), dtype=np.bool_)
        live[held_out] = False
        made = np.ones(len(X), dtype=np.bool_)

        def views(axes: Axes) -> Views:
            return Views(self.vectors, made, axes)

        return PoolIndex(
            X,
            live,
            reduced=lambda: ReducedCopy.fit(X, np.flatnonzero(live)),
            graph=lambda: KernelGraph(build_graph(X, live)),
            views=views,
        )


def folder_of(name: str, work: Path, items: int, views: int) -> Path:
    return work / "guided" / f"{name}-{items}-{views}"


def make(name: str, data: Path | None, work: Path, items: int, views: int) -> None:
    """Embed so many pictures of a set and their views, unless they are; an interrupted run goes on.

    Leaves the program with advice where the raw files are not there.
    """
    folder, chosen = folder_of(name, work, items, views), VIEWED_SETS[name]
    pictures = folder / "pictures"
    if not pictures.exists():
        _lay_out(chosen, data, pictures, items)
    print(f"embedding {name}", file=sys.stderr, flush=True)
    project = Project.create(folder / "pool")
    try:
        report = project.embed(
            pictures, views=views, augmentations=chosen.augmentations, labels_from_folders=True
        )
        print(f"{report.added} items, {report.viewed} with views", file=sys.stderr)
    finally:
        project.close()


def _lay_out(chosen: ViewedSet, data: Path | None, pictures: Path, items: int) -> None:
    """Copy pictures into a folder a class, which is there when all of them are."""
    begun = pictures.with_name("pictures.begun")
    shutil.rmtree(begun, ignore_errors=True)
    with chosen.source(data, items) as source:
        for item in SampledItems(source, items, _SEED):
            if isinstance(item, Item) and item.path is not None:
                place = begun / str(item.label)
                place.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(item.path, place / item.path.name)
    begun.rename(pictures)


def load(name: str, work: Path, items: int, views: int) -> ViewedItems:
    """What ``make`` has embedded, in random order: of equal scores the earlier item is asked about,
    and folders are sorted by class. Raises PoolNotFoundError where nothing is embedded.
    """
    folder = folder_of(name, work, items, views)
    project = Project.open(folder / "pool")
    try:
        pool = project.pool
        stored = pool.views()
        if stored is None:
            raise PoolNotFoundError(f"The pool in {folder} has no views: embed it first.")
        records = list(pool.catalog.records())
        records = [records[i] for i in np.random.default_rng(_SEED).permutation(len(records))]
        ledger = pool.log.read_into(Ledger())
        labels = [str(ledger.label(record.id)) for record in records]
        names, classes = np.unique(labels, return_inverse=True)
        return ViewedItems(
            [Path(str(record.path)) for record in records],
            classes.astype(np.int64),
            [str(name) for name in names],
            stored.vectors[[record.row for record in records]],
            str(pool.manifest.embedder),
            str(stored.facts),
        )
    finally:
        project.close()
