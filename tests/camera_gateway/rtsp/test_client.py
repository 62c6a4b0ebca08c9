"""The client against a true server on loopback, well-behaved and otherwise."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic import SecretStr

from camera_gateway.access_unit import AccessUnit
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.rtsp import rtcp
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.rtsp.digest import Challenge
from camera_gateway.rtsp.message import Headers, Request, Response, frame
from camera_gateway.rtsp.timing import Deadlines
from camera_gateway.target import Credentials, StreamTarget
from config.clock import SystemClock
from config.errors import Kind, XueliangError
from tests.support.bitstream import H264_PPS, h264_sdp, h264_slice, h264_sps, packets
from tests.support.rtsp_server import Peer, RtspTestServer, Script

SPS = h264_sps(1920, 1080)
KEY = [SPS, H264_PPS, h264_slice(90_000, idr=True)]
DELTA = [h264_slice(4_000, idr=False, kind=5)]
GOOD = Script(sdp=h264_sdp(sps=SPS), media=packets([KEY, DELTA]))

MakeClient = Callable[..., RtspClient]


def target(server: RtspTestServer, user: str = "", password: str = "", **kw: object) -> StreamTarget:
    credentials = Credentials(user, SecretStr(password)) if user else None
    made = StreamTarget(server.url, credentials, gop_seconds=0.1)
    return replace(made, **kw)  # type: ignore[arg-type]


def said(status: int, reason: str = "no", *headers: tuple[str, str]) -> Callable[[Peer, Request], Response]:
    return lambda peer, request: Response(status, reason, Headers(headers))


def silence(peer: Peer, request: Request) -> None:
    return None


async def failure(client: RtspClient, at: StreamTarget) -> XueliangError:
    with pytest.raises(XueliangError) as caught:
        await client.keyframe(at)
    assert caught.value.where
    return caught.value


async def test_keyframe(make_client: MakeClient) -> None:
    async with RtspTestServer(GOOD) as server:
        result = await make_client().keyframe(target(server))
        assert list(result.unit.nals) == KEY
        assert result.unit.keyframe
        assert not result.unit.damaged
        assert result.unit.parameter_sets is not None
        assert result.unit.parameter_sets.nals == (SPS, H264_PPS)
        assert result.format is not None
        assert (result.format.width, result.format.height, result.format.fps) == (1920, 1080, 25.0)
        assert (result.login, result.transport, result.stats.lost) == ("none", "tcp", 0)
        assert server.methods() == ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]
        timings = result.timings
        assert timings.auth is None
        for value in (timings.connect, timings.describe, timings.setup, timings.signalling, timings.keyframe):
            assert value is not None
            assert value >= 0


async def test_only_the_video_track_is_set_up(make_client: MakeClient) -> None:
    async with RtspTestServer(GOOD) as server:
        await make_client().keyframe(target(server))
        assert [r.uri.rpartition("/")[2] for r in server.requests if r.method == "SETUP"] == ["trackID=1"]


@pytest.mark.parametrize(
    "change",
    [
        {"lf_only": True},
        {"channels": (6, 7)},
        {"session": "abc"},
        {"sdp": h264_sdp()},
        {"media": packets([[h264_slice(90_000, idr=True)], DELTA])},
        {"headers": {"DESCRIBE": (("Content-Base", "rtsp://203.0.113.9:99/other/"),)}},
        {"headers": {"PLAY": (("RTP-Info", "url=;;seq=x,,rtptime=-1"),)}},
    ],
    ids=["LF only", "other channel", "no time-out", "sets in band", "sets in SDP", "foreign base", "RTP-Info garbage"],
)
async def test_peculiar_cameras(make_client: MakeClient, change: dict[str, object]) -> None:
    async with RtspTestServer(replace(GOOD, **change)) as server:  # type: ignore[arg-type]
        result = await make_client().keyframe(target(server))
        assert result.unit.nals[-1] == KEY[-1]
        assert result.unit.parameter_sets is not None
        assert result.unit.parameter_sets.nals == (SPS, H264_PPS)
        assert all(f":{server.port}/" in r.uri for r in server.requests)
        assert server.methods()[-1] == "TEARDOWN"


async def test_packets_on_a_channel_nobody_agreed_to(make_client: MakeClient) -> None:
    def play(peer: Peer, request: Request) -> Response:
        peer.channels = (4, 5)
        return peer.reply(request)

    async with RtspTestServer(replace(GOOD, answers={"PLAY": play})) as server:
        assert (await make_client().keyframe(target(server))).unit.nals[-1] == KEY[-1]


async def test_wrong_content_base_is_tried_once_more_with_the_address_asked_for(make_client: MakeClient) -> None:
    def setup(peer: Peer, request: Request) -> Response:
        return peer.reply(request) if "/stream/" in request.uri else Response(404, "Not Found")

    script = replace(
        GOOD, answers={"SETUP": setup}, headers={"DESCRIBE": (("Content-Base", "rtsp://10.0.0.1/wrong/"),)}
    )
    async with RtspTestServer(script) as server:
        assert (await make_client().keyframe(target(server))).unit.nals[-1] == KEY[-1]
        assert server.methods().count("SETUP") == 2


async def test_keyframe_before_the_play_reply(make_client: MakeClient) -> None:
    def play(peer: Peer, request: Request) -> Response:
        peer.send_media(GOOD.media)
        return peer.reply(request)

    async with RtspTestServer(replace(GOOD, media=(), answers={"PLAY": play})) as server:
        result = await make_client().keyframe(target(server))
        assert result.unit.nals[-1] == KEY[-1]
        assert server.methods()[-1] == "TEARDOWN"


async def test_stray_bytes_between_frames(make_client: MakeClient) -> None:
    def play(peer: Peer, request: Request) -> Response:
        reply = peer.reply(request)
        cseq = Headers((("CSeq", request.headers.get("CSeq")),))
        peer.send(Response(reply.status, "OK", cseq).encode())
        for packet in GOOD.media:
            peer.send(b"\x01\x02stray" + frame(0, packet))
        return Response(200, "OK", cseq)

    async with RtspTestServer(replace(GOOD, media=(), answers={"PLAY": play})) as server:
        assert (await make_client().keyframe(target(server))).unit.nals[-1] == KEY[-1]


@pytest.mark.parametrize("cut", [1, 3, 700, 1399])
async def test_bytes_arrive_in_small_pieces(make_client: MakeClient, cut: int) -> None:
    stream = b"".join(frame(0, p) for p in packets([[SPS, H264_PPS, h264_slice(6000, idr=True)], DELTA]))

    def play(peer: Peer, request: Request) -> bytes:
        head = Response(200, "OK", Headers((("CSeq", request.headers.get("CSeq")),))).encode()
        whole = head + stream
        loop = asyncio.get_running_loop()

        def piece(at: int) -> None:
            if at < len(whole):
                peer.send(whole[at : at + cut])
                loop.call_soon(piece, at + cut)

        piece(0)
        return b""

    async with RtspTestServer(replace(GOOD, answers={"PLAY": play})) as server:
        result = await make_client(deadlines=Deadlines(teardown=0.1)).keyframe(target(server))
        assert result.unit.nals[-1] == h264_slice(6000, idr=True)


# -- refusals


@pytest.mark.parametrize(
    ("method", "status", "kind"),
    [
        ("DESCRIBE", 404, Kind.NO_STREAM),
        ("DESCRIBE", 453, Kind.BUSY),
        ("DESCRIBE", 503, Kind.BUSY),
        ("DESCRIBE", 302, Kind.PROTOCOL),
        ("SETUP", 403, Kind.BUSY),
        ("SETUP", 454, Kind.NO_STREAM),
        ("SETUP", 500, Kind.PROTOCOL),
        ("PLAY", 453, Kind.BUSY),
        ("PLAY", 401, Kind.AUTH),
    ],
)
async def test_refusals(make_client: MakeClient, method: str, status: int, kind: Kind) -> None:
    async with RtspTestServer(replace(GOOD, answers={method: said(status)})) as server:
        error = await failure(make_client(), target(server))
        assert error.kind is kind
        assert ("TEARDOWN" in server.methods()) == (method == "PLAY")


async def test_no_video_track(make_client: MakeClient) -> None:
    sdp = b"v=0\r\ns=x\r\nm=audio 0 RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n"
    async with RtspTestServer(replace(GOOD, sdp=sdp)) as server:
        error = await failure(make_client(), target(server))
        assert error.kind is Kind.NO_STREAM
        assert "PCMA" in error.what


async def test_refused_and_not_allowed(make_client: MakeClient) -> None:
    async with RtspTestServer(GOOD) as server:
        gone = target(server)
    assert (await failure(make_client(), gone)).kind is Kind.REFUSED
    assert (await failure(make_client(), StreamTarget("rtsp://169.254.1.1/x"))).kind is Kind.NOT_ALLOWED


# -- deadlines


@pytest.mark.parametrize("method", ["DESCRIBE", "SETUP", "PLAY"])
async def test_silence(make_client: MakeClient, method: str) -> None:
    async with RtspTestServer(replace(GOOD, answers={method: silence})) as server:
        error = await failure(make_client(), target(server))
        assert error.kind is Kind.TIMEOUT
        assert method in error.what
        await server.until(lambda: all(p.lost.is_set() for p in server.peers))
        assert ("TEARDOWN" in server.methods()) == (method == "PLAY")


async def test_teardown_unanswered_is_bounded(make_client: MakeClient) -> None:
    async with RtspTestServer(replace(GOOD, answers={"TEARDOWN": silence})) as server:
        async with asyncio.timeout(2):
            result = await make_client().keyframe(target(server))
        assert result.unit.nals[-1] == KEY[-1]


async def test_no_packets_at_all(make_client: MakeClient) -> None:
    async with RtspTestServer(replace(GOOD, media=())) as server:
        assert (await failure(make_client(), target(server))).kind is Kind.NO_STREAM
        await server.until(lambda: "TEARDOWN" in server.methods())


async def test_packets_stop(make_client: MakeClient) -> None:
    script = replace(GOOD, media=GOOD.media[:20])
    async with RtspTestServer(script) as server:
        client = make_client(deadlines=Deadlines(stall=0.1, keyframe=2, teardown=0.3))
        assert (await failure(client, target(server))).kind is Kind.STALLED
        await server.until(lambda: "TEARDOWN" in server.methods())


async def test_no_keyframe(make_client: MakeClient) -> None:
    async with RtspTestServer(replace(GOOD, media=packets([DELTA] * 10))) as server:
        client = make_client(deadlines=Deadlines(stall=5, keyframe=0.1, teardown=0.3))
        error = await failure(client, target(server))
        assert error.kind is Kind.NO_KEYFRAME
        assert error.facts["packets"] == 30
        assert server.methods()[-1] == "TEARDOWN"


async def test_damaged_keyframe_is_passed_over(make_client: MakeClient) -> None:
    whole = packets([KEY, DELTA, KEY, DELTA])
    async with RtspTestServer(replace(GOOD, media=[*whole[:30], *whole[31:]])) as server:
        result = await make_client().keyframe(target(server))
        assert list(result.unit.nals) == KEY
        assert result.stats.lost == 1
        assert result.unit.rtp_time != 9000


async def test_camera_hangs_up(make_client: MakeClient) -> None:
    def hang_up(peer: Peer, request: Request) -> None:
        peer.transport.abort()

    for method in ("DESCRIBE", "PLAY"):
        async with RtspTestServer(replace(GOOD, answers={method: hang_up})) as server:
            assert (await failure(make_client(), target(server))).kind is Kind.PROTOCOL


# -- bad input


async def test_twenty_megabyte_keyframe(make_client: MakeClient) -> None:
    huge = packets([[SPS, H264_PPS, h264_slice(20_000_000, idr=True)]])
    async with RtspTestServer(replace(GOOD, media=huge)) as server:
        error = await failure(make_client(deadlines=Deadlines()), target(server))
        assert error.kind is Kind.TOO_LARGE
        await server.until(lambda: "TEARDOWN" in server.methods())


@pytest.mark.parametrize("in_band", [False, True])
async def test_sixteen_thousand_pixels(make_client: MakeClient, in_band: bool) -> None:
    wide = h264_sps(16_000, 16_000)
    script = Script(
        sdp=h264_sdp(sps=None if in_band else wide), media=packets([[wide, H264_PPS, h264_slice(900, idr=True)]])
    )
    async with RtspTestServer(script) as server:
        error = await failure(make_client(), target(server))
        assert error.kind is Kind.TOO_LARGE
        assert error.facts["width"] == 16_000
        assert ("TEARDOWN" in server.methods()) == in_band


@pytest.mark.parametrize(
    "noise", [b"\x00" * 4096, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"RTSP/1.0 x\r\n\r\n", b"A" * 64]
)
async def test_floods_of_garbage(make_client: MakeClient, noise: bytes) -> None:
    async with RtspTestServer(
        replace(GOOD, answers={"DESCRIBE": lambda p, r: noise * (200_000 // len(noise))})
    ) as server:
        error = await failure(make_client(), target(server))
        assert error.kind in (Kind.PROTOCOL, Kind.TOO_LARGE)


async def test_endless_garbage_after_play(make_client: MakeClient) -> None:
    def play(peer: Peer, request: Request) -> Response:
        peer.send(Response(200, "OK", Headers((("CSeq", request.headers.get("CSeq")),))).encode())
        peer.send(b"\xff" * 300_000)
        return Response(200, "OK")

    async with RtspTestServer(replace(GOOD, media=(), answers={"PLAY": play})) as server:
        assert (await failure(make_client(), target(server))).kind is Kind.PROTOCOL
        await server.until(lambda: "TEARDOWN" in server.methods())


# -- login


CHALLENGES = {
    "basic first, then MD5": (Challenge("basic", "cam"), Challenge("digest", "cam", "n1")),
    "MD5 and SHA-256": (
        Challenge("digest", "cam", "n1", algorithm="MD5", qop=("auth",)),
        Challenge("digest", "cam", "n1", algorithm="SHA-256", qop=("auth",)),
    ),
    "SHA-256-sess": (Challenge("digest", "cam", "n1", opaque="o", algorithm="SHA-256-sess", qop=("auth",)),),
    "no qop": (Challenge("digest", 'IP "Camera"', "n1"),),
}


@pytest.mark.parametrize("name", CHALLENGES)
async def test_login(make_client: MakeClient, name: str) -> None:
    script = replace(GOOD, user="admin", password="pä:ss", challenges=CHALLENGES[name])
    async with RtspTestServer(script) as server:
        result = await make_client().keyframe(target(server, "admin", "pä:ss"))
        assert result.login == {"MD5 and SHA-256": "digest SHA-256", "SHA-256-sess": "digest SHA-256-sess"}.get(
            name, "digest MD5"
        )
        assert result.timings.auth is not None
        assert server.wrong == 0
        assert server.methods() == ["DESCRIBE", "DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]
        assert not any("pä:ss" in v for r in server.requests for _, v in r.headers.items)


async def test_basic_only_where_allowed(make_client: MakeClient) -> None:
    script = replace(GOOD, user="u", password="p", challenges=(Challenge("basic", "cam"),))
    async with RtspTestServer(script) as server:
        error = await failure(make_client(), target(server, "u", "p"))
        assert error.kind is Kind.AUTH
        assert "clear" in error.what
        assert not any(r.headers.get("Authorization") for r in server.requests)
        allowed = Credentials("u", SecretStr("p"), allow_clear=True)
        assert (await make_client().keyframe(replace(target(server), credentials=allowed))).login == "basic"


async def test_no_credentials(make_client: MakeClient) -> None:
    async with RtspTestServer(replace(GOOD, user="u", password="p")) as server:
        assert (await failure(make_client(), target(server))).kind is Kind.AUTH


async def test_stale_nonce_is_no_failure(make_client: MakeClient) -> None:
    nonces = iter(["old", "old", "new", "new", "new", "new", "new"])

    def describe(peer: Peer, request: Request) -> Response:
        nonce = next(nonces)
        given = "Authorization" in dict(request.headers.items)
        peer.script.challenges = (Challenge("digest", "cam", nonce, stale=given and nonce == "new"),)
        if given and 'nonce="old"' in request.headers.get("Authorization"):
            peer.script.challenges = (Challenge("digest", "cam", "new", stale=True),)
        return peer.reply(request)

    memory = InMemoryDeviceMemory(SystemClock())
    async with RtspTestServer(replace(GOOD, user="u", password="p", answers={"DESCRIBE": describe})) as server:
        await make_client(memory).keyframe(target(server, "u", "p"))
        assert [a.state.value for a in memory.accounts.values()] == ["proved"]


async def test_401_after_login_means_busy(make_client: MakeClient) -> None:
    script = replace(GOOD, user="u", password="p")
    challenge = script.challenges[0].header()
    script.answers = {"SETUP": said(401, "Unauthorized", ("WWW-Authenticate", challenge))}
    memory = InMemoryDeviceMemory(SystemClock())
    async with RtspTestServer(script) as server:
        assert (await failure(make_client(memory), target(server, "u", "p"))).kind is Kind.BUSY
        assert [a.state.value for a in memory.accounts.values()] == ["proved"]
    script.answers = {}


async def test_64_channels_20_restarts_one_attempt(make_client: MakeClient) -> None:
    memory = InMemoryDeviceMemory(SystemClock())
    async with RtspTestServer(replace(GOOD, user="u", password="right")) as server:
        kinds: list[Kind] = []
        for restart in range(20):
            client = make_client(memory, Deadlines())
            channels = 64 if restart == 0 else 4
            at = [
                replace(target(server), url=f"{server.url}/{n}", credentials=Credentials("u", SecretStr("wrong"), "v1"))
                for n in range(channels)
            ]
            errors = await asyncio.gather(*(client.keyframe(t) for t in at), return_exceptions=True)
            kinds += [e.kind for e in errors if isinstance(e, XueliangError)]
        assert server.wrong == 1
        assert kinds.count(Kind.AUTH) == 1
        assert kinds.count(Kind.LOCKED) == 64 + 19 * 4 - 1
        right = Credentials("u", SecretStr("right"), "v2")
        assert (await make_client(memory).keyframe(replace(target(server), credentials=right))).unit.keyframe
        assert server.wrong == 1


# -- UDP


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


# -- sessions


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


# -- nothing stays behind


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
