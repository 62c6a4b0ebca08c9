"""Edge: the list of cameras as people ask for it: filtered, sorted and cut in one statement; and counts per area.

Which cameras, and how many, is read from ``camera_listing`` alone; what a page shows of them is joined to its few rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from config.scope import Permission, Scope
from health.observation import Link, Picture
from health.state import State
from health.tables import camera_listing, camera_states
from registry.database import Connection
from registry.lifecycle import WATCHED, Lifecycle
from registry.scope_store import area_tree, visible
from registry.tables import areas, bindings, cameras, devices, points

MAX_PAGE = 500
_c, _s, _p, _d, _l = cameras.c, camera_states.c, points.c, devices.c, camera_listing.c


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
    query = sa.select(_l.camera_id, by.label("sorted_by")).where(_inside(scope), *_where(wanted))
    if after is not None:
        value, last = _bound(sort, after[0]), after[1]
        beyond = by < value if down else by > value
        further = sa.or_(beyond, sa.and_(by == value, _l.camera_id > last))
        query = query.where(_l.camera_id > last if sort is Sort.ID else further)
    query = query.order_by(*([] if sort is Sort.ID else [by.desc() if down else by]), _l.camera_id)
    limit = max(1, min(limit, MAX_PAGE))
    found = (await connection.execute(_details(query.limit(limit + 1).subquery(), down))).all()
    items = [_load(row) for row in found[:limit]]
    return items, (_value(found[limit - 1].sorted_by), items[-1].id) if len(found) > limit else None


async def count_cameras(scope: Scope, connection: Connection, wanted: Wanted = Wanted()) -> dict[State, int]:
    """How many cameras that the filters leave are in which state."""
    query = sa.select(_l.state, sa.func.count().label("n")).where(_inside(scope), *_where(wanted))
    counts = dict.fromkeys(State, 0)
    for state, number in await connection.execute(query.group_by(_l.state)):
        counts[state] += number
    return counts


async def count_by_area(scope: Scope, connection: Connection) -> tuple[dict[str, dict[State, int]], dict[State, int]]:
    """Watched cameras in scope by area and state, each area with everything below it, and those of the whole tree."""
    query = sa.select(_l.area_id, _l.state, sa.func.count().label("n"))
    query = query.where(_inside(scope), *_where(Wanted())).group_by(_l.area_id, _l.state)
    own: dict[str, dict[State, int]] = defaultdict(lambda: dict.fromkeys(State, 0))
    for area_id, state, number in await connection.execute(query):
        own[area_id][state] += number
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


def _inside(scope: Scope) -> ColumnElement[bool]:
    return visible(scope.where(Permission.READ), _l.area_id, _l.unit_id)


def _sorted_by(sort: Sort) -> ColumnElement[Any]:
    match sort:
        case Sort.NAME | Sort.NAME_DOWN:
            return _l.name
        case Sort.SINCE | Sort.SINCE_DOWN:
            return _l.since
        case Sort.STATE | Sort.STATE_DOWN:
            return sa.case({state.value: rank for state, rank in SEVERITY.items()}, value=_l.state)
        case Sort.ID:
            return _l.camera_id


def _value(value: Any) -> str | int:
    return value.isoformat() if isinstance(value, datetime) else value


def _bound(sort: Sort, value: str | int) -> Any:
    if sort in (Sort.SINCE, Sort.SINCE_DOWN):
        return sa.literal(datetime.fromisoformat(str(value)), _l.since.type)
    return value


def _details(page: sa.Subquery, down: bool) -> sa.Select[Any]:
    """The rows of a page in its order."""
    held = sa.and_(bindings.c.camera_id == _c.id, bindings.c.until.is_(None))
    joined = page.join(cameras, _c.id == page.c.camera_id).join(devices, _d.id == _c.device_id)
    joined = joined.outerjoin(camera_states, _s.camera_id == _c.id).outerjoin(bindings, held)
    query = sa.select(
        page.c.sorted_by,
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
    ).select_from(joined.outerjoin(points, _p.id == bindings.c.point_id))
    return query.order_by(page.c.sorted_by.desc() if down else page.c.sorted_by, _c.id)


def _where(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if not wanted.all_lifecycles:
        found.append(_l.lifecycle.in_(sorted(WATCHED)))
    if wanted.states:
        found.append(_l.state.in_(list(wanted.states)))
    if wanted.area_id is not None:
        found.append(_l.area_id.in_(area_tree(frozenset({wanted.area_id}))))
    for column, value in ((_l.unit_id, wanted.unit_id), (_l.device_id, wanted.device_id)):
        if value is not None:
            found.append(column == value)
    if wanted.point_id is not None:
        held = sa.select(bindings.c.camera_id).where(bindings.c.point_id == wanted.point_id, bindings.c.until.is_(None))
        found.append(_l.camera_id.in_(held))
    if wanted.gb_ids:
        found.append(_l.gb_id.in_(list(wanted.gb_ids)))
    if wanted.ids:
        found.append(_l.camera_id.in_(list(wanted.ids)))
    if wanted.text:
        # Folded by the database on both sides: it and Python do not agree on every letter.
        found.append(_l.found_by.contains(sa.func.lower(_escaped(wanted.text)), escape="/"))
    return found


def _escaped(text: str) -> str:
    return text.replace("/", "//").replace("%", "/%").replace("_", "/_")


def _load(row: sa.Row[Any]) -> CameraRow:
    values = dict(row._mapping)
    del values["sorted_by"]
    if row.state is None:
        nothing = {"state": State.UNKNOWN, "cause": "never_checked", "link": Link.UNKNOWN, "picture": Picture.UNKNOWN}
        values |= nothing
    return CameraRow(**values)
