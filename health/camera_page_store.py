"""Edge: the list of cameras as people ask for it: filtered, sorted and cut in one statement; and counts per area.

Which cameras, and how many, is read from ``camera_listing`` alone; what a page shows of them is joined to its few rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from config.scope import Extent, Permission, Scope
from health.looked_store import LOOKS, Looking
from health.observation import Link, Picture
from health.state import State
from health.tables import camera_listing, camera_states
from registry.database import Connection
from registry.lifecycle import WATCHED, Lifecycle
from registry.scope_store import visible
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
    codes, GB/T ids and device addresses; ``looked`` is by when they were last looked at. Without ``all_lifecycles``
    only cameras that are watched are listed."""

    states: Sequence[State] = ()
    area_id: str | None = None
    unit_id: str | None = None
    device_id: str | None = None
    point_id: str | None = None
    text: str | None = None
    looked: Looking | None = None
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


#: Names of the filters that leave something out. Statements are built once for each shape, order and extent, and kept:
#: building one takes longer than running it.
_Shape = frozenset[str]
_KEPT = 512
_STATE = CameraRow.__match_args__.index("state")
PARENTS = sa.select(areas.c.id, areas.c.parent_id)

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
    permission: Permission = Permission.READ,
) -> tuple[list[CameraRow], Cursor | None]:
    """One page of where ``permission`` holds; the second answer is ``after`` for the next, ``None`` at the end."""
    values = _values(wanted) | {"most": max(1, min(limit, MAX_PAGE)) + 1}
    if after is not None:
        values |= {"value": _bound(sort, after[0]), "last": after[1]}
    query = _page(scope.where(permission), _shape(wanted), sort, after is not None)
    found = (await connection.execute(query, values)).all()
    items = [_load(row) for row in found[: values["most"] - 1]]
    return items, (_value(found[len(items) - 1].sorted_by), items[-1].id) if len(found) > len(items) else None


def tally(rows: Sequence[CameraRow]) -> dict[State, int]:
    """As :func:`count_cameras`, where one page holds everything that the filters leave."""
    counts = dict.fromkeys(State, 0)
    for row in rows:
        counts[row.state] += 1
    return counts


async def count_cameras(scope: Scope, connection: Connection, wanted: Wanted = Wanted()) -> dict[State, int]:
    """How many cameras that the filters leave are in which state."""
    query = _counts(scope.where(Permission.READ), _shape(wanted), by_area=False)
    counts = dict.fromkeys(State, 0)
    for state, number in await connection.execute(query, _values(wanted)):
        counts[state] += number
    return counts


async def count_by_area(scope: Scope, connection: Connection) -> tuple[dict[str, dict[State, int]], dict[State, int]]:
    """Watched cameras in scope by area and state, each area with everything below it, and those of the whole tree."""
    watched = Wanted()
    query = _counts(scope.where(Permission.READ), _shape(watched), by_area=True)
    own: dict[str, dict[State, int]] = defaultdict(lambda: dict.fromkeys(State, 0))
    for area_id, state, number in await connection.execute(query, _values(watched)):
        own[area_id][state] += number
    parents: dict[str, str | None] = {row.id: row.parent_id for row in await connection.execute(PARENTS)}
    summed: dict[str, dict[State, int]] = defaultdict(lambda: dict.fromkeys(State, 0))
    whole = dict.fromkeys(State, 0)
    for area_id, counts in own.items():
        for one, number in counts.items():
            whole[one] += number
        for above in line_of(area_id, parents):
            for one, number in counts.items():
                summed[above][one] += number
    return dict(summed), whole


def line_of(area_id: str, parents: Mapping[str, str | None]) -> list[str]:
    line: list[str] = []
    step: str | None = area_id
    while step is not None and step not in line:
        line.append(step)
        step = parents.get(step)
    return line


@lru_cache(maxsize=_KEPT)
def _page(extent: Extent, shape: _Shape, sort: Sort, further: bool) -> sa.Select[Any]:
    """Which cameras, from narrow rows; then what a page shows of these few, in the same order."""
    by, down = _sorted_by(sort), sort.value.startswith("-")
    query = sa.select(_l.camera_id, by.label("sorted_by")).where(*_where(extent, shape))
    if further:
        value, last = bindparam("value", type_=by.type), bindparam("last", type_=_l.camera_id.type)
        beyond = sa.or_(by < value if down else by > value, sa.and_(by == value, _l.camera_id > last))
        query = query.where(_l.camera_id > last if sort is Sort.ID else beyond)
    query = query.order_by(*([] if sort is Sort.ID else [by.desc() if down else by]), _l.camera_id)
    return _details(query.limit(bindparam("most", type_=sa.Integer)).subquery(), down)


