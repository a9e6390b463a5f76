"""Narrators that tests look into."""

from __future__ import annotations

from knnal.types import LogNarrator


class Hearing(LogNarrator):
    """Remembers what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)
