"""Texts said otherwise: some words left out, some in another order.

Source: J. Wei and K. Zou, "EDA: Easy Data Augmentation Techniques for Boosting Performance on Text
Classification Tasks" (2019).
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

AUGMENTATIONS = ("drop", "swap")

_DROPPED = 0.2
"""The chance of a word to be left out."""
_WORDS_A_SWAP = 10


def text_view(text: str, augmentations: Collection[str], rng: np.random.Generator) -> str:
    """The text without some of its words, or with pairs of them swapped. One word always stays."""
    words = text.split()
    if "drop" in augmentations and words:
        stays = rng.random(len(words)) >= _DROPPED
        stays[rng.integers(len(words))] = True
        words = [word for word, stay in zip(words, stays, strict=True) if stay]
    if "swap" in augmentations and len(words) > 1:
        for _ in range(-(-len(words) // _WORDS_A_SWAP)):
            one, other = rng.choice(len(words), 2, replace=False)
            words[one], words[other] = words[other], words[one]
    return " ".join(words)
