"""Label less, instantly: active learning on pretrained embeddings, with nothing to train.

The names below are the public interface. Each is loaded when it is first used, so that
``import knnal`` is instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from knnal.classifiers.estimator import KNNClassifier
    from knnal.classifiers.vote import VoteOptions
    from knnal.errors import KnnalError
    from knnal.pool.pool import Pool
    from knnal.project import Project
    from knnal.session.questions import Question
    from knnal.session.session import Session
    from knnal.types import Prediction

_HOMES = {
    "KNNClassifier": "knnal.classifiers.estimator",
    "KnnalError": "knnal.errors",
    "Pool": "knnal.pool.pool",
    "Prediction": "knnal.types",
    "Project": "knnal.project",
    "Question": "knnal.session.questions",
    "Session": "knnal.session.session",
    "VoteOptions": "knnal.classifiers.vote",
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
