"""API tokens: long, shown once, kept by digest, with an end, a purpose and grants of their own."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from config.clock import ManualClock
from config.errors import Kind, XueliangError
from config.scope import Grant, Permission, Scope
from registry import account_store, answer_store, token_store
from registry.answer_store import AT_MOST, Answer, keep_answer, kept_answer
from registry.database import Database
from registry.login_store import Known, by_secret
from registry.login_tables import answers
from registry.principal import PrincipalKind
from registry.session import Session, SessionRules, Token
from tests.support.registry_world import SYSTEM


async def add(db: Database, name: str = "platform-1", days: int = 30) -> tuple[Token, str]:
    async with db.write() as connection:
        return await token_store.add_token(SYSTEM, connection, name, "states", db.clock.now() + timedelta(days=days))


async def known(db: Database, secret: str) -> Known | None:
    async with db.read() as connection:
        return await by_secret(SYSTEM, connection, PrincipalKind.TOKEN, secret, SessionRules(), db.clock.now())


async def test_it_opens_until_its_end(db: Database, clock: ManualClock) -> None:
    token, secret = await add(db)
    assert secret.startswith("xlt_")
    assert len(secret) == 47
    found = await known(db, secret)
    assert found is not None
    assert (found.principal.name, found.purpose, found.session) == ("platform-1", "states", None)
    assert await known(db, secret + "x") is None
    await clock.advance(30 * 86_400)
    assert await known(db, secret) is None
    async with db.read() as connection:
        tables = ("tokens", "principals", "audit", "changes")
        dump = [str(row) for t in tables for row in await connection.execute(sa.text(f"SELECT * FROM {t}"))]
        assert not any(secret in line for line in dump)
        assert (await token_store.get_token(SYSTEM, connection, token.id)).made_by == "test"


async def test_withdrawn_is_for_ever(db: Database) -> None:
    token, secret = await add(db)
    for _ in range(2):
        async with db.write() as connection:
            await token_store.withdraw_token(SYSTEM, connection, token.id)
    assert await known(db, secret) is None
    async with db.read() as connection:
        assert (await token_store.list_tokens(SYSTEM, connection)).items[0].disabled


@pytest.mark.parametrize(("days", "purpose"), [(0, "x"), (-1, "x"), (731, "x"), (5, " ")])
async def test_what_a_token_cannot_be(db: Database, days: int, purpose: str) -> None:
    with pytest.raises(XueliangError) as caught:
        async with db.write() as connection:
            await token_store.add_token(SYSTEM, connection, "t", purpose, db.clock.now() + timedelta(days=days))
    assert caught.value.kind is Kind.INVALID


async def test_names_are_taken_once_and_a_token_is_no_account(db: Database) -> None:
    token, secret = await add(db)
    with pytest.raises(XueliangError) as caught:
        await add(db)
    assert caught.value.kind is Kind.CONFLICT
    async with db.read() as connection:
        for asked in (
            account_store.get_account(SYSTEM, connection, token.id),
            token_store.get_token(SYSTEM, connection, "x" * 36),
        ):
            with pytest.raises(XueliangError) as caught:
                await asked
            assert caught.value.kind is Kind.NOT_FOUND
        assert (
            await by_secret(SYSTEM, connection, PrincipalKind.ACCOUNT, secret, SessionRules(), db.clock.now()) is None
        )


async def test_tokens_are_for_managers_everywhere(db: Database) -> None:
    token, _ = await add(db)
    scope = Scope("x", (Grant(frozenset(Permission), area_id="a"),))
    async with db.write() as connection:
        for asked in (
            token_store.add_token(scope, connection, "y", "z", db.clock.now()),
            token_store.get_token(scope, connection, token.id),
            token_store.list_tokens(scope, connection),
            token_store.withdraw_token(scope, connection, token.id),
        ):
            with pytest.raises(XueliangError) as caught:
                await asked
            assert caught.value.kind is Kind.FORBIDDEN


async def test_an_answer_is_kept_for_its_own_asker_and_request(db: Database, clock: ManualClock) -> None:
    (mine, _), (other, _) = await add(db), await add(db, "platform-2")
    async with db.write() as connection:
        await keep_answer(SYSTEM, connection, mine.id, "k", b"f", Answer(201, {"id": "é"}, {"Location": "/x"}))
        assert await kept_answer(SYSTEM, connection, mine.id, "k", b"f") == Answer(201, {"id": "é"}, {"Location": "/x"})
        assert await kept_answer(SYSTEM, connection, other.id, "k", b"f") is None
        with pytest.raises(XueliangError) as caught:
            await kept_answer(SYSTEM, connection, mine.id, "k", b"g")
        assert caught.value.kind is Kind.INVALID
    await clock.advance(answer_store.KEPT.total_seconds())
    async with db.write() as connection:
        assert await kept_answer(SYSTEM, connection, mine.id, "k", b"g") is None


async def test_answers_kept_are_bounded(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert AT_MOST == 1000
    monkeypatch.setattr(answer_store, "AT_MOST", 5)
    token, _ = await add(db)
    async with db.write() as connection:
        for number in range(12):
            await keep_answer(SYSTEM, connection, token.id, f"k{number:02}", b"f", Answer(201, {}))
        left = (await connection.execute(sa.select(sa.func.count()).select_from(answers))).scalar_one()
    assert left == 5
    with pytest.raises(XueliangError) as caught:
        async with db.write() as connection:
            await keep_answer(SYSTEM, connection, token.id, "big", b"f", Answer(201, {"x": "y" * 300_000}))
    assert caught.value.kind is Kind.TOO_LARGE


def test_values_hold_no_secret() -> None:
    for value in (Session, Token):
        assert {"digest", "secret", "password"}.isdisjoint(value.__slots__)
