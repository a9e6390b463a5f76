"""Photos for a pool of vectors, each known again by its color."""

from __future__ import annotations

import colorsys
from contextlib import closing
from pathlib import Path

import numpy as np
from PIL import Image

from knnal.pool.pool import Pool

COUNT = 32
"""Pictures; items share them."""

SIZE = 640, 480
_NOISE = 12.0
_NEAR = 40
"""Two colors are alike whose channels differ by at most so much, of 255, together."""

_HUES = 8


def make_pictures(folder: Path, seed: int) -> None:
    """COUNT JPEG files, each of one color with some noise on it."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    for number in range(COUNT):
        noise = rng.normal(0.0, _NOISE, (SIZE[1], SIZE[0], 1))
        pixels = np.clip(np.array(color_of(number)) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg", quality=90)


def give_pictures(pool: Path, pictures: Path) -> None:
    """Let the items of a pool have them in turn, as if they had been embedded from them."""
    with closing(Pool.open(pool)) as opened, opened.transaction():
        for record in list(opened.catalog.records()):
            picture = str(pictures / f"{record.row % COUNT}.jpg")
            opened.catalog.relocate(record.row, record.source, picture, record.stamp)


def color_of(number: int) -> tuple[int, int, int]:
    """The color of a picture, in [0, 255]."""
    hue, level = number % _HUES, number // _HUES % (COUNT // _HUES)
    red, green, blue = colorsys.hsv_to_rgb(
        hue / _HUES, 1.0 - level % 2 * 0.5, 1.0 - level // 2 * 0.4
    )
    return round(red * 255), round(green * 255), round(blue * 255)


def is_color_of(number: int, seen: str) -> bool:
    """Whether a color, as six hexadecimal digits, is that of a picture."""
    try:
        channels = bytes.fromhex(seen)
    except ValueError:  # a name, such as "default"
        return False
    return sum(abs(a - b) for a, b in zip(channels, color_of(number), strict=True)) <= _NEAR
