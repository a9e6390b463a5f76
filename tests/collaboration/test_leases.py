"""Who is at which item, whatever people do and however long they take."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from knnal.collaboration.leases import ItemTakenError, Leases, SeatUnknownError

TIMEOUT = 10.0
SEATS, ITEMS = st.sampled_from("abc"), st.sampled_from("uvwxy")


class People(RuleBasedStateMachine):
    """Against two plain dictionaries: when each was last heard of, and what each has."""

    def __init__(self) -> None:
        super().__init__()
        self.leases = Leases(TIMEOUT)
        self.now = 0.0
        self.seen: dict[str, float] = {}
        self.has: dict[str, str] = {}

    @rule(seat=SEATS)
    def join(self, seat: str) -> None:
        self.leases.join(seat, f"name of {seat}", self.now)
        self.seen[seat] = self.now

    @rule(seat=SEATS)
    def renew(self, seat: str) -> None:
        if seat in self.seen:
            assert self.leases.renew(seat, self.now) == f"name of {seat}"
            self.seen[seat] = self.now
        else:
            with pytest.raises(SeatUnknownError, match="Join again"):
                self.leases.renew(seat, self.now)

    @rule(seat=SEATS, item=ITEMS)
    def take(self, seat: str, item: str) -> None:
        if seat not in self.seen:
            with pytest.raises(SeatUnknownError):
                self.leases.take(seat, item)
        elif item in {taken for holder, taken in self.has.items() if holder != seat}:
            with pytest.raises(ItemTakenError, match="is with name of"):
                self.leases.take(seat, item)
        else:
            self.leases.take(seat, item)
            self.has[seat] = item

    @precondition(lambda self: self.seen)
    @rule(data=st.data())
    def give_back(self, data: st.DataObject) -> None:
        seat = data.draw(st.sampled_from(sorted(self.seen)))
        assert self.leases.give_back(seat) == self.has.pop(seat, None)

    @rule(seat=SEATS)
    def leave(self, seat: str) -> None:
        assert self.leases.leave(seat) == self.has.pop(seat, None)
        self.seen.pop(seat, None)

    @rule(wait=st.floats(0, 2 * TIMEOUT))
    def time_passes(self, wait: float) -> None:
        self.now += wait
        gone = [seat for seat, seen in self.seen.items() if self.now - seen > TIMEOUT]
        returned = [self.has.pop(seat) for seat in gone if seat in self.has]
        assert sorted(self.leases.expire(self.now)) == sorted(returned)
        for seat in gone:
            del self.seen[seat]

    @invariant()
    def everybody_has_what_they_took_and_nobody_has_the_same(self) -> None:
        assert {s: self.leases.item_of(s) for s in self.seen} == {
            s: self.has.get(s) for s in self.seen
        }
        assert self.leases.held_items() == set(self.has.values())
        assert len(set(self.has.values())) == len(self.has)
        assert len(self.leases) == len(self.seen)
        assert self.leases.annotators() == sorted(f"name of {seat}" for seat in self.seen)


test_leases = People.TestCase
test_leases.settings = settings(max_examples=50, stateful_step_count=30)
