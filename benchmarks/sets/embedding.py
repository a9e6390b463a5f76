"""Items to vectors by ``knnal embed``'s own path."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from knnal.pool.labels.ledger import Ledger
from knnal.project import Project
from knnal.sources.base import Item, Skip, Source
from knnal.types import Float32Array, IntArray, Modality


@dataclass(frozen=True, slots=True)
class Embedded:
    """Labeled items: their ids, unit vectors ``(n, d)``, labels, and what embedded them."""

    ids: list[str]
    vectors: Float32Array
    labels: list[str]
    embedder: str

    def numbered(self) -> tuple[IntArray, list[str]]:
        """The labels as numbers ``(n,)``, and the names that these count, in their order."""
        names, numbers = np.unique(self.labels, return_inverse=True)
        return numbers.astype(np.int64), [str(name) for name in names]


class FirstItems:
    """The first items of a source."""

    def __init__(self, source: Source, count: int) -> None:
        self.modality: Modality = source.modality
        self.location = source.location
        self._source, self._count = source, count

    def __iter__(self) -> Iterator[Item | Skip]:
        return islice(iter(self._source), self._count)

    def count(self) -> int | None:
        return self._count


class SampledItems:
    """Some items of a source, drawn by a seed and in the source's order; all if it has no more."""

    def __init__(self, source: Source, count: int, seed: int) -> None:
        self.modality: Modality = source.modality
        self.location = source.location
        self._source, self._count, self._seed = source, count, seed

    def __iter__(self) -> Iterator[Item | Skip]:
        items = [item for item in self._source if isinstance(item, Item)]
        order = np.random.default_rng(self._seed).permutation(len(items))
        return iter([items[i] for i in sorted(order[: self._count])])

    def count(self) -> int | None:
        return self._count


def embed_items(sources: Sequence[Path | Source], **options: Any) -> Embedded:
    """The items that come with a label, in the order in which they are stored."""
    with TemporaryDirectory(prefix="knnal-benchmark-") as temporary:
        project = Project.create(Path(temporary) / "pool")
        for source in sources:
            report = project.embed(source, **options)
            print(f"{report.added} items in {report.seconds:.1f} s", file=sys.stderr)
        pool = project.pool
        ledger = pool.log.read_into(Ledger())
        found = {r.row: (r.id, ledger.label(r.id)) for r in pool.catalog.records()}
        labeled = {row: (id_, label) for row, (id_, label) in found.items() if label is not None}
        vectors = np.array(pool.embeddings[list(labeled)])
        embedder = str(pool.manifest.embedder)
        project.close()
    ids = [id_ for id_, _ in labeled.values()]
    return Embedded(ids, vectors, [label for _, label in labeled.values()], embedder)
