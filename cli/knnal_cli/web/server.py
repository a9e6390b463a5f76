"""Runs the application on a socket until Ctrl-C."""

from __future__ import annotations

import contextlib
import socket

import uvicorn
from starlette.types import ASGIApp

from knnal.errors import InputError

_GRACE_S = 3


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


def make_server(app: ASGIApp) -> uvicorn.Server:
    """What answers requests, as little known of it to those who ask as can be."""
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
    return uvicorn.Server(config)


def run(app: ASGIApp, listening: socket.socket) -> None:
    """Answer requests until interrupted; those under way are finished first."""
    with contextlib.suppress(KeyboardInterrupt):  # raised once more when all is finished
        make_server(app).run(sockets=[listening])
