"""Edge: areas, the tree of the district, with the cameras of each by state."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import Field

from center.api.asked import Asked, Editor, Reader
from center.api.etag import IfMatch, edited, tagged, version_of
from center.api.idempotency import IdempotencyKey, once
from center.api.shapes import Id, IdText, In, Line, Out, Stamped, rendered
from config.ids import new_id
from health import camera_page_store
from health.state import State
from registry import area_store
from registry.answer_store import Answer
from registry.area import Area
from registry.database import Connection

router = APIRouter(prefix="/api/v1/areas", tags=["areas"])


class AreaOut(Out):
    """``counts``: watched cameras here and below, by state; ``total`` is their sum."""

    id: str
    name: str
    parent_id: str | None
    code: str | None
    since: datetime | None
    until: datetime | None
    version: int
    counts: dict[State, int]
    total: int


class AreaTree(Stamped):
    """The whole tree in your areas, in the order of ids. A parent outside of them is null."""

    items: list[AreaOut]
    counts: dict[State, int]
    total: int


class AreaIn(In):
    name: Line
    parent_id: IdText | None = None
    code: Line | None = Field(None, max_length=20)


class AreaEdit(In):
    """Only the members that are sent are changed."""

    name: Line = Field(default_factory=str)
    parent_id: IdText | None = None
    code: Line | None = Field(None, max_length=20)


@router.get("", response_model=AreaTree, summary="Areas with their cameras by state")
async def list_areas(asked: Reader) -> Response:
    async with asked.read() as connection:
        found = await area_store.list_areas(asked.scope, connection)
        counts, whole = await camera_page_store.count_by_area(asked.scope, connection)
    known = {area.id for area in found}
    items = [_out(area, counts, known) for area in found]
    return rendered(AreaTree(items=items, counts=whole, total=sum(whole.values()), as_of=asked.now))


@router.get("/{area_id}", response_model=AreaOut, summary="One area")
async def get_area(asked: Reader, area_id: Id) -> Response:
    out = await _load(asked, area_id)
    return tagged(asked, out, out.version)


@router.post("", status_code=201, response_model=AreaOut, summary="Add an area")
async def add_area(asked: Editor, body: AreaIn, key: IdempotencyKey = None) -> Response:
    """Below an area of yours, or at the top with the permission everywhere."""

    async def act(connection: Connection) -> Answer:
        area = Area(new_id(), body.name, body.parent_id, body.code)
        await area_store.add_area(asked.scope, connection, area)
        out = _out(area, {}, {body.parent_id or ""})
        return Answer(201, out.model_dump(mode="json"), {"Location": f"{router.prefix}/{area.id}", "ETag": '"v1"'})

    return await once(asked, key, act)


@router.patch("/{area_id}", response_model=AreaOut, summary="Edit an area")
async def edit_area(asked: Editor, area_id: Id, body: AreaEdit, if_match: IfMatch = None) -> Response:
    fields = body.model_dump(exclude_unset=True)

    async def change() -> Area:
        version = version_of(if_match)
        async with asked.write() as connection:
            await area_store.get_area(asked.scope, connection, area_id)
            return await area_store.change_area(asked.scope, connection, area_id, version, **fields)

    await edited(change(), lambda: _load(asked, area_id), fields)
    out = await _load(asked, area_id)
    return tagged(asked, out, out.version)


async def _load(asked: Asked, area_id: str) -> AreaOut:
    async with asked.read() as connection:
        area = await area_store.get_area(asked.scope, connection, area_id)
        known = {one.id for one in await area_store.list_areas(asked.scope, connection)}
        counts, _ = await camera_page_store.count_by_area(asked.scope, connection)
    return _out(area, counts, known)


def _out(area: Area, counts: dict[str, dict[State, int]], known: set[str]) -> AreaOut:
    own = counts.get(area.id) or dict.fromkeys(State, 0)
    return AreaOut(
        id=area.id,
        name=area.name,
        parent_id=area.parent_id if area.parent_id in known else None,
        code=area.code,
        since=area.since,
        until=area.until,
        version=area.version,
        counts=own,
        total=sum(own.values()),
    )
