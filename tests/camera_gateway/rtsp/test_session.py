"""Sessions over TCP and UDP: what flows, and that nothing stays behind."""

from __future__ import annotations

import asyncio
import gc
import os
from dataclasses import replace

import pytest

from camera_gateway.access_unit import AccessUnit
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.rtsp import rtcp
from camera_gateway.rtsp.message import Headers, Request, Response, frame
from camera_gateway.rtsp.timing import Deadlines
from config.clock import SystemClock
from config.errors import Kind, XueliangError
from tests.support.bitstream import H264_PPS, h264_slice, packets
from tests.support.rtsp_cases import DELTA, GOOD, KEY, SPS, MakeClient, failure, said, target
from tests.support.rtsp_server import Peer, RtspTestServer


async def test_udp_when_tcp_is_refused(make_client: MakeClient) -> None:
    memory = InMemoryDeviceMemory(SystemClock())
    small = packets([[SPS, H264_PPS, h264_slice(20_000, idr=True)], DELTA])
    async with RtspTestServer(replace(GOOD, udp_only=True, media=small)) as server:
        for _ in range(2):
            result = await make_client(memory).keyframe(target(server))
            assert result.transport == "udp"
            assert result.unit.nals[-1] == h264_slice(20_000, idr=True)
            assert server.methods()[-1] == "TEARDOWN"
        assert server.methods().count("SETUP") == 3, "the second time it knows"
        assert (await failure(make_client(), target(server, transport="tcp"))).kind is Kind.NO_STREAM


@pytest.mark.parametrize("status", [400, 451, 501])
async def test_udp_where_tcp_is_refused_in_other_words(make_client: MakeClient, status: int) -> None:
    def setup(peer: Peer, request: Request) -> Response:
        tcp = "TCP" in request.headers.get("Transport")
        return Response(status, "no such thing") if tcp else peer.reply(request)

    memory = InMemoryDeviceMemory(SystemClock())
    small = packets([[SPS, H264_PPS, h264_slice(2_000, idr=True)], DELTA])
    async with RtspTestServer(replace(GOOD, answers={"SETUP": setup}, media=small)) as server:
        for _ in range(2):
            assert (await make_client(memory).keyframe(target(server))).transport == "udp"
        assert server.methods().count("SETUP") == 3, "the second time it knows"


async def test_refused_over_both_tells_of_the_first_refusal(make_client: MakeClient) -> None:
    def setup(_peer: Peer, request: Request) -> Response:
        return Response(400 if "TCP" in request.headers.get("Transport") else 461, "no")

    memory = InMemoryDeviceMemory(SystemClock())
    async with RtspTestServer(replace(GOOD, answers={"SETUP": setup})) as server:
        error = await failure(make_client(memory), target(server))
        assert (error.kind, error.facts) == (Kind.PROTOCOL, {"status": 400})
        assert server.methods().count("SETUP") == 2
        assert not (await memory.recall("127.0.0.1")).transport


async def test_a_camera_that_is_full_is_not_asked_for_another_transport(make_client: MakeClient) -> None:
    async with RtspTestServer(replace(GOOD, answers={"SETUP": said(453)})) as server:
        assert (await failure(make_client(), target(server))).kind is Kind.BUSY
        assert server.methods().count("SETUP") == 1


async def test_udp_disorder_and_strangers(make_client: MakeClient) -> None:
    media = packets([[SPS, H264_PPS, h264_slice(20_000, idr=True)], DELTA])
    media[4], media[6] = media[6], media[4]

    def play(peer: Peer, request: Request) -> Response:
        assert peer.client_ports is not None
        loop = asyncio.get_running_loop()
        port = peer.client_ports[0]

        async def stranger() -> None:
            transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.2", 0))
            for packet in packets([[h264_slice(900, idr=True, seed=9)]], sequence=1):
                transport.sendto(packet, ("127.0.0.1", port))
            transport.close()
            peer.send_media(media)

        peer.server.task = loop.create_task(stranger())  # type: ignore[attr-defined]
        return peer.reply(request)

    async with RtspTestServer(replace(GOOD, media=(), answers={"PLAY": play})) as server:
        result = await make_client().keyframe(target(server, transport="udp"))
        assert result.unit.nals[-1] == h264_slice(20_000, idr=True)
        assert result.stats.foreign == 1
        assert result.stats.reordered > 0
        assert result.stats.lost == 0


