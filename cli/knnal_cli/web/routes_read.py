"""The part of the API that reads: status, history, items, pictures, reviews, the map, export."""

from __future__ import annotations

import gzip
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response
from starlette.background import BackgroundTask

from knnal.quality.review import Review
from knnal_cli.web import requests, responses
from knnal_cli.web.conversions import event_of, item_of, neighbors_of, question_of
from knnal_cli.web.pictures import picture_file, redrawn, served_as, small_picture
from knnal_cli.web.served import Serving

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
def about(served: Serving) -> responses.AboutOut:
    """The pool, and how it is labeled."""
    return served.about


@routes.get("/status")
def status(
    served: Serving,
    seat: Annotated[str | None, Query(max_length=64, description="Whose heartbeat it is.")] = None,
) -> responses.StatusOut:
    """Progress, classes, the audited accuracy with its curve, advice, agreement."""
    if seat is not None:
        served.session.heartbeat(seat)
    return served.status.now()


@routes.get("/history")
def history(
    served: Serving,
    before: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    limit: LimitQuery = 50,
    search: Annotated[str, Query(max_length=200)] = "",
) -> responses.History:
    """The decisions in force, the latest first, with a text in item, label, person or note;
    ``before`` is an event's number.
    """
    catalog, wanted = served.session.pool.catalog, search.casefold()
    with served.session.reading() as ledger:
        decisions = [(event, ledger.note(str(event.item))) for event in ledger.decisions()]
    found = [
        (event, note)
        for event, note in decisions
        if (before is None or event.seq < before)
        and wanted in f"{event.item}\n{event.label}\n{event.annotator}\n{note or ''}".casefold()
    ]
    found.sort(key=lambda entry: -entry[0].seq)
    entries = [
        responses.HistoryEntry(event=event_of(event), item=item_of(record), note=note)
        for event, note in found[:limit]
        if (record := catalog.find(str(event.item))) is not None
    ]
    return responses.History(entries=entries, more=len(found) > limit)


@routes.get("/item")
def item_detail(served: Serving, id: ItemQuery) -> responses.ItemDetail:  # noqa: A002 - the name in the address
    """One item, what is predicted for it by the others' labels, and its own."""
    question = served.session.explain(id)
    with served.session.reading() as ledger:
        decision = ledger.decision(question.item)
    return responses.ItemDetail(
        question=question_of(served.session, question),
        decision=None if decision is None else event_of(decision),
    )


@routes.get("/snippet")
def snippet(served: Serving, id: ItemQuery) -> responses.ItemOut:  # noqa: A002
    """One item as lists show it: whether it has a picture, or the beginning of its text."""
    return item_of(served.session.pool.catalog.get(id))


@routes.get(
    "/image",
    response_class=Response,
    responses={200: {"content": {kind: {} for kind in _PICTURE_TYPES}}},
)
def image(
    served: Serving,
    id: ItemQuery,  # noqa: A002
    size: responses.ImageSize = "full",
) -> Response:
    """An item's picture as it is, or a small one. Items are named by id, never by path."""
    catalog = served.session.pool.catalog
    file = picture_file(catalog.get(id), catalog.sources())
    if size == "small":
        return Response(small_picture(file), media_type="image/jpeg", headers=_PICTURES_KEPT)
    kind = served_as(file)
    if kind is None:
        return Response(redrawn(file), media_type="image/png", headers=_PICTURES_KEPT)
    return FileResponse(file, media_type=kind, headers=_PICTURES_KEPT)


@routes.get("/conflicts")
def conflicts(served: Serving, limit: LimitQuery = 50) -> list[responses.Conflict]:
    """Labels that a second opinion disagrees with, until they are reviewed, oldest first."""
    catalog = served.session.pool.catalog
    with served.session.reading() as ledger:
        found = list(islice(ledger.conflicts(), limit))
    return [
        responses.Conflict(
            item=item_of(catalog.get(str(first.item))),
            label=str(first.label),
            annotator=first.annotator,
            other_label=str(opinion.label),
            other_annotator=opinion.annotator,
        )
        for first, opinion in found
    ]


@routes.get("/suspects")
def suspects(served: Serving, limit: LimitQuery = 50) -> list[responses.SuspectOut]:
    """Labels to review: of items that have changed since, then those that two people disagree on,
    then those that are probably wrong, the most suspicious first.
    """
    catalog = served.session.pool.catalog
    found = served.session.read(lambda session: Review(session).suspects(limit))
    return [
        responses.SuspectOut(
            item=item_of(catalog.get(suspect.item)),
            label=suspect.label,
            annotator=suspect.annotator,
            opinions=list(suspect.opinions),
            outdated=suspect.outdated,
            suspicion=suspect.suspicion,
            prediction=suspect.prediction.label,
            probability=min(suspect.prediction.probability, 1.0),
            against=neighbors_of(suspect.against, catalog),
        )
        for suspect in found
    ]


@routes.get("/random")
def random_baseline(served: Serving) -> responses.RandomBaselineOut:
    """The accuracy that as many random labels would have reached, worked out in the background."""
    return served.random.now()


@routes.get("/map")
def map_state(served: Serving) -> responses.MapState:
    """Whether there is a map of the pool, and its progress."""
    return served.map.state()


@routes.post("/map")
def begin_map(served: Serving, begin: requests.Nothing) -> responses.MapState:
    """Lay the map out in the background, if there is none; it is kept in the pool."""
    del begin  # has no fields
    served.map.begin()
    return served.map.state()


@routes.get("/map/points", responses={200: {"model": responses.MapPointsOut}})
def map_points(request: Request, served: Serving) -> Response:
    """Where each item lies. It does not change."""
    return _compressed(request, served.map.points())


@routes.get("/map/colors", responses={200: {"model": responses.MapColors}})
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
    format: responses.ExportFormat = "csv",  # noqa: A002
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
    """JSON that is compressed by gzip already, or plain for clients that do not accept that."""
    headers = {"vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
    else:
        packed = gzip.decompress(packed)
    return Response(packed, media_type="application/json", headers=headers)
