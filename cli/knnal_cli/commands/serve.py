"""``knnal serve``: the session in a browser."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from knnal_cli.option_groups import grouped
from knnal_cli.options import (
    POOL_DEFAULT,
    Asking,
    ClassesOption,
    ClassOption,
    Groups,
    PoolOption,
    TargetOption,
    Votes,
    add_classes,
    advanced,
    open_project,
    open_session,
)
from knnal_cli.printable import echo

if TYPE_CHECKING:
    from socket import socket

    from knnal.collaboration.desk import MultiUserSession
    from knnal.session.session import Session
    from knnal_cli.web.schemas import About
    from knnal_cli.web.serving import Export

_LEAST_TOKEN = 16


def register(app: typer.Typer) -> None:
    app.command()(serve)


@grouped
def serve(
    *,
    classes: ClassesOption = None,
    class_name: ClassOption = None,
    pool: PoolOption = POOL_DEFAULT,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 picks a free one.")
    ] = 8417,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Let other machines connect.")
    ] = False,
    overlap: Annotated[
        float,
        advanced(min=0.0, max=1.0, help="Share of items that a second person labels too."),
    ] = 0.0,
    lease: Annotated[
        float, advanced(min=5.0, help="Seconds of silence after which a person's item is free.")
    ] = 300.0,
    token: Annotated[
        str | None,
        advanced(
            envvar="KNNAL_TOKEN",
            help="The access token, at least 16 characters.",
            show_default="random",
        ),
    ] = None,
    target: TargetOption = None,
    asking: Asking,
    groups: Groups,
    votes: Votes,
) -> None:
    """Label in a browser, alone or with others: prints the address to open."""
    from knnal_cli.narration import Narration
    from knnal_cli.web.security import is_loopback, new_token
    from knnal_cli.web.server import bind

    _require_intended(host, token, allow_remote=allow_remote or is_loopback(host))
    with closing(bind(host, port)) as listening:
        with Narration() as narration:
            project = open_project(pool, narration)
            asking, target = asking.completed(project), project.settings.get("target", target)
            session = open_session(project, asking, votes, groups)
            add_classes(session, classes, class_name)
        sampling = {"audit": asking.audit, "overlap": overlap, "seed": asking.seed}
        desk = _desk(session, pool, lease=lease, **sampling)
        about = _about(session, overlap, asking, remote=not is_loopback(host))
        export = _export_of(pool, votes, asking.classifier)
        _answer_requests(desk, about, export, target, listening, host, token or new_token())
    echo("Stopped. Everything is stored; 'knnal serve' goes on from here.", err=True)


def _desk(session: Session, folder: Path, **options: Any) -> MultiUserSession:
    from knnal.collaboration.desk import MultiUserSession
    from knnal.pool.pool import Pool

    return MultiUserSession(session, Pool.open(folder), **options)


def _answer_requests(
    desk: MultiUserSession,
    about: About,
    export: Export,
    target: float | None,
    listening: socket,
    host: str,
    token: str,
) -> None:
    """Print the address, and answer until Ctrl-C."""
    from knnal_cli.web.app import create_app
    from knnal_cli.web.security import host_names
    from knnal_cli.web.server import run
    from knnal_cli.web.serving import serve_desk

    port = listening.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    served = serve_desk(desk, about, export, target)
    try:
        app = create_app(served, token=token, hosts=host_names(host), cookie=f"knnal-{port}")
        echo(f"http://{shown}:{port}/?token={token}")
        echo("Open this address in a browser. Ctrl-C ends it.", err=True)
        run(app, listening)
    finally:
        served.close()


def _require_intended(host: str, token: str | None, *, allow_remote: bool) -> None:
    from knnal.errors import InputError

    if not allow_remote:
        raise InputError(
            f"Listening on {host} lets other machines in. Add --allow-remote if that is meant: "
            "whoever has the printed address can then label, and nothing is encrypted."
        )
    if token is not None and (len(token) < _LEAST_TOKEN or not _fits_an_address(token)):
        raise InputError(
            f"Expected a token of at least {_LEAST_TOKEN} letters, digits, '-' and '_', came "
            f"{len(token)} characters."
        )


def _fits_an_address(token: str) -> bool:
    return token.isascii() and token.replace("-", "").replace("_", "").isalnum()


def _about(session: Session, overlap: float, asking: Asking, *, remote: bool) -> About:
    from knnal.pool.storage import ItemState
    from knnal_cli.web.schemas import About

    manifest = session.pool.manifest
    assert session.pool.folder is not None
    folder = session.pool.folder.absolute()
    return About(
        pool=folder.parent.name if folder.name.startswith(".") else folder.name,
        modality=manifest.modality,
        items=session.pool.catalog.counts()[ItemState.LIVE],
        annotator=session.annotator,
        ask_name=remote,
        overlap=overlap,
        strategy=str(asking.strategy),
        classifier=str(asking.classifier),
    )


def _export_of(folder: Path, votes: Votes, classifier: str | None) -> Export:
    """Exports from the log as it is then, by a session of its own: nobody waits for it."""

    def export(file: Path, labeled_only: bool) -> int:
        project = open_project(folder)
        try:
            options = {"classifier": classifier, "vote": votes.options()}
            return project.export(file, labeled_only=labeled_only, **options)
        finally:
            project.close()

    return export
