"""Edge: the tiles of a wall: what each camera is, for whoever may look, even a screen that may read nothing else."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response

from center.api.asked import Viewer
from center.api.shapes import IdText, Out, Stamped, rendered
from config.errors import XueliangError
from config.scope import Permission
from health.camera_page_store import CameraRow, Sort, Wanted, list_cameras
from health.picture_files import PictureFiles
from health.state import State
from registry import camera_store, stream_store
from registry.camera import Camera
from registry.stream import Stream, StreamRole
from registry.view import MAX_TILES, ViewKind, check_mask

router = APIRouter(prefix="/api/v1/wall", tags=["views"])


class TileStream(Out):
    """One stream as it was last seen; null where nobody has looked yet."""

    role: StreamRole
    codec: str | None
    width: int | None
    height: int | None
    fps: float | None


class TileCamera(Out):
    """``masked``: a privacy mask is required that is not in the picture, so no view opens. ``still_at``: when the
    picture of the last check was taken, as `/cameras/{id}/sample` shows it; null where there is none to be shown."""

    camera_id: str
    name: str
    state: State
    since: datetime | None
    cause: str
    last_at: datetime | None
    last_good_at: datetime | None
    streams: list[TileStream]
    masked: bool
    still_at: datetime | None


class WallOut(Stamped):
    """In the order asked for; a camera that is not here is not found, or not where you may look."""

    items: list[TileCamera]


@router.get("", response_model=WallOut, summary="Cameras for the tiles of a wall")
async def wall(
    asked: Viewer,
    camera: Annotated[list[IdText], Query(max_length=MAX_TILES, description="up to 36 of these")] = [],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=MAX_TILES, description="so many by name, where none is named")] = 9,
) -> Response:
    """Where the permission *live* holds. It shows nothing: a picture is asked for as a view."""
    ids = list(dict.fromkeys(camera))
    async with asked.read() as connection:
        rows, _ = await list_cameras(
            asked.scope,
            connection,
            Wanted(ids=ids),
            sort=Sort.NAME,
            limit=MAX_TILES if ids else limit,
            permission=Permission.LIVE,
        )
        found = [row.id for row in rows]
        streams = await stream_store.streams_of_many(asked.scope, connection, found, Permission.LIVE)
        cameras = await camera_store.lookable_cameras(asked.scope, connection, found)
    files = PictureFiles(asked.core.storage.folder.evidence)
    taken = await asyncio.to_thread(lambda: {one: files.last_at(one) for one in found})
    by_id = {row.id: row for row in rows}
    items = [_tile(by_id[one], streams.get(one, []), cameras[one], taken[one]) for one in ids or found if one in by_id]
    return rendered(WallOut(items=items, as_of=asked.now))


def _tile(row: CameraRow, streams: list[Stream], camera: Camera, taken: datetime | None) -> TileCamera:
    return TileCamera(
        camera_id=row.id,
        name=row.name,
        state=row.state,
        since=row.since,
        cause=row.cause,
        last_at=row.last_at,
        last_good_at=row.last_good_at,
        streams=[TileStream.model_validate(stream) for stream in streams],
        masked=_masked(camera, ViewKind.LIVE),
        still_at=None if _masked(camera, ViewKind.SAMPLE) else taken,
    )


def _masked(camera: Camera, kind: ViewKind) -> bool:
    try:
        check_mask(camera, kind)
    except XueliangError:
        return True
    return False
