"""Edge: how the cameras of an asker stand together: how many were looked at in time, and what changed lately."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from config.scope import Permission, Scope
from health.camera_page_store import PARENTS, line_of
from health.looked_store import IN_TIME, Allowed
from health.state import Aspect, State
from health.tables import camera_listing, camera_states, state_changes
from registry.database import Connection
from registry.lifecycle import WATCHED
from registry.scope_store import area_tree, visible
from registry.tables import cameras

MAX_PAGE = 500
_c, _l, _s, _h = cameras.c, camera_listing.c, camera_states.c, state_changes.c


@dataclass(frozen=True, slots=True)
class Looked:
    """Of ``cameras``, ``in_time`` were looked at within the allowed age, ``never`` not once; ``oldest`` is the last
    look at the one that has waited longest among the others. ``states``: how many of them are how."""

    cameras: int = 0
    in_time: int = 0
    never: int = 0
    oldest: datetime | None = None
    states: Mapping[State, int] = field(default_factory=dict)

    @property
    def late(self) -> int:
        return self.cameras - self.in_time

    @classmethod
    def sum(cls, parts: Collection[Looked]) -> Looked:
        states: dict[State, int] = {}
        for part in parts:
            for state, number in part.states.items():
                states[state] = states.get(state, 0) + number
        return cls(
            sum(part.cameras for part in parts),
            sum(part.in_time for part in parts),
            sum(part.never for part in parts),
            min((part.oldest for part in parts if part.oldest is not None), default=None),
            states,
        )


@dataclass(frozen=True, slots=True)
class Turned:
    """A camera's state became another. ``since`` is when it truly did, ``at`` when that was known, ``before_since``
    since when it had been ``old``."""

    seq: int
    camera_id: str
    camera_name: str
    area_id: str
    unit_id: str | None
    old: str
    new: str
    cause: str
    since: datetime
    at: datetime
    before_since: datetime | None


async def looked_by_area(
    scope: Scope, connection: Connection, allowed: Allowed, now: datetime
) -> tuple[dict[str, Looked], Looked]:
    """Watched cameras in scope, each area with everything below it, and those of the whole tree."""
    query = (
        sa.select(
            _l.area_id,
            _l.state,
            sa.func.count(),
            sa.func.sum(sa.case((IN_TIME, 1), else_=0)),
            sa.func.sum(sa.case((_s.last_at.is_(None), 1), else_=0)),
            sa.func.min(_s.last_at),
        )
        .select_from(camera_listing.outerjoin(camera_states, _s.camera_id == _l.camera_id))
        .where(visible(scope.where(Permission.READ), _l.area_id, _l.unit_id), _l.lifecycle.in_(sorted(WATCHED)))
        .group_by(_l.area_id, _l.state)
    )
    own: dict[str, list[Looked]] = defaultdict(list)
    for area, state, number, fresh, never, at in await connection.execute(query, allowed.values(now)):
        own[area].append(Looked(number, int(fresh), int(never), at, {state: number}))
    parents: dict[str, str | None] = {row.id: row.parent_id for row in await connection.execute(PARENTS)}
    summed: dict[str, list[Looked]] = defaultdict(list)
    areas = {area: Looked.sum(parts) for area, parts in own.items()}
    for area_id, one in areas.items():
        for above in line_of(area_id, parents):
            summed[above].append(one)
    return {area: Looked.sum(parts) for area, parts in summed.items()}, Looked.sum(areas.values())


async def count_looked(scope: Scope, connection: Connection) -> int:
    """Watched cameras in scope that were looked at, whenever that was."""
    query = (
        sa.select(sa.func.count())
        .select_from(camera_listing.join(camera_states, _s.camera_id == _l.camera_id))
        .where(visible(scope.where(Permission.READ), _l.area_id, _l.unit_id), _l.lifecycle.in_(sorted(WATCHED)))
        .where(_s.last_at.is_not(None))
    )
    return int((await connection.execute(query)).scalar_one())


@dataclass(frozen=True, slots=True)
class Lately:
    """Filters of :func:`turned`. ``area_id`` with everything below it; times are those of knowing."""

    since: datetime
    until: datetime | None = None
    camera_id: str | None = None
    area_id: str | None = None


async def turned(
    scope: Scope, connection: Connection, lately: Lately, *, before: int | None = None, limit: int = 100
) -> tuple[list[Turned], int | None]:
    """The newest first; ``before`` is the second answer of the page before."""
    past = state_changes.alias("past")
    was = (
        sa.select(past.c.since)
        .where(past.c.camera_id == _h.camera_id, past.c.aspect == Aspect.STATE, past.c.seq < _h.seq)
        .order_by(past.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = sa.select(
        _h.seq,
        _h.camera_id,
        _c.name.label("camera_name"),
        _c.area_id,
        _c.unit_id,
        _h.old,
        _h.new,
        _h.cause,
        _h.since,
        _h.at,
        was.label("before_since"),
    ).join(cameras, _c.id == _h.camera_id)
    query = query.where(*_lately(scope, lately))
    if before is not None:
        query = query.where(_h.seq < before)
    limit = max(1, min(limit, MAX_PAGE))
    rows = (await connection.execute(query.order_by(_h.seq.desc()).limit(limit + 1))).all()
    items = [Turned(**row._mapping) for row in rows[:limit]]
    return items, items[-1].seq if len(rows) > limit else None


async def count_turned(scope: Scope, connection: Connection, lately: Lately) -> int:
    query = sa.select(sa.func.count()).select_from(state_changes.join(cameras, _c.id == _h.camera_id))
    return int((await connection.execute(query.where(*_lately(scope, lately)))).scalar_one())


def _lately(scope: Scope, lately: Lately) -> Sequence[ColumnElement[bool]]:
    found = [
        visible(scope.where(Permission.READ), _c.area_id, _c.unit_id),
        _h.aspect == Aspect.STATE,
        # The same state with another cause is told by the camera's own story.
        _h.old != _h.new,
        _h.at >= lately.since,
    ]
    if lately.until is not None:
        found.append(_h.at < lately.until)
    if lately.camera_id is not None:
        found.append(_h.camera_id == lately.camera_id)
    if lately.area_id is not None:
        found.append(_c.area_id.in_(area_tree(frozenset({lately.area_id}))))
    return found
