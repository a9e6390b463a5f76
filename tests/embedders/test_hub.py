"""SavedModels as embedders; the tests write their own."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from knnal.embedders.base import create_embedder
from knnal.embedders.hub import HubModule, folder_digest
from knnal.errors import InputError, ItemError, ModelUnavailableError
from knnal.types import LogNarrator, Modality

pytestmark = pytest.mark.slow


def save(folder: Path, function, *signature) -> Path:
    """A SavedModel of one function."""
    from knnal.embedders.runtimes import import_tensorflow

    tf = import_tensorflow("A test")
    module = tf.Module()
    module.call = tf.function(function, input_signature=signature)
    tf.saved_model.save(module, str(folder))
    return folder


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each text to its length in bytes, and that squared."""
    from knnal.embedders.runtimes import import_tensorflow

    tf = import_tensorflow("A test")

    def lengths(strings):
        length = tf.cast(tf.strings.length(strings), tf.float32)
        return tf.stack([length, length**2], axis=1)

    return save(tmp_path_factory.mktemp("hub") / "texts", lengths, tf.TensorSpec([None], tf.string))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each 32-px image to its mean color."""
    from knnal.embedders.runtimes import import_tensorflow

    tf = import_tensorflow("A test")
    return save(
        tmp_path_factory.mktemp("hub") / "images",
        lambda pixels: {"color": tf.reduce_mean(pixels, axis=[1, 2])},
        tf.TensorSpec([None, 32, 32, 3], tf.float32),
    )


def test_strings_make_a_text_embedder(texts: Path) -> None:
    embedder = HubModule(str(texts))
    embedder.load(LogNarrator())
    assert embedder.modality is Modality.TEXT
    vectors = embedder.embed([embedder.prepare(text) for text in ("abc", "größe")])
    np.testing.assert_array_equal(vectors, [[3, 9], [7, 49]])
    with pytest.raises(ItemError, match="empty text"):
        embedder.prepare(" ")


def test_four_dimensions_make_an_image_embedder_of_the_signatures_size(images: Path) -> None:
    embedder = HubModule(str(images))
    embedder.load(LogNarrator())
    assert embedder.modality is Modality.IMAGE
    buffer = BytesIO()
    Image.new("RGB", (100, 50), (255, 51, 0)).save(buffer, "PNG")
    prepared = embedder.prepare(buffer.getvalue())
    assert prepared.shape == (32, 32, 3)
    np.testing.assert_allclose(embedder.embed([prepared] * 3), [[1, 0.2, 0]] * 3, atol=1e-5)


def test_identity(texts: Path, images: Path) -> None:
    first, second = HubModule(str(texts)), HubModule(str(images))
    first.load(LogNarrator())
    second.load(LogNarrator())
    assert first.identity.name == f"hub:{texts.resolve()}"
    assert (first.identity.dimension, second.identity.dimension) == (2, 3)
    assert first.identity.digest == folder_digest(texts) != second.identity.digest
    assert "32 px" in second.identity.recipe


def test_the_digest_depends_on_names_and_contents_only(tmp_path: Path) -> None:
    def folder(name: str, files: dict[str, bytes]) -> Path:
        for path, content in files.items():
            target = tmp_path / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        return tmp_path / name

    one = folder_digest(folder("one", {"a": b"1", "sub/b": b"2"}))
    assert folder_digest(folder("two", {"sub/b": b"2", "a": b"1"})) == one
    assert folder_digest(folder("three", {"a": b"2", "sub/b": b"1"})) != one
    assert folder_digest(folder("four", {"a": b"1", "b": b"2"})) != one


def test_the_modality_is_known_without_loading_first(texts: Path) -> None:
    assert create_embedder(f"hub:{texts}").modality is Modality.TEXT


def test_a_missing_argument_says_what_to_write() -> None:
    with pytest.raises(InputError, match="handle or a SavedModel folder after a colon"):
        create_embedder("hub")


def test_neither_images_nor_texts(tmp_path: Path) -> None:
    from knnal.embedders.runtimes import import_tensorflow

    tf = import_tensorflow("A test")
    integers = save(
        tmp_path / "a", lambda x: tf.cast(x, tf.float32), tf.TensorSpec([None, 7], tf.int32)
    )
    with pytest.raises(InputError, match=r"reads int32 of shape \(None, 7\)"):
        HubModule(str(integers)).load(LogNarrator())
    maps = save(tmp_path / "b", lambda x: x * 2, tf.TensorSpec([None, 8, 8, 3], tf.float32))
    with pytest.raises(InputError, match="it answers"):
        HubModule(str(maps)).load(LogNarrator())


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match=r"saved_model\.pb"):
        HubModule(str(tmp_path)).load(LogNarrator())


def test_a_handle_that_cannot_be_reached() -> None:
    with pytest.raises(ModelUnavailableError, match="Cannot open"):
        HubModule("https://localhost:9/no/such/module").load(LogNarrator())
