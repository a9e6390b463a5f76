"""Which views of an item there are: so many, by which changes, the same ones every time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from knnal.embedders import view_images as pictures
from knnal.embedders import view_texts as words
from knnal.embedders.base import Content
from knnal.errors import InputError
from knnal.types import Modality

_KNOWN = {Modality.IMAGE: pictures.AUGMENTATIONS, Modality.TEXT: words.AUGMENTATIONS}


@dataclass(frozen=True, slots=True)
class Recipe:
    """``count`` views of every item, made by the named ``augmentations``."""

    modality: Modality
    count: int
    augmentations: tuple[str, ...]

    @classmethod
    def of(
        cls, modality: Modality, count: int, augmentations: Sequence[str] | None = None
    ) -> Recipe:
        """By all augmentations of the kind of items, unless some are named.

        Raises InputError for vectors, which cannot be changed so, less than one view, and names
        that are none.
        """
        known = _KNOWN.get(modality)
        if known is None:
            raise InputError(
                "Expected images or texts to make views of, but ready vectors have no content "
                "that could be changed. Leave --views out, or embed the images or texts that "
                "they were made from."
            )
        if count < 1:
            raise InputError(f"Expected at least 1 view, came {count}.")
        chosen = known if augmentations is None else tuple(augmentations)
        if not chosen or not set(chosen) <= set(known):
            raise InputError(
                f"Expected augmentations among {', '.join(known)} for {modality}s, came "
                f"'{','.join(chosen)}'. Name some of these, parted by commas."
            )
        return cls(modality, count, tuple(name for name in known if name in chosen))

    def views(self, content: Content, digest: str) -> Iterator[Content]:
        """The views of a content whose SHA-256 is ``digest``; that and their number are the seed.

        Raises ItemError for a picture that cannot be read.
        """
        rngs = (np.random.default_rng((int(digest, 16), number)) for number in range(self.count))
        if self.modality is Modality.TEXT:
            text = cast(str, content)
            return (words.text_view(text, self.augmentations, rng) for rng in rngs)
        picture = pictures.decode_picture(cast(bytes, content))
        return (pictures.picture_view(picture, self.augmentations, rng) for rng in rngs)


def require_possible(
    modality: Modality, count: int | None, augmentations: Sequence[str] | None
) -> None:
    """Raises InputError, as ``Recipe.of`` does, where views are wanted that cannot be made."""
    if count or augmentations is not None:
        Recipe.of(modality, 1 if count is None else count, augmentations)
