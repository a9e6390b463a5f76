"""The six data sets by name: embedded once, and then kept in the folder --work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.sets import sources
from benchmarks.sets.embedding import SampledItems, embed_items
from benchmarks.sets.splits import Split, split_at_random, split_by_group
from knnal.files import atomic_writer
from knnal.sources.base import Source
from knnal.types import Float32Array, IntArray

FRUITS, SENTIMENT140 = "fruits", "sentiment140"
_SEED = 1


@dataclass(frozen=True, slots=True)
class DataSet:
    """``title`` for tables; ``groups`` gives the group of each id where a split must respect it."""

    title: str
    source: Callable[[Path | None], AbstractContextManager[Source]]
    groups: Callable[[Path | None], dict[str, str]] | None = None


DATA_SETS: dict[str, DataSet] = {
    FRUITS: DataSet("fruits, by photo group", sources.fruits, sources.photo_groups),
    SENTIMENT140: DataSet("Sentiment140", sources.tweets_of_sentiment140),
    "fruits360": DataSet("Fruits-360", sources.fruits_of_360),
    "cifar10": DataSet("CIFAR-10", sources.cifar10),
    "mnist": DataSet("MNIST", sources.mnist_digits),
    "banking77": DataSet("banking77", sources.banking77),
}


@dataclass(frozen=True, slots=True)
class EmbeddedSet:
    """Unit vectors ``(n, d)``, class numbers ``(n,)``, class names, and groups ``(n,)`` if any."""

    name: str
    X: Float32Array
    classes: IntArray
    names: list[str]
    groups: IntArray | None
    embedder: str

    def split(self, share: float, seed: int, most_pool: int, most_held_out: int) -> Split:
        """By group where there are groups, otherwise at random."""
        if self.groups is None:
            return split_at_random(len(self.X), share, seed, most_pool, most_held_out)
        found = split_by_group(self.groups, share, seed, most_pool)
        return Split(found.pool, found.held_out[:most_held_out])


def embedded_set(name: str, data: Path | None, work: Path, items: int | None = None) -> EmbeddedSet:
    """A data set of ``DATA_SETS``, or so many items drawn from it, embedded if it is not kept yet.

    Leaves the program with advice where the raw files are not there.
    """
    file = kept_file(name, work, items)
    if not file.exists():
        print(f"embedding {name}", file=sys.stderr, flush=True)
        keep(_embed(name, data, items), file)
    return kept(name, file)


def kept_file(name: str, work: Path, items: int | None) -> Path:
    return work / "embeddings" / f"{name}-{items or 'all'}.npz"


def keep(found: EmbeddedSet, file: Path) -> None:
    """Write the embeddings, so that ``kept`` reads them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    no_groups = np.empty(0, dtype=np.int64)
    with atomic_writer(file) as stream:
        np.savez(
            stream,
            X=found.X,
            classes=found.classes,
            names=np.array(found.names),
            groups=no_groups if found.groups is None else found.groups,
            embedder=np.array(found.embedder),
        )


def kept(name: str, file: Path) -> EmbeddedSet:
    with np.load(file, allow_pickle=False) as stored:
        groups = stored["groups"]
        return EmbeddedSet(
            name,
            stored["X"],
            stored["classes"],
            [str(c) for c in stored["names"]],
            groups if len(groups) else None,
            str(stored["embedder"]),
        )


def _embed(name: str, data: Path | None, items: int | None) -> EmbeddedSet:
    data_set = DATA_SETS[name]
    with data_set.source(data) as source:
        wanted = source if items is None else SampledItems(source, items, _SEED)
        found = embed_items([wanted])
    classes, names = found.numbered()
    groups = None
    if data_set.groups is not None:
        of = data_set.groups(data)
        groups = np.unique([of[id_] for id_ in found.ids], return_inverse=True)[1]
    return EmbeddedSet(name, found.vectors, classes, names, groups, found.embedder)
