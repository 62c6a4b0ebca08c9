"""Edge: cameras: found by filter and search, one with its record, edited under its version."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query, Response

from center.api.asked import Asked, Editor, Reader
from center.api.camera_shapes import CameraEdit, CameraItem, CameraOut, CameraPage
from center.api.etag import IfMatch, edited, tagged, version_of
from center.api.pagination import DEFAULT_LIMIT, Cursor, Limit, next_cursor, position
from center.api.shapes import Id, IdText, Line, rendered
from center.api.status_routes import allowed_age
from health import camera_page_store
from health.camera_page_store import Sort, Wanted
from health.looked_store import Look, Looking
from health.state import State
from registry import camera_store, rows_store, stream_store
from registry.camera import Camera

router = APIRouter(prefix="/api/v1/cameras", tags=["cameras"])

States = Annotated[list[State], Query(max_length=6, description="any of these states")]
Text = Annotated[Line | None, Query(description="part of a name, code, GB/T id or address")]


@router.get("", response_model=CameraPage, summary="Cameras")
async def list_cameras(
    asked: Reader,
    state: States = [],  # noqa: B006  (read only; the framework copies it)
    area: Annotated[IdText | None, Query(description="in this area or below it")] = None,
    unit: Annotated[IdText | None, Query(description="repaired by this unit")] = None,
    device: Annotated[IdText | None, Query(description="channels of this device")] = None,
    point: Annotated[IdText | None, Query(description="serving this point")] = None,
    looked: Annotated[
        Look | None,
        Query(description="last looked at within one and a half planned intervals, or not; `never` is part of `late`"),
    ] = None,
    q: Text = None,
    sort: Annotated[Sort, Query(description="a minus turns the order round; `state`: the worst first")] = Sort.NAME,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> Response:
    """Watched cameras in your areas. Counts are of everything the filters leave, not of the page."""
    query = {"state": sorted(state), "area": area, "unit": unit, "device": device, "point": point, "q": q, "sort": sort}
    query["looked"] = looked
    after = position(asked, cursor, **query)
    wanted = Wanted(states=state, area_id=area, unit_id=unit, device_id=device, point_id=point, text=q)
    wanted = replace(wanted, looked=looking(asked, looked))
    async with asked.read() as connection:
        rows, last = await camera_page_store.list_cameras(
            asked.scope, connection, wanted, sort=sort, after=tuple(after) if after else None, limit=limit
        )
        if after is None and last is None:
            counts = camera_page_store.tally(rows)
        else:
            counts = await camera_page_store.count_cameras(asked.scope, connection, wanted)
    now = asked.now
    return rendered(
        CameraPage(
            items=[CameraItem.of(row, now) for row in rows],
            next_cursor=next_cursor(asked, list(last) if last else None, **query),
            as_of=now,
            counts=counts,
            total=sum(counts.values()),
        )
    )


def looking(asked: Asked, which: Look | None) -> Looking | None:
    """By the service's clock."""
    return None if which is None else Looking(which, allowed_age(asked.core), asked.now)


@router.get("/{camera_id}", response_model=CameraOut, summary="One camera")
async def get_camera(asked: Reader, camera_id: Id) -> Response:
    out = await load_camera(asked, camera_id)
    return tagged(asked, out, out.version)


@router.patch("/{camera_id}", response_model=CameraOut, summary="Edit a camera")
async def edit_camera(asked: Editor, camera_id: Id, body: CameraEdit, if_match: IfMatch = None) -> Response:
    """Needs `If-Match`; 412 shows both versions."""
    fields = body.model_dump(exclude_unset=True)
    if "mask" in fields:
        fields["mask"] = tuple(tuple((x, y) for x, y in polygon) for polygon in fields["mask"])

    async def change() -> Camera:
        version = version_of(if_match)
        async with asked.write() as connection:
            if "unit_id" in fields:
                await rows_store.require_unit(asked.scope, connection, fields["unit_id"])
            return await camera_store.change_camera(asked.scope, connection, camera_id, version, **fields)

    await edited(change(), lambda: load_camera(asked, camera_id), body.model_dump(exclude_unset=True, mode="json"))
    out = await load_camera(asked, camera_id)
    return tagged(asked, out, out.version)


async def load_camera(asked: Asked, camera_id: str) -> CameraOut:
    """Raises ``NOT_FOUND``."""
    async with asked.read() as connection:
        camera = await camera_store.get_camera(asked.scope, connection, camera_id)
        wanted = Wanted(ids=[camera_id], all_lifecycles=True)
        rows, _ = await camera_page_store.list_cameras(asked.scope, connection, wanted, sort=Sort.ID)
        streams = await stream_store.streams_of(asked.scope, connection, camera_id)
    return CameraOut.both(rows[0], camera, streams, asked.now)
