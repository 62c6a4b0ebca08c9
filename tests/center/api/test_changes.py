"""The feed: once, in order, under positions that reveal nothing; and the same as events that tick, resume and end."""

from __future__ import annotations

import asyncio
import json
import socket
from datetime import datetime, timedelta
from typing import Any

import pytest

from center.api import event_stream
from center.api.event_stream import PER_PRINCIPAL, TICK_SECONDS
from center.api.feed import Feed, Part
from config.clock import ManualClock
from config.scope import Role, Scope
from registry import change_feed_store
from registry.camera_store import change_camera
from registry.change_feed import Head, Told
from registry.database import Database
from tests.support.api_rig import SYSTEM, Client, Rig
from tests.support.api_world import add_district, camera_id
from tests.support.event_reader import Events
from tests.support.event_reader import events as events

pytestmark = pytest.mark.usefixtures("no_leaks")
_VERSION = {"a": 1, "b": 1}


@pytest.fixture
async def li(rig: Rig) -> Client:
    _VERSION.update(a=1, b=1)
    for number, name in enumerate("ab", 1):
        await add_district(rig.db, rig.core.storage.folder.evidence, name, number)
    return await rig.user("li", Role.OPERATOR, area="a")


async def rename(db: Database, name: str, to: str) -> None:
    async with db.write() as connection:
        await change_camera(SYSTEM, connection, camera_id(name, 1), _VERSION[name], name=to)
    _VERSION[name] += 1


async def test_once_and_in_order_without_what_is_foreign(rig: Rig, li: Client) -> None:
    start = (await li.get("/api/v1/changes")).json
    assert (start["items"], start["more"]) == ([], False)
    await rename(rig.db, "a", "one")
    await rename(rig.db, "b", "two")
    await rename(rig.db, "a", "three")
    page = (await li.get(f"/api/v1/changes?after={start['after']}&limit=1")).json
    assert page["more"] is True
    rest = (await li.get(f"/api/v1/changes?after={page['after']}")).json
    told = page["items"] + rest["items"]
    assert [(one["kind"], one["object_id"], one["change"]["version"]) for one in told] == [
        ("camera", camera_id("a", 1), 2),
        ("camera", camera_id("a", 1), 3),
    ]
    assert "position" not in json.dumps(told)
    again = (await li.get(f"/api/v1/changes?after={told[0]['after']}")).json
    assert [one["change"] for one in again["items"]] == [told[1]["change"]]
    assert (await li.get(f"/api/v1/changes?after={rest['after']}")).json["items"] == []


async def test_positions_reveal_nothing(rig: Rig, li: Client) -> None:
    words = {(await li.get("/api/v1/changes")).json["after"] for _ in range(3)}
    assert len(words) == 3
    await rename(rig.db, "b", "another")
    after = (await li.get("/api/v1/changes")).json["after"]
    assert {len(word) for word in words} == {len(after)}
    for word in ("x", "%00", after[:-3] + "AAA", "é", after + "A" * 300):
        assert (await li.get(f"/api/v1/changes?after={word}")).status in (400, 422), word


async def test_gone_says_how_to_go_on(rig: Rig, li: Client) -> None:
    old = (await li.get("/api/v1/changes")).json["after"]
    async with rig.db.write() as connection:
        await change_feed_store.new_epoch(SYSTEM, connection)
    gone = await li.get(f"/api/v1/changes?after={old}")
    assert (gone.status, gone.code) == (410, "gone")
    assert "/api/v1/cameras" in gone.json["resync"]
    assert "position" not in gone.json
    assert (await li.get(f"/api/v1/changes?after={gone.json['after']}")).json["items"] == []


async def test_events_tick_tell_and_resume(rig: Rig, li: Client, clock: ManualClock) -> None:
    async with events(li) as stream:
        assert "text/event-stream" in await stream.head()
        kind, first, told = await stream.next()
        began = clock.now()
        assert (kind, told["now"]) == ("tick", began.isoformat())
        await rename(rig.db, "a", "one")
        while (await advanced(clock, stream))[0] != "change":
            continue
        kind, _, told = await advanced(clock, stream)
        assert (kind, datetime.fromisoformat(told["now"]) - began) == ("tick", timedelta(seconds=TICK_SECONDS))
    async with events(li, Last_Event_ID=first) as stream:
        await stream.head()
        assert (await stream.next())[0] == "tick"
        kind, _, change = await stream.next()
        assert (kind, change["object_id"]) == ("change", camera_id("a", 1))


