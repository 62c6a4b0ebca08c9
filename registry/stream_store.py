"""Edge: the table of streams. A stream is seen and edited by those who see and edit its camera."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import sqlalchemy as sa

from config.errors import Kind, XueliangError
from config.scope import Permission, Scope
from registry import rows_store
from registry.audit_store import append
from registry.change_feed_store import record
from registry.database import Connection
from registry.nouns_store import CAMERA
from registry.stream import Stream, check_url
from registry.tables import cameras, streams

_CHUNK = 500


async def put_stream(scope: Scope, connection: Connection, stream: Stream) -> Stream:
    """Set the camera's stream of that role; the row that stands must have ``stream.version``.

    Raises ``INVALID`` for an address with a password in it or of another kind, ``CONFLICT`` for another version.
    """
    check_url(stream.url)
    camera = await rows_store.get(scope, connection, CAMERA, stream.camera_id)
    await rows_store.require_place(scope, connection, Permission.EDIT, camera.area_id, camera.unit_id)
    query = sa.select(streams).where(streams.c.camera_id == stream.camera_id, streams.c.role == stream.role)
    stands = (await connection.execute(query)).one_or_none()
    if stands is None:
        stored = dataclasses.replace(stream, version=1)
        await connection.execute(sa.insert(streams).values(**rows_store.columns_of(stored)))
    else:
        if stands.version != stream.version:
            raise XueliangError(
                Kind.CONFLICT, "the stream was changed meanwhile", facts={"version": int(stands.version)}
            )
        stored = dataclasses.replace(stream, id=stands.id, version=stands.version + 1)
        await connection.execute(
            sa.update(streams).where(streams.c.id == stands.id).values(**rows_store.columns_of(stored))
        )
    area_id, unit_id = camera.area_id, camera.unit_id
    payload = {"act": "stream", "role": stream.role.value}
    await record(connection, "camera", camera.id, area_id, payload, unit_id=unit_id)
    details = {"role": stream.role.value, "url": stream.url}
    await append(
        scope, connection, "camera.stream", "camera", camera.id, area_id=area_id, unit_id=unit_id, details=details
    )
    return stored


async def add_streams(scope: Scope, connection: Connection, added: Sequence[Stream]) -> None:
    """For cameras made in this transaction by one who may: their change and audit rows tell of them."""
    for stream in added:
        check_url(stream.url)
    camera_ids = sorted({stream.camera_id for stream in added})
    for start in range(0, len(camera_ids), _CHUNK):
        some = cameras.c.id.in_(camera_ids[start : start + _CHUNK])
        seen = sa.select(sa.func.count()).where(some, CAMERA.visible(scope.where(Permission.EDIT)))
        if (await connection.execute(seen)).scalar_one() != len(camera_ids[start : start + _CHUNK]):
            raise rows_store.not_found("camera")
    if added:
        await connection.execute(sa.insert(streams), [rows_store.columns_of(stream) for stream in added])


async def streams_of(scope: Scope, connection: Connection, camera_id: str) -> list[Stream]:
    """Main first."""
    await rows_store.get(scope, connection, CAMERA, camera_id)
    query = sa.select(streams).where(streams.c.camera_id == camera_id).order_by(streams.c.role)
    return [Stream(**row._mapping) for row in await connection.execute(query)]


async def streams_of_many(
    scope: Scope, connection: Connection, camera_ids: Sequence[str], permission: Permission = Permission.READ
) -> dict[str, list[Stream]]:
    """By camera, main first; what is not in the scope of ``permission`` is left out."""
    found: dict[str, list[Stream]] = {}
    query = sa.select(streams).join(cameras, cameras.c.id == streams.c.camera_id)
    query = query.where(CAMERA.visible(scope.where(permission))).order_by(streams.c.camera_id, streams.c.role)
    for start in range(0, len(camera_ids), _CHUNK):
        some = streams.c.camera_id.in_(sorted(set(camera_ids[start : start + _CHUNK])))
        for row in await connection.execute(query.where(some)):
            found.setdefault(row.camera_id, []).append(Stream(**row._mapping))
    return found
