"""cleanlab's ActiveLab, as its tutorial for one annotator labels new items.

github.com/cleanlab/examples, active_learning_single_annotator.
"""

from __future__ import annotations

import numpy as np

from benchmarks.peers.base import LOGISTIC, Entry, Setting, needed
from benchmarks.peers.models import logistic
from knnal.types import IntArray


class ActiveLab:
    """The unlabeled item of the lowest ActiveLab score. Answers are true, so none is repeated."""

    def __init__(self, setting: Setting, rows: IntArray, labels: IntArray) -> None:
        self._X = setting.X
        self._rows, self._labels = list(rows), list(labels)

    def query(self) -> int:
        rest = np.setdiff1d(np.arange(len(self._X)), self._rows)
        model = logistic().fit(self._X[self._rows], self._labels)
        _, scores = needed("cleanlab.multiannotator").get_active_learning_scores(
            pred_probs_unlabeled=model.predict_proba(self._X[rest])
        )
        return int(rest[np.argmin(scores)])

    def learn(self, row: int, label: int) -> None:
        self._rows.append(row)
        self._labels.append(label)


ENTRIES = (
    Entry(
        "cleanlab ActiveLab",
        "cleanlab",
        LOGISTIC,
        "logistic regression, new items only",
        ActiveLab,
        2,
        "cleanlab",
    ),
)
