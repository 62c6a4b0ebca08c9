"""Edge: the list of cameras as people ask for it: filtered, sorted and cut in one statement; and counts per area."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from config.scope import Scope
from health.observation import Link, Picture
from health.state import State
from health.state_store import in_scope
from health.tables import camera_states
from registry.database import Connection
from registry.lifecycle import WATCHED, Lifecycle
from registry.scope_store import area_tree
from registry.tables import areas, bindings, cameras, devices, points

MAX_PAGE = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_c, _s, _p, _d = cameras.c, camera_states.c, points.c, devices.c


class Sort(StrEnum):
    """A minus turns the order round. ``state``: the worst first. ``since``: what has lasted longest first."""

    NAME = "name"
    NAME_DOWN = "-name"
    SINCE = "since"
    SINCE_DOWN = "-since"
    STATE = "state"
    STATE_DOWN = "-state"
    ID = "id"


#: The worst first.
SEVERITY: Mapping[State, int] = {
    State.OFFLINE: 0,
    State.FAULT: 1,
    State.UNKNOWN: 2,
    State.CANNOT_JUDGE: 3,
    State.MAINTENANCE: 4,
    State.OK: 5,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters; empty ones leave nothing out. ``area_id`` with everything below it. ``text`` is looked for in names,
    codes, GB/T ids and device addresses. Without ``all_lifecycles`` only cameras that are watched are listed."""

    states: Sequence[State] = ()
    area_id: str | None = None
    unit_id: str | None = None
    device_id: str | None = None
    point_id: str | None = None
    text: str | None = None
    gb_ids: Sequence[str] = ()
    ids: Sequence[str] = ()
    all_lifecycles: bool = False


@dataclass(frozen=True, slots=True)
class CameraRow:
    """One camera as a list shows it. States are as last concluded; ``None`` times where it was never checked."""

    id: str
    name: str
    gb_id: str | None
    device_id: str
    device_name: str
    host: str
    channel: int
    area_id: str
    unit_id: str | None
    lifecycle: Lifecycle
    version: int
    point_id: str | None
    point_name: str | None
    point_code: str | None
    state: State
    since: datetime | None
    cause: str
    link: Link
    picture: Picture
    last_at: datetime | None
    last_good_at: datetime | None
    next_check_at: datetime | None


#: Value of the sorted column and id of the last row of the page before.
Cursor = tuple[str | int, str]


async def list_cameras(
    scope: Scope,
    connection: Connection,
    wanted: Wanted = Wanted(),
    *,
    sort: Sort = Sort.NAME,
    after: Cursor | None = None,
    limit: int = 100,
) -> tuple[list[CameraRow], Cursor | None]:
    """One page; the second answer is ``after`` for the next, ``None`` at the end."""
    by, down = _sorted_by(sort), sort.value.startswith("-")
    # First which, from narrow columns and indexes; then everything of those few.
    query = sa.select(_c.id, by.label("sorted_by")).select_from(_joined(wanted.text is not None))
    query = query.where(in_scope(scope), *_where(wanted))
    if after is not None:
        value, last = _bound(sort, after[0]), after[1]
        beyond = by < value if down else by > value
        query = query.where(_c.id > last if sort is Sort.ID else sa.or_(beyond, sa.and_(by == value, _c.id > last)))
    query = query.order_by(*([] if sort is Sort.ID else [by.desc() if down else by]), _c.id)
    limit = max(1, min(limit, MAX_PAGE))
    found = (await connection.execute(query.limit(limit + 1))).all()
    ids = [row.id for row in found[:limit]]
    rows = {row.id: row for row in await connection.execute(_details().where(_c.id.in_(ids)))}
    items = [_load(rows[camera_id]) for camera_id in ids]
    return items, (_value(found[limit - 1].sorted_by), ids[-1]) if len(found) > limit else None


async def count_cameras(scope: Scope, connection: Connection, wanted: Wanted = Wanted()) -> dict[State, int]:
    """How many cameras that the filters leave are in which state."""
    state = _state()
    query = sa.select(state.label("state"), sa.func.count().label("n")).select_from(_joined(wanted.text is not None))
    counts = dict.fromkeys(State, 0)
    for row in await connection.execute(query.where(in_scope(scope), *_where(wanted)).group_by(state)):
        counts[State(row.state)] += row.n
    return counts


