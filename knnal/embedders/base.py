"""The embedder protocol, its registry, and what all embedders of texts share."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any, ClassVar, Protocol, TypeAlias, cast

from knnal.embedders.assets import Asset
from knnal.errors import InputError, ItemError
from knnal.registry import Registry
from knnal.types import EmbedderIdentity, Float32Array, FloatArray, Modality, Narrator

Content: TypeAlias = "bytes | str | FloatArray"
"""An image file's bytes, a text, or a vector, as the embedder's modality says."""

EMBEDDERS = Registry("knnal.embedders", "embedder")

MAX_CHARACTERS = 20_000
"""Of a text that is embedded: memory grows with its length, and a sentence encoder gains nothing
from more.
"""


class Embedder(Protocol):
    """Content to vectors.

    Attributes
    ----------
    summary
        What it embeds, for a list of embedders.
    license, origin
        Of the weights: the license by its SPDX name, and who trained them.
    assets
        The sources of the weights, if they are fetched; the first that can be had is used.
    batch_size, lanes
        ``embed`` is called with at most ``batch_size`` prepared contents, from at most ``lanes``
        threads at once. ``prepare`` is called from many threads.
    """

    summary: ClassVar[str]
    license: ClassVar[str]
    origin: ClassVar[str]
    assets: ClassVar[tuple[Asset, ...]] = ()
    batch_size: int = 32
    lanes: int = 1

    @property
    def modality(self) -> Modality:
        """What kind of content it reads."""

    @property
    def identity(self) -> EmbedderIdentity:
        """Known once ``load`` has run."""

    def load(self, narrator: Narrator) -> None:
        """Fetch, verify and open the weights. Safe to call twice.

        Raises ModelUnavailableError where no source has them, MissingExtraError where a package
        that runs them is not installed.
        """

    def prepare(self, content: Content) -> Any:
        """The network's input for one content. Raises ItemError with the reason."""

    def embed(self, batch: Sequence[Any]) -> Float32Array:
        """``n`` prepared contents to vectors ``(n, dimension)``, of any norm but 0."""


def create_embedder(name: str) -> Embedder:
    """Make a registered embedder. Nothing is loaded yet.

    Parameters
    ----------
    name
        As registered under the entry points ``knnal.embedders``. What follows a colon is the
        embedder's argument: ``hub:HANDLE``.

    Returns
    -------
    Embedder
        The embedder.

    Raises
    ------
    UnknownNameError
        If the name is not registered.
    InputError
        If the embedder takes no argument, or a plugin's does not import.
    """
    base, _, argument = name.partition(":")
    factory = EMBEDDERS.load(base)
    if not argument:
        return cast(Embedder, factory())
    if not signature(factory).parameters:
        raise InputError(
            f"The embedder '{base}' takes no argument, got '{name}'. Write '{base}' alone."
        )
    return cast(Embedder, factory(argument))


def prepare_text(content: Content) -> str:
    """The text, cut to ``MAX_CHARACTERS``. Raises ItemError("empty text") if it is blank.

    Lone surrogates, which some files decode to, become the replacement character.
    """
    assert isinstance(content, str)
    if not content.strip():
        raise ItemError("empty text")
    return content[:MAX_CHARACTERS].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
