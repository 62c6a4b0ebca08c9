"""Sessions: kept by digest, ended by time, by number, by hand, and by whoever disables the account."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from config.clock import ManualClock
from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import Permission
from registry import account_store, session_store
from registry.database import Database
from registry.login_store import Known, by_secret, still
from registry.principal import PrincipalKind, StoredGrant
from registry.principal_store import add_grant, take_grant
from registry.session import SessionRules
from tests.support.registry_world import SYSTEM, add_world

RULES = SessionRules(idle=timedelta(minutes=30), absolute=timedelta(hours=8), at_most=3)


async def account(db: Database, name: str = "li") -> str:
    async with db.write() as connection:
        return (await account_store.add_account(SYSTEM, connection, name, "hash", must_change=False)).id


async def login(db: Database, account_id: str, secret: str) -> str:
    async with db.write() as connection:
        opened = await session_store.open_session(
            SYSTEM, connection, account_id, secret, address="10.0.0.9", agent="Mozilla\n/5", rules=RULES
        )
    return opened[0].id


async def known(db: Database, secret: str) -> Known | None:
    async with db.read() as connection:
        return await by_secret(SYSTEM, connection, PrincipalKind.ACCOUNT, secret, RULES, db.clock.now())


async def test_the_secret_is_not_in_the_database(db: Database) -> None:
    await login(db, await account(db), "the-secret-of-a-session")
    async with db.read() as connection:
        tables = ("sessions", "accounts", "audit", "changes")
        dump = [str(row) for t in tables for row in await connection.execute(sa.text(f"SELECT * FROM {t}"))]
    assert dump
    assert not any("the-secret-of-a-session" in line for line in dump)
    found = await known(db, "the-secret-of-a-session")
    assert found is not None
    assert found.session is not None
    assert found.session.agent == "Mozilla?/5"
    assert await known(db, "the-secret-of-a-sessioN") is None


async def test_it_ends_when_idle_and_at_its_end(db: Database, clock: ManualClock) -> None:
    account_id = await account(db)
    session_id = await login(db, account_id, "one")
    await clock.advance(29 * 60)
    assert await known(db, "one") is not None
    await session_store.seen(SYSTEM, db, session_id, clock.now())
    await db.batch.flush()
    await clock.advance(29 * 60)
    assert await known(db, "one") is not None
    await clock.advance(61)
    assert await known(db, "one") is None
    session_id = await login(db, account_id, "two")
    for _ in range(8 * 60 // 20):
        assert await known(db, "two") is not None
        await clock.advance(20 * 60)
        await session_store.seen(SYSTEM, db, session_id, clock.now())
        await db.batch.flush()
    assert await known(db, "two") is None


async def test_one_too_many_ends_the_oldest(db: Database) -> None:
    account_id = await account(db)
    for number in range(5):
        await login(db, account_id, f"s{number}")
    assert [await known(db, f"s{number}") is not None for number in range(5)] == [False, False, True, True, True]


async def test_ended_withdrawn_and_disabled_open_nothing(db: Database) -> None:
    account_id, other = await account(db), await account(db, "other")
    session_id = await login(db, account_id, "one")
    found = await known(db, "one")
    assert found is not None
    async with db.write() as connection:
        with pytest.raises(XueliangError) as caught:
            await session_store.end_session(SYSTEM, connection, session_id, other)
        assert caught.value.kind is Kind.NOT_FOUND
        await session_store.end_session(SYSTEM, connection, session_id, account_id)
    async with db.read() as connection:
        assert await still(SYSTEM, connection, found, RULES, db.clock.now()) is None
    await login(db, account_id, "two")
    async with db.write() as connection:
        await account_store.set_disabled(SYSTEM, connection, account_id, 1, True)
    assert await known(db, "two") is None
    async with db.write() as connection:
        await account_store.set_disabled(SYSTEM, connection, account_id, 2, False)
    assert await known(db, "two") is None, "a disabled account's sessions do not come back"


async def test_grants_are_read_anew_each_time(db: Database, clock: ManualClock) -> None:
    await add_world(db, "a", 1)
    account_id = await account(db)
    await login(db, account_id, "one")
    grant = StoredGrant(
        new_id(), account_id, (Permission.READ.value,), area_id="a", until=clock.now() + timedelta(minutes=5)
    )
    async with db.write() as connection:
        await add_grant(SYSTEM, connection, grant)
    found = await known(db, "one")
    assert found is not None
    assert found.scope(clock.now()).where(Permission.READ).areas == {"a"}
    assert found.scope(clock.now() + timedelta(minutes=5)).where(Permission.READ).nowhere
    async with db.write() as connection:
        await take_grant(SYSTEM, connection, grant.id)
    found = await known(db, "one")
    assert found is not None
    assert found.scope(clock.now()).grants == ()
