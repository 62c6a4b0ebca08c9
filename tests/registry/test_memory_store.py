"""What the gateway remembers: one try with a wrong password, whatever restarts or channels there are."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from camera_gateway.memory import AccountKey, DeviceFacts
from config.clock import ManualClock
from config.errors import Kind, XueliangError
from registry.database import Database
from registry.memory_store import StoredDeviceMemory
from registry.migrations.run import migrate

KEY = AccountKey("127.0.0.9", "admin", "secret-1:1")


async def allowed(memory: StoredDeviceMemory, key: AccountKey = KEY) -> bool:
    try:
        await memory.before_attempt(key)
    except XueliangError as error:
        if error.kind is not Kind.LOCKED:
            raise
        return False
    return True


async def test_64_channels_wrong_password_20_restarts_one_attempt(db: Database, database_url: str) -> None:
    attempts, clock = 0, db.clock
    for _ in range(20):
        db = await Database.open(database_url, clock=clock)
        memory = StoredDeviceMemory(db, clock)
        answers = await asyncio.gather(*(allowed(memory) for _ in range(64)))
        attempts += sum(answers)
        if any(answers):
            await memory.attempt_failed(KEY)
        await db.close()
    assert attempts == 1


async def test_a_crash_during_the_try_holds_it(db: Database, clock: ManualClock) -> None:
    assert await allowed(StoredDeviceMemory(db, clock))
    assert not await allowed(StoredDeviceMemory(db, clock))
    await clock.advance(3601)
    assert await allowed(StoredDeviceMemory(db, clock))


async def test_the_hold_is_a_parameter(db: Database, clock: ManualClock) -> None:
    memory = StoredDeviceMemory(db, clock, hold=timedelta(seconds=20))
    assert await allowed(memory)
    await memory.attempt_failed(KEY)
    await clock.advance(21)
    assert await allowed(memory)


async def test_a_new_password_is_tried_at_once(db: Database, clock: ManualClock) -> None:
    memory = StoredDeviceMemory(db, clock)
    assert await allowed(memory)
    await memory.attempt_failed(KEY)
    assert not await allowed(memory)
    assert await memory.until(KEY.host) is not None
    again = AccountKey(KEY.host, KEY.user, "secret-1:2")
    assert await allowed(memory, again)
    await memory.attempt_succeeded(again)
    # What failed before with the old password is forgotten with it.
    assert await memory.until(KEY.host) is None


async def test_a_proved_account_costs_no_write(db: Database, clock: ManualClock) -> None:
    memory = StoredDeviceMemory(db, clock)
    assert await allowed(memory)
    await memory.attempt_succeeded(KEY)
    written = db.soon.committed
    for _ in range(50):
        assert await allowed(memory)
        await memory.attempt_succeeded(KEY)
    assert db.soon.committed == written
    assert await allowed(StoredDeviceMemory(db, clock))


async def test_an_unwritten_try_is_not_permitted(database_url: str, clock: ManualClock) -> None:
    db = await Database.open(database_url, clock=clock)
    await migrate(db)
    memory = StoredDeviceMemory(db, clock)
    assert await memory.recall("x") == DeviceFacts()
    await db.close()
    with pytest.raises(XueliangError) as caught:
        await memory.before_attempt(KEY)
    assert caught.value.kind is Kind.UNAVAILABLE


async def test_a_fleet_asks_at_once_and_shares_commits(db: Database, clock: ManualClock) -> None:
    memory = StoredDeviceMemory(db, clock)
    keys = [AccountKey(f"127.0.1.{number}", "admin", "s:1") for number in range(250)]
    assert all(await asyncio.gather(*(allowed(memory, key) for key in keys)))
    await asyncio.gather(*(memory.attempt_succeeded(key) for key in keys))
    assert db.soon.groups < 40
    fresh = StoredDeviceMemory(db, clock)
    assert all(await asyncio.gather(*(allowed(fresh, key) for key in keys)))


async def test_facts_are_kept_and_small_steps_are_not_written(db: Database, clock: ManualClock) -> None:
    memory = StoredDeviceMemory(db, clock)
    await memory.remember("h", auth_rung="digest", clock_offset=5.0, identity="a\x00b")
    await memory.remember("h", clock_offset=5.4)
    await memory.remember("h", keepalive="OPTIONS")
    await db.batch.flush()
    assert db.batch.committed == 2
    facts = await StoredDeviceMemory(db, clock).recall("h")
    assert facts == DeviceFacts(auth_rung="digest", keepalive="OPTIONS", clock_offset=5.0, identity="a?b")
