"""How much a label moves the predictions: whether there is still something to learn.

Predictions over a fixed sample of the pool are compared before and after each label. What is found
depends on the labels in force and their order alone, not on when a session was opened.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from knnal.index.parallel import over_rows
from knnal.pool.labels.ledger import EventKind
from knnal.session.agreement import cohens_kappa
from knnal.session.projection import PoolProjection
from knnal.types import IntArray

SAMPLE = 2000
"""Rows compared: enough to see one prediction in a thousand change, few enough to cost nothing."""

_SAMPLE_SEED = 0
_ROWS_A_TASK = 1024


@dataclass(frozen=True, slots=True)
class _Look:
    """The class numbers predicted for the sample, what they stood for, and where in the log."""

    seq: int
    step: int
    names: list[str]
    classes: IntArray


class Stability:
    """Compares the predictions before an answer with those before the answer before it.

    The pool state must be that of the labels in force whenever ``look`` is called.
    """

    def __init__(self, replay: PoolProjection, sample: int = SAMPLE) -> None:
        self._replay = replay
        live = np.flatnonzero(replay.state.geometry.live)
        rng = np.random.default_rng(_SAMPLE_SEED)
        self._rows = np.sort(rng.choice(live, min(sample, len(live)), replace=False))
        self._present: _Look | None = None
        self._agreement: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether ``look`` was called since the log last grew."""
        return self._present is not None and self._present.seq == self._replay.ledger.last_seq

    def look(self) -> float | None:
        """Cohen's kappa of the predictions with and without the latest label in force.

        The state must be that of the labels in force unless ``is_known``.

        None where there are not two labels, or where only one class is predicted.
        """
        ledger = self._replay.ledger
        if not self.is_known:
            names = self._replay.classes
            present = _Look(ledger.last_seq, ledger.step, names, self._predict())
            self._agreement = self._compare(self._present, present)
            self._present = present  # last: from here on it is known
        return self._agreement

    def _compare(self, earlier: _Look | None, present: _Look) -> float | None:
        latest = next(self._replay.ledger.labeled_latest_first(), None)
        row = None if latest is None else self._labeled_row(str(latest.item))
        if latest is None or row is None:
            return None
        if (
            earlier is not None
            and latest.kind is EventKind.LABEL
            and latest.seq > earlier.seq
            and present.step == earlier.step + 1
            and present.names[: len(earlier.names)] == earlier.names
        ):
            before = earlier.classes
        else:  # a session has just begun, there was another decision, or classes were renumbered
            before = self._predict_without(row)
        if not len(before) or not len(present.classes):
            return None
        return cohens_kappa(before, present.classes)

    def _labeled_row(self, item: str) -> int | None:
        """The row of a labeled item; None if it came after the session began."""
        state = self._replay.state
        row = self._replay.pool.catalog.rows_of([item]).get(item)
        if row is None or row >= len(state.geometry):
            return None
        return row

    def _predict_without(self, row: int) -> IntArray:
        """What would be predicted if a row had no label; the state is left as it was."""
        state = self._replay.state
        label = int(state.labeling.classes[row])
        state.assign(row, None)
        before = self._predict()
        state.assign(row, label)
        return before

    def _predict(self) -> IntArray:
        """The likeliest class of each row of the sample, ``(m,)``; ``(0,)`` without labels."""
        if not self._replay.has_labels:
            return np.empty(0, dtype=np.int64)
        classifier = self._replay.state.classifier

        return np.concatenate(
            over_rows(
                lambda start, stop: classifier.likeliest(self._rows[start:stop]),
                len(self._rows),
                _ROWS_A_TASK,
            )
        )
