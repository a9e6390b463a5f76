"""Latency by labels, as a ratio to the baseline, and by the size of the pool, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.engine.loop import LoopFigures
from knnal.files import atomic_writer
from knnal.pages.palette import OKABE_ITO


def plot(file: Path, loops: Sequence[LoopFigures]) -> None:
    """Write the PNG; the right half shows the first dimension."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    _ratios(left, loops)
    _growth(right, [loop for loop in loops if loop.dimension == loops[0].dimension])
    with atomic_writer(file) as stream:
        FigureCanvasAgg(figure).print_png(stream)


def _ratios(axes: Any, loops: Sequence[LoopFigures]) -> None:
    axes.set(
        title="From an answer to the next question",
        xlabel="labels",
        ylabel="time / one numpy pass X @ q",
        xscale="log",
    )
    for number, loop in enumerate(loops):
        labels = [window.first for window in loop.windows]
        p50, p95 = ([w.ratio(percent) for w in loop.windows] for percent in (50, 95))
        color = OKABE_ITO[number % len(OKABE_ITO)]
        name = f"{loop.items:,} x {loop.dimension}"
        axes.plot(labels, p50, color=color, marker="o", label=f"{name}, p50")
        axes.plot(labels, p95, color=color, linestyle=":", label=f"{name}, p95")
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def _growth(axes: Any, loops: Sequence[LoopFigures]) -> None:
    loops = sorted(loops, key=lambda loop: loop.items)
    axes.set(
        title=f"p50 by the size of the pool, {loops[0].dimension} dimensions",
        xlabel="items",
        ylabel="ms",
        xscale="log",
        yscale="log",
    )
    items = [loop.items for loop in loops]
    baseline = [1e3 * loop.windows[-1].baseline_s for loop in loops]
    axes.plot(items, baseline, color="black", linestyle="--", marker="s", label="X @ q")
    for number, windows in enumerate(zip(*(loop.windows for loop in loops), strict=True)):
        times = [1e3 * window.quantile_s(50) for window in windows]
        name = f"{windows[0].first:,} labels"
        axes.plot(items, times, color=OKABE_ITO[number % len(OKABE_ITO)], marker="o", label=name)
    perceived = [1e3 * loop.windows[-1].perceived_s(50) for loop in loops]
    axes.plot(items, perceived, color="gray", marker="^", label="perceived")
    axes.grid(alpha=0.3, which="both")
    axes.legend(fontsize="small")
