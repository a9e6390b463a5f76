"""Array aliases and the records that several layers share."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.floating[Any]]
Float32Array: TypeAlias = NDArray[np.float32]
Float64Array: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]
RowArray: TypeAlias = NDArray[np.signedinteger[Any]]
Int8Array: TypeAlias = NDArray[np.int8]
Int16Array: TypeAlias = NDArray[np.int16]
Int32Array: TypeAlias = NDArray[np.int32]
UInt8Array: TypeAlias = NDArray[np.uint8]
UInt16Array: TypeAlias = NDArray[np.uint16]
UInt64Array: TypeAlias = NDArray[np.uint64]
BoolArray: TypeAlias = NDArray[np.bool_]


class Modality(StrEnum):
    """What kind of content an embedder reads and a pool holds."""

    IMAGE = "image"
    TEXT = "text"
    VECTOR = "vector"


class Narrator(Protocol):
    """Where long work tells how far it is. Front ends draw it; the library never prints."""

    def progress(self, step: str, done: int, total: int | None) -> None:
        """``done`` units of ``total`` (None: unknown) of the step are finished."""

    def say(self, message: str) -> None:
        """One sentence that the user should see, such as a slower path being taken."""


class LogNarrator:
    """The default narrator: sentences go to the ``knnal`` logger, progress nowhere."""

    def progress(self, step: str, done: int, total: int | None) -> None:
        pass

    def say(self, message: str) -> None:
        logging.getLogger("knnal").warning(message)


class SilentNarrator:
    """For work that nobody needs to hear of."""

    def progress(self, step: str, done: int, total: int | None) -> None:
        pass

    def say(self, message: str) -> None:
        pass


@dataclass(frozen=True, slots=True)
class EmbedderIdentity:
    """What makes two embeddings comparable: equal identities, and nothing less.

    ``name`` finds the embedder again in the registry, ``digest`` is the sha256 of its weights,
    ``recipe`` names how content is prepared for it (size, interpolation, scaling).
    """

    name: str
    digest: str
    dimension: int
    recipe: str

    def __str__(self) -> str:
        weights = f", weights {self.digest[:12]}" if self.digest else ""
        return f"{self.name} ({self.dimension}-d, {self.recipe}{weights})"


@dataclass(frozen=True, slots=True)
class Neighbor:
    """A labeled item that votes on another one; ``share`` is its part of all votes, in [0, 1]."""

    item: str
    label: str
    similarity: float
    share: float


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a classifier says of one item. ``label`` is None while nothing is labeled."""

    item: str
    label: str | None
    probability: float
    probabilities: Mapping[str, float]
    neighbors: tuple[Neighbor, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """An acquisition score and the factors that it is made of, by name."""

    strategy: str
    value: float
    factors: Mapping[str, float] = field(default_factory=dict)
