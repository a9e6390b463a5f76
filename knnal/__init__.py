"""Label less, instantly: active learning on pretrained embeddings, with nothing to train.

The names below are the public interface. Each is loaded when it is first used, so that
``import knnal`` is instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from knnal.asking import Question
    from knnal.errors import KnnalError
    from knnal.neighbors.classifier import KNNClassifier
    from knnal.neighbors.vote import VoteOptions
    from knnal.project import Project
    from knnal.session import Session
    from knnal.store.pool import Pool
    from knnal.types import Prediction

_HOMES = {
    "KNNClassifier": "knnal.neighbors.classifier",
    "KnnalError": "knnal.errors",
    "Pool": "knnal.store.pool",
    "Prediction": "knnal.types",
    "Project": "knnal.project",
    "Question": "knnal.asking",
    "Session": "knnal.session",
    "VoteOptions": "knnal.neighbors.vote",
}

__all__ = [
    "KNNClassifier",
    "KnnalError",
    "Pool",
    "Prediction",
    "Project",
    "Question",
    "Session",
    "VoteOptions",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'knnal' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
