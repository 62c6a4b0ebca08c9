"""Edge: the table of points, and what held for each of them when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from config.ids import new_id
from config.scope import Scope
from registry import rows_store
from registry.database import Connection, clock_of
from registry.nouns_store import POINT
from registry.point import Placement, Point
from registry.rows_store import Page
from registry.tables import placements, points

#: A month is reckoned with what held for these then.
_DATED = ("area_id", "unit_id", "maintenance_unit_id", "point_class")


async def add_point(scope: Scope, connection: Connection, point: Point) -> Point:
    await add_points(scope, connection, [point])
    return point


async def add_points(
    scope: Scope, connection: Connection, added: Sequence[Point], *, details: dict[str, Any] | None = None
) -> None:
    """Each with its first placement, from now on."""
    for unit_id in {unit for point in added for unit in (point.unit_id, point.maintenance_unit_id)}:
        await rows_store.require_unit(scope, connection, unit_id)
    await rows_store.add_many(scope, connection, POINT, added, details=details)
    await _place(connection, added)


async def change_point(scope: Scope, connection: Connection, point_id: str, version: int, **fields: Any) -> Point:
    """As :func:`registry.rows_store.change`; a change of area, unit or class begins a new placement now."""
    old = await rows_store.get(scope, connection, POINT, point_id)
    new = await rows_store.change(scope, connection, POINT, point_id, version, **fields)
    if any(getattr(old, name) != getattr(new, name) for name in _DATED):
        for unit_id in (new.unit_id, new.maintenance_unit_id):
            await rows_store.require_unit(scope, connection, unit_id)
        still = (placements.c.point_id == point_id) & placements.c.until.is_(None)
        await connection.execute(sa.update(placements).where(still).values(until=clock_of(connection).now()))
        await _place(connection, [new])
    return new


async def get_point(scope: Scope, connection: Connection, point_id: str) -> Point:
    return await rows_store.get(scope, connection, POINT, point_id)


async def list_points(
    scope: Scope, connection: Connection, *, after: str | None = None, limit: int = 100
) -> Page[Point]:
    return await rows_store.page(scope, connection, POINT, after=after, limit=limit)


async def points_by_code(scope: Scope, connection: Connection, codes: set[str], gb_ids: set[str]) -> list[Point]:
    """Points whose own code or GB/T id is among these; both are attributes and may occur twice."""
    found: dict[str, Point] = {}
    for column, wanted in ((points.c.code, sorted(codes)), (points.c.gb_id, sorted(gb_ids))):
        for start in range(0, len(wanted), 500):
            for point in await rows_store.every(scope, connection, POINT, column.in_(wanted[start : start + 500])):
                found[point.id] = point
    return [found[key] for key in sorted(found)]


async def placements_of(scope: Scope, connection: Connection, point_id: str) -> list[Placement]:
    """The oldest first."""
    await rows_store.get(scope, connection, POINT, point_id)
    query = sa.select(placements).where(placements.c.point_id == point_id)
    rows = await connection.execute(query.order_by(placements.c.since, placements.c.id))
    return [Placement(**row._mapping) for row in rows]


async def _place(connection: Connection, added: Sequence[Point]) -> None:
    now = clock_of(connection).now()
    rows = [
        {"id": new_id(), "point_id": point.id, "since": now, "until": None}
        | {name: getattr(point, name) for name in _DATED}
        for point in added
    ]
    if rows:
        await connection.execute(sa.insert(placements), rows)
