"""How many items to ask about before their labels are learned."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from knnal.errors import InputError


class ScheduleKind(StrEnum):
    ONE_AT_A_TIME = "one-at-a-time"
    CONSTANT = "constant"
    DOUBLING = "doubling"


@dataclass(frozen=True, slots=True)
class Schedule:
    """One item a round; always ``batch_size``; or, doubling, as many as have a label already and
    ``batch_size`` to begin with, so that rounds end at ``2 ** i * batch_size`` labels.

    Source of the last: "Guided Labeling using Convolutional Neural Networks" (arXiv 1712.02154).
    Raises InputError for a batch size below 1, and one other than 1 for one item a round.
    """

    kind: ScheduleKind = ScheduleKind.ONE_AT_A_TIME
    batch_size: int = 1

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InputError(f"The batch size must be at least 1, got {self.batch_size}.")
        if self.kind is ScheduleKind.ONE_AT_A_TIME and self.batch_size != 1:
            raise InputError(
                f"One item at a time takes no batch size, got {self.batch_size}. Choose the "
                "schedule constant or doubling."
            )

    def size(self, labels: int) -> int:
        """The number of items in the next round, by the number of labels."""
        if self.kind is ScheduleKind.DOUBLING:
            return max(labels, self.batch_size)
        return self.batch_size

    def __str__(self) -> str:
        alone = self.kind is ScheduleKind.ONE_AT_A_TIME
        return self.kind if alone else f"{self.kind} from {self.batch_size}"
