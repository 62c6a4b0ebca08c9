"""Edge: states in batches, for platforms that follow thousands of cameras by GB/T id or ours."""

from __future__ import annotations

from datetime import datetime
from operator import attrgetter
from typing import Annotated

from fastapi import APIRouter, Query, Response

from center.api.asked import Reader
from center.api.pagination import DEFAULT_LIMIT, Cursor, Limit, next_cursor, position
from center.api.problems import Problem
from center.api.shapes import IdText, Listed, Out, rendered
from health import camera_page_store
from health.camera_page_store import CameraRow, Sort, Wanted
from health.classes import CatalogStatus
from health.codes import codes_of
from health.observation import Link, Picture
from health.state import State
from registry.lifecycle import Lifecycle

router = APIRouter(prefix="/api/v1", tags=["platforms"])

#: Ids of one request.
MAX_IDS = 200
Ids = Annotated[list[IdText], Query(default_factory=list, max_length=MAX_IDS)]


class BriefStatus(Out):
    """``since`` is null for a camera never checked. ``inspection`` is the code in use (0 to 10), ``catalog`` the
    word of GB/T 28181 (ON, OFF, VLOST, DEFECT); both null while nothing is known."""

    camera_id: str
    gb_id: str | None
    name: str
    area_id: str
    unit_id: str | None
    lifecycle: Lifecycle
    state: State
    since: datetime | None
    cause: str
    link: Link
    picture: Picture
    last_at: datetime | None
    age: float | None
    last_good_at: datetime | None
    inspection: int | None
    catalog: CatalogStatus | None

    @classmethod
    def of(cls, row: CameraRow, now: datetime) -> BriefStatus:
        shown = dict(zip(_SHOWN, _OF_ROW(row), strict=True))
        inspection, catalog = codes_of(row.state, row.cause)
        age = None if row.last_at is None else max(0.0, (now - row.last_at).total_seconds())
        return cls(camera_id=row.id, **shown, age=age, inspection=inspection, catalog=catalog)


_SHOWN = tuple(name for name in BriefStatus.model_fields if name in CameraRow.__match_args__)
_OF_ROW = attrgetter(*_SHOWN)


class StatusPage(Listed[BriefStatus]):
    """``missing``: ids asked for that do not exist or are outside your areas."""

    as_of: datetime
    missing: list[str]


@router.get("/status", response_model=StatusPage, summary="States in batches")
async def list_status(
    asked: Reader,
    gb_id: Ids,
    ids: Annotated[list[IdText], Query(alias="id", default_factory=list, max_length=MAX_IDS)],
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Of up to 200 cameras named by GB/T id or by ours; without ids all watched cameras, page by page. Several
    cameras may bear one GB/T id: all of them are told."""
    if gb_id and ids:
        raise Problem("invalid", where="query", what="name cameras by gb_id or by id, not by both")
    if gb_id or ids:
        return rendered(await _named(asked, gb_id, ids))
    after = position(asked, cursor)
    async with asked.read() as connection:
        rows, last = await camera_page_store.list_cameras(
            asked.scope, connection, sort=Sort.ID, after=tuple(after) if after else None, limit=limit
        )
    now = asked.now
    items = [BriefStatus.of(row, now) for row in rows]
    cursor_out = next_cursor(asked, list(last) if last else None)
    return rendered(StatusPage(items=items, next_cursor=cursor_out, as_of=now, missing=[]))


async def _named(asked: Reader, gb_ids: list[str], ids: list[str]) -> StatusPage:
    wanted = Wanted(gb_ids=gb_ids, ids=ids, all_lifecycles=True)
    async with asked.read() as connection:
        rows, _ = await camera_page_store.list_cameras(
            asked.scope, connection, wanted, sort=Sort.ID, limit=camera_page_store.MAX_PAGE
        )
    told = {row.gb_id for row in rows} if gb_ids else {row.id for row in rows}
    missing = [one for one in dict.fromkeys(gb_ids or ids) if one not in told]
    now = asked.now
    return StatusPage(items=[BriefStatus.of(row, now) for row in rows], as_of=now, missing=missing)
