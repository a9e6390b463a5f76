"""Vectors that pass through."""

from __future__ import annotations

import numpy as np
import pytest

from knnal.embedders.precomputed import Precomputed
from knnal.errors import ItemError
from knnal.types import EmbedderIdentity, LogNarrator


def test_vectors_pass_through_in_float32() -> None:
    embedder = Precomputed()
    embedder.load(LogNarrator())
    given = [np.array([1, 2, 3]), np.array([0.5, -1, 0], np.float16)]
    vectors = embedder.embed([embedder.prepare(vector) for vector in given])
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, [[1, 2, 3], [0.5, -1, 0]])
    assert embedder.identity == EmbedderIdentity("precomputed", "", 3, "as given")


def test_the_first_vector_fixes_the_dimension() -> None:
    embedder = Precomputed()
    assert embedder.identity.dimension == 0
    embedder.prepare(np.ones(4))
    with pytest.raises(ItemError, match=r"^vector of 3 dimensions among 4$"):
        embedder.prepare(np.ones(3))
    assert embedder.identity.dimension == 4


@pytest.mark.parametrize(
    ("vector", "reason"),
    [
        (np.zeros(3), "zero vector"),
        (np.array([1.0, np.nan]), "vector with values that are not finite"),
        (np.array([np.inf, 1.0]), "vector with values that are not finite"),
        (np.array([1e300, 1.0]), "vector with values that are not finite"),
        (np.ones((2, 2)), "not a vector of numbers"),
        (np.ones(()), "not a vector of numbers"),
        (np.array([]), "not a vector of numbers"),
        (np.array(["a", "b"]), "not a vector of numbers"),
    ],
)
def test_what_has_no_direction_is_refused_and_fixes_nothing(
    vector: np.ndarray, reason: str
) -> None:
    embedder = Precomputed()
    with pytest.raises(ItemError) as caught:
        embedder.prepare(vector)
    assert caught.value.reason == reason
    assert embedder.identity.dimension == 0
