"""``knnal demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from knnal import defaults
from knnal_cli.options import JsonOption, SeedOption
from knnal_cli.printable import echo
from knnal_cli.records import print_json

if TYPE_CHECKING:
    from knnal_cli.demo import DemoResult

_STEPS = (5, 10, 20, 50, 100)


def register(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    folder: Annotated[
        Path, typer.Option("--output", "-o", help="The folder for photos, pool and picture.")
    ] = Path("knnal-demo"),
    labels: Annotated[int, typer.Option(min=1, help="The number of labels to give.")] = 100,
    seed: SeedOption = defaults.SEED,
    as_json: JsonOption = False,
) -> None:
    """Label real photographs by their known classes, and compare with random labels."""
    from knnal_cli.demo import run_demo
    from knnal_cli.narration import Narration

    with Narration() as narration:
        result = run_demo(folder, labels, seed, narration)
    if as_json:
        print_json(
            {
                "photos": result.photos,
                "held_out": result.held_out,
                "classes": result.classes,
                "accuracy": {name: runs.tolist() for name, runs in result.curves.items()},
                "picture": str(result.picture),
            }
        )
    else:
        _print(result, folder)


def _print(result: DemoResult, folder: Path) -> None:
    runs = max(len(curves) for curves in result.curves.values())
    echo(
        f"{result.photos} photos of {result.classes} classes; accuracy on {result.held_out} "
        f"held-out ones (random: mean of {runs} runs)"
    )
    names = list(result.curves)
    echo("labels  " + "  ".join(f"{name:>12}" for name in names))
    count = min(curves.shape[1] for curves in result.curves.values())
    for step in [*(s for s in _STEPS if s < count), count]:
        row = (f"{result.curves[name][:, step - 1].mean():>12.1%}" for name in names)
        echo(f"{step:>6}  " + "  ".join(row))
    echo(f"The curves are drawn in {result.picture}.")
    echo(f"Go on labeling: knnal label --pool {folder / defaults.POOL}")
