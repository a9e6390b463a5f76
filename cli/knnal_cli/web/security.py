"""The gate before every request: who may ask, from where, and how the response may be used."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE = "/"
MOST_BYTES = 65536
"""The longest body that is read: labels and ids are short."""

_TOKEN_BYTES = 24
_WITH_BODY = {"POST", "PUT", "PATCH"}
_PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
_HEADERS = {
    "content-security-policy": _PAGE_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


def new_token() -> str:
    """A random token that fits into an address."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def host_names(bound: str) -> frozenset[str]:
    """The names of a server bound to that address, other than IP addresses.

    A page that turned its own name to this machine's address (DNS rebinding) is known by its name.
    """
    own = () if is_loopback(bound) else (bound, socket.gethostname(), socket.getfqdn())
    return frozenset({"localhost", *(name.lower() for name in own)})


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class _Refusal:
    status: int
    error: str
    detail: str


class Gate:
    """Lets requests through that carry the token and come from the page itself or from a script.

    The token comes in the address of the page, which hands it on as a cookie that no script can
    read and no other site can send; or in the header ``Authorization: Bearer``. Requests that name
    another host, that another site's page makes, and bodies that are not JSON are refused.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: Iterable[str], cookie: str) -> None:
        self._app = app
        self._token = token.encode()
        self._hosts = frozenset(hosts)
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return  # only HTTP is served
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        hand_out = refusal is None and scope["path"] == PAGE

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    sent.setdefault(name, value)
                sent.setdefault("cache-control", "no-store")
                if hand_out:
                    sent["set-cookie"] = (
                        f"{self._cookie}={self._token.decode()}; HttpOnly; SameSite=Strict; Path=/"
                    )
            await send(message)

        answer = self._app if refusal is None else _refuse(scope, refusal)
        await answer(scope, receive, sealed)

    def _refusal(self, scope: Scope, headers: Headers) -> _Refusal | None:
        if not self._names_this_host(headers):
            hosts = ", ".join(sorted(self._hosts))
            return _Refusal(
                403, "host", f"The host of a request must be an IP address or one of {hosts}."
            )
        if not _from_here(scope, headers):
            return _Refusal(403, "origin", "Only the page itself and scripts may send requests.")
        if not self._has_token(scope, headers):
            return _Refusal(
                401,
                "token",
                "Open the address that 'knnal serve' printed: it carries the token. Scripts send "
                "the token in the header 'Authorization: Bearer TOKEN'.",
            )
        return _body_refusal(scope, headers)

    def _names_this_host(self, headers: Headers) -> bool:
        named = headers.getlist("host")
        if len(named) != 1:
            return False
        try:
            name = urlsplit(f"//{named[0]}").hostname or ""
        except ValueError:
            return False
        return name in self._hosts or _is_address(name)

    def _has_token(self, scope: Scope, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        candidates = [given] if scheme.lower() == "bearer" else []
        cookies = SimpleCookie()
        try:
            cookies.load(headers.get("cookie", ""))
        except CookieError:
            cookies.clear()
        if self._cookie in cookies:
            candidates.append(cookies[self._cookie].value)
        if scope["path"] == PAGE:
            candidates += parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        found = [secrets.compare_digest(one.encode(), self._token) for one in candidates]
        return any(found)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _from_here(scope: Scope, headers: Headers) -> bool:
    """Whether a browser says nothing of another site. Scripts say nothing of any."""
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2] != headers["host"]:
        return False
    opened = scope["method"] == "GET" and scope["path"] == PAGE
    site = headers.get("sec-fetch-site", "none")
    # A link to the page may be followed from anywhere: the token is still asked for.
    return site in ("same-origin", "none") or (
        opened and headers.get("sec-fetch-mode") == "navigate"
    )


def _body_refusal(scope: Scope, headers: Headers) -> _Refusal | None:
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdecimal():
        return _Refusal(411, "length", "A request needs its body's length in Content-Length.")
    if int(length) > MOST_BYTES:
        return _Refusal(413, "length", f"A body must be at most {MOST_BYTES} bytes.")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if (int(length) or scope["method"] in _WITH_BODY) and kind != "application/json":
        return _Refusal(415, "content-type", "A body must have the Content-Type application/json.")
    return None


def _refuse(scope: Scope, refusal: _Refusal) -> Response:
    if scope["path"] == PAGE:
        return PlainTextResponse(refusal.detail + "\n", refusal.status)
    body = {"error": refusal.error, "detail": refusal.detail}
    challenge = {"www-authenticate": "Bearer"} if refusal.status == 401 else None
    return JSONResponse(body, refusal.status, headers=challenge)
