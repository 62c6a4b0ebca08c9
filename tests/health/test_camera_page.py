"""Lists of cameras: the narrow rows they read are true after every write, and no list walks through wide ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from config.clock import ManualClock
from config.scope import Grant, Permission, Scope
from health import camera_page_store, state_store
from health.camera_page_store import Sort, Wanted, count_by_area, count_cameras, list_cameras, tally
from health.state import State, begin
from health.state_row import Known
from health.tables import camera_listing, camera_states
from registry.area import Area
from registry.area_store import add_area
from registry.binding_store import bind, unbind
from registry.camera_store import change_camera
from registry.database import Connection, Database
from registry.device_store import change_device
from registry.lifecycle import Lifecycle
from registry.migrations import listing
from registry.migrations.run import migrate
from registry.point import Point
from registry.point_store import add_point, change_point
from registry.tables import bindings, cameras, devices, points
from tests.health.conftest import SYSTEM, District

EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
BIG = {"camera_listing", "cameras", "devices", "points", "bindings", "camera_states"}


async def held(connection: Connection) -> dict[str, tuple[Any, ...]]:
    return {row.camera_id: tuple(row) for row in await connection.execute(sa.select(camera_listing))}


async def true(connection: Connection) -> dict[str, tuple[Any, ...]]:
    """What the narrow rows should be, put together from the tables that they tell of."""
    c, s, p = cameras.c, camera_states.c, points.c
    still = sa.and_(bindings.c.camera_id == c.id, bindings.c.until.is_(None))
    joined = cameras.join(devices, devices.c.id == c.device_id).outerjoin(camera_states, s.camera_id == c.id)
    joined = joined.outerjoin(bindings, still).outerjoin(points, p.id == bindings.c.point_id)
    query = sa.select(cameras, devices.c.host, s.state, s.since, p.name.label("point"), p.code).select_from(joined)
    return {
        row.id: (
            *(row.id, row.lifecycle, row.area_id, row.unit_id, row.device_id, row.gb_id, row.name),
            row.state or State.UNKNOWN,
            row.since or EPOCH,
            "\n".join([row.name, row.gb_id or "", row.host, row.point or "", row.code or ""]).lower(),
        )
        for row in await connection.execute(query)
    }


async def test_narrow_rows_follow_every_write(db: Database, district: District, clock: ManualClock) -> None:
    one, two = district.a[0], district.a[1]
    point = Point("p-1", "North Gate", district.area_a, code="N-1", lifecycle=Lifecycle.IN_USE)
    state = begin(one, clock.now())
    offline = replace(state, state=State.OFFLINE, since=clock.now() + timedelta(minutes=3))

    async def device_of(connection: Connection) -> str:
        query = sa.select(cameras.c.device_id).where(cameras.c.id == one)
        return str((await connection.execute(query)).scalar_one())

    async def move(connection: Connection) -> None:
        await change_device(SYSTEM, connection, await device_of(connection), 1, host="127.9.9.9")

    steps: dict[str, Any] = {
        "renamed": lambda tx: change_camera(SYSTEM, tx, one, 1, name="Bridge EAST", gb_id="32011500001320000001"),
        "moved": lambda tx: change_camera(SYSTEM, tx, one, 2, area_id=district.area_b),
        "in use": lambda tx: change_camera(SYSTEM, tx, two, 1, lifecycle=Lifecycle.IN_USE),
        "addressed": move,
        "point added": lambda tx: add_point(SYSTEM, tx, point),
        "bound": lambda tx: bind(SYSTEM, tx, one, "p-1"),
        "bound too": lambda tx: bind(SYSTEM, tx, two, "p-1"),
        "point renamed": lambda tx: change_point(SYSTEM, tx, "p-1", 1, name="South Gate", code=None),
        "unbound": lambda tx: unbind(SYSTEM, tx, one),
        "watched": lambda tx: state_store.begin(SYSTEM, tx, [Known(state)]),
        "offline": lambda tx: state_store.save(SYSTEM, tx, [Known(offline)]),
        "forgotten": lambda tx: tx.execute(sa.delete(camera_states).where(camera_states.c.camera_id == one)),
    }
    async with db.read() as connection:
        before = await held(connection)
    assert len(before) == len(district.all)
    for name, step in steps.items():
        async with db.write() as tx:
            await step(tx)
        async with db.read() as connection:
            now = await held(connection)
            assert now == await true(connection), name
        assert (now != before) is (name != "point added"), name
        before = now


async def test_a_write_that_is_rolled_back_leaves_no_trace(db: Database, district: District) -> None:
    async def half() -> None:
        async with db.write() as tx:
            await change_camera(SYSTEM, tx, district.a[0], 1, name="never")
            raise LookupError

    with pytest.raises(LookupError):
        await half()
    async with db.read() as connection:
        assert (await held(connection))[district.a[0]][6] != "never"


async def test_migrating_makes_every_row_anew(db: Database, district: District) -> None:
    async with db.write() as tx:
        await tx.run_sync(listing.loosen)
        await change_camera(SYSTEM, tx, district.a[0], 1, name="unseen")
        await tx.execute(sa.delete(camera_listing).where(camera_listing.c.camera_id == district.a[1]))
        assert await held(tx) != await true(tx)
        await tx.run_sync(listing.fasten)
        assert await held(tx) == await true(tx)
    await migrate(db)
    async with db.write() as tx:
        await change_camera(SYSTEM, tx, district.a[0], 2, name="seen")
        assert await held(tx) == await true(tx)


async def test_a_page_that_holds_all_is_its_own_count(db: Database, district: District) -> None:
    async with db.read() as connection:
        everything = Wanted(all_lifecycles=True)
        rows, last = await list_cameras(SYSTEM, connection, everything)
        assert (len(rows), last) == (len(district.all), None)
        assert tally(rows) == await count_cameras(SYSTEM, connection, everything)


@contextmanager
def statements(db: Database) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that readers send, with its parameters."""
    sent: list[tuple[str, Any]] = []

    def heard(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if not statement.startswith("BEGIN"):
            sent.append((statement, parameters))

    engine = db._reader.sync_engine
    sa.event.listen(engine, "before_cursor_execute", heard)
    try:
        yield sent
    finally:
        sa.event.remove(engine, "before_cursor_execute", heard)


def scopes(district: District) -> dict[str, Scope]:
    read = frozenset({Permission.READ})
    return {
        "area": Scope("a", (Grant(read, area_id=district.area_a),)),
        "unit": Scope("u", (Grant(read, unit_id="nobody"),)),
        "everywhere": Scope("e", (Grant(read),)),
    }


WANTED = {
    "everything": Wanted(),
    "states": Wanted(states=[State.OFFLINE, State.FAULT]),
    "search": Wanted(text="127.0.1"),
    "area": Wanted(area_id="x"),
    "device": Wanted(device_id="x"),
    "point": Wanted(point_id="x"),
    "batch": Wanted(gb_ids=["x", "y"], all_lifecycles=True),
    "ids": Wanted(ids=["x", "y"], all_lifecycles=True),
}


@pytest.mark.parametrize("db_kind", ["sqlite"])
async def test_no_list_walks_through_a_big_table(db: Database, district: District) -> None:
    async with db.write() as tx:
        await add_area(SYSTEM, tx, Area("x", "X", district.area_a))
    with statements(db) as sent:
        async with db.read() as connection:
            for scope in scopes(district).values():
                for wanted in WANTED.values():
                    for sort in (Sort.NAME, Sort.SINCE_DOWN, Sort.STATE):
                        _, last = await list_cameras(scope, connection, wanted, sort=sort, limit=1)
                        await list_cameras(scope, connection, wanted, sort=sort, after=last, limit=1)
                    await count_cameras(scope, connection, wanted)
                await count_by_area(scope, connection)
    async with db.read() as connection:
        for statement, parameters in dict.fromkeys(sent):
            plan = await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            walked = {found[1] for row in plan if (found := re.match(r"SCAN (\w+)", row.detail))}
            assert not walked & BIG, statement


async def test_two_statements_whatever_the_page(db: Database, district: District) -> None:
    counts = set()
    with statements(db) as sent:
        for limit in (1, 3, camera_page_store.MAX_PAGE):
            sent.clear()
            async with db.read() as connection:
                await list_cameras(SYSTEM, connection, Wanted(all_lifecycles=True), limit=limit)
                await count_cameras(SYSTEM, connection, Wanted(all_lifecycles=True))
            counts.add(len(sent))
    assert counts == {2}
