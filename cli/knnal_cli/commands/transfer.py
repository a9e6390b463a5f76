"""``knnal import`` and ``knnal export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from knnal import defaults
from knnal_cli.exits import Exit
from knnal_cli.option_groups import grouped
from knnal_cli.options import (
    POOL_DEFAULT,
    AnnotatorOption,
    CalibratedOption,
    ClassifierOption,
    EncodingOption,
    Groups,
    JsonOption,
    PoolOption,
    Votes,
    open_project,
)
from knnal_cli.records import print_json


def register(app: typer.Typer) -> None:
    app.command("import")(import_file)
    app.command("export")(export_file)


def import_file(
    file: Annotated[
        Path, typer.Argument(help="A table of ids and labels (CSV, TSV, JSON, Parquet, Excel).")
    ],
    pool: PoolOption = POOL_DEFAULT,
    id_column: Annotated[str, typer.Option(help="The column of ids.")] = "id",
    label_column: Annotated[str, typer.Option(help="The column of labels.")] = "label",
    encoding: EncodingOption = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Change labels that items have already.")
    ] = False,
    annotator: AnnotatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take in labels made elsewhere."""
    from knnal.recording import default_annotator

    report = open_project(pool).import_labels(
        file,
        id_column=id_column,
        label_column=label_column,
        encoding=encoding,
        overwrite=overwrite,
        annotator=annotator or default_annotator(),
    )
    if as_json:
        print_json(
            {
                "added": report.added,
                "changed": report.changed,
                "unchanged": report.unchanged,
                "kept": report.kept,
                "skipped": dict(report.skips),
            }
        )
    else:
        typer.echo(
            f"{report.added} labels added, {report.changed} changed, {report.unchanged} unchanged."
        )
    if report.kept:
        typer.echo(f"{report.kept} items keep another label; --overwrite changes them.", err=True)
    for reason, count in report.skips.most_common():
        typer.echo(f"Skipped {count}: {reason}", err=True)
    if not report.added + report.changed + report.unchanged + report.kept:
        typer.echo(f"No labels taken in from {file}.", err=True)
        raise typer.Exit(Exit.NOTHING_DONE)
    if report.skips:
        raise typer.Exit(Exit.DONE_WITH_SKIPS)


@grouped
def export_file(
    *,
    file: Annotated[
        Path,
        typer.Argument(help="Where to; the ending (csv, tsv, jsonl, parquet) chooses the format."),
    ],
    pool: PoolOption = POOL_DEFAULT,
    labelled: Annotated[
        bool, typer.Option("--labelled", help="Only the items that have a label.")
    ] = False,
    classifier: ClassifierOption = defaults.CLASSIFIER,
    calibrated: CalibratedOption = False,
    groups: Groups,
    votes: Votes,
) -> None:
    """Write items, labels with their provenance, and predictions to a table."""
    from knnal_cli.narration import Narration

    with Narration() as narration:
        count = open_project(pool, narration).export(
            file,
            labelled_only=labelled,
            classifier=classifier,
            vote=votes.options(),
            calibrated=calibrated,
            per_group=groups.similarity(),
        )
    typer.echo(f"{count} rows written to {file}.")
