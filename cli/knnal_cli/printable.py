"""What is printed: foreign text made safe, and errors in terms of the command line."""

from __future__ import annotations

import typer

from knnal_cli.remedies import in_commands

_KEPT = "\n\t"
_CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
_TURNS = [chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))]
_REPLACED = str.maketrans({c: "\ufffd" for c in (*_CONTROLS, *_TURNS) if c not in _KEPT})


def printable(text: str) -> str:
    """The text with control characters and bidirectional overrides replaced by U+FFFD."""
    return text.translate(_REPLACED)


def printable_line(text: str) -> str:
    """The same on one line."""
    return " ".join(printable(text).split("\n"))


def echo(text: str, *, err: bool = False) -> None:
    """Print a line, or lines, made ``printable``; on stderr if ``err``."""
    typer.echo(printable(text), err=err)


def warn(text: str) -> None:
    """Print a line on stderr."""
    echo(text, err=True)


def ask_number(question: str) -> int:
    """A number from whoever sits at the terminal, asked for on stderr."""
    answer: int = typer.prompt(printable(question), type=int, err=True)
    return answer


def echo_error(error: Exception) -> None:
    """Say on stderr what went wrong, and what to do in terms of the command line."""
    typer.secho(f"Error: {printable(in_commands(str(error)))}", fg=typer.colors.RED, err=True)
