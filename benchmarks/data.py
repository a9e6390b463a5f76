"""Where the benchmarks' data sets are, and what to do when they are not there."""

from __future__ import annotations

import argparse
import csv
import os
import sys
from dataclasses import dataclass
from pathlib import Path

FRUITS = "fruits-fresh-rotten-224"

_FRUITS_HELP = """\
Expected the fresh and rotten fruits in {folder}.
The photos are public: Kaggle, sriramr/fruits-fresh-and-rotten-for-classification.
Lay them out as {name}/train/CLASS/*.jpg and {name}/test/CLASS/*.jpg, and beside
these put {name}/labels.csv with the columns path, label and photo_group, where
photo_group names the photo that a picture is a variant of: the file name without rotated_by_NN_,
saltandpepper_, translation_ or vertical_flip_. Name the folder above with --data DIR or KNNAL_DATA.
"""


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
