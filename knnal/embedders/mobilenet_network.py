"""MobileNet-v2 in TensorFlow: its published weights, and its conversion to LiteRT.

The network is ``keras.applications.MobileNetV2`` 1.0/224 without its classifier, average-pooled;
the weights are those of the TensorFlow Hub feature vector
``google/tf2-preview/mobilenet_v2/feature_vector/4``, whichever file they come from.

A program of its own, so that TensorFlow's gigabyte and its log lines stay out of the process that
embeds: ``python -m knnal.embedders.mobilenet_network fetch HANDLE FILE`` writes the weights of
a TensorFlow Hub module, and ``... convert FILE FOLDER`` makes the network for LiteRT of them.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knnal.embedders.assets import store_by_digest
from knnal.embedders.runtimes import LiteRTNetwork, import_tensorflow, import_tensorflow_hub
from knnal.errors import DigestMismatchError
from knnal.extras import extra

FEATURE = "MobileNet-v2"
SIDE = 224
WEIGHTS_DIGEST = "c009b1f1262c1f55420ed4f95d0f338acb97548930c6f6c8f3383b79544088a8"
"""sha256 over the 260 float32 tensors, little-endian, in the order of Keras ``get_weights()``."""
WEIGHTS_SUFFIX = ".weights"
"""Of a file that holds these tensors one after the other, so that its own sha256 is that digest."""

_TOLERANCE = 1e-4
_SEED = 20180113


def build_network(weights: Path) -> Any:
    """The network, with scaling to [-1, 1] as its first layer.

    Parameters
    ----------
    weights
        A file of ``WEIGHTS_SUFFIX``, or Keras' HDF5 with each layer under its name.

    Returns
    -------
    keras.Model
        From uint8 pixels ``(n, 224, 224, 3)`` to float32 vectors ``(n, 1280)``.

    Raises
    ------
    DigestMismatchError
        If the file holds other weights.
    MissingExtraError
        If TensorFlow is not installed.
    """
    tf = import_tensorflow(FEATURE)
    body = _body(tf)
    content = weights.read_bytes() if weights.suffix == WEIGHTS_SUFFIX else _read_h5(weights, body)
    found = hashlib.sha256(content).hexdigest()
    if found != WEIGHTS_DIGEST:
        raise DigestMismatchError(
            f"Expected the MobileNet-v2 weights {WEIGHTS_DIGEST}; {weights} holds {found}."
        )
    shapes = [weight.shape for weight in body.weights]
    ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])
    tensors = np.split(np.frombuffer(content, "<f4"), ends[:-1])
    body.set_weights([tensor.reshape(shape) for tensor, shape in zip(tensors, shapes, strict=True)])
    pixels = tf.keras.Input((SIDE, SIDE, 3), dtype="uint8")
    return tf.keras.Model(pixels, body(tf.keras.layers.Rescaling(1 / 127.5, -1)(pixels)))


def convert(weights: Path, folder: Path) -> Path:
    """Convert to LiteRT, compare with TensorFlow on a seeded batch, and store by digest.

    Raises as ``build_network`` does, and RuntimeError if the vectors differ by more than 1e-4.
    """
    tf = import_tensorflow(FEATURE)
    network = build_network(weights)
    # From the Keras model: from_concrete_functions gives a network that answers NaN.
    converted = tf.lite.TFLiteConverter.from_keras_model(network).convert()
    pixels = np.random.default_rng(_SEED).integers(0, 256, (4, SIDE, SIDE, 3), dtype=np.uint8)
    expected = network.predict(pixels, verbose=0)
    difference = np.abs(LiteRTNetwork(converted)(pixels) - expected).max()
    if not difference <= _TOLERANCE:  # NaN compares false, and must not pass
        raise RuntimeError(f"LiteRT's vectors differ from TensorFlow's by up to {difference:.2g}")
    return store_by_digest(folder, ".tflite", converted)


def fetch_from_hub(handle: str, file: Path) -> None:
    """Write the weights of a TensorFlow Hub module to a file of ``WEIGHTS_SUFFIX``."""
    hub = import_tensorflow_hub(FEATURE)
    stored = {variable.name: variable.numpy() for variable in hub.load(handle).variables}
    body = _body(import_tensorflow(FEATURE))
    names = (hub_name(layer.name, w.name) for layer in body.layers for w in layer.weights)
    file.write_bytes(_as_bytes(stored[name] for name in names))


def _body(tf: Any) -> Any:
    return tf.keras.applications.MobileNetV2(
        input_shape=(SIDE, SIDE, 3), include_top=False, pooling="avg", weights=None
    )


def _read_h5(weights: Path, body: Any) -> bytes:
    """The tensors of an HDF5 file in the order of the network's; what else is there is not read."""
    with extra("tensorflow", FEATURE):
        import h5py

    with h5py.File(weights) as file:
        groups = [file["model_weights"][layer.name] for layer in body.layers if layer.weights]
        return _as_bytes(np.asarray(g[name]) for g in groups for name in g.attrs["weight_names"])


def _as_bytes(tensors: Iterable[NDArray[Any]]) -> bytes:
    return b"".join(np.ascontiguousarray(tensor, dtype="<f4").tobytes() for tensor in tensors)


def hub_name(layer: str, weight: str) -> str:
    """What TensorFlow Hub's module calls a weight of a Keras layer.

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


if __name__ == "__main__":
    _, task, source, target = sys.argv
    if task == "fetch":
        fetch_from_hub(source, Path(target))
    else:
        convert(Path(source), Path(target))
