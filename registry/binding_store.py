"""Edge: the table of bindings: which camera serves which point, from when to when."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from config.ids import new_id
from config.scope import Permission, Scope
from registry import rows_store
from registry.audit_chain import Act
from registry.audit_store import append, append_many
from registry.camera import Binding, Camera
from registry.change_feed_store import record
from registry.database import Connection, clock_of
from registry.nouns_store import CAMERA, POINT
from registry.point import Point
from registry.tables import bindings


async def bind(scope: Scope, connection: Connection, camera_id: str, point_id: str) -> Binding:
    """From now on the camera serves the point; what it served before ends now."""
    camera = await rows_store.get(scope, connection, CAMERA, camera_id)
    point = await rows_store.get(scope, connection, POINT, point_id)
    for place in (camera, point):
        await rows_store.require_place(scope, connection, Permission.EDIT, place.area_id, place.unit_id)
    await _end(connection, camera_id)
    binding = Binding(new_id(), camera_id, point_id, clock_of(connection).now())
    await connection.execute(sa.insert(bindings).values(**rows_store.columns_of(binding)))
    payload = {"act": "bound", "point": point_id}
    await record(connection, "camera", camera_id, camera.area_id, payload, unit_id=camera.unit_id)
    await append(
        scope,
        connection,
        "camera.bind",
        "camera",
        camera_id,
        area_id=camera.area_id,
        unit_id=camera.unit_id,
        details={"point": point_id},
    )
    return binding


async def bind_many(scope: Scope, connection: Connection, pairs: Sequence[tuple[Camera, Point]]) -> None:
    """For cameras made in this transaction, which serve nothing yet."""
    for area_id, unit_id in {(one.area_id, one.unit_id) for pair in pairs for one in pair}:
        await rows_store.require_place(scope, connection, Permission.EDIT, area_id, unit_id)
    now = clock_of(connection).now()
    made = [Binding(new_id(), camera.id, point.id, now) for camera, point in pairs]
    if made:
        await connection.execute(sa.insert(bindings), [rows_store.columns_of(binding) for binding in made])
        acts = [
            Act("camera.bind", "camera", camera.id, camera.area_id, camera.unit_id, {"point": point.id})
            for camera, point in pairs
        ]
        await append_many(scope, connection, acts)


async def unbind(scope: Scope, connection: Connection, camera_id: str) -> None:
    """The camera serves no point from now on."""
    camera = await rows_store.get(scope, connection, CAMERA, camera_id)
    area_id, unit_id = camera.area_id, camera.unit_id
    await rows_store.require_place(scope, connection, Permission.EDIT, area_id, unit_id)
    await _end(connection, camera_id)
    await record(connection, "camera", camera_id, area_id, {"act": "unbound"}, unit_id=unit_id)
    await append(scope, connection, "camera.unbind", "camera", camera_id, area_id=area_id, unit_id=unit_id)


async def bindings_of_point(scope: Scope, connection: Connection, point_id: str) -> list[Binding]:
    """The oldest first, ended ones included."""
    await rows_store.get(scope, connection, POINT, point_id)
    return await _list(connection, bindings.c.point_id == point_id)


async def bindings_of_camera(scope: Scope, connection: Connection, camera_id: str) -> list[Binding]:
    await rows_store.get(scope, connection, CAMERA, camera_id)
    return await _list(connection, bindings.c.camera_id == camera_id)


async def _list(connection: Connection, where: sa.ColumnElement[bool]) -> list[Binding]:
    query = sa.select(bindings).where(where).order_by(bindings.c.since, bindings.c.id)
    return [Binding(**row._mapping) for row in await connection.execute(query)]


async def _end(connection: Connection, camera_id: str) -> None:
    still = (bindings.c.camera_id == camera_id) & bindings.c.until.is_(None)
    await connection.execute(sa.update(bindings).where(still).values(until=clock_of(connection).now()))
