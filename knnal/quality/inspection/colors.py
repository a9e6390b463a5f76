"""Colors of classes and of scores, for every picture of a pool."""

from __future__ import annotations

import colorsys

from knnal.pages.plot import COLORS

NONE = "#9aa4af"
"""What has no class or no score."""

_GOLDEN = 0.618033988749895
_TONES = ((0.42, 0.65), (0.6, 0.5), (0.5, 0.85))
"""Lightness and saturation, taken in turns by the classes that the named colors do not reach."""


def class_colors(count: int) -> list[str]:
    """A color for each class, ``#rrggbb``. Six can be told apart by all; more, as far as it goes.

    Hues are a golden section apart, so that colors in succession differ.
    """
    return [COLORS[i] if i < len(COLORS) else _further(i - len(COLORS)) for i in range(count)]


def score_colors(steps: int) -> list[str]:
    """Viridis, from low to high: it rises evenly in lightness, in gray print too."""
    from matplotlib import colormaps

    viridis = colormaps["viridis"]
    return [_hexadecimal(viridis(i / max(steps - 1, 1))[:3]) for i in range(steps)]


def _further(place: int) -> str:
    lightness, saturation = _TONES[place % len(_TONES)]
    return _hexadecimal(colorsys.hls_to_rgb((place * _GOLDEN) % 1.0, lightness, saturation))


def _hexadecimal(color: tuple[float, ...]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in color)
