"""What nobody gets: without the token, from another site, by another name, beyond the pool."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from knnal.errors import InputError
from knnal_cli.web.app import bind
from knnal_cli.web.security import host_names, is_loopback, new_token

from ..conftest import Knnal
from .conftest import TOKEN

PATHS = ("/", "/app.js", "/api/status", "/api/openapi.json", "/api/image?id=red/00.png", "/nowhere")
STATUS = "/api/status"


@pytest.fixture
def stranger(visitor: TestClient) -> TestClient:
    """Somebody who does not know the token."""
    del visitor.headers["authorization"]
    return visitor


@pytest.mark.parametrize("path", PATHS)
def test_nothing_without_the_token(stranger: TestClient, path: str) -> None:
    for headers in (
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": b"Bearer " + b"\xff" * 9},
        {"cookie": f"knnal-2={TOKEN}"},
        {"cookie": "knnal-1=wrong; ="},
    ):
        assert stranger.get(path, headers=headers).status_code == 401
    if path != "/":
        assert stranger.get(path, params={"token": TOKEN}).status_code == 401


def test_the_address_hands_the_token_on_as_a_cookie(stranger: TestClient) -> None:
    assert stranger.get("/", params={"token": "wrong"}).status_code == 401
    page = stranger.get("/", params={"token": TOKEN})
    assert page.status_code == 200
    cookie = page.headers["set-cookie"]
    assert cookie.startswith(f"knnal-1={TOKEN};")
    assert {"HttpOnly", "SameSite=Strict"} <= {part.strip() for part in cookie.split(";")}
    assert TOKEN not in page.text
    assert stranger.get(STATUS).status_code == 200, "the cookie is enough from now on"


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "localhost:1@evil"])
def test_a_name_turned_to_this_machine_is_refused(visitor: TestClient, host: str) -> None:
    assert visitor.get(STATUS, headers={"host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1:9000", "[::1]:1", "LOCALHOST"])
def test_this_machine_by_any_port_as_through_a_tunnel(visitor: TestClient, host: str) -> None:
    assert visitor.get(STATUS, headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:2"},
        {"origin": "http://localhost:1.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_other_sites_and_ports_are_refused(visitor: TestClient, headers: dict[str, str]) -> None:
    assert visitor.get(STATUS, headers=headers).status_code == 403
    assert visitor.post("/api/seats", json={}, headers=headers).status_code == 403
    preflight = visitor.options("/api/seats", headers=headers)
    assert "access-control-allow-origin" not in preflight.headers


def test_the_page_itself_is_let_in(visitor: TestClient) -> None:
    own = {"origin": "http://localhost:1", "sec-fetch-site": "same-origin"}
    assert visitor.post("/api/seats", json={}, headers=own).status_code == 201
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert visitor.get("/", headers=link).status_code == 200
    assert visitor.get(STATUS, headers=link).status_code == 403


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_bodies_are_json(visitor: TestClient, kind: str) -> None:
    done = visitor.post("/api/seats", content=b"{}", headers={"content-type": kind})
    assert done.status_code == 415


def test_bodies_are_short(visitor: TestClient) -> None:
    headers = {"content-type": "application/json"}
    assert visitor.post("/api/seats", content=b" " * 70_000, headers=headers).status_code == 413
    stream = visitor.post("/api/seats", content=iter([b"{}"]), headers=headers)
    assert stream.status_code == 411


@pytest.mark.parametrize("path", PATHS)
def test_answers_cannot_be_used_elsewhere_or_run_anything(visitor: TestClient, path: str) -> None:
    headers = visitor.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize(
    "item",
    [
        "../secret.txt",
        "red/../../secret.txt",
        "/etc/passwd",
        "red/00.png\x00.txt",
        "red\\00.png",
        "..%2fsecret.txt",
        ".knnal/labels.sqlite",
    ],
)
def test_files_are_named_by_id_and_never_by_path(visitor: TestClient, item: str) -> None:
    done = visitor.get("/api/image", params={"id": item})
    assert (done.status_code, done.json()["error"]) == (422, "input")


@pytest.mark.parametrize("path", ["/../secret.txt", "/page/app.js", "/app.py", "/api/../app.py"])
def test_no_other_file_of_the_program_is_served(visitor: TestClient, path: str) -> None:
    assert visitor.get(path).status_code == 404


def test_links_that_lead_out_are_refused(client: TestClient, pictures: Path) -> None:
    photos = pictures.parent / "photos"
    outside = photos.with_name("outside.png")
    file = photos / "red" / "00.png"
    file.rename(outside)
    file.symlink_to(outside)
    done = client.get("/api/image", params={"id": "red/00.png"})
    assert done.status_code == 404
    assert "a link that leads out" in done.json()["detail"]
    (photos / "red").rename(photos.with_name("elsewhere"))
    (photos / "red").symlink_to(photos.with_name("elsewhere"))
    assert client.get("/api/image", params={"id": "red/01.png"}).status_code == 404
    inside = photos / "blue" / "23.png"
    inside.unlink()
    inside.symlink_to(photos / "blue" / "22.png")
    assert client.get("/api/image", params={"id": "blue/23.png"}).status_code == 200


@pytest.mark.parametrize(
    "content", [b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"<html>", b""]
)
def test_what_is_no_picture_any_more_is_not_served(
    client: TestClient, pictures: Path, content: bytes
) -> None:
    (pictures.parent / "photos" / "red" / "00.png").write_bytes(content)
    for size in ("full", "small"):
        done = client.get("/api/image", params={"id": "red/00.png", "size": size})
        assert (done.status_code, done.json()["error"]) == (404, "no-picture")


def test_a_file_that_is_gone(client: TestClient, pictures: Path) -> None:
    (pictures.parent / "photos" / "red" / "00.png").unlink()
    done = client.get("/api/image", params={"id": "red/00.png"})
    assert "not there any more" in done.json()["detail"]


def test_tokens_are_long_and_random() -> None:
    tokens = {new_token() for _ in range(50)}
    assert len(tokens) == 50
    assert all(len(token) >= 32 for token in tokens)


def test_names_of_a_server() -> None:
    assert host_names("127.0.0.1") == {"localhost"}
    assert "lab.example" in host_names("lab.example")
    assert [is_loopback(h) for h in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "x")] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_other_machines_need_a_flag(vectors: Knnal) -> None:
    vectors.fails("serve", "--host", "0.0.0.0", saying=["--allow-remote", "other machines"])
    vectors.fails("serve", "--token", "short", saying=["16 letters"])
    vectors.fails("serve", "--port", "0", "--pool", "nowhere", saying=["no pool in nowhere"])


def test_a_port_that_is_taken(vectors: Knnal) -> None:
    listening = bind("127.0.0.1", 0)
    try:
        port = listening.getsockname()[1]
        vectors.fails("serve", "--port", port, saying=[f"port {port}", "Name another port"])
    finally:
        listening.close()
    with pytest.raises(InputError, match="Cannot listen on"):
        bind("no-such-host.invalid", 0)
