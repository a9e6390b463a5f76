"""An embedder of texts that is quick and can be checked by hand: how often each letter occurs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from knnal.errors import ItemError
from knnal.types import EmbedderIdentity, Modality


class LetterCounts:
    """A text as ``letters`` of it; remembers what it embeds, and refuses texts with some words."""

    summary = "letters"
    assets = ()
    modality = Modality.TEXT
    identity = EmbedderIdentity("letters", "0" * 64, 26, "lower case")

    def __init__(self, batch_size: int = 3, lanes: int = 2) -> None:
        self.batch_size, self.lanes = batch_size, lanes
        self.embedded: list[str] = []
        self.largest = 0
        self.refused = {"bad"}

    def load(self, narrator: Any) -> None:
        pass

    def prepare(self, content: Any) -> str:
        if self.refused & set(content.split()):
            raise ItemError("a bad text")
        return str(content)

    def embed(self, batch: Sequence[str]) -> Any:
        self.embedded.extend(batch)
        self.largest = max(self.largest, len(batch))
        return np.array([letters(text) for text in batch], dtype=np.float32)


def letters(text: str) -> list[float]:
    """Counts in which the order of the words shows too, weakly."""
    alphabet = [chr(97 + i) for i in range(26)]
    return [text.lower().count(one) + 0.01 * (text.lower().find(one) + 1) for one in alphabet]
