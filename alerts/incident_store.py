"""Edge: incidents as people ask for them and act on them: in scope, by version, nothing erased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from alerts import incident_rows_store as rows
from alerts import outbox_store
from alerts.incident import ClosingCause, Event, Incident, IncidentKind, IncidentState, advance
from alerts.incident_rows_store import AREA, JOINED, MAX_TEXT, UNIT, in_scope
from alerts.tables import incident_entries, incidents
from config.errors import Kind, XueliangError
from config.scope import Permission, Scope
from health.evidence_store import EvidenceKind
from health.state_store import in_scope as cameras_in_scope
from health.tables import evidence
from registry.database import Connection, clock_of
from registry.rows_store import forbidden, not_found
from registry.scope_store import area_tree, visible
from registry.tables import bindings, cameras, points

MAX_PAGE = 500
_i = incidents.c


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters of a list; empty ones leave nothing out. ``top``: without those that are part of another incident
    of the asker's. ``area_id`` with everything below it, ``unit_ids`` any of these. ``text`` is looked for in names
    and codes. ``since`` and ``until`` are of the true beginning, ``known_since`` of when it was known.
    ``oldest_first`` is the list's order."""

    states: Sequence[IncidentState] = ()
    acknowledged: bool | None = None
    kind: IncidentKind | None = None
    area_id: str | None = None
    unit_ids: Sequence[str] = ()
    camera_id: str | None = None
    parent_id: str | None = None
    top: bool = False
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None
    known_since: datetime | None = None
    oldest_first: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """An incident with the names of its camera and point. ``children`` are those of the asker's that are part of it,
    ``children_standing`` how many of them still stand. A parent outside the asker's scope is not told."""

    incident: Incident
    area_id: str | None
    unit_id: str | None
    camera_name: str | None
    gb_id: str | None
    point_id: str | None
    point_name: str | None
    point_code: str | None
    children: int
    children_standing: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened to an incident: ``act`` opened, cause, joined, left, recovered, acknowledged, withdrawn,
    comment, closed, false_alarm or removed; ``principal`` who did it, ``alerts`` for the service itself."""

    seq: int
    at: datetime
    principal: str
    act: str
    text: str


@dataclass(frozen=True, slots=True)
class EvidenceIds:
    """``None`` where there is none, where it expired, or where the asker may not see it."""

    last_good: str | None = None
    first_bad: str | None = None
    difference: str | None = None


Cursor = tuple[datetime, str]


async def list_incidents(
    scope: Scope, connection: Connection, wanted: Wanted = Wanted(), *, after: Cursor | None = None, limit: int = 100
) -> tuple[list[Shown], Cursor | None]:
    """The newest beginning first, unless it is the oldest; ``after`` is the second answer of the page before."""
    query = _select(scope).where(in_scope(scope), *_where(scope, wanted))
    if after is not None:
        since, last = after
        further = _i.since > since if wanted.oldest_first else _i.since < since
        beyond = _i.id > last if wanted.oldest_first else _i.id < last
        query = query.where(sa.or_(further, sa.and_(_i.since == since, beyond)))
    limit = max(1, min(limit, MAX_PAGE))
    order = (_i.since.asc(), _i.id.asc()) if wanted.oldest_first else (_i.since.desc(), _i.id.desc())
    found = [_shown(row) for row in await connection.execute(query.order_by(*order).limit(limit + 1))]
    if len(found) <= limit:
        return found, None
    last_one = found[limit - 1].incident
    return found[:limit], (last_one.since, last_one.id)


async def count_incidents(scope: Scope, connection: Connection, wanted: Wanted = Wanted()) -> int:
    return sum((await count_by_state(scope, connection, wanted)).values())


async def count_by_state(scope: Scope, connection: Connection, wanted: Wanted = Wanted()) -> dict[IncidentState, int]:
    """How many that the filters leave are how; states of which there is none are missing."""
    # Names and codes of points are looked into by a search alone.
    joined = _joined() if wanted.text else JOINED
    counts = sa.select(_i.state, sa.func.count().label("number")).select_from(joined)
    query = counts.where(in_scope(scope), *_where(scope, wanted))
    return {row.state: row.number for row in await connection.execute(query.group_by(_i.state))}


async def get_incident(
    scope: Scope, connection: Connection, incident_id: str, permission: Permission = Permission.READ
) -> Shown:
    """Raises ``NOT_FOUND`` for what does not exist and for what is not in scope alike."""
    query = _select(scope).where(_i.id == incident_id, in_scope(scope, permission))
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise not_found("incident")
    return _shown(row)


async def entries_of(
    scope: Scope, connection: Connection, incident_id: str, *, after: int = 0, limit: int = 100
) -> list[Entry]:
    """What happened to it, oldest first. Raises ``NOT_FOUND``."""
    await get_incident(scope, connection, incident_id)
    e = incident_entries.c
    query = sa.select(e.seq, e.at, e.principal, e.act, e.text).where(e.incident_id == incident_id, e.seq > after)
    query = query.order_by(e.seq).limit(max(1, min(limit, MAX_PAGE)))
    return [Entry(**row._mapping) for row in await connection.execute(query)]


async def evidence_of(scope: Scope, connection: Connection, incident_id: str) -> EvidenceIds:
    """The pictures filed when it began: of the permission *evidence*. Raises ``NOT_FOUND``."""
    incident = (await get_incident(scope, connection, incident_id)).incident
    if incident.camera_id is None:
        return EvidenceIds()
    e = evidence.c
    query = (
        sa.select(e.id, e.kind)
        .join(cameras, cameras.c.id == e.camera_id)
        .where(
            e.camera_id == incident.camera_id,
            e.filed_at >= incident.opened_at,
            cameras_in_scope(scope, Permission.EVIDENCE),
        )
        .order_by(e.filed_at, e.id)
        .limit(20)
    )
    if incident.recovered_at is not None:
        query = query.where(e.taken_at <= incident.recovered_at)
    first: dict[str, str] = {}
    for row in await connection.execute(query):
        first.setdefault(row.kind, row.id)
    if incident.kind is not IncidentKind.FAULT:
        return EvidenceIds(first.get(EvidenceKind.LAST_GOOD))
    return EvidenceIds(*(first.get(kind) for kind in EvidenceKind))


async def acknowledge(scope: Scope, connection: Connection, incident_id: str, version: int) -> Incident:
    """Somebody says: seen, mine. Raises ``NOT_FOUND``, ``FORBIDDEN``, ``CONFLICT`` (another version or state)."""
    before = await _editable(scope, connection, incident_id, version)
    after = advance(before, Event.ACKNOWLEDGE, clock_of(connection).now(), by=scope.principal[:200])
    await rows.update(scope, connection, before, after, "acknowledged", "")
    return after


async def withdraw(scope: Scope, connection: Connection, incident_id: str, version: int) -> Incident:
    """The acknowledgement is taken back, as a second entry. Raises as :func:`acknowledge`."""
    before = await _editable(scope, connection, incident_id, version)
    after = advance(before, Event.WITHDRAW, clock_of(connection).now())
    await rows.update(scope, connection, before, after, "withdrawn", f"was {before.acknowledged_by}")
    return after


async def comment(scope: Scope, connection: Connection, incident_id: str, version: int, text: str) -> Incident:
    """A sentence added to its story. Raises as :func:`acknowledge`, and ``INVALID`` for an empty or long one."""
    text = _text(text)
    if not text:
        raise XueliangError(Kind.INVALID, "an empty comment", where="text", fix="Write something, or leave it")
    before = await _editable(scope, connection, incident_id, version)
    after = replace(before, version=before.version + 1)
    await rows.update(scope, connection, before, after, "comment", text)
    return after


async def close(
    scope: Scope, connection: Connection, incident_id: str, version: int, closing: ClosingCause, text: str = ""
) -> Incident:
    """A person says what it was. One that still stands can be closed only as a false alarm, which also tells those
    who were told that it is over. Raises as :func:`acknowledge`."""
    before = await _editable(scope, connection, incident_id, version)
    event = Event.FALSE_ALARM if closing is ClosingCause.FALSE_ALARM else Event.CLOSE
    after = advance(before, event, clock_of(connection).now(), closing=closing)
    act = "false_alarm" if event is Event.FALSE_ALARM else "closed"
    await rows.update(scope, connection, before, after, act, _text(text) or closing.value)
    if before.standing:
        system = Scope.system("alerts")
        await outbox_store.end(system, connection, [incident_id], clock_of(connection).now())
    return after


async def _editable(scope: Scope, connection: Connection, incident_id: str, version: int) -> Incident:
    query = sa.select(incidents, in_scope(scope, Permission.ACKNOWLEDGE).label("may")).select_from(JOINED)
    row = (await connection.execute(query.where(_i.id == incident_id, in_scope(scope)))).one_or_none()
    if row is None:
        raise not_found("incident")
    if not row.may:
        raise forbidden(Permission.ACKNOWLEDGE)
    if row.version != version:
        raise rows.changed_meanwhile(row.version)
    return rows.load(row)


def _text(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise XueliangError(Kind.INVALID, f"longer than {MAX_TEXT} characters", where="text", fix="Make it shorter")
    if any(not c.isprintable() and c not in "\n\t" for c in text):
        raise XueliangError(Kind.INVALID, "holds a character that cannot be shown", where="text", fix="Take it out")
    return text.strip()


def _joined() -> sa.FromClause:
    binding = sa.and_(bindings.c.camera_id == _i.camera_id, bindings.c.until.is_(None))
    return JOINED.outerjoin(bindings, binding).outerjoin(points, points.c.id == bindings.c.point_id)


def _parent_seen(scope: Scope) -> ColumnElement[bool]:
    """Whether the parent, which is always a group, lies in scope."""
    parent = incidents.alias("parent")
    inside = visible(scope.where(Permission.READ), parent.c.area_id, parent.c.unit_id)
    return sa.exists(sa.select(parent.c.id).where(parent.c.id == _i.parent_id, inside))


def _children(scope: Scope, *, standing: bool) -> ColumnElement[int]:
    child, own = incidents.alias(), cameras.alias()
    area = sa.func.coalesce(own.c.area_id, child.c.area_id)
    unit = sa.case((child.c.camera_id.is_not(None), own.c.unit_id), else_=child.c.unit_id)
    stands = [child.c.state.in_([IncidentState.OPEN, IncidentState.ACKNOWLEDGED])] if standing else []
    query = (
        sa.select(sa.func.count())
        .select_from(child.outerjoin(own, own.c.id == child.c.camera_id))
        .where(child.c.parent_id == _i.id, visible(scope.where(Permission.READ), area, unit), *stands)
    )
    return query.scalar_subquery()


def _select(scope: Scope) -> sa.Select[Any]:
    return sa.select(
        incidents,
        _parent_seen(scope).label("parent_seen"),
        AREA.label("place_area"),
        UNIT.label("place_unit"),
        cameras.c.name.label("camera_name"),
        cameras.c.gb_id,
        points.c.id.label("point_id"),
        points.c.name.label("point_name"),
        points.c.code.label("point_code"),
        _children(scope, standing=False).label("children"),
        _children(scope, standing=True).label("children_standing"),
    ).select_from(_joined())


def _where(scope: Scope, wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.states:
        found.append(_i.state.in_(list(wanted.states)))
    if wanted.acknowledged is not None:
        found.append(_i.acknowledged_at.is_not(None) if wanted.acknowledged else _i.acknowledged_at.is_(None))
    for column, value in (
        (_i.kind, wanted.kind),
        (_i.camera_id, wanted.camera_id),
    ):
        if value is not None:
            found.append(column == value)
    if wanted.unit_ids:
        found.append(UNIT.in_(list(wanted.unit_ids)))
    if wanted.parent_id is not None:
        found += [_i.parent_id == wanted.parent_id, _parent_seen(scope)]
    if wanted.area_id is not None:
        found.append(AREA.in_(area_tree(frozenset({wanted.area_id}))))
    if wanted.top:
        found.append(sa.or_(_i.parent_id.is_(None), sa.not_(_parent_seen(scope))))
    if wanted.since is not None:
        found.append(_i.since >= wanted.since)
    if wanted.until is not None:
        found.append(_i.since < wanted.until)
    if wanted.known_since is not None:
        found.append(_i.opened_at >= wanted.known_since)
    if wanted.text:
        texts = (cameras.c.name, cameras.c.gb_id, points.c.name, points.c.code, _i.group_name)
        found.append(sa.or_(*(column.icontains(wanted.text[:200], autoescape=True) for column in texts)))
    return found


def _shown(row: sa.Row[Any]) -> Shown:
    incident = rows.load(row)
    if not row.parent_seen:
        incident = replace(incident, parent_id=None)
    return Shown(
        incident,
        row.place_area,
        row.place_unit,
        row.camera_name,
        row.gb_id,
        row.point_id,
        row.point_name,
        row.point_code,
        row.children,
        row.children_standing,
    )
