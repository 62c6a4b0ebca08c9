"""Views that end, fail or are spoken to from elsewhere at the wrong moment: nobody else notices, nothing is left."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from OpenSSL import SSL

from camera_gateway.access_unit import AccessUnit
from config.errors import Kind, XueliangError
from streaming.ports import KnownStream
from streaming.relay import RelayRules
from streaming.session import Session
from streaming.view_state import End, Role
from tests.support.relay_rig import FleetCameras, Rig, peer, rig

pytestmark = pytest.mark.usefixtures("no_leaks")


def session_of(made: Rig) -> Session:
    (found,) = made.relay._sessions.values()
    return found


def place_of(answer: str) -> tuple[str, int]:
    found = re.search(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer)
    assert found is not None
    return found[1], int(found[2])


@pytest.mark.parametrize("how", ["switch", "fall back"])
async def test_a_view_that_ends_while_its_other_stream_opens_holds_no_camera(clips: Path, how: str) -> None:
    async with rig(clips) as made, peer() as viewer:
        opened = await viewer.watch(made)
        await viewer.frame()
        session = session_of(made)
        asked, go = asyncio.Event(), asyncio.Event()
        ready = made.relay._ready

        async def slow(*args: Any) -> None:
            await ready(*args)
            asked.set()
            await go.wait()

        made.relay._ready = slow  # type: ignore[method-assign, assignment]
        acting = made.relay.switch(opened.session, Role.SUB) if how == "switch" else made.relay._fall_back(session)
        changing = asyncio.create_task(acting)
        await asked.wait()
        made.relay.end_view(session.asked.view_id, End.WITHDRAWN)
        go.set()
        (result,) = await asyncio.gather(changing, return_exceptions=True)
        if how == "switch":
            assert isinstance(result, XueliangError)
            assert result.kind is Kind.NOT_FOUND
        assert [stream.watchers for stream in made.relay.streams()] == [{}, {}]


async def test_what_goes_wrong_with_one_viewer_ends_that_one(clips: Path) -> None:
    async with rig(clips) as made, peer() as viewer, peer() as other:
        for one in (viewer, other):
            await one.watch(made)
            await one.frame()
        first, second = made.relay._sessions.values()

        def broken() -> None:
            raise ValueError("a mistake of ours")

        first._viewer.pump = broken  # type: ignore[method-assign]
        await made.until(lambda: made.ended != [])
        assert made.ended == [(first.asked.view_id, "internal error")]
        for _ in range(3):
            await other.frame()
        second.tick = broken  # type: ignore[method-assign]
        await made.until(lambda: len(made.ended) == 2)
        assert made.relay.shown() == []
        async with peer() as third:
            await third.watch(made)
            await third.frame()
            await made.until(lambda: made.relay.shown()[0].bitrate > 0)  # somebody still looks once a second


async def test_a_picture_that_we_stumble_over_does_not_end_the_camera(clips: Path) -> None:
    async with rig(clips) as made, peer() as viewer:
        await viewer.watch(made)
        await viewer.frame()
        (stream,) = made.relay.streams()
        take = stream._take
        calls = 0

        def stumble(unit: AccessUnit) -> bool:
            nonlocal calls
            calls += 1
            if calls == 1:
                raise ValueError("a mistake of ours")
            return take(unit)

        stream._take = stumble  # type: ignore[method-assign]
        await made.until(lambda: calls > 20)
        for _ in range(25):
            await viewer.frame()
        assert made.ended == []


async def test_ending_a_view_waits_for_nobody_else(clips: Path) -> None:
    async with rig(clips) as made, peer() as viewer, peer() as other:
        slow, quick = await viewer.watch(made), await other.watch(made)
        await viewer.frame()
        await other.frame()
        session, go = made.relay._sessions[slow.session], asyncio.Event()
        close = session.close

        async def long() -> None:
            await go.wait()
            await close()

        session.close = long  # type: ignore[method-assign]
        ending = asyncio.create_task(made.relay.end(slow.session))
        await made.until(lambda: made.ended != [])
        await asyncio.wait_for(made.relay.end(quick.session), 5)
        assert not ending.done()
        go.set()
        await ending


def client_hello() -> bytes:
    """As a peer begins a handshake."""
    connection = SSL.Connection(SSL.Context(SSL.DTLS_METHOD))
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    return connection.bio_read(1500)


async def test_what_others_send_to_a_viewers_port_is_not_heard(clips: Path) -> None:
    """A port may have been somebody else's a second ago."""
    async with rig(clips) as made, peer() as viewer:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            opened = await made.relay.open(made.asked(), await viewer.offer())
            stray = (client_hello(), b"", b"\x00", b"\x80", bytes(40))
            for data in stray:
                stranger.sendto(data, place_of(opened.answer))
            await viewer.answer(opened.answer)
            await viewer.frame()
            for data in stray:
                stranger.sendto(data, place_of(opened.answer))
            for _ in range(5):
                await viewer.frame()
        assert made.ended == []


async def test_a_first_viewer_opens_one_session_at_the_camera_whoever_asks_first(clips: Path) -> None:
    async with rig(clips) as made, peer() as viewer:
        cameras = made.relay._cameras
        assert isinstance(cameras, FleetCameras)
        streams, calls, opened = cameras.streams, 0, asyncio.Event()

        async def uneven(camera_id: str) -> Mapping[Role, KnownStream]:
            nonlocal calls
            calls += 1
            if calls == 2:  # the stream itself; who waits for its first picture overtakes it
                await opened.wait()
            return await streams(camera_id)

        cameras.streams = uneven  # type: ignore[method-assign]
        opening = asyncio.create_task(viewer.watch(made))
        await made.until(lambda: made.fleet.devices[0].sessions > 0)
        opened.set()
        await opening
        await viewer.frame()
        assert (made.fleet.devices[0].sessions, made.fleet.rtsp.torn_down) == (1, 0)


async def test_a_viewer_that_comes_while_another_stream_is_let_go_keeps_its_own(clips: Path) -> None:
    """A wall is closed and one of its cameras opened again: all its streams are let go one after the other."""
    async with rig(clips, rules=RelayRules(linger=0.0), cameras=2) as made, peer() as viewer:
        views = []
        for camera in made.fleet.cameras:
            async with peer() as earlier:
                views.append(await made.relay.open(made.asked(camera), await earlier.offer()))
        first, second = made.relay.streams()
        close, closing, go = first.close, asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            closing.set()
            await go.wait()
            await close()

        first.close = slow  # type: ignore[method-assign]
        for opened in views:
            await made.relay.end(opened.session)
        await closing.wait()
        await viewer.watch(made, made.asked(made.fleet.cameras[1]))
        go.set()
        for _ in range(20):  # past the next look at who is idle
            await viewer.frame()
        assert made.relay.streams() == [second]
