"""The ``knnal`` command: all commands, and what every one of them does about errors."""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from knnal.errors import KnnalError, ModelUnavailableError, PoolDamagedError
from knnal_cli.exits import AT_EXIT, Exit
from knnal_cli.loading import LazyCommands, PlainParams
from knnal_cli.printable import echo, echo_error
from knnal_cli.streams import prepare_streams
from knnal_cli.usage import usage_explained

_REMEDIES: dict[type[KnnalError], str] = {
    PoolDamagedError: (
        "'knnal check' lists all damage, 'knnal check --repair' rebuilds what it can, and "
        "'knnal restore FILE' restores a backup."
    ),
    ModelUnavailableError: (
        "'knnal models' lists all sources, 'knnal models fetch NAME' fetches from them, and 'knnal "
        "models fetch NAME --from FILE' installs an archive from another machine."
    ),
}


_COMMANDS = {
    "embed": ["embed"],
    "label": ["label"],
    "serve": ["serve"],
    "ask": ["next", "rank", "strategies"],
    "answer": [
        "tell", "relabel", "unlabel", "skip", "note", "rename", "remove-class", "undo", "redo",
    ],
    "forget": ["forget"],
    "review": ["review"],
    "status": ["status", "predict"],
    "inspect": ["inspect"],
    "transfer": ["import", "export"],
    "upkeep": ["check", "backup", "restore"],
    "simulate": ["simulate"],
    "models": ["models"],
    "demo": ["demo"],
    "config": ["config"],
}  # fmt: skip
"""The modules, and the commands that each registers, in the order of the help."""


class Commands(PlainParams, TyperGroup):
    """An error of the user's gets a sentence, not a traceback; Ctrl-C has an exit code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands = LazyCommands(_COMMANDS)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        prepare_streams()
        with _little_garbage(), AT_EXIT:
            return super().main(*args, **kwargs)

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with usage_explained():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        arguments = [*getattr(ctx, "_protected_args", ()), *ctx.args]
        try:
            with usage_explained(arguments), _output_written():
                return super().invoke(ctx)
        except KnnalError as error:
            echo_error(error)
            for kind, remedy in _REMEDIES.items():
                if isinstance(error, kind):
                    echo(remedy, err=True)
            raise typer.Exit(Exit.FAILED) from error
        except KeyboardInterrupt as interrupt:
            echo("Interrupted. What was stored before is stored.", err=True)
            raise typer.Exit(Exit.INTERRUPTED) from interrupt


@contextmanager
def _little_garbage() -> Iterator[None]:
    """Collect garbage seldom, and none as the process ends: what is imported is none, and looking
    through it took a fifth of a short command's time.
    """
    thresholds = gc.get_threshold()
    gc.set_threshold(100_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        atexit.register(gc.freeze)


@contextmanager
def _output_written() -> Iterator[None]:
    """Nothing that is printed inside is still to be written behind."""
    try:
        yield
    finally:
        sys.stdout.flush()


app = typer.Typer(
    name="knnal",
    cls=Commands,
    help="Label less, instantly: embed once, then label the most informative items.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        echo(f"knnal {version('knnal')}")
        raise typer.Exit


@app.callback()
def knnal(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            envvar="KNNAL_THREADS",
            help="Threads to compute on; by default every core. Results are the same.",
        ),
    ] = None,
) -> None:
    """Label less, instantly: embed once, then label the most informative items."""
    if threads is not None:
        from knnal.index.parallel import use_threads

        use_threads(threads)
