"""The list of watched cameras: whole or since a position, at a few queries however many there are."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from config.scope import Grant, Permission, Scope
from registry.camera_list import camera_list, position
from registry.camera_store import change_camera
from registry.database import Database
from registry.device_store import change_device
from registry.import_csv import parse
from registry.import_plan import plan
from registry.import_store import apply, existing
from registry.lifecycle import Lifecycle
from tests.support.registry_world import SYSTEM, add_world


async def statements(db: Database, scope: Scope) -> tuple[int, int]:
    """How many statements the list took, and how many cameras it held."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith(("SELECT", "WITH")):
            sent.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        found = await camera_list(scope, db)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    return len(sent), len(found)


async def test_the_number_of_queries_does_not_grow(db: Database) -> None:
    await add_world(db, "a", 1, cameras=3)
    reader = Scope("reader", (Grant(frozenset({Permission.READ}), area_id="a"),))
    few = await statements(db, SYSTEM)
    assert few == (4, 3)
    sheet = "name,code,ip,area,rtsp\n" + "".join(
        f"P{n},{n},10.8.{n // 250}.{n % 250},Village a,rtsp://10.8.{n // 250}.{n % 250}/1\n" for n in range(300)
    )
    async with db.read() as connection:
        stands = await existing(SYSTEM, connection)
    assert (await apply(SYSTEM, db, plan(parse(sheet.encode()), stands))).added == 300
    assert await statements(db, SYSTEM) == (4, 303)
    assert await statements(db, reader) == (4, 303)


async def test_the_list_since_a_position_holds_what_changed(db: Database) -> None:
    await add_world(db, "a", 1, cameras=3)
    at = await position(SYSTEM, db)
    assert await camera_list(SYSTEM, db, at) == []
    async with db.write() as connection:
        await change_camera(SYSTEM, connection, "a-camera-0002", 1, lifecycle=Lifecycle.REMOVED)
    (left,) = await camera_list(SYSTEM, db, at)
    assert (left.camera_id, left.active) == ("a-camera-0002", False)
    assert [camera.camera_id for camera in await camera_list(SYSTEM, db)] == ["a-camera-0001", "a-camera-0003"]
    async with db.write() as connection:
        await change_device(SYSTEM, connection, "a-recorder", 1, host="127.1.0.9")
    assert {camera.host for camera in await camera_list(SYSTEM, db, at)} == {"127.1.0.9"}
    assert len(await camera_list(SYSTEM, db, 10_000)) == 2
    (one, _) = await camera_list(SYSTEM, db)
    assert [window.id for window in one.windows] == ["a-window"]
    assert one.mask == (((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)),)
    assert [step.kind for step in one.access_path] == ["recorder", "switch"]
