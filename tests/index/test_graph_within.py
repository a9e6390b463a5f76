"""A part of a graph against the graph of the part."""

from __future__ import annotations

import numpy as np
import pytest

from knnal.index.graph import build_graph
from knnal.index.graph_within import graph_within


@pytest.mark.parametrize("wide", [9, 12, 40])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_it_is_the_graph_built_anew(wide: int, share: float) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 6)).astype(np.float32)
    X[40:60] = X[:20]  # equal rows tie
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    whole = build_graph(X, np.ones(80, dtype=np.bool_), wide)
    live = rng.random(80) >= share
    part, anew = graph_within(whole, X, live, 8), build_graph(X, live, 8)
    np.testing.assert_array_equal(part.ids, anew.ids)
    np.testing.assert_array_equal(part.similarities, anew.similarities)
    assert part.facts == anew.facts
    assert part.fits(live)