async def test_session_units_reports_and_requests(make_client: MakeClient) -> None:
    clock = SystemClock()

    def play(peer: Peer, request: Request) -> Response:
        now = clock.now().timestamp()
        peer.send(frame(1, rtcp.sender_report(7, now + 12.5, 9000, 1, 1)))
        return peer.reply(request)

    async with RtspTestServer(replace(GOOD, answers={"PLAY": play})) as server:
        async with await make_client().open(target(server)) as session:
            first, second = await session.next_unit(), await session.next_unit()
            assert (first.keyframe, second.keyframe) == (True, False)
            assert session.stats.clock_offset == pytest.approx(12.5, abs=0.5)
            assert first.sender_time is not None
            assert second.sender_time == pytest.approx(first.sender_time + 0.04, abs=1e-3)
            assert await session.request_keyframe()
            assert not await session.request_keyframe(), "at most one a second"
            await server.until(lambda: bool(server.peers[0].control))
            asked = rtcp.parse(server.peers[0].control[0])
            assert any(isinstance(p, rtcp.PictureLoss) and p.media == 7 for p in asked)
            with pytest.raises(XueliangError) as stalled:
                await session.next_unit()
            assert stalled.value.kind is Kind.STALLED
        assert server.methods()[-1] == "TEARDOWN"


async def test_slow_user_loses_up_to_the_next_keyframe(make_client: MakeClient) -> None:
    media = packets([KEY] + [DELTA] * 200 + [KEY, DELTA])
    client = make_client(deadlines=Deadlines())
    async with RtspTestServer(replace(GOOD, media=media)) as server, await client.open(target(server)) as session:
        all_there = asyncio.Event()
        take = session.take

        def taken(unit: AccessUnit) -> None:
            take(unit)
            if session.stats.units == 203:
                all_there.set()

        session.receiver.assembler.sink = taken
        async with asyncio.timeout(5):
            if session.stats.units < 203:
                await all_there.wait()
        unit = await session.next_unit()
        assert unit.keyframe
        assert unit.rtp_time != 9000
        assert session.stats.dropped == 201


async def test_closing_wakes_whoever_waits(make_client: MakeClient) -> None:
    async with RtspTestServer(replace(GOOD, media=())) as server:
        session = await make_client(deadlines=Deadlines()).open(target(server))
        waiting = asyncio.create_task(session.next_unit())
        await asyncio.sleep(0)
        await session.close()
        with pytest.raises(XueliangError) as gone:
            await waiting
        assert gone.value.kind is Kind.GONE


async def test_keep_alive_by_the_method_the_camera_answers(make_client: MakeClient) -> None:
    """A camera that gives one second is asked after one second, and once more by OPTIONS."""
    memory = InMemoryDeviceMemory(SystemClock())
    script = replace(GOOD, session="4711;timeout=1", answers={"GET_PARAMETER": said(501)})
    async with RtspTestServer(script) as server:
        async with await make_client(memory, Deadlines()).open(target(server)) as session:
            session._keep_alive(60.0)
            await server.until(lambda: "GET_PARAMETER" in server.methods())
            await server.until(lambda: session.keepalive_method == "OPTIONS" or "OPTIONS" in server.methods())
            session._keep_alive(60.0)
            await server.until(lambda: "OPTIONS" in server.methods())
        assert all(r.headers.get("Session") == "4711" for r in server.requests[2:])
        assert (await memory.recall("127.0.0.1")).keepalive == "OPTIONS"


async def test_a_granted_keyframe_is_remembered(make_client: MakeClient) -> None:
    memory = InMemoryDeviceMemory(SystemClock())
    media = packets([KEY])
    async with RtspTestServer(replace(GOOD, media=media)) as server:
        async with await make_client(memory, Deadlines()).open(target(server)) as session:
            await session.next_unit()
            session._gop, session._key_at = 30.0, session._key_at - 5.0
            assert await session.request_keyframe()
            await server.until(lambda: bool(server.peers[0].control))
            server.peers[0].send_media(packets([KEY], sequence=500, timestamp=20_000))
            assert (await session.next_unit()).keyframe
        assert (await memory.recall("127.0.0.1")).keyframe_method == "pli"


