"""What the loop says, in a quiet line, of going on: random labels, the gain ahead, when to stop."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

from rich.text import Text

from knnal.evaluation.advice import advise
from knnal.evaluation.audit import Audited, audited_items
from knnal.evaluation.random_labels import RandomEstimate, RandomLabels, located
from knnal.session import Session


class Outlook:
    """The lines for one session; ``target`` is an accuracy that would be enough.

    What random labels would have reached is worked out in the background, so that no answer waits
    for it: it is shown from the question after on.
    """

    def __init__(self, session: Session, target: float | None = None) -> None:
        self._session = session
        self._target = target
        self._random_labels = RandomLabels(lambda: session.geometry)
        self._thread: ThreadPoolExecutor | None = None
        self._work: Future[RandomEstimate | None] | None = None
        self._asked_for: tuple[list[Audited], int] | None = None
        self._random: RandomEstimate | None = None

    def lines(self) -> list[Text]:
        """None to two lines, as the labels in force are now."""
        ledger = self._session.ledger
        audited = audited_items(ledger)
        advice = advise(ledger, audited, self._target)
        self._follow(audited, ledger.label_count)
        parts = []
        if self._random is not None:
            random = self._random
            parts.append(
                f"Random labels: {random.accuracy:.0%} by now ({random.low:.0%}-{random.high:.0%})"
            )
        if advice.outlook is not None:
            parts.append(advice.outlook)
        lines = [" · ".join(parts)] if parts else []
        if advice.could_stop:
            lines.append(f"You could stop: {' and '.join(advice.reasons)}.")
        return [Text(line, style="dim", overflow="ellipsis", no_wrap=True) for line in lines]

    def close(self) -> None:
        """Wait for what is under way."""
        if self._thread is not None:
            self._thread.shutdown(cancel_futures=True)

    def _follow(self, audited: list[Audited], labels: int) -> None:
        """Take what has been worked out, and have what is new worked out."""
        if self._work is not None and self._work.done():
            self._random, self._work = self._work.result(), None
        if self._work is None and self._asked_for != (audited, labels):
            self._asked_for = audited, labels
            if self._thread is None:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="knnal-outlook")
            there, rows = located(self._session.pool, audited, len(self._session.geometry))
            self._work = self._thread.submit(self._random_labels.estimate, there, rows, labels)
