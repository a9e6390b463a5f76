"""Who is at which item: an item is with one person at a time, and comes back when they leave."""

from __future__ import annotations

from dataclasses import dataclass

from knnal.errors import KnnalError


class SeatUnknownError(KnnalError):
    """Nobody sits there: the seat was left, or nothing was heard of it for too long."""


class ItemTakenError(KnnalError):
    """The item is with somebody else just now."""


@dataclass(slots=True)
class _Seat:
    annotator: str
    seen: float
    item: str | None = None


class Leases:
    """Seats, and the one item that each may hold. Time is an argument: seconds of any clock.

    A person who labels sits on a seat, two if they label in two windows. A seat of which nothing
    was heard for ``timeout`` seconds is gone, and its item is free.
    """

    def __init__(self, timeout: float) -> None:
        self.timeout = timeout
        self._seats: dict[str, _Seat] = {}
        self._holders: dict[str, str] = {}

    def __len__(self) -> int:
        """How many seats are taken."""
        return len(self._seats)

    def join(self, seat: str, annotator: str, now: float) -> None:
        """Somebody sits down. A seat that is taken already changes its annotator."""
        if seat in self._seats:
            self._seats[seat].annotator, self._seats[seat].seen = annotator, now
        else:
            self._seats[seat] = _Seat(annotator, now)

    def renew(self, seat: str, now: float) -> str:
        """A sign of life; the annotator on the seat. Raises SeatUnknownError."""
        found = self._seat(seat)
        found.seen = now
        return found.annotator

    def leave(self, seat: str) -> str | None:
        """The seat is free again; the item that comes back, if it held one."""
        if seat not in self._seats:
            return None
        item = self.give_back(seat)
        del self._seats[seat]
        return item

    def take(self, seat: str, item: str) -> None:
        """The item goes to the seat, in the place of the one that it held.

        Raises ItemTakenError where another seat has the item, SeatUnknownError for no such seat.
        """
        found = self._seat(seat)
        self.require_free(item, seat)
        self.give_back(seat)
        found.item = item
        self._holders[item] = seat

    def require_free(self, item: str, seat: str) -> None:
        """Raises ItemTakenError where another seat has the item."""
        holder = self._holders.get(item)
        if holder is not None and holder != seat:
            raise ItemTakenError(
                f"'{item}' is with {self._seats[holder].annotator} just now. Take another."
            )

    def give_back(self, seat: str) -> str | None:
        """The seat's item is free again; which one it was."""
        found = self._seat(seat)
        item, found.item = found.item, None
        if item is not None:
            del self._holders[item]
        return item

    def item_of(self, seat: str) -> str | None:
        """What the seat holds. Raises SeatUnknownError."""
        return self._seat(seat).item

    def held_items(self) -> set[str]:
        """The items that somebody has."""
        return set(self._holders)

    def annotators(self) -> list[str]:
        """Who is there, each name once, in the order of the alphabet."""
        return sorted({seat.annotator for seat in self._seats.values()})

    def expire(self, now: float) -> list[str]:
        """Free the seats that nothing was heard of; the items that came back."""
        gone = [name for name, seat in self._seats.items() if now - seat.seen > self.timeout]
        returned = [self.leave(name) for name in gone]
        return [item for item in returned if item is not None]

    def _seat(self, seat: str) -> _Seat:
        found = self._seats.get(seat)
        if found is None:
            raise SeatUnknownError(
                f"Expected a seat that is taken, came '{seat}'. It was left, the server was "
                f"started anew, or nothing was heard of it for {self.timeout:.0f} s. Join again."
            )
        return found
