"""The one door to TensorFlow: imported when it is needed, and quietly."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import warnings
from importlib.util import find_spec
from typing import Any

from knnal.embedders._quiet import silent_stderr
from knnal.errors import ModelUnavailableError

_PYTHONS = "3.11 to 3.13"
"""The Python versions that TensorFlow has releases for; the markers in pyproject.toml say the same.
"""


def require_tensorflow(package: str = "tensorflow") -> None:
    """Raise ModelUnavailableError if the package is not installed. Imports nothing.

    To be called before anything is downloaded that only TensorFlow can use.
    """
    if find_spec(package) is None:
        raise _unavailable(package, "not installed")


def import_tensorflow() -> Any:
    """The ``tensorflow`` module; takes seconds and hundreds of megabytes the first time.

    Its start-up notes go nowhere, unless the environment sets ``TF_CPP_MIN_LOG_LEVEL``.
    Raises ModelUnavailableError if it is not installed or does not load.
    """
    require_tensorflow()
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    wanted = "TF_CPP_MIN_LOG_LEVEL" in os.environ
    with contextlib.nullcontext() if wanted else silent_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations among its own dependencies
        try:
            import tensorflow
        except (ImportError, OSError) as error:
            raise _unavailable("tensorflow", str(error)) from error

        tensorflow.zeros(())  # the first tensor looks for a GPU, and notes what it finds
    return tensorflow


def import_tensorflow_hub() -> Any:
    """The ``tensorflow_hub`` module, after TensorFlow itself.

    Raises ModelUnavailableError if either is not installed or does not load.
    """
    require_tensorflow("tensorflow_hub")
    import_tensorflow()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports pkg_resources, which warns of its own end
        try:
            import tensorflow_hub
        except (ImportError, OSError) as error:
            raise _unavailable("tensorflow_hub", str(error)) from error
    return tensorflow_hub


def _unavailable(package: str, reason: str) -> ModelUnavailableError:
    distribution = package.replace("_", "-")
    return ModelUnavailableError(
        f"This embedder needs the package {distribution}, which is unavailable ({reason}). It has "
        f"releases for Python {_PYTHONS}; this is Python {platform.python_version()}. Run 'pip "
        f"install {distribution}' with one of those, or choose an embedder that does not need it."
    )
