"""A view is an act: checked, written down, opened once; without a row nothing is shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest

from center.api.live import EVERY_SECONDS
from config.clock import ManualClock
from config.errors import Kind, XueliangError
from config.scope import Role
from registry import view_register_store
from registry.camera import Camera
from registry.camera_store import add_camera, change_camera
from registry.database import Connection, Database
from registry.principal_store import add_grant
from registry.view import PER_PRINCIPAL
from tests.support.api_rig import SYSTEM, Client, Rig, grant_of
from tests.support.api_world import add_district, camera_id, evidence_id

pytestmark = pytest.mark.usefixtures("no_leaks")
ONE, LOST, MASKED = camera_id("a", 1), camera_id("a", 2), camera_id("a", 4)


@pytest.fixture
async def li(rig: Rig) -> Client:
    for number, name in enumerate("ab", 1):
        await add_district(rig.db, rig.core.storage.folder.evidence, name, number)
    return await rig.user("li", Role.OPERATOR, area="a")


async def rows(db: Database) -> list[tuple[str, str, str, str | None]]:
    async with db.read() as connection:
        found, _ = await view_register_store.page(SYSTEM, connection, limit=500)
    return [(row.camera_id, row.moment.value, row.purpose, row.reason) for row in reversed(found)]


async def test_a_ticket_works_once_in_time_for_its_camera(rig: Rig, li: Client, clock: ManualClock) -> None:
    answered = await li.post(f"/api/v1/cameras/{ONE}/views", {"kind": "live"})
    assert answered.status == 201
    secret = answered.json["ticket"]

    async def redeem(camera: str, word: str = secret) -> str:
        try:
            async with rig.db.write() as connection:
                return (await view_register_store.redeem(SYSTEM, connection, word, camera))[0].view_id
        except XueliangError as error:
            return error.kind.value

    assert await redeem(LOST) == Kind.FORBIDDEN
    assert await redeem(ONE, secret[:-1] + "x") == Kind.FORBIDDEN
    assert await redeem(ONE) == answered.json["view_id"]
    assert await redeem(ONE) == Kind.FORBIDDEN
    late = (await li.post(f"/api/v1/cameras/{ONE}/views", {})).json["ticket"]
    await clock.advance(60)
    assert await redeem(ONE, late) == Kind.FORBIDDEN
    async with rig.db.write() as connection:
        assert await view_register_store.tidy(SYSTEM, connection) == 1
    assert await rows(rig.db) == [
        (ONE, "begin", "duty", None),
        (ONE, "begin", "duty", None),
        (ONE, "end", "duty", "not used"),
    ]


async def test_sixteen_tiles_in_one_call(rig: Rig, li: Client) -> None:
    asked = {"camera_ids": [ONE, camera_id("b", 1), MASKED, LOST], "purpose": "duty"}
    items = (await li.post("/api/v1/views", asked)).json["items"]
    assert [(one["camera_id"], one["problem"] and one["problem"]["code"]) for one in items] == [
        (ONE, None),
        (camera_id("b", 1), "not_found"),
        (MASKED, "masked"),
        (LOST, None),
    ]
    assert len({one["ticket"]["ticket"] for one in items if one["ticket"]}) == 2
    assert [row[0] for row in await rows(rig.db)] == [ONE, LOST]
    assert (await li.post("/api/v1/views", {"camera_ids": [ONE] * 37})).code == "invalid"
    wall = [camera_id("a", 1).replace("00000000-", f"{number:08d}-") for number in range(10, 26)]
    async with rig.db.write() as connection:
        for number, one in enumerate(wall, 10):
            await add_camera(SYSTEM, connection, Camera(one, "a-nvr", str(number), f"Tile {number}", "a", None, number))
    tiles = (await li.post("/api/v1/views", {"camera_ids": wall})).json["items"]
    assert [tile["ticket"]["camera_id"] for tile in tiles] == wall
    assert [row[0] for row in await rows(rig.db)] == [ONE, LOST, *wall]


async def test_what_is_asked_for_is_checked(rig: Rig, li: Client) -> None:
    assert (await li.post(f"/api/v1/cameras/{MASKED}/views", {})).code == "masked"
    assert (await li.post(f"/api/v1/cameras/{camera_id('b', 1)}/views", {})).code == "not_found"
    assert (await li.post(f"/api/v1/cameras/{ONE}/views", {"kind": "snapshot"})).code == "invalid"
    assert (await li.post(f"/api/v1/cameras/{ONE}/views", {"kind": "evidence"})).code == "invalid"
    assert (await li.post(f"/api/v1/cameras/{ONE}/views", {"purpose": "a\u202eb"})).code == "invalid"
    technician = await rig.user("wang", Role.TECHNICIAN, unit="a-unit")
    refused = await technician.post(f"/api/v1/cameras/{ONE}/views", {})
    assert (refused.code, refused.json["permission"]) == ("forbidden", "live")
    assert await rows(rig.db) == []
    kept = await li.post(f"/api/v1/cameras/{ONE}/views", {"kind": "snapshot", "purpose": "case", "reference": "7"})
    assert kept.status == 201


async def test_the_end_is_a_second_row(rig: Rig, li: Client) -> None:
    view = (await li.post(f"/api/v1/cameras/{ONE}/views", {"purpose": "tour of the shift"})).json["view_id"]
    other = await rig.user("zhao", Role.OPERATOR, area="a")
    assert (await other.send("DELETE", f"/api/v1/views/{view}")).code == "not_found"
    for _ in range(2):
        assert (await li.send("DELETE", f"/api/v1/views/{view}")).status == 204
    assert await rows(rig.db) == [
        (ONE, "begin", "tour of the shift", None),
        (ONE, "end", "tour of the shift", "ended"),
    ]


async def test_a_token_looks_for_its_own_purpose(rig: Rig, li: Client) -> None:
    token = await rig.token("wall", Role.SCREEN, area="a")
    assert (await token.post(f"/api/v1/cameras/{ONE}/views", {"purpose": "something else"})).status == 201
    assert (await rows(rig.db))[0][2] == "tests"


async def test_limits_are_told_with_their_numbers(rig: Rig, li: Client) -> None:
    tiles = {"camera_ids": [ONE, LOST, camera_id("a", 3)]}
    for _ in range(PER_PRINCIPAL // 3):
        assert (await li.post("/api/v1/views", tiles)).status == 201
    full = await li.post("/api/v1/views", tiles)
    assert (full.code, full.json["who"], full.json["max"]) == ("view_limit", "account", PER_PRINCIPAL)
    assert full.headers["retry-after"] == "60"


async def test_no_row_no_view(rig: Rig, li: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def full_disk(_db: Database) -> AsyncIterator[Connection]:
        raise XueliangError(Kind.UNAVAILABLE, "the database did not do it: disk is full")
        yield

    monkeypatch.setattr(Database, "write", full_disk)
    for answered in (
        await li.post(f"/api/v1/cameras/{ONE}/views", {}),
        await li.post("/api/v1/views", {"camera_ids": [ONE]}),
        await li.get(f"/api/v1/cameras/{LOST}/evidence/{evidence_id('a')}"),
        await li.get(f"/api/v1/cameras/{ONE}/sample"),
    ):
        assert (answered.status, answered.code) == (503, "register")
    monkeypatch.undo()
    assert await rows(rig.db) == []


async def test_tickets_shown_at_the_same_moment_work_once_each(rig: Rig, li: Client) -> None:
    """They are used in one commit; who shows somebody else's, a used one or one for another camera is refused alone."""
    wang = await rig.user("wang", Role.OPERATOR, area="b")
    theirs = camera_id("b", 1)
    one, lost = [(await li.post(f"/api/v1/cameras/{camera}/views", {})).json for camera in (ONE, LOST)]
    other = (await wang.post(f"/api/v1/cameras/{theirs}/views", {})).json
    gone = (await wang.post(f"/api/v1/cameras/{theirs}/views", {})).json
    await wang.send("DELETE", f"/api/v1/views/{gone['view_id']}")
    redeem = rig.core.views.redeem
    shown = [(one, ONE), (one, ONE), (lost, ONE), (lost, LOST), (other, theirs), (gone, theirs)]
    tasks = [asyncio.create_task(redeem(given["ticket"], camera)) for given, camera in shown]
    tasks.append(asyncio.create_task(redeem("x" * 43, ONE)))
    found = await asyncio.gather(*tasks, return_exceptions=True)
    kinds = [one.kind if isinstance(one, XueliangError) else one.row.view_id for one in found]  # type: ignore[union-attr]
    no = Kind.FORBIDDEN
    assert kinds == [one["view_id"], no, no, lost["view_id"], other["view_id"], no, no]
    assert [found[at].known.principal.name for at in (0, 3, 4)] == ["li", "li", "wang"]  # type: ignore[union-attr]