async def advanced(clock: ManualClock, stream: Events) -> tuple[str, str, Any]:
    """The next event, while the feed is looked at every quarter of a second."""
    reading = asyncio.create_task(stream.next())
    async with asyncio.timeout(20):
        while not reading.done():
            await clock.advance(0.25)
            await asyncio.wait((reading,), timeout=0.02)
    return await reading


async def test_events_end_with_the_login(rig: Rig, li: Client, clock: ManualClock) -> None:
    async with events(li) as stream:
        await stream.head()
        await stream.next()
        assert (await li.send("DELETE", "/api/v1/session")).status == 204
        kind: str = ""
        told: Any = None
        while kind != "end":
            kind, _, told = await advanced(clock, stream)
        assert told["reason"] == "login_ended"


async def test_streams_are_counted(rig: Rig, li: Client) -> None:
    held = []
    for _ in range(PER_PRINCIPAL):
        manager = events(li)
        stream = await manager.__aenter__()
        await stream.head()
        held.append(manager)
    assert (await li.get("/events")).code == "limit"
    for manager in held:
        await manager.__aexit__(None, None, None)


async def test_a_position_of_another_epoch_is_told_to_resync(rig: Rig, li: Client) -> None:
    old = (await li.get("/api/v1/changes")).json["after"]
    async with rig.db.write() as connection:
        await change_feed_store.new_epoch(SYSTEM, connection)
    async with events(li, Last_Event_ID=old) as stream:
        await stream.head()
        await stream.next()
        kind, _, told = await stream.next()
        assert (kind, told["reason"]) == ("resync", "gone")
        assert (await li.get(f"/api/v1/changes?after={told['after']}")).json["items"] == []


async def test_a_reader_that_takes_nothing_is_cut_and_told_to_resync(
    rig: Rig, li: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """22 MB of changes wait for a client that does not read: it is cut, we hold none of it, and it loads anew."""
    monkeypatch.setattr(event_stream, "CUT_SECONDS", 0.5)
    monkeypatch.setattr(event_stream, "BEHIND", 1000)
    start = (await li.get("/api/v1/changes")).json["after"]
    filler = Told("camera", camera_id("a", 1), "a", None, {"act": "changed", "filler": "x" * 15_000})
    for _ in range(3):
        async with rig.db.write() as connection:
            await change_feed_store.record_many(connection, [filler] * 500)
    host, _, port = li.url.removeprefix("http://").rpartition(":")
    lazy = socket.socket()
    lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    lazy.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(lazy, (host, int(port)))
    head = f"GET /events HTTP/1.1\r\nHost: {host}:{port}\r\nCookie: {li.cookie}\r\nLast-Event-ID: {start}\r\n\r\n"
    taken: list[int] = []
    whole = Feed.after

    async def counted(self: Feed, scope: Scope, place: Head, limit: int) -> Part:
        part = await whole(self, scope, place, limit)
        taken.append(len(part.items))
        return part

    monkeypatch.setattr(Feed, "after", counted)
    await loop.sock_sendall(lazy, head.encode())
    async with asyncio.timeout(20):
        for wanted in (1, 0):  # it is open, and it is cut
            while len(rig.core.live) != wanted:
                await li.get("/healthz")
    lazy.close()
    assert sum(taken) < 1500  # what is not sent stays in the database: the kernel's buffers and one part are all
    async with events(li, Last_Event_ID=start) as stream:  # it comes back, and is too far behind to be told one by one
        await stream.head()
        told: list[str] = []
        while "resync" not in told:
            kind, _, data = await stream.next()
            told.append(kind)
        assert told.count("change") <= event_stream.BEHIND + 200
        assert data["reason"] == "slow"
    assert (await li.get(f"/api/v1/changes?after={data['after']}")).status == 200
