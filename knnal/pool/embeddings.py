"""``embeddings.npy``: unit-norm float32 rows.

The catalog names a row only after it is durable and counted.
"""

from __future__ import annotations

from pathlib import Path

from knnal.pool.rows import RowFile


class EmbeddingFile(RowFile):
    """The vectors of a pool, ``rows x dimension``."""

    def __init__(self, path: Path, dimension: int) -> None:
        super().__init__(path, (dimension,), "<f4")