async def test_what_is_revoked_ends_its_views_within_five_seconds(rig: Rig, li: Client, clock: ManualClock) -> None:
    """A session, a grant, an account, a token, a mask, an area: each ends its own views and voids its tickets."""
    assert EVERY_SECONDS <= 2.5
    boss = await rig.user("boss", Role.ADMIN)
    user = (await li.get("/api/v1/session")).json["principal_id"]

    async def ticket(client: Client, camera: str = ONE) -> tuple[str, str]:
        answered = (await client.post(f"/api/v1/cameras/{camera}/views", {})).json
        return answered["ticket"], answered["view_id"]

    async def refused(secret: str, camera: str = ONE) -> bool:
        try:
            await rig.core.views.redeem(secret, camera)
        except XueliangError as error:
            return error.kind is Kind.FORBIDDEN
        return False

    async def reasons() -> dict[str, str | None]:
        await rig.core.live.run_once()
        async with rig.db.read() as connection:
            found, _ = await view_register_store.page(SYSTEM, connection, limit=500)
        return {row.view_id: row.reason for row in found if row.moment.value == "end"}

    other = rig.client()
    assert (await other.log_in("li")).status == 201
    kept, kept_view = await ticket(other)
    assert (await rig.core.views.redeem(kept, ONE)).known.principal.id == user
    secret, view = await ticket(li)
    assert (await li.send("DELETE", "/api/v1/session")).status == 204
    assert await refused(secret)
    assert (await reasons())[view] == "login_ended"
    assert kept_view not in await reasons()  # the same person's other session goes on

    moved, moved_view = await ticket(other, LOST)
    async with rig.db.write() as connection:
        await change_camera(SYSTEM, connection, LOST, 1, mask=(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)),))
    assert await refused(moved, LOST)
    assert (await reasons())[moved_view] == "rights_changed"

    secret, view = await ticket(other)
    grant = (await boss.get(f"/api/v1/users/{user}")).json["grants"][0]["id"]
    assert (await boss.send("DELETE", f"/api/v1/users/{user}/grants/{grant}")).status == 204
    assert await refused(secret)
    assert {(await reasons())[one] for one in (view, kept_view)} == {"rights_changed"}

    wall = await rig.token("wall", Role.SCREEN, area="a")
    secret, view = await ticket(wall)
    tokens = (await boss.get("/api/v1/tokens")).json["items"]
    assert (await boss.send("DELETE", f"/api/v1/tokens/{tokens[0]['id']}")).status == 204
    assert await refused(secret)
    assert (await reasons())[view] == "login_ended"
    assert await refused(secret[:-1])


