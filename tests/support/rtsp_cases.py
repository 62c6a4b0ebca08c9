"""Wiring: the stream and the small replies that the RTSP tests share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic import SecretStr

from camera_gateway.rtsp.client import RtspClient
from camera_gateway.rtsp.message import Headers, Request, Response
from camera_gateway.target import Credentials, StreamTarget
from config.errors import XueliangError
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
