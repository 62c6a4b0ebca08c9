"""Edge: where states that are on the disk and incidents do not agree."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from alerts.incident import STANDING, ClosingCause, Incident, IncidentKind
from alerts.incident_rows_store import STANDS, load
from alerts.tables import incidents
from health.observation import Link, Picture
from health.state import State
from health.tables import camera_states
from registry.database import Connection
from registry.lifecycle import WATCHED
from registry.tables import cameras, devices

_s, _i = camera_states.c, incidents.c
_WATCHED = cameras.c.lifecycle.in_(sorted(WATCHED)) & devices.c.lifecycle.in_(sorted(WATCHED))


async def cameras_apart(connection: Connection) -> list[str]:
    """Watched cameras that are down (or their picture bad) and have no incident, though nobody called it false, and
    those that are well and have one. The same conditions as :func:`alerts.incident.levels`, for a whole fleet."""
    begins = _s.state != State.MAINTENANCE
    query = (
        sa.select(_s.camera_id)
        .select_from(camera_states.join(cameras, cameras.c.id == _s.camera_id))
        .join(devices, devices.c.id == cameras.c.device_id)
        .where(
            _WATCHED,
            sa.or_(
                sa.and_(_s.link == Link.DOWN, begins, _none_of(IncidentKind.OFFLINE, _s.link_since)),
                sa.and_(
                    _s.picture == Picture.BAD,
                    _s.link != Link.DOWN,
                    begins,
                    _none_of(IncidentKind.FAULT, _s.picture_since),
                ),
                sa.and_(_s.link == Link.UP, _stands(IncidentKind.OFFLINE)),
                sa.and_(_s.picture == Picture.GOOD, _stands(IncidentKind.FAULT)),
            ),
        )
        .order_by(_s.camera_id)
    )
    return list((await connection.execute(query)).scalars())


async def find_left(connection: Connection, limit: int) -> list[Incident]:
    """Standing incidents of cameras that are no longer watched: nobody will see them recover."""
    joined = incidents.join(cameras, cameras.c.id == _i.camera_id)
    query = sa.select(incidents).select_from(joined.join(devices, devices.c.id == cameras.c.device_id))
    query = query.where(STANDS, sa.not_(_WATCHED)).order_by(_i.id).limit(limit)
    return [load(row) for row in await connection.execute(query)]


async def find_hollow(connection: Connection, limit: int) -> list[str]:
    """Standing incidents of groups of which no more than half still stands, whoever ended the others."""
    child = incidents.alias()
    parts = sa.select(sa.func.count()).where(child.c.parent_id == _i.id)
    stands = parts.where(child.c.state.in_(sorted(STANDING)))
    query = sa.select(_i.id).where(
        STANDS, _i.camera_id.is_(None), 2 * stands.scalar_subquery() <= parts.scalar_subquery()
    )
    return list((await connection.execute(query.order_by(_i.id).limit(limit))).scalars())


def _stands(kind: IncidentKind) -> ColumnElement[bool]:
    return sa.exists(sa.select(_i.id).where(_i.camera_id == _s.camera_id, _i.kind == kind, STANDS))


def _none_of(kind: IncidentKind, since: ColumnElement[object]) -> ColumnElement[bool]:
    false = sa.and_(_i.closing == ClosingCause.FALSE_ALARM, _i.since == since)
    return ~sa.exists(sa.select(_i.id).where(_i.camera_id == _s.camera_id, _i.kind == kind, sa.or_(STANDS, false)))
