"""The client against a true server on loopback, well-behaved and otherwise."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from camera_gateway.rtsp.message import Headers, Request, Response, frame
from camera_gateway.rtsp.timing import Deadlines
from camera_gateway.target import StreamTarget
from config.errors import Kind
from tests.support.bitstream import H264_PPS, h264_sdp, h264_slice, packets, payloads_h264, rtp
from tests.support.rtsp_cases import DELTA, GOOD, KEY, SPS, MakeClient, failure, said, silence, target
from tests.support.rtsp_server import Peer, RtspTestServer


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


async def test_redirects_are_not_followed(make_client: MakeClient) -> None:
    async with RtspTestServer(GOOD) as other:
        moved = said(302, "Moved", ("Location", target(other).url))
        async with RtspTestServer(replace(GOOD, answers={"DESCRIBE": moved})) as server:
            error = await failure(make_client(), target(server))
        assert error.kind is Kind.PROTOCOL
        assert "redirects are not followed" in error.what
        assert other.requests == []


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

    for method, kind in (("DESCRIBE", Kind.REFUSED), ("SETUP", Kind.PROTOCOL), ("PLAY", Kind.PROTOCOL)):
        async with RtspTestServer(replace(GOOD, answers={method: hang_up})) as server:
            assert (await failure(make_client(), target(server))).kind is kind


async def test_marker_on_every_slice(make_client: MakeClient) -> None:
    """The keyframe is whole at the first look already, and at the next ones without waiting."""
    slices = [h264_slice(5000, idr=True), *(h264_slice(4000, idr=True, first=False, seed=n) for n in (2, 3))]
    unit = [SPS, H264_PPS, *slices]
    bodies = [(b, i == len(p) - 1) for p in map(payloads_h264, unit) for i, b in enumerate(p)]
    media = [rtp(n, 9000, body, marker=last) for n, (body, last) in enumerate(bodies)]
    head, tail = media[:5], [*media[5:], *packets([DELTA], sequence=len(media), timestamp=12_600)]

    def play(peer: Peer, request: Request) -> Response:
        peer.send(Response(200, "OK", Headers((("CSeq", request.headers.get("CSeq")),))).encode())
        peer.send_media(head)
        asyncio.get_running_loop().call_soon(peer.send_media, tail)  # apart from the first slice's marker
        return Response(200, "OK")

    async with RtspTestServer(replace(GOOD, media=(), answers={"PLAY": play})) as server:
        client = make_client(deadlines=Deadlines(stall=2, keyframe=2, teardown=0.3))
        for _ in range(2):
            result = await client.keyframe(target(server))
            assert list(result.unit.nals) == unit
            assert not result.unit.damaged
