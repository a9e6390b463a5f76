"""The vectors that pools are mixed from: embedded photos and texts, or made ones."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import banking_texts, fruit_photos, fruits_360, tweets
from benchmarks.sets.embedding import FirstItems, embed_items
from knnal.index.linalg import unit_rows
from knnal.sources.base import Source
from knnal.sources.tables import TextTable
from knnal.types import Float32Array, IntArray

PHOTOS, TEXTS = 1280, 512
"""Dimensions of knnal's default embedders of images and of texts."""

_TWEETS_TAKEN = 4000
_MADE_CLASSES = 12
_MADE_SEEDS = 3000
_MADE_SPREAD = 0.8


@dataclass(frozen=True, slots=True)
class Seeds:
    """Unit vectors ``(m, d)``, their class numbers ``(m,)``, the names of the classes."""

    vectors: Float32Array
    classes: IntArray
    names: list[str]
    origin: str


def load_seeds(kind: str, dimension: int, data: Path | None, work: Path, seed: int) -> Seeds:
    """``kind`` is "data", embedded once and then kept in the folder ``work``, or "made".

    Leaves the program with advice where there is no data, or none of that dimension.
    """
    if kind == "made":
        return made_seeds(dimension, seed)
    if dimension not in (PHOTOS, TEXTS):
        sys.exit(
            f"Expected --dims of {PHOTOS} (photos) or {TEXTS} (texts), came {dimension}. "
            "Other dimensions can be had with --seeds made."
        )
    file = work / f"seeds-{dimension}.npz"
    if not file.exists():
        seeds = embedded_photos(data) if dimension == PHOTOS else embedded_texts(data)
        work.mkdir(parents=True, exist_ok=True)
        np.savez(file, vectors=seeds.vectors, classes=seeds.classes, names=seeds.names,
                 origin=seeds.origin)  # fmt: skip
    with np.load(file) as stored:
        names = [str(name) for name in stored["names"]]
        return Seeds(stored["vectors"], stored["classes"], names, str(stored["origin"]))


def made_seeds(dimension: int, seed: int) -> Seeds:
    """Gaussian clusters, one a class, which need no data."""
    rng = np.random.default_rng((seed, dimension))
    centers = unit_rows(rng.standard_normal((_MADE_CLASSES, dimension)))
    classes = rng.integers(0, _MADE_CLASSES, _MADE_SEEDS)
    spread = unit_rows(rng.standard_normal((_MADE_SEEDS, dimension))) * np.float32(_MADE_SPREAD)
    names = [f"cluster {c}" for c in range(_MADE_CLASSES)]
    return Seeds(unit_rows(centers[classes] + spread), classes, names, "gaussian clusters, made")


def embedded_photos(data: Path | None) -> Seeds:
    """Fruit photos and Fruits-360, by knnal's MobileNet-v2."""
    sources = [fruit_photos(data)[0], fruits_360(data)]
    folders = [source / part for source in sources for part in ("train", "test")]
    return _embedded(folders, "photos of fruits, by mobilenet-v2", labels_from_folders=True)


def embedded_texts(data: Path | None) -> Seeds:
    """Questions to a bank and the first tweets of Sentiment140, by knnal's ``use``."""
    banking = TextTable(banking_texts(data), label_column="category")
    some_tweets = FirstItems(TextTable(tweets(data), label_column="label"), _TWEETS_TAKEN)
    return _embedded([banking, some_tweets], "banking77 and Sentiment140, by use")


def _embedded(sources: Sequence[Path | Source], origin: str, **options: Any) -> Seeds:
    """By ``knnal embed``'s own path; labels come with the items."""
    found = embed_items(sources, **options)
    classes, names = found.numbered()
    return Seeds(found.vectors, classes, names, f"{len(classes):,} {origin}")
