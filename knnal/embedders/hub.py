"""Any TensorFlow Hub handle or SavedModel folder that maps images or strings to vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from knnal.embedders.assets import sha256_of
from knnal.embedders.base import Content, Embedder, prepare_text
from knnal.embedders.images import decode_square
from knnal.embedders.runtimes import import_tensorflow, import_tensorflow_hub
from knnal.errors import InputError, ModelUnavailableError
from knnal.types import EmbedderIdentity, Float32Array, LogNarrator, Modality, Narrator

_DEFAULT_SIDE = 224
_FEATURE = "The embedder hub"


class HubModule(Embedder):
    """A SavedModel as an embedder; its signature tells what it reads.

    A signature with one string input embeds texts; one with one four-dimensional float input
    embeds square RGB images with values in [0, 1], of the side that the signature names, or 224.

    Parameters
    ----------
    handle
        A TensorFlow Hub handle, or a folder with a SavedModel.
    """

    summary: ClassVar[str] = "hub:HANDLE or hub:FOLDER, a SavedModel of images or texts"
    license: ClassVar[str] = "as the module says"
    origin: ClassVar[str] = "whoever published the module"

    def __init__(self, handle: str = "") -> None:
        if not handle:
            raise InputError(
                "The embedder 'hub' needs a TensorFlow Hub handle or a SavedModel folder after a "
                "colon, such as 'hub:./my_saved_model'."
            )
        # A folder is the same one wherever the next command is run from.
        self._handle = str(Path(handle).resolve()) if Path(handle).is_dir() else handle
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
        recipe = "as text" if self._modality is Modality.TEXT else images
        return EmbedderIdentity(f"hub:{self._handle}", self._digest, self._dimension, recipe)

    def load(self, narrator: Narrator) -> None:
        """Resolve the handle, open the module, and read its signature.

        Raises ModelUnavailableError if it cannot be had or opened, MissingExtraError if TensorFlow
        is not installed, InputError if it maps neither images nor strings to vectors.
        """
        if self._signature is not None:
            return
        narrator.progress(f"Opening {self._handle}", 0, None)
        hub = import_tensorflow_hub(_FEATURE)
        try:
            folder = hub.resolve(self._handle)
            signatures = dict(hub.load(folder).signatures)
        except Exception as error:  # downloads and protobufs fail in every way there is
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise ModelUnavailableError(
                f"Cannot open '{self._handle}' as a TensorFlow Hub module: {reason}. Expected a "
                f"handle that can be downloaded from here, or a folder with saved_model.pb."
            ) from error
        names = [n for n in ("serving_default", "default", *signatures) if n in signatures]
        if not names:
            raise self._unsuitable("it has no signature")
        self._read(signatures[names[0]])
        self._digest = folder_digest(Path(folder))
        self._signature = signatures[names[0]]

    def prepare(self, content: Content) -> Any:
        """A text, or float32 pixels ``(side, side, 3)`` in [0, 1]. Raises ItemError."""
        if self._modality is Modality.TEXT:
            return prepare_text(content)
        assert isinstance(content, bytes)
        return decode_square(content, self._side).astype(np.float32) / np.float32(255)

    def embed(self, batch: Sequence[Any]) -> Float32Array:
        """``n`` prepared contents to ``(n, dimension)``."""
        assert self._signature is not None, "load() comes first"
        return np.asarray(self._answer(self._signature, batch), np.float32)

    def _answer(self, signature: Any, batch: Sequence[Any]) -> Any:
        inputs = list(batch) if self._modality is Modality.TEXT else np.stack(batch)
        constant = import_tensorflow(_FEATURE).constant(inputs)
        return signature(**{self._input: constant})[self._output]

    def _read(self, signature: Any) -> None:
        """Find out modality, side, dimension, and the names of input and output."""
        _, inputs = signature.structured_input_signature
        if len(inputs) != 1:
            raise self._unsuitable(f"it takes {len(inputs)} inputs: {', '.join(sorted(inputs))}")
        ((self._input, spec),) = inputs.items()
        if spec.dtype.name == "string" and spec.shape.rank in {1, None}:
            self._modality = Modality.TEXT
        elif spec.dtype.name == "float32" and spec.shape.rank == 4:
            _, height, width, channels = spec.shape.as_list()
            if channels not in {3, None} or height != width:
                raise self._unsuitable(f"it reads images of {height} x {width} x {channels}")
            self._side = height or _DEFAULT_SIDE
        else:
            raise self._unsuitable(f"it reads {spec.dtype.name} of shape {spec.shape}")
        outputs = dict(signature.structured_outputs)
        vectors = [name for name, spec in outputs.items() if spec.shape.rank in {2, None}]
        preferred = [name for name in ("default", "outputs") if name in vectors]
        if not preferred and len(vectors) != 1:
            raise self._unsuitable(f"it answers {', '.join(sorted(outputs)) or 'nothing'}")
        self._output = (preferred or vectors)[0]
        # Signatures often leave the dimension out, so one content is embedded.
        pixels = np.zeros((self._side, self._side, 3), np.float32)
        answer = self._answer(signature, ["a" if self._modality is Modality.TEXT else pixels])
        if answer.shape.rank != 2 or not answer.dtype.is_floating:
            raise self._unsuitable(f"it answers {answer.dtype.name} of shape {answer.shape}")
        self._dimension = int(answer.shape[1])

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
