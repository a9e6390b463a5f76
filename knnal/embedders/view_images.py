"""Pictures seen otherwise: turned, stretched, slanted, bent, cut, mirrored.

All of it is one map from the view's pixels to the picture's, on a grid of cells within which it is
bilinear, so that the picture is resampled once. What lies beyond its edge is its mirror image.
"""

from __future__ import annotations

from collections.abc import Collection
from io import BytesIO

import numpy as np
from PIL import Image

from knnal.embedders.images import PixelArray, decode_square
from knnal.types import Float64Array

SIDE = 224
"""Pixels of a view's side: what the networks mostly take."""

AUGMENTATIONS = ("mirror", "rotate", "scale", "shear", "elastic", "crop")

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
