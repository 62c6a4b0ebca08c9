"""Edge: how an incident is written: its row, what happened to it, the feed's row and the audit's, together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from alerts.incident import STANDING, Incident
from alerts.tables import incident_entries, incidents
from config.errors import Kind, XueliangError
from config.scope import Permission, Scope
from registry.audit_chain import Act
from registry.audit_store import append_many
from registry.change_feed import Told
from registry.change_feed_store import record_many
from registry.database import Connection, clock_of
from registry.scope_store import visible
from registry.tables import cameras

_NAMES = [field.name for field in fields(Incident)]
MAX_TEXT = 2000

#: Where an incident lies: where its camera is now, or where its group was when it went down.
AREA = sa.func.coalesce(cameras.c.area_id, incidents.c.area_id)
UNIT = sa.case((incidents.c.camera_id.is_not(None), cameras.c.unit_id), else_=incidents.c.unit_id)
JOINED = incidents.outerjoin(cameras, cameras.c.id == incidents.c.camera_id)
STANDS = incidents.c.state.in_(sorted(STANDING))
_UPDATE = (
    sa.update(incidents)
    .where(incidents.c.id == sa.bindparam("b_id"), incidents.c.version == sa.bindparam("b_version"))
    .values({n: sa.bindparam("b_to_version" if n == "version" else f"b_{n}") for n in _NAMES if n != "id"})
)


def in_scope(scope: Scope, permission: Permission = Permission.READ) -> ColumnElement[bool]:
    """For statements over :data:`JOINED`."""
    return visible(scope.where(permission), AREA, UNIT)


def load(row: sa.Row[Any]) -> Incident:
    return Incident(**{name: getattr(row, name) for name in _NAMES})


@dataclass(frozen=True, slots=True)
class Step:
    """One move of one incident; ``before`` is ``None`` for one that begins. ``act`` and ``text`` go to its story."""

    before: Incident | None
    after: Incident
    act: str
    text: str = ""


async def write(scope: Scope, connection: Connection, steps: Sequence[Step]) -> None:
    """All of it by a few statements, however many: rows, what happened, the feed's rows and the audit's, in the order
    given; those that begin first, and a parent before its children. Raises ``CONFLICT`` where somebody was faster."""
    steps = [s for s in steps if s.before is None] + [s for s in steps if s.before is not None]
    new = [_values(s.after) for s in steps if s.before is None]
    if new:
        await connection.execute(sa.insert(incidents), new)
    old = [(s.before, s.after) for s in steps if s.before is not None]
    if old:
        rows = [_changed(before, after) for before, after in old]
        result = await connection.execute(_UPDATE, rows)
        if result.rowcount != len(rows):
            raise changed_meanwhile(old[0][0].version)
    await _note(scope, connection, steps)


def _changed(before: Incident, after: Incident) -> dict[str, Any]:
    values = {f"b_{name}": value for name, value in _values(after).items()}
    return values | {"b_version": before.version, "b_to_version": after.version}


def _values(incident: Incident) -> dict[str, Any]:
    return {name: getattr(incident, name) for name in _NAMES}


async def insert(scope: Scope, connection: Connection, incident: Incident) -> None:
    await write(scope, connection, [Step(None, incident, "opened", incident.cause)])


async def update(scope: Scope, connection: Connection, before: Incident, after: Incident, act: str, text: str) -> None:
    """Raises ``CONFLICT`` where somebody was faster."""
    await write(scope, connection, [Step(before, after, act, text)])


async def _note(scope: Scope, connection: Connection, steps: Sequence[Step]) -> None:
    """One entry of each incident's own story, one of the feed, one of the audit. Entries are only ever added."""
    if not steps:
        return
    now = clock_of(connection).now()
    entries, told, acts = [], [], []
    places = await _places(connection, steps)
    for step in steps:
        one, text = step.after, step.text[:MAX_TEXT]
        area_id, unit_id = places.get(one.camera_id or "", (one.area_id, one.unit_id))
        entry = {"incident_id": one.id, "at": now, "principal": scope.principal[:200], "act": step.act, "text": text}
        entries.append(entry)
        payload = {
            "act": step.act,
            "kind": one.kind.value,
            "state": one.state.value,
            "cause": one.cause,
            "since": one.since.isoformat(),
            "camera_id": one.camera_id,
            "version": one.version,
        }
        told.append(Told("incident", one.id, area_id, unit_id, payload))
        details = {"state": one.state.value, "version": one.version, "camera_id": one.camera_id, "text": text}
        acts.append(Act(f"incident.{step.act}", "incident", one.id, area_id, unit_id, details))
    await connection.execute(sa.insert(incident_entries), entries)
    await record_many(connection, told)
    await append_many(scope, connection, acts)


