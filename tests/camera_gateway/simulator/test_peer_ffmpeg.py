"""FFmpeg as an independent client of virtual cameras."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from typing import Any

import pytest

from camera_gateway.access_unit import Codec
from camera_gateway.simulator.camera import VirtualCamera
from camera_gateway.simulator.faults import Fault

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(shutil.which("ffprobe") is None, reason="FFmpeg is not installed"),
]


def address(camera: VirtualCamera, stream: str = "main") -> str:
    return camera.rtsp_url(stream).replace("//", f"//{camera.user}:{camera.password}@", 1)


async def run(*words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(40):
            out, error = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, out.decode(), error.decode()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_ffmpeg_plays(make_fleet: Any, transport: str) -> None:
    fleet = await make_fleet(algorithms=("MD5",))
    code, _, error = await run(
        *("ffmpeg", "-v", "info", "-rtsp_transport", transport, "-i", address(fleet.cameras[0])),
        *("-frames:v", "14", "-f", "null", "-"),
    )
    assert code == 0, error
    assert re.search(r"frame=\s*14 ", error), error
    assert not re.search(r"error|corrupt|missing|invalid", error, re.IGNORECASE), error


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"codec_name": "h264", "profile": "Main", "has_b_frames": 0, "width": 320, "height": 180}),
        ({"profile": "baseline"}, {"codec_name": "h264", "profile": "Constrained Baseline"}),
        ({"b_frames": 2}, {"codec_name": "h264", "profile": "Main"}),
        ({"codec": Codec.H265}, {"codec_name": "hevc", "width": 320, "height": 180}),
        ({"codec": Codec.MJPEG}, {"codec_name": "mjpeg", "width": 320}),
    ],
)
async def test_ffprobe_sees_what_was_asked_for(
    make_fleet: Any, fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    fleet = await make_fleet(algorithms=("MD5",), **fields)
    code, out, error = await run(
        *("ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-show_streams", "-of", "json"), address(fleet.cameras[0])
    )
    assert code == 0, error
    (stream,) = json.loads(out)["streams"]
    assert {k: stream.get(k) for k in expected} == expected


async def test_parameter_sets_in_the_sdp_alone_are_enough_for_ffmpeg(make_fleet: Any) -> None:
    fleet = await make_fleet(algorithms=("MD5",))
    await fleet.set_fault("cam-0001", Fault.SETS_IN_SDP, True)
    code, _, error = await run(
        *("ffmpeg", "-v", "warning", "-rtsp_transport", "tcp", "-i", address(fleet.cameras[0], "sub")),
        *("-frames:v", "7", "-f", "null", "-"),
    )
    assert code == 0, error


async def test_ffmpeg_is_refused_with_a_wrong_password(make_fleet: Any) -> None:
    fleet = await make_fleet(algorithms=("MD5",))
    await fleet.set_fault("cam-0001", Fault.WRONG_PASSWORD, True)
    code, _, error = await run("ffprobe", "-v", "error", "-rtsp_transport", "tcp", address(fleet.cameras[0]))
    assert code != 0
    assert "401" in error
