"""The raw files of every data set as something that ``knnal embed`` reads."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from benchmarks.data import (
    banking_training_texts,
    cifar_10,
    fruit_photos,
    fruits_360,
    mnist,
    tweets,
)
from benchmarks.sets.embedding import FirstItems, SampledItems
from knnal.sources.base import Item, Skip, Source
from knnal.sources.images import ImageFolder
from knnal.sources.tables import TextTable
from knnal.types import Modality

TWEETS = 20_000
"""As many as in the article."""

_TAKEN = 6000
"""Of the sets that have many more than a benchmark labels."""

_SEED = 0


class Joined:
    """Image folders one after the other; ids begin with the folder's own name."""

    modality = Modality.IMAGE

    def __init__(self, *folders: Path) -> None:
        self.location = folders[0].parent
        self._folders = folders

    def __iter__(self) -> Iterator[Item | Skip]:
        for folder in self._folders:
            for item in ImageFolder(folder, labels_from_folders=True):
                if isinstance(item, Item):
                    yield Item(f"{folder.name}/{item.id}", item.stamp, item.path, label=item.label)

    def count(self) -> int | None:
        return None


@contextmanager
def fruits(data: Path | None) -> Iterator[Source]:
    folder, _ = fruit_photos(data)
    yield Joined(folder / "train", folder / "test")


@contextmanager
def fruits_of_360(data: Path | None) -> Iterator[Source]:
    folder = fruits_360(data)
    yield Joined(folder / "train", folder / "test")


@contextmanager
def tweets_of_sentiment140(data: Path | None) -> Iterator[Source]:
    yield FirstItems(TextTable(tweets(data), text_column="text", label_column="label"), TWEETS)


@contextmanager
def banking77(data: Path | None) -> Iterator[Source]:
    table = TextTable(banking_training_texts(data), text_column="text", label_column="category")
    yield SampledItems(table, _TAKEN, _SEED)


@contextmanager
def cifar10(data: Path | None, taken: int = _TAKEN) -> Iterator[Source]:
    """Some pictures of the training part, unpacked for as long as they are read."""
    with TemporaryDirectory(prefix="knnal-cifar10-") as temporary:
        with tarfile.open(cifar_10(data)) as archive:
            files = [m for m in archive if m.isfile() and m.name.startswith("train/")]
            order = np.random.default_rng(_SEED).permutation(len(files))[:taken]
            for member in sorted((files[i] for i in order), key=lambda member: member.offset):
                archive.extract(member, temporary, filter="data")
        yield ImageFolder(Path(temporary) / "train", labels_from_folders=True)


@contextmanager
def mnist_digits(data: Path | None, taken: int = _TAKEN) -> Iterator[Source]:
    """Some digits of the training part, as pictures for as long as they are read."""
    with TemporaryDirectory(prefix="knnal-mnist-") as temporary:
        with np.load(mnist(data), allow_pickle=False) as arrays:
            pictures, classes = arrays["x_train"], arrays["y_train"]
        for i in np.random.default_rng(_SEED).permutation(len(pictures))[:taken]:
            folder = Path(temporary) / str(classes[i])
            folder.mkdir(exist_ok=True)
            Image.fromarray(pictures[i]).save(folder / f"{i:05d}.png")
        yield ImageFolder(temporary, labels_from_folders=True)


def photo_groups(data: Path | None) -> dict[str, str]:
    """The photograph that each fruit picture is a variant of, by id."""
    return {str(PurePosixPath(photo.path)): photo.group for photo in fruit_photos(data)[1]}
