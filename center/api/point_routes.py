"""Edge: points, the places and their records (一机一档), with the cameras that serve them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from fastapi import APIRouter, Response
from pydantic import Field

from center.api.asked import Asked, Editor, Reader
from center.api.etag import IfMatch, edited, tagged, version_of
from center.api.idempotency import IdempotencyKey, once
from center.api.pagination import DEFAULT_LIMIT, Cursor, Limit, next_cursor, position
from center.api.shapes import Id, IdText, In, Line, Listed, Out
from config.ids import new_id
from registry import binding_store, camera_store, point_store, rows_store
from registry.answer_store import Answer
from registry.database import Connection
from registry.lifecycle import Lifecycle
from registry.point import Point

router = APIRouter(prefix="/api/v1/points", tags=["points"])


class Step(In):
    """One step of the way from the camera to the centre: a recorder, a switch or a link."""

    kind: Line
    id: Line
    name: Line


class PointFields(In):
    """Numbers as in the catalogue item of GB/T 28181-2022: `point_class` 1 to 4 and 9, `room` 1 outdoor 2 indoor,
    `light` 1 none 2 IR 3 white 4 laser 9 other, `direction` 1 E 2 W 3 S 4 N 5 SE 6 NE 7 SW 8 NW 9 all round,
    `mount` 1 pole 2 borrowed pole 3 wall. Degrees are WGS-84. `unit_id` manages, `maintenance_unit_id` repairs."""

    unit_id: IdText | None = None
    maintenance_unit_id: IdText | None = None
    point_class: int | None = Field(None, ge=1, le=9)
    gb_id: Line | None = Field(None, max_length=40)
    code: Line | None = Field(None, max_length=80)
    common_name: Line | None = None
    civil_code: Line | None = Field(None, max_length=20)
    block: Line | None = Field(None, max_length=80)
    address: Line | None = None
    longitude: float | None = Field(None, ge=-180, le=180)
    latitude: float | None = Field(None, ge=-90, le=90)
    network: Line | None = Field(None, max_length=80)
    position_kind: Line | None = Field(None, max_length=80)
    industry: Line | None = Field(None, max_length=20)
    room: int | None = Field(None, ge=1, le=9)
    light: int | None = Field(None, ge=1, le=9)
    direction: int | None = Field(None, ge=1, le=9)
    mount: int | None = Field(None, ge=1, le=9)
    field_angle: float | None = Field(None, ge=0, le=360)
    view_distance: float | None = Field(None, ge=0, le=100_000)
    install_date: date | None = None
    warranty_end: date | None = None
    contacts: Line | None = None
    recording_days: int | None = Field(None, ge=0, le=3650)
    access_path: list[Step] = Field(default_factory=list, max_length=10)
    key_place: Line | None = None
    key_road: Line | None = None
    tags: list[Line] = Field(default_factory=list, max_length=50)


class PointIn(PointFields):
    name: Line
    area_id: IdText
    lifecycle: Lifecycle = Lifecycle.ADOPTED


class PointEdit(PointFields):
    """Only the members that are sent are changed."""

    name: Line = Field(default_factory=str)
    area_id: IdText = Field(default_factory=str)
    lifecycle: Lifecycle = Lifecycle.ADOPTED


class PointOut(Out):
    id: str
    name: str
    area_id: str
    unit_id: str | None
    maintenance_unit_id: str | None
    point_class: int | None
    lifecycle: Lifecycle
    gb_id: str | None
    code: str | None
    common_name: str | None
    civil_code: str | None
    block: str | None
    address: str | None
    parent_gb_ids: list[str]
    longitude: float | None
    latitude: float | None
    network: str | None
    position_kind: str | None
    industry: str | None
    room: int | None
    light: int | None
    direction: int | None
    mount: int | None
    field_angle: float | None
    view_distance: float | None
    install_date: date | None
    warranty_end: date | None
    contacts: str | None
    recording_days: int | None
    access_path: list[dict[str, str]]
    key_place: str | None
    key_road: str | None
    tags: list[str]
    version: int


class Serving(Out):
    """Which camera served the point from when to when; ``until`` is null while it does."""

    camera_id: str
    since: datetime
    until: datetime | None


class OnePoint(PointOut):
    cameras: list[Serving]


@router.get("", summary="Points")
async def list_points(asked: Reader, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Listed[PointOut]:
    """In the order of making. To find one by name or code, search cameras."""
    after = position(asked, cursor)
    async with asked.read() as connection:
        page = await point_store.list_points(asked.scope, connection, after=after, limit=limit)
    items = [PointOut.model_validate(point) for point in page.items]
    return Listed(items=items, next_cursor=next_cursor(asked, page.after))


@router.get("/{point_id}", response_model=OnePoint, summary="One point with its cameras")
async def get_point(asked: Reader, point_id: Id) -> Response:
    out = await _load(asked, point_id)
    return tagged(asked, out, out.version)


@router.post("", status_code=201, response_model=PointOut, summary="Add a point")
async def add_point(asked: Editor, body: PointIn, key: IdempotencyKey = None) -> Response:
    async def act(connection: Connection) -> Answer:
        point = await point_store.add_point(asked.scope, connection, Point(id=new_id(), **_fields(body.model_dump())))
        out = PointOut.model_validate(point)
        return Answer(201, out.model_dump(mode="json"), {"Location": f"{router.prefix}/{point.id}", "ETag": '"v1"'})

    return await once(asked, key, act)


@router.patch("/{point_id}", response_model=OnePoint, summary="Edit a point")
async def edit_point(asked: Editor, point_id: Id, body: PointEdit, if_match: IfMatch = None) -> Response:
    """Needs `If-Match`; 412 shows both versions. A change of area, unit or class holds from now on."""
    fields = _fields(body.model_dump(exclude_unset=True))

    async def change() -> Point:
        version = version_of(if_match)
        async with asked.write() as connection:
            for name in ("unit_id", "maintenance_unit_id"):
                await rows_store.require_unit(asked.scope, connection, fields.get(name))
            return await point_store.change_point(asked.scope, connection, point_id, version, **fields)

    await edited(change(), lambda: _load(asked, point_id), body.model_dump(exclude_unset=True, mode="json"))
    out = await _load(asked, point_id)
    return tagged(asked, out, out.version)


async def _load(asked: Asked, point_id: str) -> OnePoint:
    async with asked.read() as connection:
        point = await point_store.get_point(asked.scope, connection, point_id)
        held = await binding_store.bindings_of_point(asked.scope, connection, point_id)
        # A point may lie in one's area while a camera that once served it does not.
        ids = [one.camera_id for one in held]
        seen = await camera_store.seen_cameras(asked.scope, connection, ids)
    serving = [
        Serving(camera_id=one.camera_id, since=one.since, until=one.until) for one in held if one.camera_id in seen
    ]
    return OnePoint(**PointOut.model_validate(point).model_dump(), cameras=serving)


def _fields(values: dict[str, Any]) -> dict[str, Any]:
    """Lists as the tuples that a point's value holds."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
