"""The web application: the page, the API below ``/api``, and what is answered to errors."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp

from knnal.collaboration.leases import ItemTakenError, SeatUnknownError
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
from knnal_cli.web import looking, schemas, seats
from knnal_cli.web.mapping import NoMapError
from knnal_cli.web.media import NoPictureError
from knnal_cli.web.security import Gate
from knnal_cli.web.serving import Served

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
    status: {"model": schemas.Problem, "description": what}
    for status, what in {
        401: "Without the token.",
        403: "From another site, or to another host.",
        404: "No such seat or picture.",
        409: "Somebody else was there before; nothing is left to undo; there is no map yet.",
        411: "A body whose length is not told.",
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
    for routes in (seats.routes, looking.routes):
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
