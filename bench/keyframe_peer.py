"""Edge: one way to a keyframe, judged in a process of its own: ``python -m bench.keyframe_peer NAME REPEATS``.

The address with its login comes on standard input; the cost goes out as one JSON line. Every way logs in by Digest,
goes over TCP, decodes with one thread and no loop filter.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, cast

import av
import cv2
import uvloop
from av.video.codeccontext import VideoCodecContext

from bench.harness import measure
from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.media.decode import decode
from camera_gateway.media.worker import keep_memory
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.target import StreamTarget, split_credentials
from config.clock import SystemClock

Act = Callable[[], Awaitable[object]]
#: What our decoder is told, so that nobody decodes with less or more.
DECODER = {"skip_loop_filter": "all", "err_detect": "explode"}
#: Enough to name the codec; the description has told it already.
CUT = {"probesize": "32", "analyzeduration": "0", "fflags": "nobuffer"}


def _client() -> RtspClient:
    clock = SystemClock()
    return RtspClient(Reach(ReachPolicy.any()), InMemoryDeviceMemory(clock), clock)


async def ours_bytes(url: str, sizes: list[int]) -> Act:
    clean, credentials = split_credentials(url)
    client, target = _client(), StreamTarget(clean, credentials, "tcp")

    async def act() -> None:
        sizes.append((await client.keyframe(target)).unit.size)

    return act


async def ours_picture(url: str, sizes: list[int]) -> Act:
    keep_memory()  # as every decode worker does at its start
    clean, credentials = split_credentials(url)
    client, target = _client(), StreamTarget(clean, credentials, "tcp")

    async def act() -> None:
        unit = (await client.keyframe(target)).unit
        sizes.append(unit.size)
        assert decode(unit).height == 1080

    return act


def _stream(unit: AccessUnit) -> bytes:
    sets = unit.parameter_sets.nals if unit.parameter_sets and not any(n[0] & 31 == 7 for n in unit.nals) else ()
    return b"".join(b"\0\0\0\1" + nal for nal in (*sets, *unit.nals))


async def floor(url: str, sizes: list[int]) -> Act:
    """Only the decoder, on the same keyframes, each in a fresh decoder as one probe needs it."""
    clean, credentials = split_credentials(url)
    client, target = _client(), StreamTarget(clean, credentials, "tcp")
    units = [(await client.keyframe(target)).unit for _ in range(17)]
    assert {unit.codec for unit in units} == {Codec.H264}
    streams = [_stream(unit) for unit in units]
    turn = 0

    async def act() -> None:
        nonlocal turn
        data = streams[turn % len(streams)]
        turn += 1
        sizes.append(len(data))
        context: VideoCodecContext = av.CodecContext.create("h264", "r")
        context.thread_count = 1
        context.options = dict(DECODER)
        frames = context.decode(av.Packet(data)) or context.decode(None)
        assert frames[0].height == 1080

    return act


def _pyav(url: str, sizes: list[int], options: dict[str, str], *, picture: bool) -> Act:
    async def act() -> None:
        with av.open(url, options={"rtsp_transport": "tcp", **options}) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            stream.codec_context.options = dict(DECODER)
            for packet in container.demux(stream):
                if not packet.is_keyframe:
                    continue
                sizes.append(packet.size)
                if not picture:
                    return
                frames = packet.decode() or stream.codec_context.decode(None)
                assert frames
                assert cast("Any", frames[0]).height == 1080
                return

    return act


async def pyav_bytes(url: str, sizes: list[int]) -> Act:
    return _pyav(url, sizes, {}, picture=False)


async def pyav_cut_bytes(url: str, sizes: list[int]) -> Act:
    return _pyav(url, sizes, CUT, picture=False)


async def pyav_picture(url: str, sizes: list[int]) -> Act:
    return _pyav(url, sizes, {}, picture=True)


async def pyav_cut_picture(url: str, sizes: list[int]) -> Act:
    return _pyav(url, sizes, CUT, picture=True)


async def opencv_picture(url: str, sizes: list[int]) -> Act:
    os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = "rtsp_transport;tcp|skip_loop_filter;all|err_detect;explode"
    cv2.setNumThreads(1)

    async def act() -> None:
        capture = cv2.VideoCapture(url, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
        took, picture = capture.read()
        assert took
        assert picture is not None
        assert picture.shape[0] == 1080
        capture.release()

    return act


WAYS = {
    "ours, bytes": ours_bytes,
    "PyAV, bytes": pyav_bytes,
    "PyAV with probing cut, bytes": pyav_cut_bytes,
    "decode only": floor,
    "ours, picture": ours_picture,
    "PyAV, picture": pyav_picture,
    "PyAV with probing cut, picture": pyav_cut_picture,
    "OpenCV VideoCapture, picture": opencv_picture,
}


async def run(name: str, url: str, repeats: int) -> dict[str, Any]:
    sizes: list[int] = []
    act = await WAYS[name](url, sizes)
    cost = await measure(act, repeats)
    return {**asdict(cost), "least_bytes": min(sizes, default=0), "most_bytes": max(sizes, default=0)}


def main() -> None:
    av.logging.set_level(None)
    name, repeats = sys.argv[1], int(sys.argv[2])
    url = sys.stdin.readline().strip()
    print(json.dumps(uvloop.run(run(name, url, repeats))))


if __name__ == "__main__":
    main()
