"""Who is at which item, whatever people do and however long they take."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from knnal.collaboration.assignments import Assignments, ItemTakenError, SeatUnknownError
from knnal.collaboration.prepared import PreparedQuestion
from knnal.session.questions import Question
from knnal.types import Prediction

TIMEOUT = 10.0
SEATS, ITEMS = st.sampled_from("abc"), st.sampled_from("uvwxy")


def question(item: str) -> PreparedQuestion:
    asked = Question(item, None, None, Prediction(item, None, 0.0, {}), None, "asked", 1)
    return PreparedQuestion(asked, 0, lambda: None)


class People(RuleBasedStateMachine):
    """Against two plain dictionaries: when each was last heard of, and what each has."""

    def __init__(self) -> None:
        super().__init__()
        self.assignments = Assignments(TIMEOUT)
        self.now = 0.0
        self.seen: dict[str, float] = {}
        self.has: dict[str, str] = {}

    @rule(seat=SEATS)
    def join(self, seat: str) -> None:
        self.assignments.join(seat, f"name of {seat}", self.now)
        self.seen[seat] = self.now

    @rule(seat=SEATS)
    def renew(self, seat: str) -> None:
        if seat in self.seen:
            assert self.assignments.heartbeat(seat, self.now) == f"name of {seat}"
            self.seen[seat] = self.now
        else:
            with pytest.raises(SeatUnknownError, match="Join again"):
                self.assignments.heartbeat(seat, self.now)

    @rule(seat=SEATS, item=ITEMS)
    def take(self, seat: str, item: str) -> None:
        if seat not in self.seen:
            with pytest.raises(SeatUnknownError):
                self.assignments.assign(seat, question(item))
        elif item in {taken for holder, taken in self.has.items() if holder != seat}:
            with pytest.raises(ItemTakenError, match="is with name of"):
                self.assignments.assign(seat, question(item))
        else:
            self.assignments.assign(seat, question(item))
            self.has[seat] = item

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        seat = data.draw(st.sampled_from(sorted(self.seen)))
        released = self.assignments.release(seat)
        assert (released and released.item) == self.has.pop(seat, None)

    @rule(seat=SEATS)
    def leave(self, seat: str) -> None:
        self.assignments.leave(seat)
        self.has.pop(seat, None)
        self.seen.pop(seat, None)

    @rule(wait=st.floats(0, 2 * TIMEOUT))
    def time_passes(self, wait: float) -> None:
        self.now += wait
        self.assignments.expire(self.now)
        for seat in [seat for seat, seen in self.seen.items() if self.now - seen > TIMEOUT]:
            self.has.pop(seat, None)
            del self.seen[seat]

    @invariant()
    def everybody_has_what_they_took_and_nobody_has_the_same(self) -> None:
        held = {seat: self.assignments.held(seat) for seat in self.seen}
        assert {s: q and q.item for s, q in held.items()} == {s: self.has.get(s) for s in held}
        assert self.assignments.items() == set(self.has.values())
        assert len(set(self.has.values())) == len(self.has)
        assert len(self.assignments) == len(self.seen)
        assert self.assignments.annotators() == sorted(f"name of {seat}" for seat in self.seen)


test_assignments = People.TestCase
test_assignments.settings = settings(max_examples=50, stateful_step_count=30)
