"""Edge: what is known of a camera, for whoever may ask: one joined read of registry and states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from config.errors import Kind, XueliangError
from config.scope import Scope
from health.drift import findings_of
from health.observation import Layer
from health.state import CameraState, State, StateSettings, begin, expire
from health.state_row import Known, from_row, summary_time
from health.state_store import in_scope
from health.tables import camera_states
from registry.database import Connection, Database
from registry.lifecycle import WATCHED
from registry.rows_store import not_found
from registry.tables import cameras

MAX_PAGE = 500


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """``age`` is seconds since the last sample, ``None`` before the first. ``layer`` is what an *up* rests on.

    A state that nobody vouches for any more (the service stands still) is given as unknown since the last sample.
    ``last_picture`` and ``last_liveness`` hold cause, delays in ms and measures beside their thresholds;
    ``confirmation`` is aspect, toward (good, bad), seen, needed and cause (see :func:`health.confirm.progress`).
    """

    camera_id: str
    name: str
    gb_id: str | None
    device_id: str
    area_id: str
    unit_id: str | None
    state: State
    since: datetime
    cause: str
    link: str
    link_since: datetime
    link_cause: str
    layer: Layer
    picture: str
    picture_since: datetime
    picture_cause: str
    last_at: datetime | None
    age: float | None
    last_good_at: datetime | None
    checks: int
    failures: int
    next_check_at: datetime | None
    last_picture: Mapping[str, Any] | None = None
    last_liveness: Mapping[str, Any] | None = None
    confirmation: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values: times as RFC 3339 UTC."""
        shown: dict[str, Any] = {}
        for name in self.__slots__:
            value = getattr(self, name)
            if isinstance(value, datetime):
                value = value.isoformat()
            elif isinstance(value, Layer):
                value = value.word
            elif name in ("last_picture", "last_liveness") and value is not None:
                value = {**value, "at": summary_time(value).isoformat()}
            shown[name] = value
        shown["findings"] = [found.as_dict() for found in findings_of(self.last_liveness)]
        return shown


async def camera_status(scope: Scope, db: Database, camera: str, settings: StateSettings) -> CameraStatus:
    """By id, GB/T id or name. Raises ``NOT_FOUND`` out of scope, ``CONFLICT`` when several carry the name."""
    c = cameras.c
    for column in (c.id, c.gb_id, c.name):
        query = _select(scope).where(column == camera).order_by(c.id).limit(2)
        async with db.read() as connection:
            rows = (await connection.execute(query)).all()
        if len(rows) > 1:
            raise XueliangError(
                Kind.CONFLICT, "several cameras are called that", fix="Give the id: " + ", ".join(r.id for r in rows)
            )
        if rows:
            return _load(rows[0], db.clock.now(), settings)
    raise not_found("camera")


async def list_status(
    scope: Scope, db: Database, settings: StateSettings, *, after: str | None = None, limit: int = 100
) -> list[CameraStatus]:
    """The watched cameras in scope in the order of ids; ``after`` is the last id of the page before."""
    query = _select(scope).where(cameras.c.lifecycle.in_(sorted(WATCHED)))
    if after is not None:
        query = query.where(cameras.c.id > after)
    query = query.order_by(cameras.c.id).limit(max(1, min(limit, MAX_PAGE)))
    async with db.read() as connection:
        return [_load(row, db.clock.now(), settings) for row in await connection.execute(query)]


async def count_states(scope: Scope, connection: Connection) -> dict[State, int]:
    """How many watched cameras in scope are in which state, as stored; never-checked ones are unknown."""
    state = sa.func.coalesce(camera_states.c.state, State.UNKNOWN.value).label("state")
    query = (
        sa.select(state, sa.func.count().label("n"))
        .select_from(cameras.outerjoin(camera_states, camera_states.c.camera_id == cameras.c.id))
        .where(in_scope(scope), cameras.c.lifecycle.in_(sorted(WATCHED)))
        .group_by(state)
    )
    counts = dict.fromkeys(State, 0)
    for row in await connection.execute(query):
        counts[State(row.state)] += row.n
    return counts


def _select(scope: Scope) -> sa.Select[Any]:
    c = cameras.c
    joined = cameras.outerjoin(camera_states, camera_states.c.camera_id == c.id)
    return (
        sa.select(c.id, c.name, c.gb_id, c.device_id, c.area_id, c.unit_id, camera_states)
        .select_from(joined)
        .where(in_scope(scope))
    )


def _load(row: sa.Row[Any], now: datetime, settings: StateSettings) -> CameraStatus:
    known = Known(begin(row.id, now)) if row.camera_id is None else from_row(dict(row._mapping))
    state: CameraState
    state, _ = expire(known.state, now, settings)
    return CameraStatus(
        camera_id=row.id,
        name=row.name,
        gb_id=row.gb_id,
        device_id=row.device_id,
        area_id=row.area_id,
        unit_id=row.unit_id,
        state=state.state,
        since=state.since,
        cause=state.cause,
        link=state.link_value.value,
        link_since=state.link.since,
        link_cause=state.link.cause,
        layer=state.rests_on(now, settings),
        picture=state.picture_value.value,
        picture_since=state.picture.since,
        picture_cause=state.picture.cause,
        last_at=state.last_at,
        age=(now - state.last_at).total_seconds() if state.last_at else None,
        last_good_at=state.last_good_at,
        checks=known.checks,
        failures=known.failures,
        next_check_at=known.next_check_at,
        last_picture=known.last_picture,
        last_liveness=known.last_liveness,
        confirmation=_confirmation(state, settings),
    )


def _confirmation(state: CameraState, settings: StateSettings) -> dict[str, Any] | None:
    found = state.confirming(settings)
    if found is None:
        return None
    aspect, progress = found
    return {
        "aspect": aspect.value,
        "toward": progress.standing.value,
        "seen": progress.seen,
        "needed": progress.needed,
        "cause": progress.cause,
    }
