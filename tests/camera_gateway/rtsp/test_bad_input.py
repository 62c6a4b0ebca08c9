"""What a broken or hostile camera sends: a finding with its cause, within bounds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from camera_gateway.rtsp.message import Headers, Request, Response
from camera_gateway.rtsp.timing import Deadlines
from config.errors import Kind
from tests.support.bitstream import H264_PPS, h264_sdp, h264_slice, h264_sps, packets
from tests.support.rtsp_cases import GOOD, SPS, MakeClient, failure, target
from tests.support.rtsp_server import Peer, RtspTestServer, Script


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
