"""``knnal check``, ``knnal backup`` and ``knnal restore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from knnal_cli.exits import Exit
from knnal_cli.options import POOL_DEFAULT, JsonOption, PoolOption, open_project
from knnal_cli.printable import echo, printable_line
from knnal_cli.records import print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from knnal.errors import Damage
    from knnal.sources.base import Skip


def register(app: typer.Typer) -> None:
    app.command()(check)
    app.command()(backup)
    app.command()(restore)


def check(
    pool: PoolOption = POOL_DEFAULT,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Make damaged files again, and embed damaged items from their source."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check that every file of the pool is what knnal wrote there."""
    from knnal.pool.upkeep import check_pool, repair_pool
    from knnal_cli.narration import Narration

    repaired: Sequence[Damage] = ()
    skips: Sequence[Skip] = ()
    with Narration() as narration:
        if repair:
            report = repair_pool(pool, narration)
            left, repaired, skips = report.left, report.repaired, report.skips
        else:
            left = check_pool(pool, narration)
    if as_json:
        print_json(
            {
                "sound": not left,
                "findings": [_record(finding) for finding in left],
                "repaired": [_record(finding) for finding in repaired],
                "skipped": [{"item": skip.where, "reason": skip.reason} for skip in skips],
            }
        )
    else:
        for finding in repaired:
            _say(f"Repaired {finding.file}: {finding.problem}")
        for finding in left:
            _say(f"{finding.file}: {finding.problem}")
        for skip in skips:
            _say(f"Not repaired: {skip.where}: {skip.reason}")
        echo(_verdict(left, repair))
    if left:
        raise typer.Exit(Exit.FAILED)


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, a zip.")],
    pool: PoolOption = POOL_DEFAULT,
    vectors: Annotated[
        bool, typer.Option("--vectors", help="Copy the embeddings too, not only the labels.")
    ] = False,
) -> None:
    """Copy the labels and the catalog into one file, while labeling goes on."""
    open_project(pool).pool.back_up(file, vectors=vectors)
    size = file.stat().st_size / 2**20
    _say(f"Backed up to {file} ({size:.1f} MB{'' if vectors else ', without embeddings'}).")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that 'knnal backup' wrote.")],
    pool: PoolOption = POOL_DEFAULT,
    as_json: JsonOption = False,
) -> None:
    """Put a backup in the place of the pool's labels and catalog; the old ones are saved."""
    from knnal.pool.restoring import restore_pool
    from knnal_cli.narration import Narration

    with Narration() as narration:
        report = restore_pool(file, pool, narration)
    if as_json:
        print_json(
            {
                "items": report.items,
                "events": report.events,
                "saved": report.saved and str(report.saved),
                "findings": [_record(finding) for finding in report.left],
            }
        )
    else:
        _say(f"Restored {report.items} items and {report.events} events from {file}.")
        if report.saved is not None:
            _say(f"What was there before is saved in {report.saved}.")
        for finding in report.left:
            _say(f"{finding.file}: {finding.problem}")
        if report.left:
            echo("'knnal check --repair' embeds again what the backup does not hold.")
    if report.left:
        raise typer.Exit(Exit.DONE_WITH_SKIPS)


def _verdict(left: Sequence[Damage], repaired: bool) -> str:
    if not left:
        return "Every file of the pool is sound."
    if any(finding.repair == "restore" for finding in left):
        return "Only a backup has what was lost: 'knnal restore FILE' brings it back."
    if repaired:
        return "The rest cannot be repaired: 'knnal restore FILE' brings back a backup."
    return "'knnal check --repair' repairs it."


def _record(finding: Damage) -> dict[str, Any]:
    return {
        "file": finding.file,
        "problem": finding.problem,
        "repair": finding.repair.value,
        "rows": list(finding.rows),
    }


def _say(line: str) -> None:
    echo(printable_line(line))
