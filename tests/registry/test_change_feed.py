"""The change feed: one gap-free order under many writers, and the ways a reader is sent back."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from config.clock import ManualClock
from config.errors import Kind, XueliangError
from config.scope import Grant, Permission, Scope
from registry.change_feed import MAX_PAYLOAD
from registry.change_feed_store import after, forget, head, new_epoch, record
from registry.database import Database
from tests.support.registry_world import SYSTEM


async def put(db: Database, object_id: str, *, fail: bool = False) -> None:
    async with db.write() as connection:
        await record(connection, "camera", object_id, None, {"n": object_id})
        if fail:
            raise XueliangError(Kind.INTERNAL, "rolled back")


async def test_many_writers_leave_no_gap_and_no_disorder(db: Database) -> None:
    seen: list[int] = []
    writing = True

    async def follow() -> None:
        position = 0
        while True:
            last = not writing
            async with db.read() as connection:
                part = await after(SYSTEM, connection, position, 7)
            seen.extend(change.position for change in part.changes)
            position = part.upto
            if last and not part.more:
                return

    async def write(number: int) -> None:
        if number % 5 == 0:
            with pytest.raises(XueliangError):
                await put(db, f"lost {number}", fail=True)
        await put(db, f"{number}")

    follower = asyncio.create_task(follow())
    await asyncio.gather(*(write(number) for number in range(60)))
    writing = False
    async with asyncio.timeout(30):
        await follower
    assert seen == list(range(1, 61))


async def test_two_processes_worth_of_writers_keep_the_order(db: Database, database_url: str) -> None:
    other = await Database.open(database_url, clock=db.clock)
    try:
        await asyncio.gather(*(put(one, f"{number}") for number in range(15) for one in (db, other)))
    finally:
        await other.close()
    async with db.read() as connection:
        part = await after(SYSTEM, connection, 0)
    assert [change.position for change in part.changes] == list(range(1, 31))


async def test_a_reader_from_elsewhere_is_sent_back(db: Database, clock: ManualClock) -> None:
    await put(db, "a")
    async with db.read() as connection:
        first = await head(SYSTEM, connection)
    await clock.advance(timedelta(days=40).total_seconds())
    await put(db, "b")
    async with db.write() as connection:
        assert await forget(SYSTEM, connection, clock.now() - timedelta(days=30)) == 1
    async with db.read() as connection:
        assert [c.object_id for c in (await after(SYSTEM, connection, first.position)).changes] == ["b"]
    for position, epoch in ((0, None), (99, None), (2, "another")):
        with pytest.raises(XueliangError) as caught:
            async with db.read() as connection:
                await after(SYSTEM, connection, position, epoch=epoch)
        assert caught.value.kind is Kind.GONE
    async with db.write() as connection:
        assert await new_epoch(SYSTEM, connection) != first.epoch
    with pytest.raises(XueliangError):
        async with db.read() as connection:
            await after(SYSTEM, connection, 1, epoch=first.epoch)


async def test_forgetting_goes_by_position_and_a_little_at_a_time(db: Database, clock: ManualClock) -> None:
    for number in range(7):
        await put(db, f"{number}")
    begun = clock.now()
    await clock.advance(timedelta(days=40).total_seconds())
    await put(db, "late")
    clock.step(-timedelta(days=40).total_seconds())  # the machine's clock was set back
    await put(db, "dated too early")
    await clock.advance(timedelta(days=41).total_seconds())
    gone: list[int] = []
    before = begun + timedelta(days=30)
    while not gone or gone[-1]:
        async with db.write() as connection:
            gone.append(await forget(SYSTEM, connection, before, limit=3))
    assert gone == [3, 3, 1, 0]
    async with db.read() as connection:
        part = await after(SYSTEM, connection, 7)
        assert [c.object_id for c in part.changes] == ["late", "dated too early"]
        with pytest.raises(XueliangError) as caught:
            await after(SYSTEM, connection, 6)
    assert caught.value.kind is Kind.GONE
    assert caught.value.facts["oldest"] == 7


async def test_upto_goes_past_what_is_foreign(db: Database) -> None:
    for number in range(5):
        await put(db, f"{number}")
    scope = Scope("reader", (Grant(frozenset({Permission.READ}), area_id="a"),))
    async with db.read() as connection:
        part = await after(scope, connection, 0, 2)
    assert (part.changes, part.upto, part.more) == ((), 5, False)


async def test_a_payload_has_a_cap(db: Database) -> None:
    with pytest.raises(XueliangError) as caught:
        async with db.write() as connection:
            await record(connection, "camera", "x", None, {"text": "x" * MAX_PAYLOAD})
    assert caught.value.kind is Kind.TOO_LARGE
