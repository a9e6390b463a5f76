"""The views of a pool's items: their vectors, which of them are made, and how.

views.json       how many views an item has, and by which augmentations
views.npy        float32, rows x (1 + views) x dimension: a row's own vector, then its views'
views-made.npy   bool, rows: whether the row's views are made; zeros stand for those that are not

The vectors of a row are durable before ``views-made.npy`` counts the row or says that its views are
made, and both follow from the items: whatever a crash leaves, the next run makes what is missing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from knnal.errors import PoolError
from knnal.files import atomic_writer
from knnal.store.rows import RowFile
from knnal.types import BoolArray, Float32Array

FACTS, VECTORS, MADE = "views.json", "views.npy", "views-made.npy"

_REMEDY = "Remove the views with 'knnal embed SOURCE --views 0', and make them again."


@dataclass(frozen=True, slots=True)
class ViewFacts:
    """``views`` of every item, made by ``augmentations``."""

    views: int
    augmentations: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.views} an item ({', '.join(self.augmentations)})"


@dataclass(frozen=True, slots=True)
class StoredViews:
    """``vectors`` ``(rows, 1 + views, d)``, each row's own first; ``made`` ``(rows,)``: whether
    those of its views are there, which are zeros otherwise.
    """

    facts: ViewFacts
    vectors: Float32Array
    made: BoolArray


class ViewFiles:
    """The files of views in a pool's folder."""

    def __init__(self, folder: Path, dimension: int) -> None:
        self._folder = folder
        self._dimension = dimension

    def facts(self) -> ViewFacts | None:
        """How views are made; None where there are none. Raises PoolError for a damaged file."""
        file = self._folder / FACTS
        if not file.exists():
            return None
        try:
            data = json.loads(file.read_bytes())
            return ViewFacts(int(data["views"]), tuple(map(str, data["augmentations"])))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PoolError(
                f"Expected the facts of the pool's views in {file}, but it cannot be read "
                f"({error}). {_REMEDY}"
            ) from error

    def begin(self, facts: ViewFacts) -> None:
        """Start over, with nothing made."""
        for name in (MADE, VECTORS):  # never vectors that the facts do not describe
            (self._folder / name).unlink(missing_ok=True)
        with atomic_writer(self._folder / FACTS) as stream:
            stream.write((json.dumps(asdict(facts), indent=2) + "\n").encode())

    def remove(self) -> None:
        """Leave nothing of the views."""
        for name in (FACTS, MADE, VECTORS):
            (self._folder / name).unlink(missing_ok=True)

    def append(self, vectors: Float32Array, made: BoolArray) -> None:
        """Add rows ``(n, 1 + views, d)``, zeros for the views of those that are not ``made``."""
        start = self.count()
        self._vectors().append(start, vectors)
        self._made().append(start, made)

    def fill(self, row: int, vectors: Float32Array) -> None:
        """The views of a row that had none so far, ``(1 + views, d)``."""
        self._vectors().replace(row, vectors[None])
        self._made().replace(row, np.ones(1, dtype=np.bool_))

    def count(self) -> int:
        """How many rows have been come to."""
        return self._made().count()

    def made(self) -> BoolArray:
        """Whether the views of each row so far are made, ``(count,)``."""
        made: BoolArray = np.array(self._made().rows(self.count()))
        return made

    def read(self) -> StoredViews | None:
        """What is there, mapped from disk; None where there are no views."""
        facts = self.facts()
        if facts is None:
            return None
        made = self.made()
        return StoredViews(facts, self._vectors().rows(len(made)), made)

    def _vectors(self) -> RowFile:
        facts = self.facts()
        assert facts is not None
        shape = (1 + facts.views, self._dimension)
        return RowFile(self._folder / VECTORS, shape, "<f4", "vectors of views", _REMEDY)

    def _made(self) -> RowFile:
        return RowFile(self._folder / MADE, (), "|b1", "marks of views", _REMEDY)
