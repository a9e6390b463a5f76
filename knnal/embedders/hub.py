"""Any TensorFlow Hub handle or SavedModel folder that maps images or strings to vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from knnal.embedders._tensorflow import import_tensorflow, import_tensorflow_hub
from knnal.embedders.assets import Asset, sha256_of
from knnal.embedders.base import Content
from knnal.embedders.images import decode_square
from knnal.embedders.texts import prepare_text
from knnal.errors import InputError, ModelUnavailableError
from knnal.types import EmbedderIdentity, Float32Array, LogNarrator, Modality, Narrator

_DEFAULT_SIDE = 224
_EXAMPLE = "--embedder hub:./my_saved_model"


class HubModule:
    """A SavedModel as an embedder; its signature tells what it reads.

    A signature with one string input embeds texts; one with one four-dimensional float input
    embeds square RGB images with values in [0, 1], of the side that the signature names, or 224.
    """

    summary: ClassVar[str] = "hub:HANDLE or hub:FOLDER, a SavedModel of images or texts"
    assets: ClassVar[tuple[Asset, ...]] = ()

    def __init__(self, handle: str = "") -> None:
        if not handle:
            raise InputError(
                f"The embedder 'hub' needs a TensorFlow Hub handle or a SavedModel folder after a "
                f"colon, such as {_EXAMPLE}."
            )
        # A folder is the same one wherever the next command is run from.
        self._handle = str(Path(handle).resolve()) if Path(handle).is_dir() else handle
        self.batch_size = 32
        self.lanes = 1  # TensorFlow uses every core by itself
        self._signature: Any = None
        self._modality = Modality.IMAGE
        self._side = _DEFAULT_SIDE
        self._input = self._output = self._digest = ""
        self._dimension = 0

    @property
    def modality(self) -> Modality:
        """Only the module itself knows, so asking loads it; raises as ``load`` does."""
        self.load(LogNarrator())
        return self._modality

    @property
    def identity(self) -> EmbedderIdentity:
        images = f"squeezed to {self._side} px, bilinear, x/255"
        return EmbedderIdentity(
            name=f"hub:{self._handle}",
            digest=self._digest,
            dimension=self._dimension,
            recipe="as text" if self._modality is Modality.TEXT else images,
        )

    def load(self, narrator: Narrator) -> None:
        """Resolve the handle, open the module, and read its signature.

        Raises ModelUnavailableError if it cannot be had or opened, InputError if it maps neither
        images nor strings to vectors.
        """
        if self._signature is not None:
            return
        narrator.progress(f"Opening {self._handle}", 0, None)
        folder, module = self._open()
        signature = self._choose_signature(module)
        self._read_input(signature)
        self._read_output(signature)
        self._digest = folder_digest(folder)
        self._signature = signature

    def prepare(self, content: Content) -> Any:
        """A text, or float32 pixels ``(side, side, 3)`` in [0, 1]. Raises ItemError."""
        if self._modality is Modality.TEXT:
            return prepare_text(content)
        assert isinstance(content, bytes)
        return decode_square(content, self._side).astype(np.float32) / np.float32(255)

    def embed(self, batch: Sequence[Any]) -> Float32Array:
        """``n`` prepared contents to ``(n, dimension)``."""
        assert self._signature is not None, "load() comes first"
        tf = import_tensorflow()
        inputs = list(batch) if self._modality is Modality.TEXT else np.stack(batch)
        vectors = self._signature(**{self._input: tf.constant(inputs)})[self._output]
        return np.asarray(vectors, np.float32)

    def _open(self) -> tuple[Path, Any]:
        hub = import_tensorflow_hub()
        try:
            folder = hub.resolve(self._handle)
            return Path(folder), hub.load(folder)
        except Exception as error:  # downloads and protobufs fail in every way there is
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelUnavailableError(
                f"Cannot open '{self._handle}' as a TensorFlow Hub module: {reason}. Expected a "
                f"handle that can be downloaded from here, or a folder with saved_model.pb."
            ) from error

    def _choose_signature(self, module: Any) -> Any:
        signatures = dict(module.signatures)
        for name in ("serving_default", "default", *signatures):
            if name in signatures:
                return signatures[name]
        raise self._unsuitable("it has no signature")

    def _read_input(self, signature: Any) -> None:
        _, inputs = signature.structured_input_signature
        if len(inputs) != 1:
            raise self._unsuitable(f"it takes {len(inputs)} inputs: {', '.join(sorted(inputs))}")
        ((self._input, spec),) = inputs.items()
        if spec.dtype.name == "string" and spec.shape.rank in {1, None}:
            self._modality = Modality.TEXT
        elif spec.dtype.name == "float32" and spec.shape.rank == 4:
            self._modality = Modality.IMAGE
            _, height, width, channels = spec.shape.as_list()
            if channels not in {3, None} or height != width:
                raise self._unsuitable(f"it reads images of {height} x {width} x {channels}")
            self._side = height or _DEFAULT_SIDE
        else:
            raise self._unsuitable(f"it reads {spec.dtype.name} of shape {spec.shape}")

    def _read_output(self, signature: Any) -> None:
        outputs = dict(signature.structured_outputs)
        vectors = {name: spec for name, spec in outputs.items() if spec.shape.rank in {2, None}}
        preferred = [name for name in ("default", "outputs") if name in vectors]
        if not preferred and len(vectors) != 1:
            raise self._unsuitable(f"it answers {', '.join(sorted(outputs)) or 'nothing'}")
        self._output = preferred[0] if preferred else next(iter(vectors))
        self._dimension = self._probe(signature)

    def _probe(self, signature: Any) -> int:
        """The dimension of the vectors, by embedding one content: signatures often leave it out."""
        tf = import_tensorflow()
        content = (
            tf.constant(["probe"])
            if self._modality is Modality.TEXT
            else tf.zeros((1, self._side, self._side, 3))
        )
        answer = signature(**{self._input: content})[self._output]
        if answer.shape.rank != 2 or not answer.dtype.is_floating:
            raise self._unsuitable(f"it answers {answer.dtype.name} of shape {answer.shape}")
        return int(answer.shape[1])

    def _unsuitable(self, found: str) -> InputError:
        return InputError(
            f"Expected '{self._handle}' to map strings (n,) or float32 images (n, side, side, 3) "
            f"to vectors (n, d), but {found}. Export it with such a signature, or choose another "
            f"embedder."
        )


def folder_digest(folder: Path) -> str:
    """One sha256 over a folder's files: their relative paths and contents, in sorted order."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*"), key=lambda path: path.relative_to(folder).as_posix()):
        if file.is_file():
            digest.update(f"{file.relative_to(folder).as_posix()}\0{sha256_of(file)}\n".encode())
    return digest.hexdigest()
