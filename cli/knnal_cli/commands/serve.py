"""``knnal serve``: the session in a browser."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

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
    grouped,
    open_project,
    open_session,
)
from knnal_cli.printable import echo

if TYPE_CHECKING:
    from knnal.session.session import Session
    from knnal_cli.web.responses import AboutOut
    from knnal_cli.web.served import Export

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
        float, advanced(min=5.0, help="Seconds without a request that free somebody's item.")
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
    from knnal.collaboration.multi_user import MultiUserSession
    from knnal.pool.pool import Pool
    from knnal_cli.narration import Narration
    from knnal_cli.web.app import bind, create_app, run
    from knnal_cli.web.security import host_names, is_loopback, new_token
    from knnal_cli.web.served import Served

    is_remote = not is_loopback(host)
    _require_intended(host, token, allow_remote=allow_remote or not is_remote)
    with closing(bind(host, port)) as listening:
        with Narration() as narration:
            project = open_project(pool, narration)
            asking, target = asking.completed(project), project.settings.get("target", target)
            session = open_session(project, asking, votes, groups)
            add_classes(session, classes, class_name)
        about = _about(session, overlap, asking, remote=is_remote)
        people = MultiUserSession(
            session, Pool.open(pool), overlap=overlap, seed=asking.seed, lease=lease
        )
        export = _export_of(pool, votes, asking.classifier)
        with closing(Served.of(people, about, export, target)) as served:
            port, token = listening.getsockname()[1], token or new_token()
            hosts, cookie = host_names(host), f"knnal-{port}"
            app = create_app(served, token=token, hosts=hosts, cookie=cookie)
            address = f"http://{f'[{host}]' if ':' in host else host}:{port}/?token={token}"

            def announce() -> None:
                echo(address)
                echo("Open this address in a browser. Ctrl-C ends it.", err=True)

            run(app, listening, announce)
    echo("Stopped. Everything is stored; 'knnal serve' goes on from here.", err=True)


def _require_intended(host: str, token: str | None, *, allow_remote: bool) -> None:
    from knnal.errors import InputError

    if not allow_remote:
        raise InputError(
            f"Listening on {host} lets other machines in. Add --allow-remote if that is meant: "
            "whoever has the printed address can then label, and nothing is encrypted."
        )
    if token is not None and (len(token) < _LEAST_TOKEN or not _fits_an_address(token)):
        raise InputError(
            f"The token must have at least {_LEAST_TOKEN} letters, digits, '-' and '_', got "
            f"{len(token)} characters."
        )


def _fits_an_address(token: str) -> bool:
    return token.isascii() and token.replace("-", "").replace("_", "").isalnum()


def _about(session: Session, overlap: float, asking: Asking, *, remote: bool) -> AboutOut:
    from knnal.pool.storage import ItemState
    from knnal_cli.web.responses import AboutOut

    manifest = session.pool.manifest
    assert session.pool.folder is not None
    folder = session.pool.folder.absolute()
    return AboutOut(
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
