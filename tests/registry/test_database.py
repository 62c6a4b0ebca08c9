"""The engines: transactions, one writer, group commit, times; the same over both databases."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from config.clock import ManualClock
from config.errors import Kind, XueliangError
from registry.batch_store import MAX_GROUP, SOON_SECONDS
from registry.database import Connection, Database
from registry.log_tables import imports
from registry.migrations.run import migrate
from registry.tables import areas

ADD = sa.insert(areas)


def area(name: str) -> dict[str, object]:
    return {"id": name, "name": name}


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


async def names(db: Database) -> list[str]:
    async with db.read() as connection:
        return list((await connection.execute(sa.select(areas.c.id).order_by(areas.c.id))).scalars())


async def test_a_transaction_commits_whole_or_not_at_all(db: Database) -> None:
    async def fail() -> None:
        async with db.write() as connection:
            await connection.execute(ADD, area("a"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    assert await names(db) == []
    async with db.write() as connection:
        await connection.execute(ADD, area("a"))
    assert await names(db) == ["a"]


async def test_a_reader_sees_one_moment_and_cannot_write(db: Database) -> None:
    async with db.read() as reader:
        assert (await reader.execute(sa.select(sa.func.count()).select_from(areas))).scalar_one() == 0
        async with db.write() as connection:
            await connection.execute(ADD, area("a"))
        assert (await reader.execute(sa.select(sa.func.count()).select_from(areas))).scalar_one() == 0
    with pytest.raises(XueliangError) as caught:
        async with db.read() as reader:
            await reader.execute(ADD, area("b"))
    assert caught.value.kind is Kind.UNAVAILABLE
    assert await names(db) == ["a"]


async def test_writers_take_turns(db: Database) -> None:
    inside = 0

    async def write(number: int) -> None:
        nonlocal inside
        async with db.write() as connection:
            inside += 1
            assert inside == 1
            await connection.execute(ADD, area(f"{number:03}"))
            inside -= 1

    await asyncio.gather(*(write(number) for number in range(40)))
    assert len(await names(db)) == 40


async def test_a_cancelled_writer_leaves_nothing_and_frees_its_turn(db: Database) -> None:
    started, never = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        async with db.write() as connection:
            await connection.execute(ADD, area("x"))
            started.set()
            await never.wait()

    task = asyncio.create_task(hang())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10), db.write() as connection:
        await connection.execute(ADD, area("y"))
    assert await names(db) == ["y"]


async def test_foreign_exceptions_become_ours_without_parameters(db: Database) -> None:
    with pytest.raises(XueliangError) as caught:
        async with db.write() as connection:
            await connection.execute(ADD, {"id": "a", "name": "hunter2", "parent_id": "nobody"})
    assert caught.value.kind is Kind.CONFLICT
    assert "hunter2" not in str(caught.value)
    with pytest.raises(XueliangError) as caught:
        async with db.write() as connection:
            await connection.execute(sa.text("SELECT secret FROM nowhere"))
    assert caught.value.kind is Kind.UNAVAILABLE


async def test_a_batch_commits_after_its_interval(db: Database, clock: ManualClock) -> None:
    first = await db.batch.add(ADD, area("a"))
    second = await db.batch.add(ADD, area("b"))
    assert not first.done()
    await clock.advance(1.0)
    async with asyncio.timeout(10):
        await asyncio.gather(first, second)
    assert (db.batch.groups, db.batch.committed) == (1, 2)
    assert await names(db) == ["a", "b"]


async def test_what_somebody_waits_to_see_takes_the_batch_along_soon(db: Database, clock: ManualClock) -> None:
    async def many(connection: Connection, found: Sequence[str]) -> None:
        await connection.execute(ADD, [area(name) for name in found])

    for first, second in (("a", "b"), ("c", "d")):  # the second group is no less patient than the first
        patient = await db.batch.add(ADD, area(first))
        await clock.advance(SOON_SECONDS)
        assert not patient.done()
        hasty = await db.batch.add_joint(many, second, soon=True)
        await clock.advance(SOON_SECONDS / 2)
        assert not hasty.done()
        await clock.advance(SOON_SECONDS / 2)
        async with asyncio.timeout(10):
            await asyncio.gather(patient, hasty)
    assert (db.batch.groups, db.batch.committed) == (2, 4)


async def test_a_full_batch_does_not_wait(db: Database) -> None:
    acks = [await db.batch.add(ADD, area(f"{number:05}")) for number in range(MAX_GROUP)]
    async with asyncio.timeout(30):
        await asyncio.gather(*acks)
    assert db.batch.groups == 1


async def test_a_bad_write_fails_alone(db: Database) -> None:
    async def two(connection: Connection) -> None:
        await connection.execute(ADD, area("c"))
        await connection.execute(ADD, area("d"))

    acks = [
        await db.batch.add(ADD, area("a")),
        await db.batch.add(ADD, {"id": "b", "name": "b", "parent_id": "nobody"}),
        await db.batch.add_work(two),
    ]
    async with asyncio.timeout(10):
        await db.batch.flush()
    assert acks[0].exception() is None
    assert isinstance(acks[1].exception(), XueliangError)
    assert acks[2].exception() is None
    assert await names(db) == ["a", "c", "d"]


async def test_many_alike_are_written_at_once(db: Database) -> None:
    calls: list[tuple[str, list[str]]] = []

    async def many(connection: Connection, parts: Sequence[str]) -> None:
        calls.append(("many", list(parts)))
        await connection.execute(ADD, [area(part) for part in parts])

    async def work(connection: Connection) -> None:
        calls.append(("work", []))

    for name in "abc":
        await db.batch.add_joint(many, name)
        await db.batch.add(ADD, area(name + name))  # between them, and in nobody's way
    await db.batch.add_work(work)  # nothing overtakes it
    await db.batch.add_joint(many, "d")
    await db.batch.flush()
    assert calls == [("many", ["a", "b", "c"]), ("work", []), ("many", ["d"])]
    assert await names(db) == ["a", "aa", "b", "bb", "c", "cc", "d"]
    bad, good = await db.batch.add_joint(many, "a"), await db.batch.add_joint(many, "e")
    await db.batch.flush()
    assert isinstance(bad.exception(), XueliangError)
    assert good.exception() is None
    assert calls[-3:] == [("many", ["a", "e"]), ("many", ["a"]), ("many", ["e"])]


async def test_soon_shares_commits_without_waiting_for_time(db: Database) -> None:
    async def put(number: int) -> None:
        await (await db.soon.add(ADD, area(f"{number:03}")))

    async with asyncio.timeout(20):
        await asyncio.gather(*(put(number) for number in range(200)))
    assert db.soon.committed == 200
    assert db.soon.groups < 50


async def test_closing_commits_what_waits(database_url: str, clock: ManualClock) -> None:
    db = await Database.open(database_url, clock=clock)
    await migrate(db)
    ack = await db.batch.add(ADD, area("a"))
    await db.close()
    assert ack.done()
    assert ack.exception() is None
    with pytest.raises(XueliangError):
        await db.batch.add(ADD, area("b"))
    again = await Database.open(database_url, clock=clock)
    assert await names(again) == ["a"]
    await again.close()


async def test_times_keep_zone_order_and_microseconds(db: Database) -> None:
    moments = [
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        datetime(2026, 1, 1, 8, 0, 0, 2, tzinfo=timezone(timedelta(hours=8))),
        datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC),
    ]
    async with db.write() as connection:
        for number, at in enumerate(moments):
            row = {"id": str(number), "at": at, "principal": "p", "file_digest": "", "rows": 0, "changed": 0}
            await connection.execute(sa.insert(imports), row)
    async with db.read() as connection:
        stored = list((await connection.execute(sa.select(imports.c.at).order_by(imports.c.at))).scalars())
    assert stored == moments
    assert all(at.utcoffset() == timedelta(0) for at in stored)


async def test_a_time_without_zone_is_refused(db: Database) -> None:
    naive = datetime(2026, 1, 1)
    row = {"id": "x", "at": naive, "principal": "p", "file_digest": "", "rows": 0, "changed": 0}
    with pytest.raises(XueliangError):
        async with db.write() as connection:
            await connection.execute(sa.insert(imports), row)


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://host/name"])
async def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(XueliangError) as caught:
        await Database.open(url)
    assert caught.value.kind is Kind.INVALID


@pytest.mark.parametrize("name", ["what?", "a?mode=memory", "#1", "50%25", "user:pw@host", "a b&c=d", "金水区"])
async def test_a_path_is_a_path_whatever_is_in_it(name: str, tmp_path: Path) -> None:
    file = tmp_path / name / "x.db"
    file.parent.mkdir()
    db = await Database.open(f"sqlite:///{file}")
    assert (db.file, db.dialect) == (file, "sqlite")
    async with db.write() as connection:
        await connection.execute(sa.text("CREATE TABLE x (y INTEGER)"))
    await db.close()
    assert os.listdir(tmp_path) == [name]
    assert list(modes(file.parent)) == ["x.db"]
    with closing(sqlite3.connect(file)) as plain:
        assert plain.execute("SELECT name FROM sqlite_schema").fetchall() == [("x",)]


async def test_the_sqlite_file_is_its_owners_and_durable(tmp_path: Path) -> None:
    path = tmp_path / "xueliang.db"
    db = await Database.open(f"sqlite:///{path}")
    await migrate(db)
    async with db.write() as connection:
        pragmas = [
            (await connection.execute(sa.text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert pragmas == ["wal", 2, 1]
    assert set(modes(tmp_path).values()) == {0o600}
    await db.close()
    assert modes(tmp_path) == {"xueliang.db": 0o600}


async def test_a_folder_that_is_not_there_is_said() -> None:
    with pytest.raises(XueliangError) as caught:
        await Database.open("sqlite:////nonexistent/folder/x.db")
    assert caught.value.kind is Kind.UNAVAILABLE


async def test_a_server_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(XueliangError) as caught:
        await Database.open(f"postgresql://nobody@/nothing?host={tmp_path}")
    assert caught.value.kind is Kind.UNAVAILABLE
