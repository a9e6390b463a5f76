"""The part of the API that reads: status, history, items, pictures, doubts, the map, export.

Nothing is changed by it, but that a look with a seat's name is its sign of life.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from starlette.background import BackgroundTask

from knnal_cli.web import bodies, schemas
from knnal_cli.web.media import picture_file, redrawn, served_as, small_picture
from knnal_cli.web.serving import Serving

ItemQuery = Annotated[str, Query(min_length=1, max_length=4096, description="The item's id.")]
LimitQuery = Annotated[int, Query(ge=1, le=200)]

_PICTURES_KEPT = {"cache-control": "private, max-age=600"}
_EXPORT_TYPES = {
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "jsonl": "application/jsonl",
    "parquet": "application/vnd.apache.parquet",
}
_PICTURE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/bmp", "image/webp")

routes = APIRouter(tags=["reading"])


@routes.get("/about")
def what_is_labeled(
    served: Serving,
) -> schemas.About:
    """The pool, and how it is labeled."""
    return served.about


@routes.get("/status")
def status(
    served: Serving,
    seat: Annotated[str | None, Query(max_length=64, description="Whose sign of life.")] = None,
) -> schemas.Status:
    """Progress, classes, the audited accuracy with its curve, advice, agreement."""
    if seat is not None:
        served.desk.renew(seat)
    return served.standing.now()


@routes.get("/history")
def history(
    served: Serving,
    before: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    limit: LimitQuery = 50,
    search: Annotated[str, Query(max_length=200)] = "",
) -> schemas.History:
    """What was decided and is in force, the latest first; ``before`` an event's number."""
    return served.reader.history(before, limit, search)


@routes.get("/item")
def look(served: Serving, id: ItemQuery) -> schemas.Looked:  # noqa: A002 - the name in the address
    """One item, what is predicted for it by the others' labels, and its own."""
    return served.reader.looked(id)


@routes.get("/snippet")
def snippet(served: Serving, id: ItemQuery) -> schemas.Item:  # noqa: A002
    """One item as lists show it: whether it has a picture, or the beginning of its text."""
    return served.reader.snippet(id)


@routes.get(
    "/image",
    response_class=Response,
    responses={200: {"content": {kind: {} for kind in _PICTURE_TYPES}}},
)
def image(
    served: Serving,
    id: ItemQuery,  # noqa: A002
    size: schemas.ImageSize = "full",
) -> Response:
    """An item's picture as it is, or a small one. Items are named by id, never by path."""
    file = picture_file(*served.reader.record(id))
    if size == "small":
        return Response(small_picture(file), media_type="image/jpeg", headers=_PICTURES_KEPT)
    kind = served_as(file)
    if kind is None:
        return Response(redrawn(file), media_type="image/png", headers=_PICTURES_KEPT)
    return FileResponse(file, media_type=kind, headers=_PICTURES_KEPT)


@routes.get("/conflicts")
def conflicts(served: Serving, limit: LimitQuery = 50) -> list[schemas.Conflict]:
    """Labels that a second opinion speaks against."""
    return served.reader.conflicts(limit)


@routes.get("/suspects")
def suspects(served: Serving, limit: LimitQuery = 50) -> list[schemas.Suspect]:
    """Labels to review: those that two people disagree on, then those that are probably wrong,
    judging by the others'.
    """
    return served.reader.suspects(limit)


@routes.get("/random")
def random_labels(served: Serving) -> schemas.RandomLabels:
    """What as many labels drawn at random would have reached, worked out in the background."""
    return served.random.now()


@routes.get("/map")
def map_state(served: Serving) -> schemas.MapState:
    """Whether the map of the pool is there, and how far it is."""
    return served.map.standing()


@routes.post("/map")
def begin_map(served: Serving, begin: bodies.MapBegin) -> schemas.MapState:
    """Have the map laid out in the background, if it is not there; it is kept in the pool."""
    del begin  # has no fields
    served.map.begin()
    return served.map.standing()


@routes.get("/map/points", responses={200: {"model": schemas.MapPoints}})
def map_points(request: Request, served: Serving) -> Response:
    """Where each item lies. It does not change."""
    return _compressed(request, served.map.points())


@routes.get("/map/colors", responses={200: {"model": schemas.MapColors}})
def map_colors(request: Request, served: Serving) -> Response:
    """What each item is labeled, and predicted by the others' labels."""
    return _compressed(request, served.map.colors())


@routes.get(
    "/export",
    response_class=FileResponse,
    responses={200: {"content": {kind: {} for kind in _EXPORT_TYPES.values()}}},
)
def export_table(
    served: Serving,
    format: schemas.ExportFormat = "csv",  # noqa: A002
    labeled_only: bool = True,
) -> FileResponse:
    """Items, labels with who gave them, and predictions, as a file; one at a time."""
    folder = TemporaryDirectory(prefix="knnal-export-", ignore_cleanup_errors=True)
    file = Path(folder.name) / f"labels.{format}"
    with served.exporting:
        served.export(file, labeled_only)
    return FileResponse(
        file,
        media_type=_EXPORT_TYPES[format],
        filename=file.name,
        background=BackgroundTask(folder.cleanup),
    )


def _compressed(request: Request, packed: bytes) -> Response:
    """JSON that is compressed by gzip already, for who can read that; plain for the others."""
    headers = {"vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
    else:
        packed = gzip.decompress(packed)
    return Response(packed, media_type="application/json", headers=headers)