async def test_replies_nobody_asked_for(make_client: MakeClient) -> None:
    flood = b"RTSP/1.0 200 OK\r\nCSeq: 999\r\n\r\n" * 4000
    async with RtspTestServer(replace(GOOD, answers={"DESCRIBE": lambda p, r: flood})) as server:
        assert (await failure(make_client(deadlines=Deadlines()), target(server))).kind is Kind.PROTOCOL


async def test_tcp_again_where_udp_is_refused_by_now(make_client: MakeClient) -> None:
    def setup(peer: Peer, request: Request) -> Response:
        tcp = "TCP" in request.headers.get("Transport")
        return peer.reply(request) if tcp else Response(461, "Unsupported transport")

    memory = InMemoryDeviceMemory(SystemClock())
    await memory.remember("127.0.0.1", transport="udp")
    async with RtspTestServer(replace(GOOD, answers={"SETUP": setup})) as server:
        assert (await make_client(memory).keyframe(target(server))).transport == "tcp"
        assert (await memory.recall("127.0.0.1")).transport == "tcp"


@pytest.mark.parametrize("method", ["DESCRIBE", "SETUP", "PLAY"])
async def test_cancelled(make_client: MakeClient, method: str) -> None:
    """Cancelled while a reply is due: TEARDOWN where the camera holds a session, even if its name comes later."""
    held: list[tuple[Peer, Request]] = []

    def hold(peer: Peer, request: Request) -> None:
        held.append((peer, request))

    async with RtspTestServer(replace(GOOD, answers={method: hold})) as server:
        task = asyncio.create_task(make_client(deadlines=Deadlines()).keyframe(target(server)))
        await server.until(lambda: bool(held))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        if method == "SETUP":
            peer, request = held[0]
            answer = peer.reply(request)
            peer.send(
                replace(
                    answer, headers=Headers((("CSeq", request.headers.get("CSeq")), *answer.headers.items))
                ).encode()
            )
        await server.until(lambda: all(p.lost.is_set() for p in server.peers))
        assert ("TEARDOWN" in server.methods()) == (method != "DESCRIBE")


async def test_cancelled_while_waiting_for_the_picture(make_client: MakeClient) -> None:
    async with RtspTestServer(replace(GOOD, media=GOOD.media[:9])) as server:
        task = asyncio.create_task(make_client(deadlines=Deadlines()).keyframe(target(server)))
        await server.until(lambda: "PLAY" in server.methods())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.until(lambda: "TEARDOWN" in server.methods() and server.peers[0].lost.is_set())


async def test_no_task_and_no_descriptor_left(make_client: MakeClient) -> None:
    client = make_client()
    async with RtspTestServer(GOOD) as server:
        await client.keyframe(target(server))
        await server.until(lambda: server.peers[0].lost.is_set())
        gc.collect()
        tasks, descriptors = len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))
        for script in (GOOD, replace(GOOD, media=()), replace(GOOD, answers={"SETUP": said(500)})):
            server.script = script
            for transport in ("tcp", "udp"):
                await asyncio.gather(client.keyframe(target(server, transport=transport)), return_exceptions=True)
        await server.until(lambda: all(p.lost.is_set() for p in server.peers))
        for _ in range(3):
            await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == tasks
        assert len(os.listdir("/proc/self/fd")) == descriptors


async def test_our_own_lateness_is_no_stall(make_client: MakeClient) -> None:
    client = make_client(deadlines=Deadlines(teardown=0.3))
    async with RtspTestServer(replace(GOOD, media=packets([KEY, DELTA]))) as server:
        session = await client.open(target(server))
        await session.next_unit()
        connection, now = session.connection, asyncio.get_running_loop().time()
        assert connection._stall_timer is not None
        connection._stall_timer.cancel()
        connection.last_media, connection._stall_due = now - 7.0, now - 7.0
        connection._check_stall()
        assert connection.failure is None
        connection._stall_timer.cancel()
        connection.last_media, connection._stall_due = now - 7.0, now
        connection._check_stall()
        assert connection.failure is not None
        assert connection.failure.kind is Kind.STALLED
        await session.close()
