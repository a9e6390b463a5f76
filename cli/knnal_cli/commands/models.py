"""``knnal models``: the embedders, the license and origin of their weights, and fetching them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from knnal_cli.options import JsonOption
from knnal_cli.printable import echo, warn
from knnal_cli.records import print_json

if TYPE_CHECKING:
    from knnal.embedders.assets import Asset


def register(app: typer.Typer) -> None:
    models = typer.Typer(help="List the embedders, and fetch their weights ahead of time.")
    models.callback(invoke_without_command=True)(list_models)
    models.command()(fetch)
    app.add_typer(models, name="models")


def list_models(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the embedders: the license and origin of their weights, and what is in the cache."""
    if context.invoked_subcommand is not None:
        return
    from knnal.embedders.assets import DEMO_PHOTOS
    from knnal.embedders.base import EMBEDDERS

    records = [
        _record(name, one.summary, one.license, one.origin, one.assets)
        for name, one in EMBEDDERS.loadable(warn).items()
    ]
    photos = DEMO_PHOTOS
    summary = "photos of groceries and fruit, for 'knnal demo'"
    records.append(_record(photos.name, summary, photos.license, photos.origin, [photos]))
    if as_json:
        print_json(records)
        return
    for record in records:
        echo(f"{record['name']}: {record['summary']}")
        echo(f"    license: {record['license']}; origin: {record['origin']}")
        for source in record["sources"]:
            here = "in the cache" if source["here"] else "not fetched"
            echo(
                f"    from {source['package']}, {source['size'] / 1e6:.1f} MB, "
                f"license: {source['license']}; origin: {source['origin']}; {here}"
            )
        if not record["sources"]:
            echo("    nothing to fetch")


def _record(
    name: str, summary: str, license_: str, origin: str, assets: Sequence[Asset]
) -> dict[str, Any]:
    from knnal.embedders.assets import cached

    return {
        "name": name,
        "summary": summary,
        "license": license_,
        "origin": origin,
        "sources": [
            {
                "package": str(asset),
                "size": asset.size,
                "license": asset.license,
                "origin": asset.origin,
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
        typer.Option("--from", help="An archive from another machine, for one without a network."),
    ] = None,
) -> None:
    """Fetch, verify and prepare the weights of an embedder, or the photos of the demo."""
    from knnal.embedders.assets import DEMO_PHOTOS, install
    from knnal.embedders.assets import fetch as fetch_asset
    from knnal.embedders.base import create_embedder
    from knnal.errors import InputError
    from knnal_cli.narration import Narration

    embedder = None if name == DEMO_PHOTOS.name else create_embedder(name)
    assets = (DEMO_PHOTOS,) if embedder is None else embedder.assets
    if archive is not None:
        if not assets:
            raise InputError(f"'{name}' needs no archive: leave out --from.")
        install(assets, archive)
    with Narration() as narration:
        if embedder is None:
            fetch_asset([DEMO_PHOTOS], narration)
        else:
            embedder.load(narration)
    echo(f"{embedder.identity if embedder else DEMO_PHOTOS} is ready.")
