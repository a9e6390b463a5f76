"""What the API's routes work on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from knnal.collaboration.multi_user import MultiUserSession
from knnal_cli.web import responses
from knnal_cli.web.pool_map import PoolMap
from knnal_cli.web.status_feed import RandomBaseline, StatusFeed

Export = Callable[[Path, bool], object]
"""Writes the pool's table into a file; whether labeled items alone."""


@dataclass(frozen=True, slots=True)
class Served:
    """One pool, as it is labeled and watched."""

    session: MultiUserSession
    status: StatusFeed
    random: RandomBaseline
    map: PoolMap
    about: responses.AboutOut
    export: Export
    exporting: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def of(
        cls,
        session: MultiUserSession,
        about: responses.AboutOut,
        export: Export,
        target: float | None,
    ) -> Served:
        """All that the routes work on, for one session."""
        folder = session.pool.folder
        assert folder is not None
        return cls(
            session=session,
            status=StatusFeed(session, target),
            random=RandomBaseline(session, folder),
            map=PoolMap(session, folder, about.items),
            about=about,
            export=export,
        )

    def close(self) -> None:
        """End the work under way. Nothing is lost by it: what was answered is on disk."""
        self.map.close()
        self.random.close()
        self.session.close()


async def _served(request: Request) -> Served:
    found: Served = request.app.state.served
    return found


Serving = Annotated[Served, Depends(_served)]
