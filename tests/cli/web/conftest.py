"""The application in this process, over pools of pictures and of texts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from starlette.types import ASGIApp

from knnal.collaboration.multi_user import MultiUserSession
from knnal.pool.index_files import stored_layout
from knnal.pool.pool import Pool
from knnal.pool.storage import NewRecord
from knnal.project import Project
from knnal.session.session import Session
from knnal.types import EmbedderIdentity, Modality
from knnal_cli.web.app import create_app
from knnal_cli.web.responses import AboutOut
from knnal_cli.web.served import Served

TOKEN = "t" * 32
PICTURES = 24
PoolMaker = Callable[..., Path]


def clusters(count: int) -> Any:
    """Two of them, ``(count, 4)`` in unit rows."""
    X = np.repeat([[4.0, 0.0, 0.0, 0.0], [0.0, 4.0, 0.0, 0.0]], count // 2, axis=0)
    X += np.random.default_rng(0).normal(size=X.shape)
    return (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)


def store(folder: Path, source: Path, modality: Modality, records: list[NewRecord]) -> Path:
    pool = Pool.create(folder)
    pool.adopt(EmbedderIdentity("precomputed", "", 4, "as given"), modality)
    with pool.transaction():
        pool.store(pool.catalog.source(source), records, clusters(len(records)))
    pool.close()
    return folder


def store_pictures(folder: Path) -> Path:
    source = folder / "photos"
    records = []
    for number in range(PICTURES):
        color = ("red", "blue")[2 * number // PICTURES]
        name = f"{color}/{number:02}.png"
        (source / color).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 40), color).save(source / name)
        records.append(NewRecord(name, "", "", path=name))
    return store(folder / ".knnal", source, Modality.IMAGE, records)


@pytest.fixture(scope="package")
def made_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_pictures(tmp_path_factory.mktemp("pictures")).parent


@pytest.fixture(scope="package")
def made_map(made_pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shutil.copytree(made_pictures, tmp_path_factory.mktemp("mapped") / "pictures")
    with closing(Pool.open(folder / ".knnal")) as pool:
        stored_layout(pool, pool.live)
    return folder


@pytest.fixture
def pictures(made_pictures: Path, tmp_path: Path) -> Path:
    """A pool of ``PICTURES`` red and blue pictures in ``photos/``, ids "red/00.png" and so on."""
    return shutil.copytree(made_pictures, tmp_path / "pictures") / ".knnal"


@pytest.fixture
def mapped(made_map: Path, tmp_path: Path) -> Path:
    """The same, its map laid out."""
    return shutil.copytree(made_map, tmp_path / "mapped") / ".knnal"


@pytest.fixture
def make_texts(tmp_path: Path) -> PoolMaker:
    def make(texts: list[str], folder: str = ".texts") -> Path:
        records = [NewRecord(f"t{i}", "", "", text=text) for i, text in enumerate(texts)]
        return store(tmp_path / folder, tmp_path / "texts.csv", Modality.TEXT, records)

    return make


@contextmanager
def open_apps() -> Iterator[Callable[..., ASGIApp]]:
    """``(folder, classes, **options of MultiUserSession)``: applications as served."""
    opened: list[Served] = []

    def make(folder: Path, classes: Sequence[str] = (), **options: Any) -> ASGIApp:
        audit = options.pop("audit", 0.0)
        session = Session(Pool.open(folder), annotator="ann", audit=audit)
        for name in classes:
            session.add_class(name)
        people = MultiUserSession(session, Pool.open(folder), **options)
        about = AboutOut(
            pool="photos", modality="image", items=PICTURES, annotator="ann", ask_name=False,
            overlap=options.get("overlap", 0.0), strategy="cdf-product", classifier="combined",
        )  # fmt: skip

        def export(file: Path, labeled_only: bool) -> int:
            return Project.open(folder).export(file, labeled_only=labeled_only)

        served = Served.of(people, about, export, None)
        opened.append(served)
        return create_app(served, token=TOKEN, hosts={"localhost"}, cookie="knnal-1")

    try:
        yield make
    finally:
        for served in opened:
            served.close()


def client_of(app: ASGIApp) -> TestClient:
    """Somebody who has the token, in a header."""
    client = TestClient(app, base_url="http://localhost:1")
    client.headers["authorization"] = f"Bearer {TOKEN}"
    return client


@pytest.fixture
def make_app() -> Iterator[Callable[..., ASGIApp]]:
    with open_apps() as make:
        yield make


@pytest.fixture
def serve(make_app: Callable[..., ASGIApp]) -> Callable[..., TestClient]:
    """``(folder, **options of MultiUserSession)``: a client of its application."""
    return lambda folder, **options: client_of(make_app(folder, **options))


@pytest.fixture
def client(pictures: Path, serve: Callable[..., TestClient]) -> TestClient:
    return serve(pictures)


@pytest.fixture(scope="package")
def shared_app(made_pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ASGIApp]:
    """For tests that label nothing."""
    with open_apps() as make:
        shared = shutil.copytree(made_pictures, tmp_path_factory.mktemp("shared") / "pictures")
        yield make(shared / ".knnal")


@pytest.fixture
def visitor(shared_app: ASGIApp) -> TestClient:
    return client_of(shared_app)


@pytest.fixture(scope="package")
def windows() -> Iterator[list[Any]]:
    """A wide window of a browser, and one like a phone's."""
    from .browser import open_windows

    with open_windows() as opened:
        yield opened


@pytest.fixture
def start(make_app: Callable[..., ASGIApp], windows: list[Any]) -> Iterator[Callable[..., Any]]:
    """``(folder, *classes, port=0, **options of MultiUserSession)``: a served application."""
    from .browser import Server

    started: list[Server] = []

    def begin(folder: Path, *classes: str, port: int = 0, **options: Any) -> Server:
        server = Server(make_app(folder, classes, **options), port)
        started.append(server)
        return server

    yield begin
    for page in windows:
        page.driver.get("about:blank")
    for server in started:
        server.stop()
