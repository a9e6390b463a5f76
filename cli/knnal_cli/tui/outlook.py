"""What the loop says, in a quiet line, of going on: random labels, the gain ahead, when to stop."""

from __future__ import annotations

from rich.text import Text

from knnal.quality.audit import audited_items
from knnal.quality.random_baseline import RandomEstimate, RandomLabels, located
from knnal.quality.stopping import advise
from knnal.session.session import Session
from knnal_cli.latest import Latest


class Outlook:
    """The lines for one session; ``target`` is an accuracy that would be enough.

    What random labels would have reached is worked out in the background, so that no answer waits
    for it: it is shown from the question after on.
    """

    def __init__(self, session: Session, target: float | None = None) -> None:
        self._session = session
        self._target = target
        self._random_labels = RandomLabels(lambda: session.geometry)
        self._random: Latest[RandomEstimate | None] = Latest("knnal-outlook")

    def lines(self) -> list[Text]:
        """None to two lines, as the labels in force are now."""
        ledger = self._session.ledger
        advice = advise(ledger, audited_items(ledger), self._target)
        parts = []
        random = self._random.take()
        if random is not None:
            parts.append(
                f"Random labels: {random.accuracy:.0%} by now ({random.low:.0%}-{random.high:.0%})"
            )
        if advice.outlook is not None:
            parts.append(advice.outlook)
        lines = [" · ".join(parts)] if parts else []
        if advice.could_stop:
            lines.append(f"You could stop: {' and '.join(advice.reasons)}.")
        return [Text(line, style="dim", overflow="ellipsis", no_wrap=True) for line in lines]

    def work(self) -> None:
        """Have what is new worked out, best when the lines are on screen, which it would delay."""
        audited, labels = audited_items(self._session.ledger), self._session.ledger.label_count
        asked = audited, labels
        if self._random.wants(asked):
            there, rows = located(self._session.pool, audited, len(self._session.geometry))
            self._random.begin(asked, lambda: self._random_labels.estimate(there, rows, labels))

    def close(self) -> None:
        """Wait for what is under way."""
        self._random.close()
