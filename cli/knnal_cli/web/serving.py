"""What the API's routes work on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from knnal.collaboration.desk import MultiUserSession
from knnal_cli.class_keys import ClassKeys
from knnal_cli.web import schemas
from knnal_cli.web.comparing import RandomStanding
from knnal_cli.web.mapping import PoolMap
from knnal_cli.web.reading import Reader
from knnal_cli.web.standing import Standing

Export = Callable[[Path, bool], object]
"""Writes the pool's table into a file; whether labeled items alone."""


@dataclass(frozen=True, slots=True)
class Served:
    """One pool, as it is labeled and looked at."""

    desk: MultiUserSession
    reader: Reader
    standing: Standing
    random: RandomStanding
    map: PoolMap
    about: schemas.About
    export: Export
    exporting: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        """End the work under way. Nothing is lost by it: what was answered is on disk."""
        self.map.close()
        self.random.close()
        self.desk.close()


def serve_desk(
    desk: MultiUserSession, about: schemas.About, export: Export, target: float | None
) -> Served:
    """All that the routes work on, over one desk."""
    with desk.reading() as (pool, _):
        folder, keys = pool.folder, ClassKeys.in_pool(pool)
    assert folder is not None
    return Served(
        desk=desk,
        reader=Reader(desk),
        standing=Standing(desk, target, keys),
        random=RandomStanding(desk, folder),
        map=PoolMap(desk, folder, about.items),
        about=about,
        export=export,
    )


async def _served(request: Request) -> Served:
    found: Served = request.app.state.served
    return found


Serving = Annotated[Served, Depends(_served)]
