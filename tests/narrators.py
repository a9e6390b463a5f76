"""Narrators that tests look into."""

from __future__ import annotations

from knnal.types import LogNarrator


class Hearing(LogNarrator):
    """Remembers what is said and reported."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.steps: list[tuple[str, int, int | None]] = []

    def progress(self, step: str, done: int, total: int | None) -> None:
        self.steps.append((step, done, total))

    def say(self, message: str) -> None:
        self.said.append(message)
