"""Edge: a view is an act: asked for with a purpose, written down, opened by a ticket that works once."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import Field

from center.api.asked import Asked, Auditor, Viewer
from center.api.pagination import DEFAULT_LIMIT, Cursor, Limit, next_cursor, position
from center.api.problems import Problem, document, problem_of
from center.api.reading import reading
from center.api.shapes import Id, IdText, In, Line, Listed, Out
from center.api.viewing import recorded
from config.errors import Kind, XueliangError
from registry import view_register_store
from registry.camera import Camera
from registry.database import Connection
from registry.names_store import names_of
from registry.view import DUTY, MAX_TILES, PER_PRINCIPAL, Intent, ViewKind, ViewMoment

router = APIRouter(prefix="/api/v1", tags=["views"])

Ticketed = Literal[ViewKind.LIVE, ViewKind.TOUR, ViewKind.SNAPSHOT]


class ViewIn(In):
    """``purpose``: ``duty``, or why in words; a snapshot needs the words. ``reference``: a case, an order, a call.
    A token's purpose is the one it was made for."""

    kind: Ticketed = ViewKind.LIVE
    purpose: Line = DUTY
    reference: Line | None = None


class TileIn(ViewIn):
    """Several cameras at once, as a review screen opens them."""

    camera_ids: list[IdText] = Field(min_length=1, max_length=MAX_TILES)


class TicketOut(Out):
    """``ticket`` is here once: it opens this camera once, until ``expires``."""

    view_id: str
    camera_id: str
    ticket: str
    expires: datetime


class TileOut(Out):
    """A ticket, or the problem that this one camera has."""

    camera_id: str
    ticket: TicketOut | None = None
    problem: dict[str, object] | None = None


class TilesOut(Out):
    items: list[TileOut]


class EndIn(In):
    view_ids: list[IdText] = Field(min_length=1, max_length=PER_PRINCIPAL)


class RegisterOut(Out):
    """``moment``: begin, end, or shown (one still, both at once). ``reason``: why it ended, or which picture."""

    view_id: str
    moment: ViewMoment
    at: datetime
    principal: str
    kind: ViewKind
    camera_id: str
    camera_name: str | None = None
    area_id: str
    unit_id: str | None
    purpose: str
    reference: str | None
    reason: str | None


@router.post("/cameras/{camera_id}/views", status_code=201, summary="Ask for a view of one camera")
async def add_view(asked: Viewer, camera_id: Id, body: ViewIn) -> TicketOut:
    """Checks area, mask and limits, writes the register row, and answers with a ticket for 60 s. Every call is an
    act of its own; it takes no Idempotency-Key."""
    async with recorded(asked) as connection:
        cameras = await view_register_store.viewable(asked.scope, connection, [camera_id], body.kind)
        (ticket,) = await view_register_store.begin(
            asked.scope, connection, asked.known.principal.id, cameras, _intent(asked, body), _session(asked)
        )
    return TicketOut(view_id=ticket.view_id, camera_id=ticket.camera_id, ticket=ticket.secret, expires=ticket.expires)


@router.post("/views", status_code=201, summary="Ask for the views of a whole screen")
async def add_views(asked: Viewer, body: TileIn) -> TilesOut:
    """One call for all tiles: those that cannot be shown say why, the others get their tickets."""
    ids = list(dict.fromkeys(body.camera_ids))
    async with recorded(asked) as connection:
        found = {camera_id: await _one(asked, connection, camera_id, body.kind) for camera_id in ids}
        cameras = [camera for camera in found.values() if isinstance(camera, Camera)]
        tickets = await view_register_store.begin(
            asked.scope, connection, asked.known.principal.id, cameras, _intent(asked, body), _session(asked)
        )
    shown = {
        ticket.camera_id: TicketOut(
            view_id=ticket.view_id, camera_id=ticket.camera_id, ticket=ticket.secret, expires=ticket.expires
        )
        for ticket in tickets
    }
    items = []
    for camera_id in ids:
        one = found[camera_id]
        problem = document(one, asked.zh, asked.request_id) if isinstance(one, Problem) else None
        items.append(TileOut(camera_id=camera_id, ticket=shown.get(camera_id), problem=problem))
    return TilesOut(items=items)


@router.delete("/views/{view_id}", status_code=204, summary="End a view")
async def end_view(asked: Viewer, view_id: Id) -> Response:
    """The second row of the register. Ending twice is ending once."""
    async with recorded(asked) as connection:
        await view_register_store.end(asked.scope, connection, asked.known.principal.id, view_id)
    if asked.core.live_views is not None:
        asked.core.live_views.close_view(view_id)
    return Response(status_code=204)


@router.post("/views/end", status_code=204, summary="End several views")
async def end_views(asked: Viewer, body: EndIn) -> Response:
    """All tiles of a screen at once. One that is over, or that is not one's own, is passed over."""
    async with recorded(asked) as connection:
        mine = asked.known.principal.id
        ended = await view_register_store.end_mine(asked.scope, connection, mine, body.view_ids)
    if asked.core.live_views is not None:
        for view_id in ended:
            asked.core.live_views.close_view(view_id)
    return Response(status_code=204)


@router.get("/views", summary="The register of views")
async def list_views(
    asked: Auditor,
    camera: IdText | None = None,
    principal: Line | None = None,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Listed[RegisterOut]:
    """Who was shown which camera, when and why; the newest first."""
    query = {"camera": camera, "principal": principal}
    before = position(asked, cursor, **query)
    async with reading(asked, "views", {name: value for name, value in query.items() if value}) as connection:
        rows, last = await view_register_store.page(
            asked.scope, connection, before=before, limit=limit, camera_id=camera, principal=principal
        )
        names = await names_of(asked.scope, connection, {row.camera_id for row in rows}, ("camera",))
    items = [
        RegisterOut.model_validate(row).model_copy(update={"camera_name": names.get(row.camera_id)}) for row in rows
    ]
    return Listed(items=items, next_cursor=next_cursor(asked, last, **query))


def _session(asked: Asked) -> str | None:
    return asked.known.session.id if asked.known.session is not None else None


def _intent(asked: Asked, body: ViewIn) -> Intent:
    purpose = asked.known.purpose if asked.known.session is None and asked.known.purpose else body.purpose
    return Intent(body.kind, purpose, body.reference)


async def _one(asked: Asked, connection: Connection, camera_id: str, kind: ViewKind) -> Camera | Problem:
    try:
        (camera,) = await view_register_store.viewable(asked.scope, connection, [camera_id], kind)
    except XueliangError as error:
        if error.kind not in (Kind.NOT_FOUND, Kind.FORBIDDEN):
            raise
        return Problem("masked", where=camera_id) if error.facts.get("code") == "masked" else problem_of(error)
    return camera
