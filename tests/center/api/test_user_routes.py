"""Accounts, tokens and the audit log over HTTP: who may, once, by version, and nothing secret in any answer."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import pytest
import sqlalchemy as sa

from config.scope import Role
from registry.audit_chain import parse_anchor
from registry.database import Database
from tests.support.api_rig import PASSWORD, Rig
from tests.support.registry_world import add_world

pytestmark = pytest.mark.usefixtures("no_leaks")
NEW = {"name": "li", "password": "a first password", "grants": [{"role": "viewer", "area_id": "a"}]}


async def test_an_account_over_http(rig: Rig, db: Database) -> None:
    await add_world(db, "a", 1)
    boss = await rig.user("boss", Role.ADMIN)
    made = await boss.post("/api/v1/users", NEW)
    assert made.status == 201
    assert (made.headers["etag"], made.json["must_change"]) == ('"v1"', True)
    assert [(g["role"], g["area_id"]) for g in made.json["grants"]] == [("viewer", "a")]
    path = made.headers["location"]
    assert {**(await boss.get(path)).json, "first_password": None} == made.json
    assert (await boss.get(path, if_none_match='"v1"')).status == 304
    assert (await boss.post("/api/v1/users", NEW)).code == "conflict"
    for body in (
        {**NEW, "name": "x", "grants": [{"role": "viewer", "area_id": "nowhere"}]},
        {**NEW, "name": "x", "grants": [{"role": "god"}]},
        {**NEW, "name": "x", "grants": [{"role": "viewer", "permissions": ["read"]}]},
        {**NEW, "name": "x", "grants": [{"role": "viewer", "until": "2027-01-01T00:00:00"}]},
        {**NEW, "name": "x", "password": "short"},
        {**NEW, "name": "system"},
        {**NEW, "name": "x\u202e"},
    ):
        answered = await boss.post("/api/v1/users", body)
        assert answered.status in (409, 422), body
        assert b"a first password" not in answered.body
    assert [user["name"] for user in (await boss.get("/api/v1/users")).json["items"]] == ["boss", "li"]


async def test_edits_need_the_version(rig: Rig) -> None:
    boss = await rig.user("boss", Role.ADMIN)
    path = f"/api/v1/users/{await rig.account('li')}"
    edit = {"disabled": True}
    assert (await boss.send("PATCH", path, edit)).code == "version_required"
    assert (await boss.send("PATCH", path, edit, if_match='"x"')).code == "changed"
    assert (await boss.send("PATCH", path, edit, if_match='"v1"')).headers["etag"] == '"v2"'
    late = await boss.send("PATCH", path, {"disabled": False}, if_match='"v1"')
    assert (late.status, late.code) == (412, "changed")
    assert late.json["current"]["disabled"] is True
    assert late.json["sent"] == {"disabled": False}
    assert late.headers["etag"] == '"v2"'
    own = (await boss.get("/api/v1/session")).json["principal_id"]
    answered = await boss.send("PATCH", f"/api/v1/users/{own}", edit, if_match='"v1"')
    assert answered.code == "conflict"
    assert "last account" in answered.json["what"]
    grant = (await boss.get(f"/api/v1/users/{own}")).json["grants"][0]["id"]
    assert (await boss.send("DELETE", f"/api/v1/users/{own}/grants/{grant}")).code == "conflict"


async def test_a_repeated_request_is_done_once(rig: Rig, db: Database) -> None:
    boss = await rig.user("boss", Role.ADMIN)
    body = {**NEW, "grants": []}
    many = await asyncio.gather(*(boss.post("/api/v1/users", body, idempotency_key="k-1") for _ in range(5)))
    assert [answered.status for answered in many] == [201] * 5
    assert len({answered.json["id"] for answered in many}) == 1
    assert sum(answered.headers.get("idempotency-replayed") == "true" for answered in many) == 4
    other = await boss.post("/api/v1/users", {**body, "name": "wang"}, idempotency_key="k-1")
    assert other.code == "invalid"
    assert other.json["where"] == "Idempotency-Key"
    assert (await boss.post("/api/v1/users", body, idempotency_key="x" * 101)).code == "invalid"
    async with db.read() as connection:
        kept = [str(row) for row in await connection.execute(sa.text("SELECT * FROM answers"))]
    assert len(kept) == 1
    assert "a first password" not in kept[0]


async def test_a_token_is_shown_once(rig: Rig, db: Database, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    boss = await rig.user("boss", Role.ADMIN)
    expires = (db.clock.now() + timedelta(days=30)).isoformat()
    body = {"name": "platform", "purpose": "states", "expires": expires, "grants": [{"role": "platform"}]}
    made = await boss.post("/api/v1/tokens", body, idempotency_key="t")
    secret = made.json["secret"]
    assert secret.startswith("xlt_")
    assert (await boss.post("/api/v1/tokens", body, idempotency_key="t")).json == {**made.json, "secret": None}
    for path in ("/api/v1/tokens", made.headers["location"], "/api/v1/users"):
        assert secret not in (await boss.get(path)).body.decode()
    async with db.read() as connection:
        for table in ("answers", "tokens", "audit", "changes", "principals"):
            rows = [str(row) for row in await connection.execute(sa.text(f"SELECT * FROM {table}"))]
            assert not any(secret in row or PASSWORD in row for row in rows), table
    assert secret not in caplog.text
    assert PASSWORD not in caplog.text
    for wrong in ({**body, "name": "y", "expires": "2020-01-01T00:00:00Z"}, {**body, "name": "y", "grants": []}):
        assert (await boss.post("/api/v1/tokens", wrong)).code == "invalid"


async def test_who_may_not(rig: Rig, db: Database) -> None:
    await add_world(db, "a", 1)
    user = await rig.account("victim", Role.VIEWER)
    await rig.account("keeper", Role.ADMIN)
    for number, role in enumerate((Role.OPERATOR, Role.AUDITOR, Role.PLATFORM)):
        client = await rig.token(f"t-{number}", role)
        assert (await client.get("/api/v1/users")).code == "forbidden"
        assert (await client.post("/api/v1/tokens", {})).code in ("forbidden", "invalid")
        assert (await client.get(f"/api/v1/users/{user}")).code == "forbidden"
    local = await rig.user("local-admin", Role.ADMIN, area="a")
    for method, path in (("GET", "/api/v1/users"), ("GET", f"/api/v1/users/{user}"), ("GET", "/api/v1/tokens")):
        assert (await local.send(method, path)).code == "forbidden"
    assert (await local.get("/api/v1/audit")).code == "forbidden"


async def test_ids_that_are_not_there(rig: Rig) -> None:
    boss = await rig.user("boss", Role.ADMIN)
    token = (await rig.token("t")).token
    other = await rig.account("li", Role.VIEWER)
    own = (await boss.get("/api/v1/session")).json
    for path in ("x", "0", "%00", "..%2f", "a" * 81, "%E4%B8%AD", "' OR 1=1 --".replace(" ", "%20"), token[:20]):
        assert (await boss.get(f"/api/v1/users/{path}")).code == "not_found", path
        assert (await boss.get(f"/api/v1/tokens/{path}")).code == "not_found", path
    assert (await boss.send("DELETE", f"/api/v1/users/{other}/sessions/{own['session_id']}")).code == "not_found"
    assert (await boss.send("DELETE", f"/api/v1/users/{other}/grants/x")).code == "not_found"
    assert (await boss.get(f"/api/v1/tokens/{other}")).code == "not_found"


async def test_the_audit_log(rig: Rig, db: Database) -> None:
    auditor = await rig.user("auditor", Role.AUDITOR)
    for number in range(4):
        await rig.account(f"user-{number}")
    pages, cursor = [], ""
    while cursor is not None:
        page = (await auditor.get(f"/api/v1/audit?limit=3&cursor={cursor}")).json
        pages += page["items"]
        cursor = page["next_cursor"]
    assert [row["seq"] for row in pages] == list(range(len(pages), 0, -1))
    found = (await auditor.get("/api/v1/audit?what=session.open&who=auditor")).json["items"]
    assert [(row["who"], row["act"]) for row in found] == [("auditor", "session.open")]
    later = (db.clock.now() + timedelta(days=1)).isoformat().replace("+", "%2B")
    assert (await auditor.get(f"/api/v1/audit?from={later}")).json["items"] == []
    assert (await auditor.get("/api/v1/audit?from=yesterday")).code == "invalid"
    assert (await auditor.get("/api/v1/audit/verification")).json["sound"] is True
    readings = -(-len(pages) // 3) + 3  # each of them is a row too
    assert parse_anchor((await auditor.get("/api/v1/audit/anchor")).json["anchor"]).count == len(pages) + readings
    async with db.write() as connection:
        await connection.execute(sa.text("UPDATE audit SET principal = 'nobody' WHERE seq = 2"))
    told = (await auditor.get("/api/v1/audit/verification")).json
    assert told["sound"] is False
    assert told["faults"][0]["first"] == 2


async def test_the_system_tells_its_keeper_more(rig: Rig) -> None:
    told = (await (await rig.user("li", Role.VIEWER)).get("/api/v1/system")).json
    assert (told["ready"], told["database"], told["insecure_http"]) == (True, None, False)
    rig.core.missing["engine"] = "starting"
    keeper = (await (await rig.user("boss", Role.ADMIN)).get("/api/v1/system")).json
    assert keeper["missing"] == {"engine": "starting"}
    assert keeper["database"] in ("sqlite", "postgresql")
