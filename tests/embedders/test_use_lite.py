"""The Universal Sentence Encoder Lite, against the JavaScript that it is published for.

The expected tokens and vectors were printed by ``@energetic-ai/embeddings`` 0.2.0 on Node.js.
"""

from __future__ import annotations

import numpy as np
import pytest

from knnal.embedders.unigram import UnigramTokenizer
from knnal.embedders.use_lite import UniversalSentenceEncoderLite
from knnal.errors import ItemError, MissingExtraError, ModelUnavailableError
from knnal.types import LogNarrator

# Text, its tokens, the first four values of its vector, and the sum of value i times (i mod 7 - 3).
PUBLISHED = [
    (
        "Hello world.",
        [341, 4125, 311, 6],
        [-0.0473066, -0.0582432, -0.0044184, -0.0496202],
        -0.344615,
    ),
    (
        "I love it :)",
        [16, 241, 21, 658],
        [-0.0579037, 0.0457783, 0.0522753, -0.0486143],
        0.215781,
    ),
    (
        "the quick brown fox",
        [9, 2280, 3744, 1394, 152],
        [-0.0156263, -0.0319953, 0.0281327, -0.0294491],
        -2.31068,
    ),
    (
        "\ufb01ne \u00bd na\u00efve caf\u00e9",
        [839, 207, 7935, 288, 1216, 0, 105, 976, 209, 1133],
        [0.0444481, 0.0607527, -0.0212528, -0.0308809],
        0.104593,
    ),
    (
        "emoji \U0001f600\U0001f600 ok \U0001f600",
        [299, 451, 2501, 30, 0, 2303, 30, 0],
        [0.0552662, -0.058293, -0.020578, 0.0143804],
        0.732959,
    ),
    ("\u65e5\u672c\u8a9e", [30, 0], [-0.032406, -0.039111, 0.0498751, 0.0396397], 0.109067),
    (
        " spaces  around ",
        [30, 1016, 7, 30, 250, 30],
        [0.0192887, -0.0573306, 0.0532235, 0.0208626],
        3.015912,
    ),
]


@pytest.fixture(scope="module")
def embedder() -> UniversalSentenceEncoderLite:
    embedder = UniversalSentenceEncoderLite()
    try:
        embedder.load(LogNarrator())
    except (MissingExtraError, ModelUnavailableError) as error:
        pytest.skip(str(error))
    return embedder


VOCABULARY = [
    *((f"<{number}>", 0.0) for number in range(6)),
    *(("\u2581", -2.0), ("a", -1.0), ("b", -1.5), ("ab", -2.0), ("\u2581ab", -3.0), ("abc", -1.2)),
    *(("c", -4.0), (":", None), ("\u2581:", None), ("ba", -2.5), ("zq", -1.0), ("ab", -2.6)),
]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("ab", [10]),
        ("abc", [6, 11]),
        ("a b", [6, 7, 6, 8]),
        ("ab ab", [10, 10]),
        ("ba:", [6, 8, 7, 13]),
        ("::", [6, 13, 13]),
        ("x", [6, 0]),
        ("axx b", [6, 7, 0, 6, 8]),
        ("xax", [6, 0, 7, 0]),
        ("zab", [6, 0, 7, 8]),
        ("zq", [6, 0]),
        ("aza", [6, 7, 0, 7]),
        ("", []),
        ("a:b", [6, 7, 13, 8]),
        ("abcabc", [6, 11, 11]),
        ("  ", [6, 6, 6]),
        ("\uff41", [6, 7]),
    ],
)
def test_tokens_of_a_small_vocabulary_equal_the_javascripts(text: str, tokens: list[int]) -> None:
    assert UnigramTokenizer(VOCABULARY).encode(text, 128) == tokens


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.parametrize(("text", "tokens", "beginning", "weighted"), PUBLISHED)
def test_tokens_and_vectors_equal_the_javascripts(
    embedder: UniversalSentenceEncoderLite,
    text: str,
    tokens: list[int],
    beginning: list[float],
    weighted: float,
) -> None:
    assert embedder.prepare(text) == tokens
    (vector,) = embedder.embed([tokens])
    assert vector.shape == (512,)
    np.testing.assert_allclose(vector[:4], beginning, atol=2e-6)
    assert vector @ (np.arange(512) % 7 - 3) == pytest.approx(weighted, abs=2e-4)


@pytest.mark.model
@pytest.mark.slow
def test_a_vector_does_not_depend_on_its_batch(embedder: UniversalSentenceEncoderLite) -> None:
    prepared = [embedder.prepare(text) for text, *_ in PUBLISHED]
    alone = np.concatenate([embedder.embed([tokens]) for tokens in prepared])
    np.testing.assert_allclose(embedder.embed(prepared), alone, atol=2e-6)


@pytest.mark.model
@pytest.mark.slow
def test_what_lies_beyond_128_pieces_does_not_count(embedder: UniversalSentenceEncoderLite) -> None:
    long = embedder.prepare("word " * 400)
    assert len(long) == 128
    # The graph itself clips there: with more pieces it answers the same.
    np.testing.assert_allclose(embedder.embed([long]), embedder.embed([long * 2]), atol=1e-6)


def test_empty_text_is_an_item_error() -> None:
    with pytest.raises(ItemError, match=r"^empty text$"):
        UniversalSentenceEncoderLite().prepare(" \n")
