"""What the API's routes work on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from knnal.crowd.desk import Desk
from knnal_cli.serve import schemas
from knnal_cli.serve.reading import Reader
from knnal_cli.serve.standing import Standing

Export = Callable[[Path, bool], object]
"""Writes the pool's table into a file; whether labelled items alone."""


@dataclass(frozen=True, slots=True)
class Served:
    """One pool, as it is labelled and looked at."""

    desk: Desk
    reader: Reader
    standing: Standing
    about: schemas.About
    export: Export
    exporting: threading.Lock = field(default_factory=threading.Lock)


async def _served(request: Request) -> Served:
    found: Served = request.app.state.served
    return found


Serving = Annotated[Served, Depends(_served)]
