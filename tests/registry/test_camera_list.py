"""The list of watched cameras costs the same few queries for three cameras as for three hundred."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from config.scope import Grant, Permission, Scope
from registry.camera_list import camera_list
from registry.database import Database
from registry.import_csv import parse
from registry.import_plan import plan
from registry.import_store import apply, existing
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
