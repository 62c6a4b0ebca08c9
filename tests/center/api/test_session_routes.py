"""Logging in and out: cookies, limits, a password that must be changed, and nothing told to strangers."""

from __future__ import annotations

import asyncio

import pytest

from center.api.logins import Logins
from config.clock import ManualClock
from config.scope import ROLE_PERMISSIONS, Role
from registry import audit_store
from registry.area import Area
from registry.area_store import add_area
from registry.database import Database
from registry.login_limits import LoginLimits
from tests.support.api_rig import PASSWORD, SYSTEM, Rig

pytestmark = pytest.mark.usefixtures("no_leaks")
NEW = "quite another long one"


async def test_in_and_out(rig: Rig) -> None:
    await rig.account("li", Role.OPERATOR)
    client = rig.client()
    assert (await client.get("/api/v1/session")).code == "login_required"
    answered = await client.log_in("li")
    assert answered.status == 201
    cookie = answered.headers["set-cookie"]
    assert cookie.startswith("xueliang=")
    for word in ("Path=/", "HttpOnly", "SameSite=Strict"):
        assert word in cookie
    assert "Domain" not in cookie
    assert "Secure" not in cookie  # this listener is plain HTTP on loopback
    told = answered.json
    assert (told["name"], told["kind"], told["must_change"]) == ("li", "account", False)
    assert told["permissions"] == ["read", "live", "evidence", "check", "acknowledge"]
    assert told["grants"][0]["role"] == "operator"
    assert (await client.get("/api/v1/session")).json["session_id"] == told["session_id"]
    kept = client.cookie
    out = await client.send("DELETE", "/api/v1/session")
    assert out.status == 204
    assert client.cookie == ""
    client.cookie = kept
    assert (await client.get("/api/v1/session")).code == "session_expired"


async def test_a_new_login_ends_the_one_before_in_this_browser(rig: Rig) -> None:
    client = await rig.user("li", Role.VIEWER)
    first = client.cookie
    await client.log_in("li")
    assert client.cookie != first
    client.cookie = first
    assert (await client.get("/api/v1/session")).status == 401


async def test_failures_are_alike_for_names_that_do_not_exist_and_lock(rig: Rig, clock: ManualClock) -> None:
    await rig.account("li", Role.VIEWER)
    documents = []
    for name in ("li", "nobody"):
        client, told = rig.client(), []
        for _ in range(5):
            answered = await client.log_in(name, "wrong password")
            assert answered.code == "login_failed"
            told.append({k: v for k, v in answered.json.items() if k != "request_id"})
        assert (await client.log_in(name, PASSWORD)).code == "login_locked"
        documents.append(told)
    assert documents[0] == documents[1]
    assert [document["remaining"] for document in documents[0]] == [4, 3, 2, 1, 0]
    assert "3 more failures lock it for 15 minutes" in documents[0][1]["detail"]
    await clock.advance(15 * 60 - 1)
    answered = await rig.client().log_in("li")
    assert (answered.status, answered.headers["retry-after"]) == (429, "1")
    await clock.advance(1)
    assert (await rig.client().log_in("li")).status == 201


async def test_a_restart_gives_no_tries(rig: Rig, clock: ManualClock) -> None:
    """Counts and locks come back from the audit log: of a name, of an address, and not of what succeeded."""
    for name in ("li", "wang", "zhao"):
        await rig.account(name, Role.VIEWER)
    for _ in range(5):
        await rig.client().log_in("li", "wrong password")
    for _ in range(4):
        await rig.client().log_in("wang", "wrong password")
    await rig.client().log_in("nobody", "wrong password")
    await rig.client().log_in("zhao", "wrong password")
    await rig.client().log_in("zhao")
    before = rig.core.logins
    after = Logins(before.db, before.passwords, before.rules, LoginLimits(before.limits.rules))
    await after.recall()
    for name in ("li", "wang", "zhao"):
        now = clock.monotonic()
        assert after.limits.standing(name, "127.0.0.1", now) == before.limits.standing(name, "127.0.0.1", now), name
    assert after.limits.standing("li", "127.0.0.1", clock.monotonic()).wait == 900
    await clock.advance(901)
    later = Logins(before.db, before.passwords, before.rules, LoginLimits(before.limits.rules))
    await later.recall()
    assert later.limits.standing("li", "127.0.0.1", clock.monotonic()).wait == 0


async def test_many_tries_at_once_are_many_failures(rig: Rig) -> None:
    await rig.account("li", Role.VIEWER)
    found = await asyncio.gather(*(rig.client().log_in("li", f"guess number {n}") for n in range(20)))
    assert sorted(a.code for a in found) == ["login_failed"] * 5 + ["login_locked"] * 15


