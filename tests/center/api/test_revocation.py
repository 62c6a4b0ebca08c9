"""What is taken away ends within five seconds: sessions, grants, tokens, accounts; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from center.api.live import AT_MOST, EVERY_SECONDS, LiveThing
from center.api.security import Credential
from config.clock import ManualClock
from config.errors import Kind, XueliangError
from config.scope import Role
from registry.login_store import Known
from registry.principal import PrincipalKind
from registry.principal_store import add_grant, take_grant
from tests.support.api_rig import SYSTEM, Client, Rig, grant_of

pytestmark = pytest.mark.usefixtures("no_leaks")


async def known(rig: Rig, client: Client) -> Known:
    kind = PrincipalKind.TOKEN if client.token else PrincipalKind.ACCOUNT
    secret = client.token or client.cookie.partition("=")[2]
    return await rig.core.logins.identify(Credential(kind, secret))


async def ended(thing: LiveThing) -> str:
    async with asyncio.timeout(10):
        await thing.ended.wait()
    return thing.reason


async def test_revoking_ends_what_is_open_at_once(rig: Rig) -> None:
    boss = await rig.user("boss", Role.ADMIN)

    async def log_out(client: Client, _: str) -> None:
        assert (await client.send("DELETE", "/api/v1/session")).status == 204

    async def end_session(client: Client, user: str) -> None:
        rows = (await boss.get(f"/api/v1/users/{user}/sessions")).json["items"]
        assert (await boss.send("DELETE", f"/api/v1/users/{user}/sessions/{rows[0]['id']}")).status == 204

    async def disable(client: Client, user: str) -> None:
        read = await boss.get(f"/api/v1/users/{user}")
        done = await boss.send("PATCH", f"/api/v1/users/{user}", {"disabled": True}, if_match=read.headers["etag"])
        assert done.status == 200

    async def reset(client: Client, user: str) -> None:
        done = await boss.send("PUT", f"/api/v1/users/{user}/password", {"password": "another first one"})
        assert done.status == 204

    async def take(client: Client, user: str) -> None:
        grant = (await boss.get(f"/api/v1/users/{user}")).json["grants"][0]["id"]
        assert (await boss.send("DELETE", f"/api/v1/users/{user}/grants/{grant}")).status == 204

    acts: list[tuple[Callable[[Client, str], Awaitable[None]], str]] = [
        (log_out, "login_ended"),
        (end_session, "login_ended"),
        (disable, "login_ended"),
        (reset, "login_ended"),
        (take, "rights_changed"),
    ]
    for number, (act, reason) in enumerate(acts):
        client = await rig.user(f"user-{number}", Role.VIEWER)
        user = (await client.get("/api/v1/session")).json["principal_id"]
        async with rig.core.live.hold(await known(rig, client), "events") as thing:
            await act(client, user)
            assert await ended(thing) == reason, act.__name__
    token = await rig.token("platform")
    login = await known(rig, token)
    async with rig.core.live.hold(login, "events") as thing:
        assert (await boss.send("DELETE", f"/api/v1/tokens/{login.principal.id}")).status == 204
        assert await ended(thing) == "login_ended"
    assert (await token.get("/api/v1/session")).code == "token_invalid"


async def test_what_is_taken_elsewhere_is_seen_in_time(rig: Rig, clock: ManualClock) -> None:
    """Another process, or time itself, pokes nobody."""
    assert EVERY_SECONDS <= 2.5
    client = await rig.user("li", Role.VIEWER)
    login = await known(rig, client)
    user = login.principal.id
    extra = grant_of(user, Role.OPERATOR)
    async with rig.core.live.hold(login, "events") as thing:
        await rig.core.live.run_once()
        assert not thing.ended.is_set()
        async with rig.db.write() as connection:
            await add_grant(SYSTEM, connection, extra)
        await rig.core.live.run_once()
        assert await ended(thing) == "rights_changed"
    async with rig.core.live.hold(await known(rig, client), "events") as thing:
        async with rig.db.write() as connection:
            await take_grant(SYSTEM, connection, extra.id)
        await rig.core.live.run_once()
        assert await ended(thing) == "rights_changed"
    async with rig.core.live.hold(await known(rig, client), "events") as thing:
        async with asyncio.timeout(20):
            while not thing.ended.is_set():  # the loop looks by itself, every so often
                await clock.advance(timedelta(minutes=30).total_seconds())
        assert await ended(thing) == "login_ended"


async def test_what_is_open_is_bounded_and_ends_with_the_service(rig: Rig) -> None:
    login = await known(rig, await rig.user("li", Role.VIEWER))
    holds = [rig.core.live.hold(login, "tile") for _ in range(AT_MOST)]
    things = [await hold.__aenter__() for hold in holds]
    with pytest.raises(XueliangError) as caught:
        async with rig.core.live.hold(login, "one more"):
            pass
    assert caught.value.kind is Kind.LIMIT
    live = asyncio.create_task(rig.core.live.run())
    await asyncio.sleep(0)
    live.cancel()
    await asyncio.gather(live, return_exceptions=True)
    assert {thing.reason for thing in things} == {"stopping"}
    for hold in holds:
        await hold.__aexit__(None, None, None)
    assert len(rig.core.live) == 0
