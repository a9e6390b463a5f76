"""``python -m knnal.embedders._convert_mobilenet WEIGHTS FOLDER``: Keras weights to LiteRT.

A program of its own, so that TensorFlow's gigabyte and its log lines stay out of the process that
embeds. Needed once; afterwards the converted network is cached.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from knnal.embedders._litert import open_interpreter, run_network
from knnal.embedders._mobilenet_keras import SIDE, build_network
from knnal.embedders._tensorflow import import_tensorflow
from knnal.embedders.assets import store_by_digest

_TOLERANCE = 1e-4
_SEED = 20180113


def convert(weights: Path, folder: Path) -> Path:
    """Convert, compare with TensorFlow on a seeded batch, and store under the content's digest.

    Raises DigestMismatchError for other weights, RuntimeError if the vectors differ by more than
    1e-4 anywhere.
    """
    tf = import_tensorflow()
    network = build_network(weights)
    # From the Keras model: from_concrete_functions gives a network that answers NaN.
    converted = tf.lite.TFLiteConverter.from_keras_model(network).convert()
    pixels = np.random.default_rng(_SEED).integers(0, 256, (4, SIDE, SIDE, 3), dtype=np.uint8)
    difference = np.abs(
        run_network(open_interpreter(converted), pixels) - network.predict(pixels, verbose=0)
    ).max()
    # A NaN compares false, and must not pass.
    if not difference <= _TOLERANCE:
        raise RuntimeError(f"LiteRT's vectors differ from TensorFlow's by up to {difference:.2g}")
    return store_by_digest(folder, ".tflite", converted)


if __name__ == "__main__":
    convert(Path(sys.argv[1]), Path(sys.argv[2]))
