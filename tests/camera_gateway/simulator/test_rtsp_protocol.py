"""What a virtual camera answers to whatever is said to it: methods, logins, sessions, garbage, strangers."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from camera_gateway.rtsp.client import RtspClient
from camera_gateway.rtsp.digest import authorization, parse_challenges
from config.errors import Kind, XueliangError
from tests.support.asking import keyframe, raw


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the camera's counters have no event of their own
            await asyncio.sleep(0)


async def test_the_session_table_fills_and_empties(make_fleet: Any, client: RtspClient, target: Any) -> None:
    fleet = await make_fleet(cameras=1, max_sessions=2)
    camera = fleet.cameras[0]
    sessions = [await client.open(target(camera)) for _ in range(2)]
    with pytest.raises(XueliangError) as caught:
        await client.open(target(camera))
    assert caught.value.kind is Kind.BUSY
    for session in sessions:
        await session.close()
    assert (await keyframe(client, target(camera))).keyframe


async def test_methods_and_answers(make_fleet: Any) -> None:
    fleet = await make_fleet(algorithms=("MD5",))
    camera = fleet.cameras[0]
    track = f"{camera.rtsp}/trackID=1"
    async with raw(camera) as client:
        assert "GET_PARAMETER" in (await client.once("OPTIONS")).headers.get("Public")
        assert (await client.once("DESCRIBE")).status == 401
        described = await client.ask("DESCRIBE")
        assert described.headers.get("Content-Type") == "application/sdp"
        assert b"sprop-parameter-sets" in described.body
        assert (await client.ask("DESCRIBE", camera.rtsp.replace("ch1", "ch2"))).status == 404
        assert (await client.ask("PAUSE")).status == 405
        assert (await client.ask("PLAY")).status == 454
        assert (await client.ask("GET_PARAMETER")).status == 200
        assert (await client.ask("SETUP", track, "Transport: RTP/AVP;multicast;client_port=6000-6001")).status == 461
        setup = await client.ask("SETUP", track, "Transport: RTP/AVP/TCP;unicast;interleaved=2-3")
        assert "interleaved=2-3" in setup.headers.get("Transport")
        session = setup.headers.get("Session").partition(";")[0]
        assert "timeout=60" in setup.headers.get("Session")
        assert (await client.ask("PLAY", "", "Session: wrong")).status == 454
        played = await client.ask("PLAY", "", f"Session: {session}")
        assert "rtptime=" in played.headers.get("RTP-Info")
        channels = {(await client.message())[1] for _ in range(6)}
        assert channels == {2, 3}, "media and a sender report"
        assert (await client.ask("GET_PARAMETER", "", f"Session: {session}")).status == 200
        assert camera.device.sessions == 1
        assert (await client.ask("TEARDOWN", "", f"Session: {session}")).status == 200
        assert camera.device.sessions == 0
    assert (fleet.rtsp.torn_down, fleet.rtsp.dropped, fleet.rtsp.refused.total()) == (1, 0, 0)


async def test_wrong_credentials_are_counted_and_stale_ones_are_not(make_fleet: Any) -> None:
    fleet = await make_fleet(algorithms=("MD5",))
    camera = fleet.cameras[0]
    async with raw(camera) as client:
        challenge = parse_challenges((await client.once("DESCRIBE")).headers.get_all("WWW-Authenticate"))[0]
        stale = authorization(replace(challenge, nonce="0" * 24), "DESCRIBE", camera.rtsp, camera.user, "guess")
        assert (await client.once("DESCRIBE", "", f"Authorization: {stale}")).status == 401
        assert fleet.rtsp.refused.total() == 0
        wrong = authorization(challenge, "DESCRIBE", camera.rtsp, camera.user, "guess")
        assert (await client.once("DESCRIBE", "", f"Authorization: {wrong}")).status == 401
        assert fleet.rtsp.refused == {camera.device.id: 1}


async def test_a_silent_session_times_out(make_fleet: Any) -> None:
    fleet = await make_fleet(algorithms=("MD5",), session_timeout=0.3)
    camera = fleet.cameras[0]
    async with raw(camera) as client:
        setup = await client.ask("SETUP", f"{camera.rtsp}/trackID=1", "Transport: RTP/AVP/TCP;interleaved=0-1")
        assert setup.status == 200
        assert camera.device.sessions == 1
        with pytest.raises((EOFError, ConnectionResetError)):
            await client.message()
    assert camera.device.sessions == 0


async def test_garbage_is_answered_and_closed(make_fleet: Any, seed: int) -> None:
    fleet = await make_fleet()
    dice = random.Random(seed)
    samples = [b"\x16\x03\x01 not rtsp\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"A" * 70_000]
    samples += [dice.randbytes(dice.randrange(1, 3000)) for _ in range(20)]
    for data in samples:
        reader, writer = await asyncio.open_connection(fleet.cameras[0].address, fleet.cameras[0].device.rtsp_port)
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(5):
            answer = await asyncio.gather(reader.read(), return_exceptions=True)
        (said,) = answer
        assert isinstance(said, ConnectionError) or (isinstance(said, bytes) and said[:9] in (b"", b"RTSP/1.0 "))
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    async with raw(fleet.cameras[0]) as client:
        assert (await client.once("OPTIONS")).status == 200


async def test_a_viewer_that_does_not_read_loses_pictures_not_our_memory(make_fleet: Any) -> None:
    fleet = await make_fleet(cameras=1, fps=60, algorithms=("MD5",), main=(640, 360))
    camera = fleet.cameras[0]
    async with raw(camera) as client:
        setup = await client.ask("SETUP", f"{camera.rtsp}/trackID=1", "Transport: RTP/AVP/TCP;interleaved=0-1")
        session = setup.headers.get("Session").partition(";")[0]
        await client.ask("PLAY", "", f"Session: {session}")
        (connection,) = fleet.rtsp.connections
        connection.pause_writing()
        player = connection.playing
        assert player is not None
        sent = player.sequence
        before = fleet.cameras[0].step
        await until(lambda: fleet.cameras[0].step >= before + 2)
        assert player.sequence == sent
        connection.resume_writing()
        await until(lambda: player.sequence != sent)


def foreign_address() -> str:
    """An address of this machine that is not loopback, empty where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return str(sock.getsockname()[0])


async def test_an_address_outside_127_is_closed_unread(make_fleet: Any) -> None:
    host = foreign_address()
    if not host or host.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    fleet = await make_fleet()
    for port, request in (
        (fleet.cameras[0].device.rtsp_port, b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
        (fleet.cameras[0].device.onvif_port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    ):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(request)
        with pytest.raises((ConnectionResetError, BrokenPipeError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 5)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_an_address_no_camera_has_is_closed(make_fleet: Any) -> None:
    fleet = await make_fleet()
    with pytest.raises((EOFError, ConnectionResetError, BrokenPipeError)):
        async with raw(fleet.cameras[0], host="127.250.250.250") as client:
            await client.once("OPTIONS")
