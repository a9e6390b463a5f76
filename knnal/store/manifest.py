"""``manifest.json``: which embedder made the pool's vectors, and the version of the format."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from knnal.errors import EmbedderMismatchError, PoolError
from knnal.files import atomic_writer
from knnal.types import EmbedderIdentity, Modality


@dataclass(frozen=True, slots=True)
class Manifest:
    """``embedder`` is None until the first vector is stored."""

    schema_version: int
    modality: Modality | None = None
    embedder: EmbedderIdentity | None = None

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
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PoolError(
                f"Expected a pool manifest in {path}, but it cannot be read ({error}). "
                "Restore it from a copy of the pool; labels.sqlite beside it is untouched."
            ) from error


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
