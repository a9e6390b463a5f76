"""Augmented views: an item's content changed a little, the same ones every time.

A picture is turned, stretched, slanted, bent, cut, mirrored. All of it is one map from the view's
pixels to the picture's, on a grid of cells within which it is bilinear, so that the picture is
resampled once. Beyond its edge lies its mirror image.

Of a text, some words are dropped or swapped. Source: J. Wei and K. Zou, "EDA: Easy Data
Augmentation Techniques for Boosting Performance on Text Classification Tasks", EMNLP 2019.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import cast

import numpy as np
from PIL import Image

from knnal.embedders.base import Content
from knnal.embedders.images import PixelArray, decode_square
from knnal.errors import InputError
from knnal.types import Float64Array, Modality

IMAGE_AUGMENTATIONS = ("mirror", "rotate", "scale", "shear", "elastic", "crop")
TEXT_AUGMENTATIONS = ("drop", "swap")
_KNOWN = {Modality.IMAGE: IMAGE_AUGMENTATIONS, Modality.TEXT: TEXT_AUGMENTATIONS}

SIDE = 224
"""Pixels of a view's side: what most networks read."""

_DEGREES = 25.0
_SCALES = 0.8, 1.2
_SHEAR = 0.2
_BEND = 0.04
"""Standard deviation of a grid point's displacement, in half sides."""
_LEAST_KEPT = 0.8
"""The least share of the side that a crop keeps."""
_CELLS = 8
_MARGIN = 5 * SIDE // 8
"""The farthest outside that the map reaches: turned, slanted and shrunk at once."""

_DROPPED = 0.2
"""The chance of a word to be dropped."""
_WORDS_A_SWAP = 10


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
        """By all augmentations of the modality, unless some are named.

        Raises InputError for vectors, a count below 1, and unknown names.
        """
        known = _KNOWN.get(modality)
        if known is None:
            raise InputError(
                "Views are made of images or texts, but ready vectors have no content to change. "
                "Leave `views` out, or embed the images or texts themselves."
            )
        if count < 1:
            raise InputError(f"The number of views must be at least 1, got {count}.")
        chosen = known if augmentations is None else tuple(augmentations)
        if not chosen or not set(chosen) <= set(known):
            raise InputError(
                f"Augmentations of {modality}s must be among {', '.join(known)}, got "
                f"'{','.join(chosen)}'. Name some of these, separated by commas."
            )
        return cls(modality, count, tuple(name for name in known if name in chosen))

    def views(self, content: Content, digest: str) -> Iterator[Content]:
        """The views of a content whose SHA-256 is ``digest``; that and their number are the seed.

        Raises ItemError for a picture that cannot be read.
        """
        rngs = (np.random.default_rng((int(digest, 16), number)) for number in range(self.count))
        if self.modality is Modality.TEXT:
            text = cast(str, content)
            return (text_view(text, self.augmentations, rng) for rng in rngs)
        picture = decode_picture(cast(bytes, content))
        return (picture_view(picture, self.augmentations, rng) for rng in rngs)


def require_possible(
    modality: Modality, count: int | None, augmentations: Sequence[str] | None
) -> None:
    """Raises InputError, as ``Recipe.of`` does, where views are wanted that cannot be made."""
    if count or augmentations is not None:
        Recipe.of(modality, 1 if count is None else count, augmentations)


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


def decode_picture(content: bytes) -> Image.Image:
    """An image file as ``SIDE`` x ``SIDE`` pixels within a margin that continues it.

    Raises ItemError with the reason.
    """
    pixels = decode_square(content, SIDE)
    padded: PixelArray = np.pad(pixels, ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0)), "reflect")
    return Image.fromarray(padded)


def picture_view(
    padded: Image.Image, augmentations: Collection[str], rng: np.random.Generator
) -> bytes:
    """A view of what ``decode_picture`` returned, as an image file."""
    points = source_points(augmentations, rng)
    pixels = (points + 1.0) * (SIDE / 2) + _MARGIN
    edges = [round(SIDE * i / _CELLS) for i in range(_CELLS + 1)]
    mesh = []
    for i in range(_CELLS):
        for j in range(_CELLS):
            cell = (edges[j], edges[i], edges[j + 1], edges[i + 1])
            corners = pixels[i, j], pixels[i + 1, j], pixels[i + 1, j + 1], pixels[i, j + 1]
            mesh.append((cell, tuple(float(value) for corner in corners for value in corner)))
    view = padded.transform((SIDE, SIDE), Image.Transform.MESH, mesh, Image.Resampling.BILINEAR)
    file = BytesIO()
    view.save(file, "BMP")
    return file.getvalue()


def source_points(augmentations: Collection[str], rng: np.random.Generator) -> Float64Array:
    """Where in the picture each grid point of the view lies, ``(cells + 1, cells + 1, 2)``.

    Both in coordinates x, y from -1 to 1. Every change is drawn, whether it is wanted or not, so
    that leaving one out leaves the others as they are. The bent grid is that of Ronneberger et
    al., "U-Net" (2015), after Simard et al. (2003).
    """
    mirrored = rng.random() < 0.5
    angle = np.radians(rng.uniform(-_DEGREES, _DEGREES))
    scale = rng.uniform(*_SCALES)
    slant = rng.uniform(-_SHEAR, _SHEAR)
    bend = rng.normal(0.0, _BEND, (_CELLS + 1, _CELLS + 1, 2)).clip(-3 * _BEND, 3 * _BEND)
    kept = rng.uniform(_LEAST_KEPT, 1.0)
    shift = rng.uniform(-1.0, 1.0, 2) * (1.0 - kept)

    line = np.linspace(-1.0, 1.0, _CELLS + 1)
    points = np.stack(np.meshgrid(line, line), axis=-1)
    if "mirror" in augmentations and mirrored:
        points = points * [-1.0, 1.0]
    if "crop" in augmentations:
        points = points * kept + shift
    if "scale" in augmentations:
        points = points / scale
    if "shear" in augmentations:
        points = points @ np.array([[1.0, 0.0], [slant, 1.0]])
    if "rotate" in augmentations:
        cos, sin = np.cos(angle), np.sin(angle)
        points = points @ np.array([[cos, sin], [-sin, cos]])
    if "elastic" in augmentations:
        points = points + bend
    return points
