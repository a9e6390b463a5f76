"""The views of a pool's items: their vectors, which of them are made, and how.

views.json       how many views an item has, and by which augmentations
views.npy        float32, rows x (1 + views) x dimension: a row's own vector, then its views'
views-sums.npy   uint64, rows: the XXH3 of the row of views.npy, its last bit set; where the views
                 are not made, that of the row's own vector alone, its last bit not set

The vectors of a row are durable before ``views-sums.npy`` counts the row or says that its views are
made, and both follow from the items: whatever a crash leaves, the next run makes what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from knnal.errors import PoolDamagedError, Repair
from knnal.files import atomic_writer, brief, storing
from knnal.pool.checksums import bytes_checksum, row_checksums
from knnal.pool.vectors import RowFile
from knnal.types import BoolArray, Float32Array, IntArray, UInt64Array

FACTS, VECTORS, SUMS = "views.json", "views.npy", "views-sums.npy"
_MADE = "views-made.npy"
"""What schema 3 had in the place of checksums."""
_BLOCK = 256
_MADE_BIT = np.uint64(1)
MOST_VIEWS = 10_000
"""More views of an item than anybody makes."""


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
    """The files of views in the folder of the ``pool`` of that id."""

    def __init__(self, folder: Path, dimension: int, pool: str) -> None:
        self._folder = folder
        self._dimension = dimension
        self._pool = pool

    def facts(self) -> ViewFacts | None:
        """How views are made; None where there are none. Raises PoolDamagedError."""
        file = self._folder / FACTS
        if not file.exists():
            if (self._folder / VECTORS).exists():  # they go first when views are removed
                raise PoolDamagedError(file, "it is missing, but views are there", Repair.REMAKE)
            return None
        try:
            data = json.loads(file.read_bytes())
            facts = ViewFacts(int(data["views"]), tuple(map(str, data["augmentations"])))
            # A pool of before schema 4 has neither.
            if {"pool", "check"} & set(data) and data != self._described(facts):
                raise ValueError("it was changed, or is another pool's")
        except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
            problem = f"it does not say how the pool's views are made ({brief(error)})"
            raise PoolDamagedError(file, problem, Repair.REMAKE) from error
        if not 1 <= facts.views <= MOST_VIEWS:
            problem = f"it says {facts.views} views of an item"
            raise PoolDamagedError(file, problem, Repair.REMAKE)
        return facts

    def _described(self, facts: ViewFacts) -> dict[str, object]:
        """What ``views.json`` holds."""
        data = {"pool": self._pool, **asdict(facts), "augmentations": [*facts.augmentations]}
        return {**data, "check": bytes_checksum(json.dumps(data, sort_keys=True).encode())}

    def begin(self, facts: ViewFacts) -> None:
        """Start over, with nothing made."""
        self._remove_vectors()
        file = self._folder / FACTS
        with storing(file), atomic_writer(file) as stream:
            stream.write((json.dumps(self._described(facts), indent=2) + "\n").encode())

    def remove(self) -> None:
        """Leave nothing of the views."""
        self._remove_vectors()
        (self._folder / FACTS).unlink(missing_ok=True)

    def _remove_vectors(self) -> None:
        """Whatever a crash leaves, there are never vectors that the facts do not describe."""
        for name in (SUMS, _MADE, VECTORS):
            (self._folder / name).unlink(missing_ok=True)

    def append(self, vectors: Float32Array, made: BoolArray) -> None:
        """Add rows ``(n, 1 + views, d)``, zeros for the views of those that are not ``made``."""
        start = self.count()
        self._vectors().append(start, vectors)
        self._sums().append(start, _checksums(vectors, made))

    def fill(self, row: int, vectors: Float32Array) -> None:
        """The views of a row that had none so far, ``(1 + views, d)``."""
        self._vectors().replace(row, vectors[None])
        self._sums().replace(row, _checksums(vectors[None], np.ones(1, dtype=np.bool_)))

    def forget(self, rows: IntArray, X: Float32Array) -> None:
        """Take the views of rows of ``X`` for not made, so that the next run makes them."""
        for row in rows.tolist():
            own = np.zeros((1, *self._vectors().shape), dtype=np.float32)
            own[0, 0] = X[row]
            self._vectors().replace(row, own)
            self._sums().replace(row, _checksums(own, np.zeros(1, dtype=np.bool_)))

    def count(self) -> int:
        """How many rows have been come to."""
        return self._sums().count()

    def made(self) -> BoolArray:
        """Whether the views of each row so far are made, ``(count,)``."""
        made: BoolArray = (self._stored_checksums() & _MADE_BIT) != 0
        return made

    def read(self) -> StoredViews | None:
        """What is there, mapped from disk; None where there are no views."""
        facts = self.facts()
        if facts is None:
            return None
        made = self.made()
        return StoredViews(facts, self._vectors().rows(len(made)), made)

    def damaged(self, X: Float32Array) -> Iterator[IntArray]:
        """The rows whose views are not those written, or not of ``X`` ``(n, d)``, in blocks."""
        # First the checksums: another process adds vectors before them.
        sums = self._stored_checksums()
        stored = self.read()
        if stored is None:
            return
        count = min(len(sums), len(stored.made), len(X))
        for start in range(0, count, _BLOCK):
            rows = slice(start, min(start + _BLOCK, count))
            vectors, found = stored.vectors[rows], sums[rows]
            wrong = _checksums(vectors, (found & _MADE_BIT) != 0) != found
            wrong |= (vectors[:, 0] != X[rows]).any(axis=1)
            yield start + np.flatnonzero(wrong)

    def _stored_checksums(self) -> UInt64Array:
        return np.array(self._sums().rows(self.count()))

    def _vectors(self) -> RowFile:
        facts = self.facts()
        assert facts is not None
        shape = (1 + facts.views, self._dimension)
        return RowFile(self._folder / VECTORS, shape, "<f4")

    def _sums(self) -> RowFile:
        file = self._folder / SUMS
        if not file.exists() and (self._folder / _MADE).exists():
            self._sum(RowFile(self._folder / _MADE, (), "|b1"))
        return RowFile(file, (), "<u8")

    def _sum(self, marks: RowFile) -> None:
        """Write the checksums that a pool of schema 3 has not, from its marks."""
        made = marks.rows(marks.count())
        sums = _checksums(self._vectors().rows(len(made)), made)
        file = self._folder / SUMS
        if not file.exists():  # another process may have written it meanwhile
            with storing(file), atomic_writer(file) as stream:
                np.save(stream, sums.astype("<u8"))
        marks.path.unlink(missing_ok=True)


def _checksums(vectors: Float32Array, made: BoolArray) -> UInt64Array:
    """What ``views-sums.npy`` has for rows ``(n, 1 + views, d)``, ``(n,)``."""
    own, all_ = row_checksums(vectors[:, 0]), row_checksums(vectors)
    sums: UInt64Array = np.where(made, all_ | _MADE_BIT, own & ~_MADE_BIT)
    return sums
