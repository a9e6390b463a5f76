"""MobileNet-v2 as TensorFlow defines it, with the published weights. Needs TensorFlow.

The network is ``keras.applications.MobileNetV2`` 1.0/224 without its classifier, average-pooled;
the weights are those of the TensorFlow Hub feature vector
``google/tf2-preview/mobilenet_v2/feature_vector/4``, whichever file they come from.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np

from knnal.embedders._tensorflow import import_tensorflow
from knnal.errors import DigestMismatchError

SIDE = 224
WEIGHTS_DIGEST = "c009b1f1262c1f55420ed4f95d0f338acb97548930c6f6c8f3383b79544088a8"
"""sha256 over the 260 float32 tensors, little-endian, in the order of Keras ``get_weights()``."""


def build_network(weights: Path) -> Any:
    """A Keras model from uint8 pixels ``(n, 224, 224, 3)`` to float32 vectors ``(n, 1280)``.

    Scaling to [-1, 1] is its first layer. Raises DigestMismatchError if the file in Keras' HDF5
    layout holds other weights.
    """
    tf = import_tensorflow()
    body = tf.keras.applications.MobileNetV2(
        input_shape=(SIDE, SIDE, 3), include_top=False, pooling="avg", weights=None
    )
    _load_weights(body, weights)
    found = weights_digest(body.get_weights())
    if found != WEIGHTS_DIGEST:
        raise DigestMismatchError(
            f"Expected the MobileNet-v2 weights {WEIGHTS_DIGEST}; {weights} holds {found}."
        )
    pixels = tf.keras.Input((SIDE, SIDE, 3), dtype="uint8")
    return tf.keras.Model(pixels, body(tf.keras.layers.Rescaling(1 / 127.5, -1)(pixels)))


def weights_digest(tensors: list[np.ndarray[Any, Any]]) -> str:
    """The sha256 over the tensors' float32 values, one after the other."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(np.ascontiguousarray(tensor, dtype="<f4").tobytes())
    return digest.hexdigest()


def _load_weights(body: Any, weights: Path) -> None:
    """Fill the layers from an HDF5 file; what the file holds beyond them is not read.

    Keras saved either each layer by its name, or TensorFlow Hub's module as a single layer.
    """
    import h5py

    with h5py.File(weights) as file:
        stored = file["model_weights"]
        hub_module = stored.get("keras_layer")
        for layer in body.layers:
            if not layer.weights:
                continue
            if hub_module is None:
                group = stored[layer.name]
                names = [name.decode() for name in group.attrs["weight_names"]]
            else:
                group = hub_module
                names = [_hub_name(layer.name, weight.name) for weight in layer.weights]
            layer.set_weights([np.asarray(group[name]) for name in names])


def _hub_name(layer: str, weight: str) -> str:
    """Where TensorFlow Hub's module keeps a weight of a Keras layer.

    ``block_3_expand_BN`` and ``gamma`` give ``MobilenetV2/expanded_conv_3/expand/BatchNorm/gamma``.
    """
    ends = {"Conv1": "Conv", "bn_Conv1": "Conv_BN", "Conv_1_bn": "Conv_1_BN"}
    name = ends.get(layer, layer)
    name = re.sub(r"^block_(\d+)_", r"expanded_conv_\1/", name)
    name = re.sub(r"^expanded_conv_(depthwise|project)", r"expanded_conv/\1", name)
    if name.endswith("_BN"):
        return f"MobilenetV2/{name.removesuffix('_BN')}/BatchNorm/{weight}:0"
    kernel = "depthwise_weights" if name.endswith("depthwise") else "weights"
    return f"MobilenetV2/{name}/{kernel}:0"
