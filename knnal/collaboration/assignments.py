"""Who has which question: an item is with one seat at a time, and comes back when it is left."""

from __future__ import annotations

from dataclasses import dataclass

from knnal.collaboration.prepared import PreparedQuestion
from knnal.errors import KnnalError


class SeatUnknownError(KnnalError):
    """No such seat: it was left, or its lease has expired."""


class ItemTakenError(KnnalError):
    """Another seat has the item."""


@dataclass(slots=True)
class _Seat:
    annotator: str
    seen: float
    held: PreparedQuestion | None = None


class Assignments:
    """Seats, and the one question that each may hold. Not thread-safe.

    A person takes a seat for each window they label in. A seat without a heartbeat for ``lease``
    seconds expires, and its item is free. Time is an argument: seconds of any clock.
    """

    def __init__(self, lease: float) -> None:
        self.lease = lease
        self._seats: dict[str, _Seat] = {}
        self._holders: dict[str, str] = {}

    def __len__(self) -> int:
        """The number of seats."""
        return len(self._seats)

    def join(self, seat: str, annotator: str, now: float) -> None:
        """Add a seat, or give the one of that name another annotator."""
        self.expire(now)
        found = self._seats.setdefault(seat, _Seat(annotator, now))
        found.annotator, found.seen = annotator, now

    def heartbeat(self, seat: str, now: float) -> str:
        """Renew the lease of a seat; its annotator. Raises SeatUnknownError."""
        self.expire(now)
        found = self._seat(seat)
        found.seen = now
        return found.annotator

    def leave(self, seat: str) -> None:
        """Remove a seat and free its item. Leaving twice changes nothing."""
        if seat in self._seats:
            self.release(seat)
            del self._seats[seat]

    def expire(self, now: float) -> None:
        """Remove the seats whose lease has expired."""
        for name, seat in list(self._seats.items()):
            if now - seat.seen > self.lease:
                self.leave(name)

    def assign(self, seat: str, prepared: PreparedQuestion) -> None:
        """Give a seat a question instead of the one that it holds.

        Raises ItemTakenError where another seat has its item, SeatUnknownError for no such seat.
        """
        found = self._seat(seat)
        self.require_free(prepared.item, seat)
        self.release(seat)
        found.held = prepared
        self._holders[prepared.item] = seat

    def release(self, seat: str, item: str | None = None) -> PreparedQuestion | None:
        """Free what the seat holds, if it is that item or none is named; what that was."""
        held = self.held(seat, item)
        if held is not None:
            self._seat(seat).held = None
            del self._holders[held.item]
        return held

    def held(self, seat: str, item: str | None = None) -> PreparedQuestion | None:
        """What the seat holds, if it is that item or none is named. Raises SeatUnknownError."""
        held = self._seat(seat).held
        return held if held is not None and item in (None, held.item) else None

    def require_free(self, item: str, seat: str) -> None:
        """Raises ItemTakenError where another seat has the item."""
        holder = self._holders.get(item, seat)
        if holder != seat:
            raise ItemTakenError(
                f"'{item}' is with {self._seats[holder].annotator}. Take another item."
            )

    def items(self) -> set[str]:
        """The items that some seat holds."""
        return set(self._holders)

    def annotators(self) -> list[str]:
        """The people there, each once, sorted by name."""
        return sorted({seat.annotator for seat in self._seats.values()})

    def _seat(self, seat: str) -> _Seat:
        found = self._seats.get(seat)
        if found is None:
            raise SeatUnknownError(
                f"There is no seat '{seat}': it was left, the server was restarted, or it sent no "
                f"heartbeat for {self.lease:.0f} s. Join again."
            )
        return found
