"""What the experiments are drawn as: sheets of pictures, and the classes asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from knnal.files import atomic_writer
from knnal.pages.palette import OKABE_ITO

SHOWN = 20
_COLUMNS = 10
_SIDE, _GAP, _TITLE, _CAPTION = 64, 4, 18, 28


def contact_sheet(file: Path, blocks: Mapping[str, Sequence[tuple[Path, str]]]) -> None:
    """Write a PNG of pictures with a caption each, in blocks under their titles."""
    rows = {title: -(-len(pictures) // _COLUMNS) for title, pictures in blocks.items()}
    line = _SIDE + _CAPTION + _GAP
    width = _COLUMNS * (_SIDE + _GAP) + _GAP
    height = sum(_TITLE + _GAP + count * line for count in rows.values()) + _GAP
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    top = _GAP
    for title, pictures in blocks.items():
        draw.text((_GAP, top), title, fill="black")
        top += _TITLE + _GAP
        for place, (path, caption) in enumerate(pictures):
            x = _GAP + place % _COLUMNS * (_SIDE + _GAP)
            y = top + place // _COLUMNS * line
            with Image.open(path) as picture:
                shown = picture.convert("RGB").resize((_SIDE, _SIDE), Image.Resampling.NEAREST)
            sheet.paste(shown, (x, y))
            draw.text((x, y + _SIDE + 2), caption, fill="black")
        top += rows[title] * line
    with atomic_writer(file) as stream:
        sheet.save(stream, "PNG")


def plot_classes(
    file: Path,
    names: Sequence[str],
    sizes: Sequence[int],
    contenders: Mapping[str, Any],
    title: str,
) -> None:
    """Write a PNG of the share that each class has of the labels, at the end of each batch."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(contenders), 4.5), layout="constrained")
    figure.suptitle(title, parse_math=False)
    places = np.arange(len(sizes))
    for panel, (contender, found) in enumerate(contenders.items(), start=1):
        axes = figure.add_subplot(1, len(contenders), panel, title=contender, xlabel="labels")
        counts = np.array(found["classes"])
        shares, bottom = counts / counts.sum(axis=1, keepdims=True), np.zeros(len(sizes))
        for c, (name, color) in enumerate(zip(names, cycle(OKABE_ITO), strict=False)):
            hatch = "//" if c >= len(OKABE_ITO) else None
            share = shares[:, c]
            axes.bar(
                places, share, bottom=bottom, color=color, hatch=hatch, edgecolor="w", label=name
            )
            bottom += share
        axes.set_xticks(places, [f"{size:,}" for size in sizes])
        axes.set_ylim(0, 1)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    with atomic_writer(file) as stream:
        FigureCanvasAgg(figure).print_png(stream)
