"""The audit: what was edited, removed or cut off is named; what cannot be seen is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from config.clock import ManualClock
from config.errors import Kind, XueliangError
from config.scope import Grant, Permission, Scope
from registry.audit_chain import Anchor, FaultKind, anchor_text, parse_anchor, signed
from registry.audit_store import anchor, append, forget, page, verify
from registry.database import Database
from registry.keys import KeyRing
from registry.log_tables import audit, audit_cut, audit_head
from tests.support.registry_world import SYSTEM


async def write_rows(db: Database, count: int) -> None:
    async with db.write() as connection:
        for number in range(count):
            await append(SYSTEM, connection, "camera.change", "camera", f"c{number}", details={"n": number})


async def faults(db: Database, given: Anchor | None = None, trusted: str | None = None) -> list[tuple[str, int, int]]:
    async with db.read() as connection:
        report = await verify(SYSTEM, connection, given, trusted_key=trusted)
    return [(fault.kind.value, fault.seq, fault.last) for fault in report.faults]


async def tamper(db: Database, *statements: sa.Executable) -> None:
    async with db.write() as connection:
        for statement in statements:
            await connection.execute(statement)


async def test_an_untouched_chain_is_sound(db: Database) -> None:
    assert await faults(db) == []
    await write_rows(db, 25)
    async with db.read() as connection:
        report = await verify(SYSTEM, connection, chunk=10)
    assert (report.sound, report.count) == (True, 25)


async def test_an_edit_is_named(db: Database) -> None:
    await write_rows(db, 9)
    await tamper(db, sa.update(audit).where(audit.c.seq == 4).values(principal="somebody else"))
    assert await faults(db) == [("edited", 4, 4)]


@pytest.mark.parametrize("column", ["at", "act", "object_id", "area_id", "details", "mac"])
async def test_every_column_is_in_the_chain(db: Database, clock: ManualClock, column: str) -> None:
    await write_rows(db, 3)
    value: object = {"at": clock.now().replace(year=2020), "mac": b"x" * 32}.get(column, "x")
    await tamper(db, sa.update(audit).where(audit.c.seq == 2).values({column: value}))
    assert ("edited", 2, 2) in await faults(db)


async def test_a_removal_is_named(db: Database) -> None:
    await write_rows(db, 9)
    await tamper(db, sa.delete(audit).where(audit.c.seq.in_([4, 5])))
    assert await faults(db) == [("removed", 4, 5)]


async def test_a_removal_that_renumbers_is_named(db: Database) -> None:
    await write_rows(db, 9)
    await tamper(
        db,
        sa.delete(audit).where(audit.c.seq == 4),
        *(sa.update(audit).where(audit.c.seq == n).values(seq=n - 1) for n in range(5, 10)),
    )
    found = await faults(db)
    assert found[0] == ("edited", 4, 4)
    assert found[-1] == ("tail_cut", 9, 9)


async def test_a_cut_tail_is_named(db: Database) -> None:
    await write_rows(db, 9)
    await tamper(db, sa.delete(audit).where(audit.c.seq > 6))
    assert await faults(db) == [("tail_cut", 7, 9)]


async def test_a_tail_cut_with_the_head_is_seen_by_the_anchor_alone(db: Database) -> None:
    await write_rows(db, 6)
    async with db.read() as connection:
        early = await anchor(SYSTEM, connection)
        mac = (await connection.execute(sa.select(audit_head.c.mac))).scalar_one()
    await write_rows(db, 3)
    async with db.read() as connection:
        late = await anchor(SYSTEM, connection)
    cut = sa.delete(audit).where(audit.c.seq > 6)
    await tamper(db, cut, sa.update(audit_head).values(rows=6, mac=mac))
    assert await faults(db) == []
    async with db.read() as connection:
        assert "unseen" in (await verify(SYSTEM, connection)).blind
    assert await faults(db, early) == []
    assert await faults(db, late) == [("tail_cut", 7, 9)]


async def test_a_chain_written_anew_is_seen_by_the_anchor(db: Database) -> None:
    await write_rows(db, 3)
    async with db.read() as connection:
        kept = await anchor(SYSTEM, connection)
    await tamper(db, sa.delete(audit), sa.update(audit_head).values(rows=0, mac=b""))
    async with db.write() as connection:
        for number in range(3):
            await append(SYSTEM, connection, "nothing.happened", "camera", f"c{number}")
    assert await faults(db) == []
    assert await faults(db, kept) == [("edited", 3, 3)]


async def test_a_row_under_another_key_is_named(db: Database) -> None:
    await write_rows(db, 2)
    ours = db.keys
    assert ours is not None
    db.use_keys(KeyRing.ephemeral())
    await write_rows(db, 1)
    db.use_keys(ours)
    assert await faults(db) == [(FaultKind.UNKNOWN_KEY.value, 3, 3)]


async def test_an_anchor_is_signed_and_whose_is_asked(db: Database) -> None:
    await write_rows(db, 2)
    async with db.read() as connection:
        good = await anchor(SYSTEM, connection)
    assert parse_anchor(anchor_text(good)) == good
    forge: list[Callable[[Anchor], Anchor]] = [
        lambda a: replace(a, count=1),
        lambda a: replace(a, head="00" * 32),
        lambda a: replace(a, signature="zz"),
    ]
    for change in forge:
        assert not signed(change(good))
        assert (await faults(db, change(good)))[0][0] == "anchor"
    assert await faults(db, good, good.public_key) == []
    assert (await faults(db, good, "ab" * 32))[0][0] == "anchor"


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"count": "1"}', "\x00" * 9000])
def test_what_is_no_anchor_is_refused(text: str) -> None:
    with pytest.raises(XueliangError) as caught:
        parse_anchor(text)
    assert caught.value.kind is Kind.INVALID


async def test_pages_are_newest_first_and_in_scope(db: Database) -> None:
    async with db.write() as connection:
        for number in range(5):
            await append(SYSTEM, connection, "view", "camera", f"c{number}", area_id=None if number % 2 else "a")
    auditor = Scope("auditor", (Grant(frozenset({Permission.AUDIT})),))
    stranger = Scope("operator", (Grant(frozenset({Permission.READ})),))
    async with db.read() as connection:
        assert [row.seq for row in await page(auditor, connection, limit=2)] == [5, 4]
        assert [row.seq for row in await page(auditor, connection, before=4, limit=9)] == [3, 2, 1]
        assert await page(stranger, connection) == []
        with pytest.raises(XueliangError) as caught:
            await verify(stranger, connection)
    assert caught.value.kind is Kind.FORBIDDEN


async def test_a_rolled_back_act_leaves_no_row(db: Database) -> None:
    async def fail() -> None:
        async with db.write() as connection:
            await append(SYSTEM, connection, "x", "camera", "c")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    await write_rows(db, 1)
    assert await faults(db) == []


async def test_without_keys_nothing_is_edited(database_url: str, db: Database) -> None:
    keyless = await Database.open(database_url, clock=db.clock)
    try:
        with pytest.raises(XueliangError) as caught:
            await write_rows(keyless, 1)
    finally:
        await keyless.close()
    assert caught.value.kind is Kind.INTERNAL


async def aged(db: Database, clock: ManualClock) -> datetime:
    """Ten rows, five of them two days older; the moment between."""
    await write_rows(db, 5)
    await clock.advance(2 * 86_400)
    await write_rows(db, 5)
    return clock.now() - timedelta(days=1)


async def shorten(db: Database, before: datetime, limit: int = 5000) -> int:
    async with db.write() as connection:
        return await forget(SYSTEM, connection, before, limit=limit)


async def test_a_log_whose_oldest_rows_went_is_sound_and_says_so(db: Database, clock: ManualClock) -> None:
    between = await aged(db, clock)
    async with db.read() as connection:
        seen = await anchor(SYSTEM, connection)
    assert [await shorten(db, between, 3), await shorten(db, between, 3), await shorten(db, between, 3)] == [3, 2, 0]
    async with db.read() as connection:
        report = await verify(SYSTEM, connection, seen)
        acts = [(row.seq, row.act) for row in await page(SYSTEM, connection)]
    assert (report.sound, report.count) == (True, 12)
    assert "Rows 1 to 5 went after their time" in report.blind
    assert acts[:2] == [(12, "audit.forget"), (11, "audit.forget")]
    assert acts[-1] == (6, "camera.change")
    await tamper(db, sa.update(audit).where(audit.c.seq == 6).values(principal="somebody else"))
    assert await faults(db) == [("edited", 6, 6)]


async def test_nobody_else_can_say_where_the_log_begins(db: Database, clock: ManualClock) -> None:
    """An anchor is public and signed: it must not serve to cut the log where it stood."""
    between = await aged(db, clock)
    async with db.read() as connection:
        public = await anchor(SYSTEM, connection)
    await write_rows(db, 2)
    await shorten(db, between)
    forged = {"rows": public.count, "mac": bytes.fromhex(public.head), "at": public.at}
    forged |= {"public_key": public.public_key, "signature": public.signature}
    await tamper(db, sa.delete(audit).where(audit.c.seq <= 10), sa.update(audit_cut).values(forged))
    assert ("beginning", 1, 10) in await faults(db)
    await tamper(db, sa.delete(audit_cut))
    assert ("removed", 1, 10) in await faults(db)


async def test_a_row_more_removed_after_the_beginning_is_named(db: Database, clock: ManualClock) -> None:
    await shorten(db, await aged(db, clock))
    await tamper(db, sa.delete(audit).where(audit.c.seq == 6))
    assert await faults(db) == [("removed", 6, 6)]


async def test_a_clock_that_was_set_back_opens_no_gap(db: Database, clock: ManualClock) -> None:
    await write_rows(db, 2)
    clock.step(-10 * 86_400)
    await write_rows(db, 2)
    assert await shorten(db, clock.now() + timedelta(days=1)) == 0
    assert await shorten(db, clock.now() + timedelta(days=20)) == 3  # the last row always stays
    assert await faults(db) == []
