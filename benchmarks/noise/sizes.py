"""How much is measured, and how labels are made wrong."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from knnal.types import IntArray

RATES = (0.0, 0.1, 0.2, 0.3, 0.4)
SPREAD = 0.2
"""The share of wrong labels in a batch is drawn from N(p, 0.2 p), as RAD has it."""

HELD_OUT = 0.25


@dataclass(frozen=True, slots=True)
class Size:
    """``items`` are embedded of each set (None: all), ``pool`` of them are the pool. So many
    ``labels`` come in batches; the oracle answers ``questions`` after each batch.
    """

    items: int | None
    pool: int
    held_out: int
    labels: int
    batch: int
    questions: int
    seeds: int

    def settings(self) -> dict[str, int | None]:
        """What a result depends on."""
        settings = asdict(self)
        del settings["seeds"]
        return settings


SIZES = {
    "small": Size(3000, 1500, 700, 500, 100, 10, 2),
    "full": Size(None, 3000, 2000, 2000, 200, 20, 10),
}


def batches(labels: int, batch: int) -> list[slice]:
    """The places of each batch, the last one perhaps a short one."""
    return [slice(start, min(start + batch, labels)) for start in range(0, labels, batch)]


def inject(
    classes: IntArray, class_count: int, rate: float, batch: int, rng: np.random.Generator
) -> IntArray:
    """The labels ``(n,)``, in each batch a share of about ``rate`` replaced by another class."""
    noisy = classes.copy()
    for places in batches(len(classes), batch):
        size = places.stop - places.start
        share = float(np.clip(rng.normal(rate, SPREAD * rate), 0.0, 1.0))
        wrong = places.start + rng.choice(size, round(share * size), replace=False)
        noisy[wrong] = (noisy[wrong] + rng.integers(1, class_count, len(wrong))) % class_count
    return noisy
