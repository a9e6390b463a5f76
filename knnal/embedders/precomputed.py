"""Vectors that the user already has."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from knnal.embedders.base import Content, Embedder
from knnal.errors import ItemError
from knnal.types import EmbedderIdentity, Float32Array, Modality, Narrator


class Precomputed(Embedder):
    """Passes vectors through, of one dimension: that of the first it sees."""

    summary: ClassVar[str] = "vectors computed elsewhere, passed through"
    license: ClassVar[str] = "yours"
    origin: ClassVar[str] = "whatever computed them"
    modality = Modality.VECTOR
    batch_size = 1024

    def __init__(self) -> None:
        self._dimension = 0
        self._first = threading.Lock()

    @property
    def identity(self) -> EmbedderIdentity:
        """Of dimension 0 until the first vector has been prepared."""
        return EmbedderIdentity("precomputed", "", self._dimension, "as given")

    def load(self, narrator: Narrator) -> None:
        """Nothing to load."""

    def prepare(self, content: Content) -> Float32Array:
        """The vector ``(d,)`` in float32. Raises ItemError for one that has no direction."""
        try:
            with np.errstate(over="ignore"):  # becomes infinite, and is refused as such
                vector = np.asarray(content, np.float32)
        except (TypeError, ValueError) as error:
            raise ItemError("not a vector of numbers") from error
        if vector.ndim != 1 or not vector.size:
            raise ItemError("not a vector of numbers")
        if not np.isfinite(vector).all():
            raise ItemError("vector with values that are not finite")
        if not vector.any():
            raise ItemError("zero vector")
        with self._first:
            self._dimension = self._dimension or vector.size
        if vector.size != self._dimension:
            raise ItemError(f"vector of {vector.size} dimensions among {self._dimension}")
        return vector

    def embed(self, batch: Sequence[Float32Array]) -> Float32Array:
        """``n`` vectors to ``(n, d)``."""
        return np.stack(batch)
