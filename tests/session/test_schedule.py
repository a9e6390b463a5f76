"""How many items a round has."""

from __future__ import annotations

import itertools

import pytest

from knnal.errors import InputError
from knnal.session.schedule import Schedule, ScheduleKind


def rounds(schedule: Schedule, count: int) -> list[int]:
    """The sizes of the first rounds, all of whose items are labeled."""
    labels, sizes = 0, []
    for _ in range(count):
        sizes.append(schedule.size(labels))
        labels += sizes[-1]
    return sizes


def test_doubling_is_the_papers() -> None:
    """Of "Guided Labeling": s to begin with, then batches of 2 ** (i - 1) s."""
    schedule = Schedule(ScheduleKind.DOUBLING, 160)
    assert rounds(schedule, 6) == [160, 160, 320, 640, 1280, 2560]
    assert list(itertools.accumulate(rounds(schedule, 6)))[-1] == 5120
    assert schedule.size(7) == 160
    assert schedule.size(1000) == 1000


def test_the_others_do_not_grow() -> None:
    assert rounds(Schedule(), 4) == [1, 1, 1, 1]
    assert rounds(Schedule(ScheduleKind.CONSTANT, 25), 3) == [25, 25, 25]


def test_batch_sizes_that_make_no_sense() -> None:
    with pytest.raises(InputError, match="at least 1, got 0"):
        Schedule(ScheduleKind.CONSTANT, 0)
    with pytest.raises(InputError, match="constant or doubling"):
        Schedule(ScheduleKind.ONE_AT_A_TIME, 10)


def test_its_name() -> None:
    assert str(Schedule()) == "one-at-a-time"
    assert str(Schedule(ScheduleKind.DOUBLING, 10)) == "doubling from 10"
