"""The curves as a picture: a panel a data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.peers.bars import best_peers
from benchmarks.peers.base import COMBINED, KNN
from benchmarks.peers.ours import DEFAULT, RANDOM
from benchmarks.peers.summary import SetResults
from benchmarks.sets.catalog import DATA_SETS
from knnal.files import atomic_writer

_COLUMNS = 3
_GRAY = "#BBBBBB"


def draw(file: Path, found: dict[str, SetResults], budget: int) -> None:
    """The curves of all peers, of the best one, of random labels and of knnal's default."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-len(found) // _COLUMNS)
    figure = Figure(figsize=(4.2 * _COLUMNS, 3.4 * rows), layout="constrained", dpi=75)
    panels = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes, (name, results) in zip(panels, found.items(), strict=False):
        best = best_peers(results, budget)[COMBINED] if results.peers else ""
        lines = [(peer, COMBINED, _GRAY, "") for peer in results.peers if peer != best]
        lines += [
            (best, COMBINED, "#E69F00", f"{best}, combined"),
            (RANDOM, KNN, "#CC79A7", "random, knn"),
            (RANDOM, COMBINED, "#009E73", "random, combined"),
            (DEFAULT, COMBINED, "#0072B2", "knnal, combined"),
        ]
        labels = np.arange(1, budget + 1)
        for contender, judge, color, text in lines:
            if (contender, judge) in results.curves:
                mean = results.curves[contender, judge].dense(budget).mean(axis=0)
                width = 2.0 if text else 1.0
                axes.plot(labels, mean, color=color, label=text or None, linewidth=width)
        axes.set(title=DATA_SETS[name].title, xlabel="labels", ylabel="accuracy")
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right", fontsize=7)
    for axes in panels[len(found) :]:
        axes.set_visible(False)
    with atomic_writer(file) as stream:
        FigureCanvasAgg(figure).print_png(stream)