async def count_by_area(scope: Scope, connection: Connection) -> tuple[dict[str, dict[State, int]], dict[State, int]]:
    """Watched cameras in scope by area and state, each area with everything below it, and those of the whole tree."""
    state = _state()
    query = (
        sa.select(_c.area_id, state.label("state"), sa.func.count().label("n"))
        .select_from(cameras.outerjoin(camera_states, _s.camera_id == _c.id))
        .where(in_scope(scope), _c.lifecycle.in_(sorted(WATCHED)))
        .group_by(_c.area_id, state)
    )
    own: dict[str, dict[State, int]] = defaultdict(lambda: dict.fromkeys(State, 0))
    for row in await connection.execute(query):
        own[row.area_id][State(row.state)] += row.n
    parents = {row.id: row.parent_id for row in await connection.execute(sa.select(areas.c.id, areas.c.parent_id))}
    summed: dict[str, dict[State, int]] = defaultdict(lambda: dict.fromkeys(State, 0))
    whole = dict.fromkeys(State, 0)
    for area_id, counts in own.items():
        for one, number in counts.items():
            whole[one] += number
        for above in _line(area_id, parents):
            for one, number in counts.items():
                summed[above][one] += number
    return dict(summed), whole


def _line(area_id: str, parents: Mapping[str, str | None]) -> list[str]:
    line: list[str] = []
    step: str | None = area_id
    while step is not None and step not in line:
        line.append(step)
        step = parents.get(step)
    return line


def _state() -> ColumnElement[Any]:
    return sa.func.coalesce(_s.state, State.UNKNOWN.value)


def _sorted_by(sort: Sort) -> ColumnElement[Any]:
    match sort:
        case Sort.NAME | Sort.NAME_DOWN:
            return _c.name
        case Sort.SINCE | Sort.SINCE_DOWN:
            return sa.func.coalesce(_s.since, sa.literal(_EPOCH, _s.since.type), type_=_s.since.type)
        case Sort.STATE | Sort.STATE_DOWN:
            ranks = {state.value: rank for state, rank in SEVERITY.items()}
            return sa.case(ranks, value=_state(), else_=SEVERITY[State.UNKNOWN])
        case Sort.ID:
            return _c.id


def _value(value: Any) -> str | int:
    return value.isoformat() if isinstance(value, datetime) else value


def _bound(sort: Sort, value: str | int) -> Any:
    if sort in (Sort.SINCE, Sort.SINCE_DOWN):
        return sa.literal(datetime.fromisoformat(str(value)), _s.since.type)
    return value


def _joined(names_too: bool) -> sa.FromClause:
    joined: sa.FromClause = cameras.outerjoin(camera_states, _s.camera_id == _c.id)
    if names_too:
        joined = joined.join(devices, _d.id == _c.device_id)
        still = sa.and_(bindings.c.camera_id == _c.id, bindings.c.until.is_(None))
        joined = joined.outerjoin(bindings, still).outerjoin(points, _p.id == bindings.c.point_id)
    return joined


def _details() -> sa.Select[Any]:
    return sa.select(
        _c.id,
        _c.name,
        _c.gb_id,
        _c.device_id,
        _d.name.label("device_name"),
        _d.host,
        _c.channel,
        _c.area_id,
        _c.unit_id,
        _c.lifecycle,
        _c.version,
        _p.id.label("point_id"),
        _p.name.label("point_name"),
        _p.code.label("point_code"),
        _s.state,
        _s.since,
        _s.cause,
        _s.link,
        _s.picture,
        _s.last_at,
        _s.last_good_at,
        _s.next_check_at,
    ).select_from(_joined(names_too=True))


def _where(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if not wanted.all_lifecycles:
        found.append(_c.lifecycle.in_(sorted(WATCHED)))
    if wanted.states:
        found.append(_state().in_([state.value for state in wanted.states]))
    if wanted.area_id is not None:
        found.append(_c.area_id.in_(area_tree(frozenset({wanted.area_id}))))
    for column, value in ((_c.unit_id, wanted.unit_id), (_c.device_id, wanted.device_id)):
        if value is not None:
            found.append(column == value)
    if wanted.point_id is not None:
        held = sa.select(bindings.c.camera_id).where(bindings.c.point_id == wanted.point_id, bindings.c.until.is_(None))
        found.append(_c.id.in_(held))
    if wanted.gb_ids:
        found.append(_c.gb_id.in_(list(wanted.gb_ids)))
    if wanted.ids:
        found.append(_c.id.in_(list(wanted.ids)))
    if wanted.text:
        columns = (_c.name, _c.gb_id, _p.name, _p.code, _d.host)
        found.append(sa.or_(*(column.icontains(wanted.text, autoescape=True) for column in columns)))
    return found


def _load(row: sa.Row[Any]) -> CameraRow:
    values = dict(row._mapping)
    if row.state is None:
        nothing = {"state": State.UNKNOWN, "cause": "never_checked", "link": Link.UNKNOWN, "picture": Picture.UNKNOWN}
        values |= nothing
    return CameraRow(**values)
