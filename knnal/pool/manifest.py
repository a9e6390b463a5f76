"""``manifest.json``: which embedder made the pool's vectors, and the version of the format.

Also how the neighbor graph was found, for people to read: what counts is in the graph's file.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from knnal.errors import EmbedderMismatchError, PoolDamagedError, PoolNotFoundError, Repair
from knnal.files import atomic_writer, brief, storing
from knnal.index.graph_facts import GraphFacts
from knnal.pool.backup import DATABASE, MANIFEST
from knnal.pool.checksums import bytes_checksum
from knnal.pool.connection import Connection
from knnal.pool.database import connect
from knnal.pool.migrations import SCHEMA_VERSION, require_known
from knnal.pool.vectors import EMBEDDINGS
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
        remedy = f"pass `embedder={stored.name}`"
        if stored.name == offered.name:
            remedy = f"embed with what made the pool, in {stored.dimension} dimensions"
        raise EmbedderMismatchError(
            f"This pool holds vectors of {stored}, and {offered} was asked for. Vectors of "
            f"different embedders cannot be compared: {remedy}, or give the other one a pool of "
            "its own (`Project.create`)."
        )


def read_manifest(folder: Path) -> Manifest:
    if (folder / MANIFEST).exists():
        manifest = Manifest.read(folder / MANIFEST)
        require_known(manifest.schema_version)
        return manifest
    require_no_remains(folder)
    raise PoolNotFoundError(
        f"There is no pool in {folder}. Create one with `Project.embed`, or pass another `pool`."
    )


def require_no_remains(folder: Path) -> None:
    """Raise PoolDamagedError for a folder that holds a pool whose manifest is missing.

    A database alone that has nothing in it is what a crash leaves when a pool is made.
    """
    remains = [name for name in (DATABASE, EMBEDDINGS) if (folder / name).exists()]
    if remains == [DATABASE] and _is_begun(folder / DATABASE):
        return
    if remains and not (folder / MANIFEST).exists():  # another process may have just made it
        raise PoolDamagedError(
            folder / MANIFEST,
            f"it is missing, but {' and '.join(remains)} of a pool are there",
            Repair.REWRITE if DATABASE in remains else Repair.RESTORE,
        )


def _is_begun(database: Path) -> bool:
    if not database.stat().st_size:
        return True
    with closing(connect(database)) as db:
        return not db.rows("SELECT 1 FROM items UNION SELECT 1 FROM events LIMIT 1")


def recorded_manifest(db: Connection) -> Manifest:
    """The manifest by the copy that the database has."""
    found = db.first("SELECT id, manifest FROM pool")
    if found is None:
        raise db.damaged("it does not say which pool it is of")
    try:
        return Manifest.from_content(SCHEMA_VERSION, *found)
    except NO_MANIFEST as error:
        raise db.damaged(f"its copy of the manifest cannot be read ({brief(error)})") from error


def agreed_manifest(folder: Path, manifest: Manifest, recorded: Manifest) -> Manifest:
    """The manifest that the database has recorded, with the facts that only the file has.

    Raises PoolDamagedError unless both are of one pool and one embedder.
    """
    if manifest.pool and manifest.pool != recorded.pool:
        raise PoolDamagedError(
            folder / MANIFEST,
            f"it belongs to another pool than {DATABASE} does. If {DATABASE} is the right one, "
            f"remove {MANIFEST} and repair the pool",
        )
    if manifest.content != recorded.content and manifest.embedder is not None:
        raise PoolDamagedError(
            folder / MANIFEST, f"it names another embedder than {DATABASE} does", Repair.REWRITE
        )
    return dataclasses.replace(recorded, graph=manifest.graph)