async def test_the_loop_itself_ends_them(rig: Rig, li: Client, clock: ManualClock) -> None:
    """Rights that end by themselves poke nobody."""
    zhao = await rig.account("zhao")
    until = clock.now() + timedelta(seconds=30)
    held = replace(grant_of(zhao, Role.VIEWER, "a"), until=until)
    async with rig.db.write() as connection:
        await add_grant(SYSTEM, connection, held)
    client = rig.client()
    await client.log_in("zhao")
    assert (await client.post(f"/api/v1/cameras/{ONE}/views", {})).status == 201
    while clock.now() < until:
        await clock.advance(1)
    async with asyncio.timeout(20):
        for turn in count():
            if len(await rows(rig.db)) == 2:
                break
            if turn % 20 == 19:  # the loop's own reads are done by then: virtual time must not run ahead of them
                await clock.advance(1)
    assert (await rows(rig.db))[1][3] == "rights_changed"
    assert clock.now() - until <= timedelta(seconds=5)


async def test_reading_the_register_and_the_log_is_on_record(rig: Rig, li: Client) -> None:
    await li.get(f"/api/v1/cameras/{ONE}/sample")
    auditor = await rig.user("shen", Role.AUDITOR)
    camera = (await auditor.get(f"/api/v1/views?camera={ONE}")).json["items"][0]
    assert camera["kind"] == "sample"
    for path in ("?what=session.open", "/anchor", "/verification"):
        assert (await auditor.get(f"/api/v1/audit{path}")).status == 200
    entries = (await auditor.get("/api/v1/audit?who=shen")).json["items"]
    assert [(one["act"], one["details"]) for one in entries if one["act"].endswith(".read")] == [
        ("audit.read", {"verified": True, "rows": entries[0]["details"]["rows"]}),
        ("audit.read", {"anchor": True}),
        ("audit.read", {"what": "session.open"}),
        ("views.read", {"camera": ONE}),
    ]
