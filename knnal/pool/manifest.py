"""``manifest.json``: which embedder made the pool's vectors, and the version of the format.

Also how the neighbor graph was found, for people to read: what counts is in the graph's file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from knnal.errors import EmbedderMismatchError, PoolDamagedError, Repair
from knnal.files import atomic_writer, brief, storing
from knnal.index.graph_facts import GraphFacts
from knnal.pool.checksums import bytes_checksum
from knnal.types import EmbedderIdentity, Modality

_CHECK = "check"
"""The key of the checksum of all other keys."""
NO_MANIFEST = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What reading one raises of a file that is none."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """``embedder`` is None until the first vector is stored, ``graph`` until there is one.

    ``pool`` is the id that ``labels.sqlite`` has too; "" in a manifest of before schema 4.
    """

    schema_version: int
    modality: Modality | None = None
    embedder: EmbedderIdentity | None = None
    graph: GraphFacts | None = None
    pool: str = ""

    def write(self, path: Path) -> None:
        """Write the file, whole. Raises PoolUnwritableError where that cannot be."""
        data = asdict(self)
        with storing(path), atomic_writer(path) as file:
            file.write(json.dumps({**data, _CHECK: _checksum(data)}, indent=2).encode())

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Raises PoolDamagedError for a file that is no manifest, or was changed since."""
        try:
            data = json.loads(path.read_bytes())
            if not isinstance(data, dict):
                raise ValueError("it holds no JSON object")
            check = data.pop(_CHECK, None)
            if (check is not None or "pool" in data) and check != _checksum(data):
                raise ValueError("its checksum does not match")
            modality, embedder = data["modality"], data["embedder"]
            return cls(
                schema_version=int(data["schema_version"]),
                modality=Modality(modality) if modality else None,
                embedder=EmbedderIdentity(**embedder) if embedder else None,
                graph=_graph_facts(data),
                pool=str(data.get("pool", "")),
            )
        except NO_MANIFEST as error:
            why = str(error) if type(error) is ValueError else f"it cannot be read ({brief(error)})"
            raise PoolDamagedError(path, why, Repair.REWRITE) from error

    @property
    def content(self) -> str:
        """What ``labels.sqlite`` keeps a copy of, as JSON: all but the graph's facts."""
        embedder = None if self.embedder is None else asdict(self.embedder)
        return json.dumps({"modality": self.modality, "embedder": embedder})

    @classmethod
    def from_content(cls, schema_version: int, pool: str, content: str) -> Manifest:
        """The manifest of a pool by what ``labels.sqlite`` says of it."""
        data = json.loads(content)
        return cls(
            schema_version,
            Modality(data["modality"]) if data["modality"] else None,
            EmbedderIdentity(**data["embedder"]) if data["embedder"] else None,
            pool=pool,
        )


def _checksum(data: Mapping[str, Any]) -> str:
    """Of the manifest's content, however it is indented."""
    return bytes_checksum(json.dumps(data, sort_keys=True).encode())


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
