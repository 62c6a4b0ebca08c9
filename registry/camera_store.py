"""Edge: the table of cameras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from config.scope import Permission, Scope
from registry import rows_store
from registry.camera import Camera
from registry.database import Connection
from registry.nouns_store import CAMERA, DEVICE
from registry.rows_store import Page
from registry.tables import cameras

#: Bound parameters in one statement.
_CHUNK = 500


async def add_camera(scope: Scope, connection: Connection, camera: Camera) -> Camera:
    """One channel of a device that the asker sees."""
    await add_cameras(scope, connection, [camera])
    return camera


async def add_cameras(scope: Scope, connection: Connection, added: Sequence[Camera]) -> None:
    """Channels of devices that the asker sees."""
    device_ids = {camera.device_id for camera in added}
    if len(await rows_store.get_many(scope, connection, DEVICE, device_ids)) != len(device_ids):
        raise rows_store.not_found(DEVICE.kind)
    for unit_id in {camera.unit_id for camera in added}:
        await rows_store.require_unit(scope, connection, unit_id)
    await rows_store.add_many(scope, connection, CAMERA, added)


async def change_camera(scope: Scope, connection: Connection, camera_id: str, version: int, **fields: Any) -> Camera:
    return await rows_store.change(scope, connection, CAMERA, camera_id, version, **fields)


async def get_camera(scope: Scope, connection: Connection, camera_id: str) -> Camera:
    return await rows_store.get(scope, connection, CAMERA, camera_id)


async def list_cameras(
    scope: Scope, connection: Connection, *, device_id: str | None = None, after: str | None = None, limit: int = 100
) -> Page[Camera]:
    where = [] if device_id is None else [cameras.c.device_id == device_id]
    return await rows_store.page(scope, connection, CAMERA, *where, after=after, limit=limit)


async def cameras_of(scope: Scope, connection: Connection, device_id: str) -> list[Camera]:
    """Every channel of a device, in the order of ids."""
    return await rows_store.every(scope, connection, CAMERA, cameras.c.device_id == device_id)


async def cameras_of_all(scope: Scope, connection: Connection, device_ids: Sequence[str]) -> dict[str, list[Camera]]:
    """As :func:`cameras_of` for several devices, by device."""
    found: dict[str, list[Camera]] = {device_id: [] for device_id in device_ids}
    for start in range(0, len(device_ids), _CHUNK):
        some = cameras.c.device_id.in_(device_ids[start : start + _CHUNK])
        for camera in await rows_store.every(scope, connection, CAMERA, some):
            found[camera.device_id].append(camera)
    return found


async def seen_cameras(scope: Scope, connection: Connection, camera_ids: Sequence[str]) -> set[str]:
    """Which of these lie in scope; at most a few hundred at once."""
    wanted = cameras.c.id.in_(list(camera_ids))
    return {camera.id for camera in await rows_store.every(scope, connection, CAMERA, wanted)}


async def lookable_cameras(scope: Scope, connection: Connection, camera_ids: Sequence[str]) -> dict[str, Camera]:
    """By id, those of which live pictures may be seen; the others are left out."""
    return await rows_store.get_many(scope, connection, CAMERA, camera_ids, Permission.LIVE)
