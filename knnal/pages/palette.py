"""The colors of classes, curves, scores and surfaces, in every picture and on every page."""

from __future__ import annotations

import colorsys

OKABE_ITO = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Colors that color-blind readers can tell apart too (M. Okabe and K. Ito, "Color Universal
Design", 2002). Curves use these alone, and dashes beyond.
"""

ORANGE, SKY_BLUE = OKABE_ITO[4:]
"""The two that are legible on dark and light terminals."""

_DISTINCT = (*OKABE_ITO, "#b8ab1d", "#7a5cc4")

_COUNT = 64
_GOLDEN = 0.618033988749895
_TONES = ((0.42, 0.65), (0.6, 0.5), (0.5, 0.85))
"""Lightness and saturation, used in turn by the classes beyond the distinct colors."""


def _generated(place: int) -> str:
    """Hues a golden section apart, so that successive colors differ."""
    lightness, saturation = _TONES[place % len(_TONES)]
    return _hexadecimal(colorsys.hls_to_rgb((place * _GOLDEN) % 1.0, lightness, saturation))


def _hexadecimal(color: tuple[float, ...]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in color)


COLORS = (*_DISTINCT, *(_generated(place) for place in range(_COUNT - len(_DISTINCT))))
"""The color of each class, ``#rrggbb``, in order; the first follows the last."""

NONE = "#8a8a8a"
"""What has no class or no score."""

TOKENS = {
    "paper": ("#f4f2ee", "#121315"),
    "card": ("#ffffff", "#1b1d20"),
    "sunk": ("#ebe8e2", "#0c0d0e"),
    "ink": ("#1d1c1a", "#edebe7"),
    "quiet": ("#5c5850", "#aba79f"),
    "line": ("#d9d4ca", "#34373c"),
    "edge": ("#857f74", "#7d828a"),
    "accent": ("#0f5e8c", "#7cc3f2"),
    "on-accent": ("#ffffff", "#08222f"),
    "warn": ("#8a1c10", "#ffb4a6"),
    "warn-paper": ("#fde8e4", "#3a1712"),
}
"""Colors of surfaces and text by name: in the light theme, which pictures have, and in the dark."""


def light(token: str) -> str:
    """A color of ``TOKENS`` in the light theme."""
    return TOKENS[token][0]


def class_colors(count: int) -> list[str]:
    """The colors of ``count`` classes, ``#rrggbb``."""
    return [COLORS[place % len(COLORS)] for place in range(count)]


def score_colors(steps: int) -> list[str]:
    """Viridis, from low to high; its lightness rises evenly, so it works in gray print too."""
    from matplotlib import colormaps

    viridis = colormaps["viridis"]
    return [_hexadecimal(viridis(i / max(steps - 1, 1))[:3]) for i in range(steps)]
