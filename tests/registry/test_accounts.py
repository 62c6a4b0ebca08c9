"""Accounts: names that cannot be mistaken, passwords that are only ever hashes, and nobody locked out of managing."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import ROLE_PERMISSIONS, Grant, Permission, Role, Scope
from registry import account_store, audit_store
from registry.account import check_name, check_password, fold, made_password
from registry.database import Database
from registry.login_limits import LimitRules, LoginLimits, network_of
from registry.login_passwords import AT_ONCE, MAX_WAITING, Cost, Passwords
from registry.principal import StoredGrant
from registry.principal_store import add_grant
from registry.rows_store import columns_of
from registry.session import SessionRules
from registry.session_store import list_sessions, open_session
from tests.support.registry_world import SYSTEM, add_world

CHEAP = Cost(passes=1, memory_kib=64)
RULES = SessionRules()
NOT_MANAGERS = [Scope("x"), Scope("x", (Grant(frozenset(Permission), area_id="a"),))]


async def manager(db: Database, name: str) -> str:
    async with db.write() as connection:
        account = await account_store.add_account(SYSTEM, connection, name, "hash")
        permissions = tuple(sorted(p.value for p in ROLE_PERMISSIONS[Role.ADMIN]))
        await add_grant(SYSTEM, connection, StoredGrant(new_id(), account.id, permissions))
    return account.id


@pytest.mark.parametrize("name", ["李敏", "li.min", "a", "Li Min", "ops@district", "夜班-1"])
def test_names_that_can_be(name: str) -> None:
    assert check_name(f" {name} ") == name


@pytest.mark.parametrize(
    "name", ["", " ", "-", "system", "ＳＹＳＴＥＭ", "Audit", "a" * 65, "a\nb", "a\x00", "../x", "<b>", "a‮b", "_a"]
)
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(XueliangError) as caught:
        check_name(name)
    assert caught.value.kind is Kind.INVALID


@pytest.mark.parametrize("password", ["tiny", "x" * 201, "aaaaaaaaaaaa", "abab" * 4, "my-li.min-2026", "LI.MIN12345"])
def test_passwords_that_are_refused(password: str) -> None:
    with pytest.raises(XueliangError) as caught:
        check_password("li.min", password)
    assert caught.value.kind is Kind.INVALID
    assert password not in str(caught.value)


@given(st.text(max_size=80))
@settings(max_examples=200)
def test_a_name_is_refused_or_stands(name: str) -> None:
    with suppress(XueliangError):
        stored = check_name(name)
        assert check_name(stored) == stored
        assert fold(stored) == fold(fold(stored))


def test_made_passwords_are_good_and_different() -> None:
    made = {made_password() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        check_password("admin", password)


async def test_a_password_is_verified_and_never_stored_plain() -> None:
    passwords = Passwords(CHEAP)
    stored = await passwords.hash(SecretStr("correct horse"))
    assert stored.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert "correct" not in stored
    assert await passwords.verify(stored, SecretStr("correct horse"))
    for wrong in ("correct horsf", "", "\x00", "\ud800", "correct horse "):
        assert not await passwords.verify(stored, SecretStr(wrong))
    assert not await passwords.verify(None, SecretStr("nobody's password"))
    assert not await passwords.verify("not a hash", SecretStr("x"))
    assert Passwords(Cost(passes=2, memory_kib=64)).outdated(stored)
    assert not passwords.outdated(stored)


async def test_two_hashings_at_a_time_and_a_bounded_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords, going, most = Passwords(CHEAP), 0, 0
    gate, entered = threading.Event(), threading.Semaphore(0)

    def slow(_password: SecretStr, _stored: str | None) -> str:
        nonlocal going, most
        going += 1
        most = max(most, going)
        entered.release()
        gate.wait(30)
        going -= 1
        return "hash"

    monkeypatch.setattr(passwords, "_work", slow)
    tasks = [asyncio.create_task(passwords.hash(SecretStr("x"))) for _ in range(MAX_WAITING)]
    assert await asyncio.to_thread(entered.acquire, True, 30)
    assert await asyncio.to_thread(entered.acquire, True, 30)
    with pytest.raises(XueliangError) as caught:
        await passwords.hash(SecretStr("x"))
    assert caught.value.kind is Kind.LIMIT
    gate.set()
    assert await asyncio.gather(*tasks) == ["hash"] * MAX_WAITING
    assert most == AT_ONCE


async def test_an_account_is_made_and_found(db: Database) -> None:
    async with db.write() as connection:
        account = await account_store.add_account(SYSTEM, connection, "Li Min", "hash-of-it")
    async with db.read() as connection:
        assert await account_store.find_account(SYSTEM, connection, "ＬＩ ｍｉｎ") == account
        assert (account.must_change, account.sessions, account.last_seen) == (True, 0, None)
        stored = await account_store.password_of(SYSTEM, connection, name="li min")
        assert stored is not None
        assert stored.password_hash == "hash-of-it"
        assert "hash-of-it" not in repr(stored)
        assert await account_store.password_of(SYSTEM, connection, name="nobody") is None
        rows = await audit_store.page(SYSTEM, connection)
        assert not any("hash-of-it" in row.details for row in rows)
    for taken in ("Li Min", "LI MIN", "ｌｉ ｍｉｎ"):
        with pytest.raises(XueliangError) as caught:
            async with db.write() as connection:
                await account_store.add_account(SYSTEM, connection, taken, "h")
        assert caught.value.kind is Kind.CONFLICT


async def test_accounts_are_for_managers_everywhere(db: Database) -> None:
    account_id = await manager(db, "root-like")
    for scope in NOT_MANAGERS:
        async with db.write() as connection:
            for asked in (
                account_store.add_account(scope, connection, "other", "h"),
                account_store.get_account(scope, connection, account_id),
                account_store.find_account(scope, connection, "root-like"),
                account_store.password_of(scope, connection, name="root-like"),
                account_store.list_accounts(scope, connection),
                account_store.count_accounts(scope, connection),
                account_store.set_password(scope, connection, account_id, "h", must_change=True),
                account_store.set_disabled(scope, connection, account_id, 1, True),
                account_store.renew_hash(scope, connection, account_id, "hash", "h"),
                list_sessions(scope, connection, account_id, RULES),
            ):
                with pytest.raises(XueliangError) as caught:
                    await asked
                assert caught.value.kind is Kind.FORBIDDEN


async def test_a_list_goes_on_and_is_filtered(db: Database) -> None:
    await add_world(db, "a", 1)
    ids = [await manager(db, f"user-{number}") for number in range(5)]
    async with db.write() as connection:
        read = (Permission.READ.value,)
        await add_grant(SYSTEM, connection, StoredGrant(new_id(), ids[3], read, area_id="a"))
    async with db.read() as connection:
        first = await account_store.list_accounts(SYSTEM, connection, limit=3)
        rest = await account_store.list_accounts(SYSTEM, connection, limit=3, after=first.after)
        assert [a.id for a in (*first.items, *rest.items)] == ids
        assert rest.after is None
        found = await account_store.list_accounts(SYSTEM, connection, text="R-4")
        assert [a.name for a in found.items] == ["user-4"]
        assert (await account_store.list_accounts(SYSTEM, connection, text="%")).items == ()
        below = await account_store.list_accounts(SYSTEM, connection, area_id="a-village")
        assert [a.id for a in below.items] == [ids[3]]


async def test_the_last_manager_cannot_be_locked_out(db: Database) -> None:
    first = await manager(db, "first")
    with pytest.raises(XueliangError) as caught:
        async with db.write() as connection:
            await account_store.set_disabled(SYSTEM, connection, first, 1, True)
    assert caught.value.kind is Kind.CONFLICT
    second = await manager(db, "second")
    async with db.write() as connection:
        await open_session(SYSTEM, connection, first, "s", address="a", agent="b", rules=RULES)
        gone = await account_store.set_disabled(SYSTEM, connection, first, 1, True)
    assert (gone.disabled, gone.sessions) == (True, 0)
    with pytest.raises(XueliangError):
        async with db.write() as connection:
            await account_store.set_disabled(SYSTEM, connection, second, 1, True)


async def test_a_new_password_ends_the_other_sessions(db: Database) -> None:
    account_id = await manager(db, "someone")
    async with db.write() as connection:
        kept, _ = await open_session(SYSTEM, connection, account_id, "one", address="a", agent="b", rules=RULES)
        await open_session(SYSTEM, connection, account_id, "two", address="a", agent="b", rules=RULES)
        ended = await account_store.set_password(
            SYSTEM, connection, account_id, "new", must_change=False, keep_session=kept.id
        )
    assert ended == 1
    async with db.read() as connection:
        assert [s.id for s in await list_sessions(SYSTEM, connection, account_id, RULES)] == [kept.id]
        assert not (await account_store.get_account(SYSTEM, connection, account_id)).must_change
    assert "password_hash" not in columns_of(kept)


def test_failures_lock_the_pair_then_the_name_then_the_address() -> None:
    limits = LoginLimits(LimitRules(pair=3, name=5, address=8, lock_seconds=900))
    assert [limits.failed("li", "10.0.0.1", 0.0).remaining for _ in range(3)] == [2, 1, 0]
    assert limits.standing("li", "10.0.0.1", 1.0).wait == 899
    # The same person at another desk may still try, until the name itself is locked.
    assert limits.standing("li", "10.0.0.2", 1.0) == limits.standing("li", "10.9.9.9", 1.0)
    assert limits.failed("li", "10.0.0.2", 1.0).wait == 0
    assert limits.failed("li", "10.0.0.3", 1.0).wait == 900
    assert limits.standing("wang", "10.0.0.3", 1.0).wait == 0
    for number in range(5):
        limits.failed(f"guess-{number}", "10.0.0.1", 2.0)
    assert limits.standing("wang", "10.0.0.1", 2.0).wait == 900
    assert limits.standing("wang", "10.0.0.1", 902.0).wait == 0
    assert limits.standing("li", "10.0.0.1", 902.0).remaining == 3


def test_a_success_clears_and_unknown_names_count_alike() -> None:
    limits = LoginLimits()
    for name in ("known", "unknown"):
        assert [limits.failed(name, "::1", 0.0).remaining for _ in range(2)] == [4, 3]
    limits.succeeded("known", "::1")
    assert limits.standing("known", "::1", 0.0).remaining == 5
    assert limits.standing("unknown", "::1", 0.0).remaining == 3


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.login_limits.MAX_REMEMBERED", 30)
    limits = LoginLimits()
    for number in range(1000):
        limits.failed(f"name-{number}", f"10.0.{number // 250}.{number % 250}", float(number))
    assert len(limits._counts) == 30


def test_what_counts_as_one_address() -> None:
    assert network_of("2001:db8:1:2::5") == network_of("2001:db8:1:2:ffff::9") != network_of("2001:db8:1:3::5")
    assert network_of("::ffff:10.0.0.1") == network_of("10.0.0.1") == "10.0.0.1"
    assert network_of("no address") == "unknown"
