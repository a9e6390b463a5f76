"""Texts as counts of letters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from knnal.errors import ItemError
from knnal.types import EmbedderIdentity, Float32Array, Modality, Narrator


class Letters:
    """How often each of the 26 letters is in a text, ``(26,)``."""

    summary = "counts of letters"
    modality = Modality.TEXT
    license = "MIT"
    origin = "a test"
    assets = ()
    batch_size = 2
    lanes = 1
    identity = EmbedderIdentity("letters", "1" * 64, 26, "lower case")

    def load(self, narrator: Narrator) -> None:
        narrator.say("Letters [are] ready.")

    def prepare(self, content: str) -> list[int]:
        counts = [content.lower().count(chr(97 + n)) for n in range(26)]
        if not any(counts):
            raise ItemError("no letters")
        return counts

    def embed(self, batch: Sequence[list[int]]) -> Float32Array:
        return np.array(batch, dtype=np.float32)
