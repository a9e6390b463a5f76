"""The one door to TensorFlow: imported when it is needed, and quietly."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from typing import Any

from knnal.embedders._quiet import silent_stderr


def import_tensorflow() -> Any:
    """The ``tensorflow`` module; takes seconds and hundreds of megabytes the first time.

    Its start-up notes go nowhere, unless the environment sets ``TF_CPP_MIN_LOG_LEVEL``.
    """
    if "tensorflow" in sys.modules:
        return sys.modules["tensorflow"]
    wanted = "TF_CPP_MIN_LOG_LEVEL" in os.environ
    with contextlib.nullcontext() if wanted else silent_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations among its own dependencies
        import tensorflow

        tensorflow.zeros(())  # the first tensor looks for a GPU, and notes what it finds
    return tensorflow


def import_tensorflow_hub() -> Any:
    """The ``tensorflow_hub`` module, after TensorFlow itself."""
    import_tensorflow()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports pkg_resources, which warns of its own end
        import tensorflow_hub
    return tensorflow_hub
