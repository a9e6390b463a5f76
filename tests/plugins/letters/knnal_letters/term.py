"""How few different letters an item has."""

from __future__ import annotations

import numpy as np

from knnal.acquisition.strategies.terms import Term

SHORTNESS = Term(
    "one over the number of different letters",
    lambda state: (1.0 / np.count_nonzero(state.geometry.X, axis=1)).astype(np.float32),
)
