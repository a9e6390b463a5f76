"""A TensorFlow.js graph model, run by TensorFlow.

The format: ``model.json`` holds a GraphDef in JSON and a list of weights by name, shape and type;
the weights lie one after the other in shards.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knnal.embedders._tensorflow import import_tensorflow

_TYPES = {"float32": np.dtype("<f4"), "int32": np.dtype("<i4")}


def load_graph(folder: Path, inputs: Sequence[str], output: str) -> Any:
    """The function of a graph model from ``inputs`` to ``output`` (names of nodes).

    Raises OSError, KeyError or ValueError for files that are no such model.
    """
    tf = import_tensorflow()
    model = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    weights = _read_weights(model["weightsManifest"], folder)
    topology = _with_base64(model["modelTopology"])
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