async def _places(connection: Connection, steps: Sequence[Step]) -> dict[str, tuple[str, str | None]]:
    ids = sorted({s.after.camera_id for s in steps if s.after.camera_id is not None})
    found: dict[str, tuple[str, str | None]] = {}
    for part in chunks(ids):
        query = sa.select(cameras.c.id, cameras.c.area_id, cameras.c.unit_id).where(cameras.c.id.in_(part))
        found |= {row.id: (row.area_id, row.unit_id) for row in await connection.execute(query)}
    return found


def chunks(ids: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    """Lists short enough for one statement."""
    return (ids[start : start + size] for start in range(0, len(ids), size))


async def find(connection: Connection, *where: ColumnElement[bool]) -> list[Incident]:
    """For the service's own work; what people ask goes through :mod:`alerts.incident_store`."""
    return [load(row) for row in await connection.execute(sa.select(incidents).where(*where).order_by(incidents.c.id))]


async def find_standing(
    connection: Connection, camera_ids: Iterable[str], *where: ColumnElement[bool]
) -> list[Incident]:
    """Standing incidents of these cameras."""
    found = []
    for part in chunks(sorted(camera_ids)):
        found += await find(connection, STANDS, incidents.c.camera_id.in_(part), *where)
    return found


async def find_parents(connection: Connection, ids: Sequence[str]) -> list[tuple[Incident, list[Incident]]]:
    """These incidents, each with all that is, or was, part of it."""
    found: list[tuple[Incident, list[Incident]]] = []
    for part in chunks(ids):
        children: dict[str, list[Incident]] = {}
        for child in await find(connection, incidents.c.parent_id.in_(part)):
            children.setdefault(child.parent_id or "", []).append(child)
        parents = await find(connection, incidents.c.id.in_(part))
        found += [(parent, children.get(parent.id, [])) for parent in parents]
    return found


async def find_lately_left(connection: Connection, ids: Iterable[str], since: datetime) -> set[str]:
    """Those of these incidents that were part of a bigger one until then, or later."""
    e, found = incident_entries.c, set[str]()
    for part in chunks(sorted(ids)):
        query = sa.select(e.incident_id).where(e.incident_id.in_(part), e.act == "left", e.at >= since)
        found.update((await connection.execute(query)).scalars())
    return found


async def count_cameras(connection: Connection, parent_ids: Iterable[str]) -> None:
    """Write down of how many cameras each is, or was, made; it never becomes fewer. A count, not an edit: whoever
    has the incident open is not told that it was changed."""
    child = incidents.alias()
    lost = sa.select(sa.func.count()).where(child.c.parent_id == incidents.c.id, child.c.camera_id.is_not(None))
    number = lost.scalar_subquery()
    for part in chunks(sorted(parent_ids)):
        statement = sa.update(incidents).where(incidents.c.id.in_(part), incidents.c.cameras < number)
        await connection.execute(statement.values(cameras=number))


def changed_meanwhile(version: int) -> XueliangError:
    return XueliangError(
        Kind.CONFLICT,
        "the incident was changed meanwhile",
        fix="Load it again, compare, and repeat the change",
        facts={"version": version},
    )
