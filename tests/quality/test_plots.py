"""The picture of the accuracy over labels: each series in its color, where it belongs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from knnal.quality.audit import CurvePoint
from knnal.quality.plots import plot_progress

BLUE, ORANGE = (0, 114, 178), (213, 94, 0)


def flat(accuracy: float) -> list[CurvePoint]:
    return [CurvePoint(n, accuracy, accuracy - 0.1, accuracy + 0.1) for n in (10, 20, 300)]


def line_of(file: Path, color: tuple[int, int, int]) -> Any:
    """The rows of pixels of that color that go across most of the picture, from the top."""
    with Image.open(file) as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("RGB"))
    painted = (pixels == color).all(axis=2).sum(axis=1)
    return np.flatnonzero(painted > pixels.shape[1] // 2) / len(pixels)


def test_both_series_are_drawn_at_their_heights(tmp_path: Path) -> None:
    file = tmp_path / "curve.png"
    plot_progress(file, {"ours": flat(0.9), "random": flat(0.5)}, "two")
    ours, random = line_of(file, BLUE), line_of(file, ORANGE)
    assert len(ours) > 0
    assert len(random) > 0
    plot_progress(file, {"ours": flat(0.5), "random": flat(0.9)}, "two")
    assert line_of(file, BLUE).mean() == pytest.approx(random.mean(), abs=0.01)
    assert line_of(file, ORANGE).mean() == pytest.approx(ours.mean(), abs=0.01)
    assert 0.3 < random.mean() - ours.mean() < 0.4  # 40 % of an axis that fills most of the height


def test_a_series_without_points_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "curve.png"
    plot_progress(file, {"ours": flat(0.9), "random": ()}, "one")
    assert len(line_of(file, BLUE)) > 0
    with Image.open(file) as picture:
        assert not (np.asarray(picture.convert("RGB")) == ORANGE).all(axis=2).any()