@lru_cache(maxsize=_KEPT)
def _counts(extent: Extent, shape: _Shape, by_area: bool) -> sa.Select[Any]:
    columns = [_l.area_id, _l.state] if by_area else [_l.state]
    return sa.select(*columns, sa.func.count()).where(*_where(extent, shape)).group_by(*columns)


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
    return datetime.fromisoformat(str(value)) if sort in (Sort.SINCE, Sort.SINCE_DOWN) else value


def _details(page: sa.Subquery, down: bool) -> sa.Select[Any]:
    """The rows of a page in its order; after what they are sorted by, columns in the order of :class:`CameraRow`."""
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


def _values(wanted: Wanted) -> dict[str, Any]:
    """By the names of :func:`_filters`, and what these are run with; what is empty leaves nothing out."""
    given: dict[str, Any] = {
        "states": list(wanted.states),
        "area": wanted.area_id,
        "unit": wanted.unit_id,
        "device": wanted.device_id,
        "point": wanted.point_id,
        "gb_ids": list(wanted.gb_ids),
        "ids": list(wanted.ids),
        "text": wanted.text,
        "lifecycles": [] if wanted.all_lifecycles else sorted(WATCHED),
    }
    if wanted.looked is not None:
        given |= wanted.looked.values()
    return {name: value for name, value in given.items() if value}


def _shape(wanted: Wanted) -> _Shape:
    return frozenset(name for name in _values(wanted) if name in _FILTERS)


class _Place(FunctionElement[int]):
    """Where a text stands in another, 0 for nowhere. LIKE takes several times as long over Chinese in PostgreSQL."""

    type = sa.Integer()
    inherit_cache = True


@compiles(_Place)
def _instr(element: _Place, compiler: Any, **named: Any) -> str:
    name = "instr" if compiler.dialect.name == "sqlite" else "strpos"
    return f"{name}({compiler.process(element.clauses, **named)})"


def _filters() -> dict[str, ColumnElement[bool]]:
    below = sa.select(areas.c.id).where(areas.c.id == bindparam("area")).cte("below", recursive=True)
    below = below.union(sa.select(areas.c.id).join(below, areas.c.parent_id == below.c.id))
    held = sa.select(bindings.c.camera_id).where(bindings.c.point_id == bindparam("point"), bindings.c.until.is_(None))
    # Folded by the database on both sides, for it and Python do not agree on every letter; once, not for every row.
    text = sa.select(sa.func.lower(bindparam("text", type_=sa.String))).scalar_subquery()
    return {
        "states": _l.state.in_(_any("states", _l.state)),
        "area": _l.area_id.in_(sa.select(below.c.id)),
        "unit": _l.unit_id == bindparam("unit"),
        "device": _l.device_id == bindparam("device"),
        "point": _l.camera_id.in_(held),
        "gb_ids": _l.gb_id.in_(_any("gb_ids", _l.gb_id)),
        "ids": _l.camera_id.in_(_any("ids", _l.camera_id)),
        "text": _Place(_l.found_by, text) > 0,
        "lifecycles": _l.lifecycle.in_(_any("lifecycles", _l.lifecycle)),
        **{look.value: condition for look, condition in LOOKS.items()},
    }


def _any(name: str, of: ColumnElement[Any]) -> sa.BindParameter[Any]:
    return bindparam(name, type_=of.type, expanding=True)


_FILTERS = _filters()


def _where(extent: Extent, shape: _Shape) -> list[ColumnElement[bool]]:
    inside = visible(extent, _l.area_id, _l.unit_id)
    return [inside, *(condition for name, condition in _FILTERS.items() if name in shape)]


def _load(row: sa.Row[Any]) -> CameraRow:
    values: list[Any] = list(row[1:])
    if row.state is None:
        values[_STATE : _STATE + 5] = State.UNKNOWN, None, "never_checked", Link.UNKNOWN, Picture.UNKNOWN
    return CameraRow(*values)
