"""``manifest.json``: which embedder made the pool's vectors, and the version of the format.

Also how the neighbour graph was found, for people to read: what counts is in the graph's file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from knnal.errors import EmbedderMismatchError, PoolError
from knnal.files import atomic_writer
from knnal.types import EmbedderIdentity, Modality


class GraphMethod(StrEnum):
    """Whether every pair of items was compared, or only likely ones."""

    EXACT = "exact"
    APPROXIMATE = "approximate"


@dataclass(frozen=True, slots=True)
class GraphFacts:
    """How the neighbour graph was found: so many ``neighbours`` of so many live ``rows``.

    ``recall`` is the share of the true neighbours that are in it, measured on a ``sample`` of so
    many rows; an exact graph has all, and no sample. ``built`` is the number of live rows when it
    was last built anew; since then it was updated.
    """

    method: GraphMethod
    neighbours: int
    rows: int
    recall: float
    sample: int
    built: int

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> GraphFacts:
        """From a JSON object. Raises KeyError, TypeError or ValueError for another one."""
        counts = {name: int(data[name]) for name in ("neighbours", "rows", "sample", "built")}
        return cls(method=GraphMethod(data["method"]), recall=float(data["recall"]), **counts)

    def __str__(self) -> str:
        if self.method is GraphMethod.EXACT:
            return f"exact, {self.neighbours} neighbours"
        return (
            f"approximate, recall@{self.neighbours} {self.recall:.3f} on {self.sample:,} of "
            f"{self.rows:,} items"
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """``embedder`` is None until the first vector is stored, ``graph`` until there is one."""

    schema_version: int
    modality: Modality | None = None
    embedder: EmbedderIdentity | None = None
    graph: GraphFacts | None = None

    def write(self, path: Path) -> None:
        with atomic_writer(path) as file:
            file.write(json.dumps(asdict(self), indent=2).encode())

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Raises PoolError for a file that is not a manifest."""
        try:
            data = json.loads(path.read_bytes())
            modality, embedder = data["modality"], data["embedder"]
            return cls(
                schema_version=int(data["schema_version"]),
                modality=Modality(modality) if modality else None,
                embedder=EmbedderIdentity(**embedder) if embedder else None,
                graph=_graph_facts(data),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PoolError(
                f"Expected a pool manifest in {path}, but it cannot be read ({error}). "
                "Restore it from a copy of the pool; labels.sqlite beside it is untouched."
            ) from error


def _graph_facts(data: Mapping[str, Any]) -> GraphFacts | None:
    """What there is; a copy of what the graph's file says, so none is no damage."""
    try:
        return GraphFacts.of(data["graph"])
    except (KeyError, TypeError, ValueError):
        return None


def require_same_embedder(stored: EmbedderIdentity, offered: EmbedderIdentity) -> None:
    """Raises EmbedderMismatchError unless the vectors of both are comparable."""
    if stored != offered:
        remedy = f"go on with --embedder {stored.name}"
        if stored.name == offered.name:
            remedy = f"embed with what made the pool, in {stored.dimension} dimensions"
        raise EmbedderMismatchError(
            f"This pool holds vectors of {stored}, and {offered} was asked for. Vectors of "
            f"different embedders cannot be compared: {remedy}, or give the other one a pool of "
            "its own with --pool DIR."
        )