async def test_the_text_in_chinese(rig: Rig) -> None:
    client = rig.client()
    body = {"name": "li", "password": "wrong password"}
    await client.post("/api/v1/session", body)
    answered = await client.post("/api/v1/session", body, accept_language="zh-CN,zh;q=0.9,en;q=0.5")
    assert answered.headers["content-language"] == "zh"
    assert answered.json["detail"] == "用户名或密码不对。再错 3 次将锁定 15 分钟。忘记密码请找管理员。"


async def test_a_first_password_opens_nothing_but_its_change(rig: Rig) -> None:
    await rig.account("li", Role.ADMIN, must_change=True)
    client, other = rig.client(), rig.client()
    await other.log_in("li")
    assert (await client.log_in("li")).json["permissions"] == []
    for path in ("/api/v1/users", "/api/v1/system", "/api/v1/tokens"):
        assert (await client.get(path)).code == "password_change"
    change = "/api/v1/session/password"
    assert (await client.send("PUT", change, {"current": PASSWORD, "new": "short"})).code == "invalid"
    assert (await client.send("PUT", change, {"current": PASSWORD, "new": PASSWORD})).code == "invalid"
    assert (await client.send("PUT", change, {"current": "wrong password", "new": NEW})).code == "login_failed"
    assert (await client.send("PUT", change, {"current": PASSWORD, "new": NEW})).status == 204
    assert (await client.get("/api/v1/users")).status == 200
    assert (await other.get("/api/v1/session")).code == "session_expired"
    assert (await rig.client().log_in("li")).code == "login_failed"
    assert (await rig.client().log_in("li", NEW)).status == 201


async def test_a_disabled_account_cannot_log_in(rig: Rig, db: Database) -> None:
    admin = await rig.user("boss", Role.ADMIN)
    user_id = await rig.account("li", Role.VIEWER)
    answered = await admin.send("PATCH", f"/api/v1/users/{user_id}", {"disabled": True}, if_match='"v1"')
    assert answered.json["disabled"]
    assert (await rig.client().log_in("li")).code == "login_failed"


async def test_logins_are_on_record_without_what_was_typed(rig: Rig, db: Database) -> None:
    await rig.account("li", Role.VIEWER)
    await rig.client().log_in("my-password-by-mistake", "x")
    await rig.client().log_in("li", "wrong password")
    await rig.client().log_in("li")
    async with db.read() as connection:
        rows = [r for r in await audit_store.page(SYSTEM, connection) if r.act.startswith("session.")]
    assert [(row.act, row.principal) for row in rows] == [
        ("session.open", "li"),
        ("session.refused", "login"),
        ("session.refused", "login"),
    ]
    assert not any("mistake" in row.details + row.object_id for row in rows)
    assert "127.0.0.1" in rows[1].details


async def test_sessions_end_idle_and_old(rig: Rig, clock: ManualClock) -> None:
    client = await rig.user("li", Role.VIEWER)
    for _ in range(5):
        await clock.advance(50 * 60)
        assert (await client.get("/api/v1/session")).status == 200
        await rig.db.batch.flush()
    await clock.advance(61 * 60)
    assert (await client.get("/api/v1/session")).code == "session_expired"


async def test_secrets_that_are_none_of_ours(rig: Rig) -> None:
    client = rig.client()
    long = "a" * 43
    for value in ("", "short", long, "a; xueliang=b", "a" * 4000, f"{long}; xueliang={long[1:]}b"):
        answered = await client.get("/api/v1/session", cookie=f"xueliang={value}")
        assert answered.code == "session_expired", value
    assert (await client.get("/api/v1/session", cookie=";;=; other=1")).code == "login_required"
    for value in ("Bearer x", "Basic YTpi", f"Bearer xlt_{long}", "xlt_", "Bearer " + "é" * 47):
        answered = await client.get("/api/v1/session", authorization=value)
        assert answered.code == "token_invalid", value
        assert answered.headers["www-authenticate"] == "Bearer"


async def test_a_session_says_what_every_page_needs(rig: Rig) -> None:
    """Where the roles hold, by name, even for a screen that may not read the tree of areas."""
    async with rig.db.write() as connection:
        await add_area(SYSTEM, connection, Area("north", "Nanqiao"))
    screen = await rig.user("wall", Role.SCREEN, area="north")
    told = (await screen.get("/api/v1/session")).json
    assert told["roles"] == ["screen"]
    assert told["permissions"] == ["live"]
    assert told["everywhere"] == []
    (grant,) = told["grants"]
    assert (grant["area_id"], grant["area_name"], grant["unit_name"]) == ("north", "Nanqiao", None)
    service = told["service"]
    assert (service["zone"], service["insecure_http"], service["demo"]) == ("Asia/Shanghai", False, False)
    admin = await rig.user("admin", Role.ADMIN)
    told = (await admin.get("/api/v1/session")).json
    assert set(told["everywhere"]) == set(told["permissions"]) == {p.value for p in ROLE_PERMISSIONS[Role.ADMIN]}
