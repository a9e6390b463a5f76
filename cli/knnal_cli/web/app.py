"""The web application: the page, the API below ``/api``, errors, and the server that runs it."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp

from knnal.collaboration.assignments import ItemTakenError, SeatUnknownError
from knnal.errors import (
    InputError,
    KnnalError,
    LabelConflictError,
    NothingToRedoError,
    NothingToUndoError,
    PoolBusyError,
    PoolDamagedError,
    PoolUnwritableError,
)
from knnal.pages.html import SHARED, asset
from knnal_cli.web import responses, routes_label, routes_read
from knnal_cli.web.pictures import NoPictureError
from knnal_cli.web.pool_map import NoMapError
from knnal_cli.web.security import Gate
from knnal_cli.web.served import Served

_GRACE_S = 3
_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}
_PROBLEMS: dict[type[Exception], tuple[int, str]] = {
    SeatUnknownError: (404, "seat"),
    ItemTakenError: (409, "taken"),
    LabelConflictError: (409, "conflict"),
    NothingToUndoError: (409, "nothing-to-undo"),
    NothingToRedoError: (409, "nothing-to-redo"),
    NoPictureError: (404, "no-picture"),
    NoMapError: (409, "no-map"),
    PoolBusyError: (503, "busy"),
    PoolDamagedError: (500, "damaged"),
    PoolUnwritableError: (507, "unwritable"),
    InputError: (422, "input"),
    KnnalError: (500, "failed"),
}
"""The status and the word for each kind of error; the nearest class counts."""

_DESCRIBED: dict[int | str, dict[str, Any]] = {
    status: {"model": responses.Problem, "description": what}
    for status, what in {
        401: "Without the token.",
        403: "From another site, or to another host.",
        404: "No such seat or picture.",
        409: "Somebody else decided first; nothing is left to undo; there is no map yet.",
        411: "A body without its length.",
        413: "A body that is too long.",
        415: "A body that is not JSON.",
        422: "Something that cannot be used, such as an unknown item.",
        500: "A file of the pool is damaged; nothing was answered from it.",
        503: "Another process has been writing to the pool for too long.",
        507: "The pool's disk is full, or cannot be written to; nothing was stored.",
    }.items()
}


def create_app(served: Served, *, token: str, hosts: Iterable[str], cookie: str) -> ASGIApp:
    """The application behind its gate; ``token`` and the rest as for ``Gate``."""
    app = make_api()
    app.state.served = served
    for kind in (*_PROBLEMS, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _problem)
    _add_page(app)
    return Gate(app, token, hosts, cookie)


def make_api() -> FastAPI:
    """The routes of the API, which describe themselves; nothing serves them yet."""
    # The gate checks the bearer, for the page as well; here it is only described.
    app = FastAPI(
        title="knnal",
        summary="Label a pool, from the page or from scripts.",
        version="1",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses=_DESCRIBED,
        dependencies=[Depends(HTTPBearer(auto_error=False))],
    )
    for routes in (routes_label.routes, routes_read.routes):
        app.include_router(routes, prefix="/api")
    return app


def _problem(request: Request, error: Exception) -> JSONResponse:
    del request
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return _json(422, "input", f"{where}: {first['msg']}.")
    if isinstance(error, HTTPException):
        return _json(error.status_code, "http", error.detail, error.headers)
    nearest = next(kind for kind in type(error).__mro__ if kind in _PROBLEMS)
    status, word = _PROBLEMS[nearest]
    return _json(status, word, str(error))


def _json(status: int, word: str, detail: str, headers: Any = None) -> JSONResponse:
    return JSONResponse({"error": word, "detail": detail}, status, headers=headers)


def _add_page(app: FastAPI) -> None:
    """The page's own files and the assets it shares with reports, read once; nothing else."""
    folder = resources.files("knnal_cli.web") / "page"
    own = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}
    for name, text in {**own, **{name: asset(name) for name in SHARED}}.items():
        _add_file(app, "/" if name == "index.html" else f"/{name}", text, _TYPES[Path(name).suffix])


def _add_file(app: FastAPI, path: str, text: str, kind: str) -> None:
    @app.get(path, include_in_schema=False)
    def send() -> Response:
        return Response(text, media_type=kind)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 picks a free one. Raises InputError where that cannot be."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(128)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise InputError(
            f"Cannot listen on {host}, port {port}: {error.strerror or error}. Name another port, "
            "or 0 for any that is free."
        ) from error
    return listening


class AnnouncingServer(uvicorn.Server):
    """Calls ``ready`` once it answers requests, and Ctrl-C and SIGTERM end it."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], object]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def make_server(app: ASGIApp, ready: Callable[[], object] = lambda: None) -> uvicorn.Server:
    """The server, which prints nothing of its own."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=_GRACE_S,
    )
    return AnnouncingServer(config, ready)


def run(app: ASGIApp, listening: socket.socket, ready: Callable[[], object]) -> None:
    """Answer requests until interrupted; those under way are finished first."""
    with contextlib.suppress(KeyboardInterrupt):  # raised once more when all is finished
        make_server(app, ready).run(sockets=[listening])
