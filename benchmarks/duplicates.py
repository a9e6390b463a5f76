"""Near-duplicates in the data sets, and whether those of a group are of one class.

    python -m benchmarks.duplicates --data DIR

Asking once a group saves its other members; a member that is not of its group's commonest class
would be taken for it.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.data import add_data_option
from benchmarks.options import default_work
from benchmarks.sets.catalog import DATA_SETS, embedded_set
from benchmarks.tables import table
from knnal.index.duplicates import DuplicateGroups, find_duplicates
from knnal.index.pool_index import PoolIndex
from knnal.types import IntArray

SIMILARITIES = (0.85, 0.9, 0.93, 0.95, 0.97, 0.99)


@dataclass(frozen=True, slots=True)
class Found:
    """``items`` in ``groups`` of two or more, the ``largest`` of so many; ``alike`` is the share of
    the items that are of their group's commonest class.
    """

    groups: int
    items: int
    largest: int
    alike: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data_option(parser)
    parser.add_argument("--work", type=Path, default=default_work(), help="keeps embeddings")
    parser.add_argument("--sets", default=",".join(DATA_SETS), help="parted by commas")
    parser.add_argument("--items", type=int, help="drawn from each set (all)")
    options = parser.parse_args()
    rows = []
    for name in options.sets.split(","):
        found = embedded_set(name, options.data, options.work, options.items)
        geometry = PoolIndex.of(found.X)
        for similarity in SIMILARITIES:
            groups = find_duplicates(geometry.X, geometry.graph, similarity)
            one = described(groups, found.classes)
            rows.append((
                name, f"{len(found.X):,}", f"{similarity:g}", f"{one.groups:,}", f"{one.items:,}",
                f"{one.items - one.groups:,}", f"{one.largest:,}", f"{one.alike:.4f}",
            ))  # fmt: skip
    heads = ("set", "of", "similarity", "groups", "items", "saved", "largest", "of one class")
    print(table(heads, rows))


def described(groups: DuplicateGroups, classes: IntArray) -> Found:
    """The groups of two or more, beside the rows' class numbers ``(n,)``."""
    several = groups.sizes > 1
    counts = np.zeros((len(groups), int(np.max(classes)) + 1), dtype=np.int64)
    np.add.at(counts, (groups.numbers, classes), 1)
    items = int(groups.sizes[several].sum())
    alike = counts[several].max(axis=1).sum() / items if items else 1.0
    return Found(int(several.sum()), items, int(np.max(groups.sizes)), float(alike))


if __name__ == "__main__":
    main()
