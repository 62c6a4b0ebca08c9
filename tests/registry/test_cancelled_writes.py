"""A task that is cancelled in the middle of a transaction: nothing of it stays, and the next writer does not wait."""

from __future__ import annotations

import asyncio
import time

import pytest
import sqlalchemy as sa

from config.settled import settled
from registry.database import Database
from registry.tables import areas

ADD = sa.insert(areas)
#: The busy time-out of SQLite is ten seconds: whoever waits for a lost transaction is over this by far.
AT_ONCE = 3.0
#: Turns of the loop before the cancellation: from before the connection is had to well after the commit.
TURNS = range(0, 120, 3)


async def write_pair(db: Database, name: str, committed: list[str]) -> None:
    async with db.write() as connection:
        for half in ("a", "b"):
            await connection.execute(ADD, {"id": f"{name}{half}", "name": name})
    committed.append(name)


async def cancelled_after(db: Database, turns: int, cancels: int, committed: list[str]) -> None:
    task = asyncio.create_task(write_pair(db, f"{turns}.{cancels}.", committed))
    for _ in range(turns):
        await asyncio.sleep(0)
    for _ in range(cancels):
        task.cancel()
        await asyncio.sleep(0)
    await asyncio.wait((task,))
    if not task.cancelled():
        task.result()


@pytest.mark.parametrize("cancels", [1, 2, 3])
async def test_cancelled_at_any_moment_nothing_is_half_done_and_the_next_writer_goes_on(
    db: Database, cancels: int
) -> None:
    committed: list[str] = []
    slowest = 0.0
    for turns in TURNS:
        await cancelled_after(db, turns, cancels, committed)
        begun = time.monotonic()
        async with asyncio.timeout(20), db.write() as connection:
            await connection.execute(ADD, {"id": f"next {turns}", "name": "next"})
        slowest = max(slowest, time.monotonic() - begun)
    assert slowest < AT_ONCE
    async with db.read() as connection:
        stands = set((await connection.execute(sa.select(areas.c.id))).scalars())
    assert {f"next {turns}" for turns in TURNS} <= stands
    halves = [one for one in stands if not one.startswith("next")]
    assert all(one[:-1] + half in stands for one in halves for half in "ab")
    assert {name + half for name in committed for half in "ab"} <= stands


async def test_a_commit_under_way_ends_before_the_cancellation_goes_on() -> None:
    begun, may_end, steps = asyncio.Event(), asyncio.Event(), []

    async def commit() -> None:
        begun.set()
        await may_end.wait()
        steps.append("committed")

    async def caller() -> None:
        try:
            await settled(commit())
        finally:
            steps.append("went on")

    task = asyncio.create_task(caller())
    await begun.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert steps == []
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert steps == ["committed", "went on"]


async def test_an_error_of_the_work_is_told_before_the_cancellation() -> None:
    begun = asyncio.Event()
    may_end = asyncio.Event()

    async def commit() -> None:
        begun.set()
        await may_end.wait()
        raise OSError("disk full")

    task = asyncio.create_task(settled(commit()))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    may_end.set()
    with pytest.raises(OSError, match="disk full"):
        await task
