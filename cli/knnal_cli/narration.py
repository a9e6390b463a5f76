"""Progress and remarks on stderr, so that stdout is data alone."""

from __future__ import annotations

import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from knnal_cli.printable import printable
from knnal_cli.remedies import in_commands

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

_REDRAW_S = 0.1
"""Progress may be told of every item; it is drawn at most this often."""


class Narration:
    """A Narrator that draws a bar for the step at work. Use it as a context."""

    def __init__(self) -> None:
        self._console: Console | None = None
        self._bar: Progress | None = None
        self._step = ""
        self._task: Any = None
        self._drawn = 0.0

    def progress(self, step: str, done: int, total: int | None) -> None:
        if self._bar is None or step != self._step:
            self._begin(step)
        assert self._bar is not None
        now = time.monotonic()
        if now - self._drawn < _REDRAW_S and done != total:
            return
        self._drawn = now
        # An expected total can be too low; the bar is never over-full.
        bound = None if total is None else max(total, done)
        self._bar.update(self._task, completed=done, total=bound)

    def say(self, message: str) -> None:
        from rich.text import Text

        # A pipe or a file has no width to wrap at.
        self.console.print(
            Text(printable(in_commands(message))), soft_wrap=not self.console.is_terminal
        )

    @property
    def console(self) -> Console:
        """The terminal, or what stderr goes to; Rich is loaded when there is something to say."""
        from rich.console import Console

        self._console = self._console or Console(stderr=True, highlight=False)
        return self._console

    def _begin(self, step: str) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            ProgressColumn,
            Task,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Rate(ProgressColumn):
            def render(self, task: Task) -> Text:
                return Text(f"{task.speed:.0f}/s" if task.speed else "")

        self.close()
        self._step = step
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            Rate(),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._bar.start()
        self._task = self._bar.add_task(step, total=None)
        self._drawn = 0.0

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> Narration:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
