"""Edge: how an incident is written: its row, what happened to it, the feed's row and the audit's, together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from alerts.incident import STANDING, Incident
from alerts.tables import incident_entries, incidents
from config.errors import Kind, XueliangError
from config.scope import Permission, Scope
from registry.audit_store import append
from registry.change_feed_store import record
from registry.database import Connection, clock_of
from registry.lifecycle import WATCHED
from registry.scope_store import visible
from registry.tables import cameras, devices

_NAMES = [field.name for field in fields(Incident)]
MAX_TEXT = 2000

#: Where an incident lies: where its camera is now, or where its group was when it went down.
AREA = sa.func.coalesce(cameras.c.area_id, incidents.c.area_id)
UNIT = sa.case((incidents.c.camera_id.is_not(None), cameras.c.unit_id), else_=incidents.c.unit_id)
JOINED = incidents.outerjoin(cameras, cameras.c.id == incidents.c.camera_id)
STANDS = incidents.c.state.in_(sorted(STANDING))


def in_scope(scope: Scope, permission: Permission = Permission.READ) -> ColumnElement[bool]:
    """For statements over :data:`JOINED`."""
    return visible(scope.where(permission), AREA, UNIT)


def load(row: sa.Row[Any]) -> Incident:
    return Incident(**{name: getattr(row, name) for name in _NAMES})


async def insert(scope: Scope, connection: Connection, incident: Incident) -> None:
    await connection.execute(sa.insert(incidents).values(**{name: getattr(incident, name) for name in _NAMES}))
    await note(scope, connection, incident, "opened", incident.cause)


async def update(scope: Scope, connection: Connection, before: Incident, after: Incident, act: str, text: str) -> None:
    """Raises ``CONFLICT`` where somebody was faster."""
    changed = {name: getattr(after, name) for name in _NAMES if getattr(before, name) != getattr(after, name)}
    statement = sa.update(incidents).where(incidents.c.id == before.id, incidents.c.version == before.version)
    result = await connection.execute(statement.values(**changed))
    if result.rowcount != 1:
        raise changed_meanwhile(before.version)
    await note(scope, connection, after, act, text)


async def note(scope: Scope, connection: Connection, incident: Incident, act: str, text: str) -> None:
    """One entry of the incident's own story, one of the feed, one of the audit. Entries are only ever added."""
    await connection.execute(
        sa.insert(incident_entries).values(
            incident_id=incident.id,
            at=clock_of(connection).now(),
            principal=scope.principal[:200],
            act=act,
            text=text[:MAX_TEXT],
        )
    )
    area_id, unit_id = await _place(connection, incident)
    payload = {
        "act": act,
        "kind": incident.kind.value,
        "state": incident.state.value,
        "cause": incident.cause,
        "since": incident.since.isoformat(),
        "camera_id": incident.camera_id,
        "version": incident.version,
    }
    await record(connection, "incident", incident.id, area_id, payload, unit_id=unit_id)
    details = {"state": incident.state.value, "version": incident.version, "camera_id": incident.camera_id}
    await append(
        scope,
        connection,
        f"incident.{act}",
        "incident",
        incident.id,
        area_id=area_id,
        unit_id=unit_id,
        details={**details, "text": text[:MAX_TEXT]},
    )


async def _place(connection: Connection, incident: Incident) -> tuple[str | None, str | None]:
    if incident.camera_id is None:
        return incident.area_id, incident.unit_id
    query = sa.select(cameras.c.area_id, cameras.c.unit_id).where(cameras.c.id == incident.camera_id)
    row = (await connection.execute(query)).one()
    return row.area_id, row.unit_id


async def find(connection: Connection, *where: ColumnElement[bool]) -> list[Incident]:
    """For the service's own work; what people ask goes through :mod:`alerts.incident_store`."""
    return [load(row) for row in await connection.execute(sa.select(incidents).where(*where).order_by(incidents.c.id))]


async def find_standing(
    connection: Connection, camera_ids: Iterable[str], *where: ColumnElement[bool]
) -> list[Incident]:
    """Standing incidents of these cameras."""
    ids, found = sorted(camera_ids), []
    for start in range(0, len(ids), 500):
        found += await find(connection, STANDS, incidents.c.camera_id.in_(ids[start : start + 500]), *where)
    return found


async def find_left(connection: Connection, limit: int = 500) -> list[Incident]:
    """Standing incidents of cameras that are no longer watched: nobody will see them recover."""
    watched = cameras.c.lifecycle.in_(sorted(WATCHED)) & devices.c.lifecycle.in_(sorted(WATCHED))
    joined = incidents.join(cameras, cameras.c.id == incidents.c.camera_id)
    query = sa.select(incidents).select_from(joined.join(devices, devices.c.id == cameras.c.device_id))
    query = query.where(STANDS, sa.not_(watched)).order_by(incidents.c.id).limit(limit)
    return [load(row) for row in await connection.execute(query)]


async def count_cameras(connection: Connection, parent_id: str) -> int:
    """How many cameras are, or were, part of it."""
    query = sa.select(sa.func.count()).where(incidents.c.parent_id == parent_id, incidents.c.camera_id.is_not(None))
    return int((await connection.execute(query)).scalar_one())


async def set_cameras(connection: Connection, incident: Incident, number: int) -> None:
    """A count, not an edit: whoever has the incident open is not told that it was changed."""
    await connection.execute(sa.update(incidents).where(incidents.c.id == incident.id).values(cameras=number))


def changed_meanwhile(version: int) -> XueliangError:
    return XueliangError(
        Kind.CONFLICT,
        "the incident was changed meanwhile",
        fix="Load it again, compare, and repeat the change",
        facts={"version": version},
    )
