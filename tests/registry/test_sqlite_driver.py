"""A statement is one trip to SQLite's thread, whatever it brings; a read is one view from its first statement on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from config.errors import Kind, XueliangError
from registry.database import Database
from registry.sqlite_driver import OneTrip


@pytest.fixture
def trips(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was handed to a connection's thread."""
    made: list[Any] = []
    whole = OneTrip._execute

    async def counted(self: OneTrip, function: Any, *arguments: Any, **named: Any) -> Any:
        made.append(function)
        return await whole(self, function, *arguments, **named)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(OneTrip, "_execute", counted)
    return made


@pytest.fixture
async def file_db(tmp_path: Path) -> AsyncIterator[Database]:
    db = await Database.open(f"sqlite:///{tmp_path / 'x.db'}")
    async with db.write() as connection:
        await connection.execute(sa.text("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)"))
        await connection.execute(sa.text("INSERT INTO t (b) VALUES (:b)"), [{"b": "one"}, {"b": "two"}])
    async with db.read() as connection:
        await connection.execute(sa.text("SELECT 1"))
    yield db
    await db.close()


async def test_a_read_is_a_trip_a_statement_and_one_to_end_it(file_db: Database, trips: list[Any]) -> None:
    trips.clear()
    async with file_db.read() as connection:
        rows = (await connection.execute(sa.text("SELECT a, b FROM t ORDER BY a"))).all()
        assert [tuple(row) for row in rows] == [(1, "one"), (2, "two")]
        assert (await connection.execute(sa.text("SELECT max(a) FROM t"))).scalar_one() == 2
    assert len(trips) == 3
    trips.clear()
    async with file_db.read():
        pass
    assert trips == []


async def test_a_write_says_what_it_did(file_db: Database, trips: list[Any]) -> None:
    trips.clear()
    async with file_db.write() as connection:
        changed = await connection.execute(sa.text("UPDATE t SET b = 'x' WHERE a > 0"))
        given = await connection.execute(sa.text("INSERT INTO t (b) VALUES ('three') RETURNING a"))
        assert (changed.rowcount, given.scalar_one()) == (2, 3)
    assert len(trips) == 4  # BEGIN IMMEDIATE takes its lock at once; then two statements and COMMIT


async def test_one_view_from_the_first_statement_on(file_db: Database) -> None:
    count = sa.text("SELECT count(*) FROM t")
    async with file_db.read() as before:
        assert (await before.execute(count)).scalar_one() == 2
        async with file_db.write() as connection:
            await connection.execute(sa.text("INSERT INTO t (b) VALUES ('three')"))
        assert (await before.execute(count)).scalar_one() == 2
    async with file_db.read() as after:
        assert (await after.execute(count)).scalar_one() == 3


async def test_a_failed_statement_is_told_and_leaves_the_connection_whole(file_db: Database) -> None:
    for _ in range(6):  # more than there are readers
        with pytest.raises(XueliangError) as caught:
            async with file_db.read() as connection:
                await connection.execute(sa.text("INSERT INTO t (b) VALUES ('never')"))
        assert caught.value.kind is Kind.UNAVAILABLE
        assert "readonly" in caught.value.what
    async with file_db.read() as connection:
        assert (await connection.execute(sa.text("SELECT count(*) FROM t"))).scalar_one() == 2
