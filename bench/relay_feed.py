"""Wiring: virtual cameras of an exact bitrate, in a process of their own: what every relay of the bench is fed with.

``python -m bench.relay_feed --cameras N --main WxH@KBIT --sub WxH@KBIT --fps F --gop S`` prints one JSON line once
ready and ends when its standard input closes. The pictures are FFmpeg's moving test chart under noise, which no encoder
can make smaller than it is told to; the virtual fleet's own street is so still that it never reaches 2 Mbit/s.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import uvloop

from bench.fleet import ROOT, raise_file_limit
from camera_gateway.media.encode import CodedPicture, split_annex_b
from camera_gateway.simulator.camera import StreamShape
from camera_gateway.simulator.clip import ClipKey, ClipMaker
from camera_gateway.simulator.fleet import Fleet
from camera_gateway.simulator.fleet_spec import FleetSpec

FOLDER = ROOT / "build" / "bench" / "relay"
#: Different GOPs of a clip; they come round again and again.
GOPS = 3
DELIMITER = 9


@dataclass(frozen=True, slots=True)
class Picture:
    """One stream: pixels and kbit/s."""

    width: int
    height: int
    kbit: int

    @classmethod
    def parse(cls, text: str) -> Picture:
        """Of ``1280x720@2000``. Raises ``ValueError``."""
        size, _, kbit = text.partition("@")
        width, _, height = size.partition("x")
        return cls(int(width), int(height), int(kbit))

    def __str__(self) -> str:
        return f"{self.width}x{self.height}@{self.kbit}"


@dataclass(frozen=True, slots=True)
class FeedSpec:
    cameras: int
    main: Picture
    sub: Picture
    fps: int
    gop: float


def access_units(stream: bytes) -> list[tuple[bytes, ...]]:
    """Annex B with access unit delimiters, as NAL units by picture, the delimiters left out."""
    found: list[list[bytes]] = []
    for nal in split_annex_b(stream):
        if nal[0] & 0x1F == DELIMITER:
            found.append([])
        elif found:
            found[-1].append(nal)
    return [tuple(unit) for unit in found if unit]


def encoded(picture: Picture, fps: int, gop: float) -> Path:
    """An Annex B file of :data:`GOPS` groups at the wanted rate; made once. Raises ``CalledProcessError``."""
    length = round(fps * gop)
    # One slice a picture, as cameras send: left alone, x264 cuts as many as there are processors where it runs.
    parameters = f"scenecut=0:aud=1:bframes=0:keyint={length}:min-keyint={length}:rc-lookahead=0:threads=1:slices=1"
    rate = ["-b:v", f"{picture.kbit}k", "-maxrate", f"{picture.kbit}k", "-bufsize", f"{picture.kbit}k"]
    command = ["-f", "lavfi", "-i", f"testsrc2=size={picture.width}x{picture.height}:rate={fps},noise=alls=9:allf=t"]
    # One group more comes first and is left out: rate control is still finding its feet in it.
    command += ["-frames:v", str(length * (GOPS + 1)), "-pix_fmt", "yuv420p", "-c:v", "libx264", "-profile:v", "main"]
    command += ["-preset", "veryfast", "-tune", "zerolatency", *rate, "-x264-params", parameters, "-f", "h264"]
    name = hashlib.sha256(json.dumps(command).encode()).hexdigest()[:24]
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.h264"
    if not path.exists():
        part = path.with_suffix(".part")
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *command, str(part)], check=True)
        part.rename(path)
    return path


class Coded:
    """In the place of a :class:`ClipMaker`: every camera's pictures come from the files."""

    def __init__(self, streams: dict[str, Picture]) -> None:
        self._streams = streams
        self._units: dict[str, list[tuple[bytes, ...]]] = {}

    def load(self, shape: StreamShape) -> None:
        path = encoded(self._streams[shape.name], shape.fps, shape.gop_seconds)
        self._units[shape.name] = access_units(path.read_bytes())

    def making(self, key: ClipKey, look: int, *, whole: bool) -> Iterator[CodedPicture]:
        length = key.frames
        first = (1 + look % GOPS) * length
        for order, nals in enumerate(self._units[key.shape.name][first : first + (length if whole else 1)]):
            yield CodedPicture(nals, order == 0, order)


async def _serve(spec: FeedSpec) -> None:
    fleet = Fleet(
        FleetSpec(
            spec.cameras,
            listen="port",
            main=(spec.main.width, spec.main.height),
            sub=(spec.sub.width, spec.sub.height),
            fps=spec.fps,
            gop=spec.gop,
            auth="digest",
            algorithms=("MD5",),
            strict_share=0.0,
            unroutable=False,
            sites=1,
        )
    )
    maker = Coded({"main": spec.main, "sub": spec.sub})
    for shape in fleet.spec.streams():
        maker.load(shape)
    fleet.clips._makers = dict.fromkeys((False, True), cast("ClipMaker", maker))
    await fleet.start()
    try:
        print(json.dumps({"cameras": _document(fleet)}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
    finally:
        await fleet.stop()


def _document(fleet: Fleet) -> list[dict[str, Any]]:
    return [
        {
            "host": camera.device.host,
            "port": camera.device.onvif_port,
            "user": camera.device.user,
            "password": camera.device.password,
            "main": camera.rtsp_url("main"),
            "sub": camera.rtsp_url("sub"),
        }
        for camera in fleet.cameras
    ]


@dataclass(frozen=True, slots=True)
class Child:
    """One of the bench's processes; ``document`` is what it said once it was ready."""

    process: subprocess.Popen[str]
    document: dict[str, Any]

    @property
    def pid(self) -> int:
        return self.process.pid

    def ask(self, **question: Any) -> Any:
        """One JSON line there, one back. Raises ``RuntimeError`` when it is gone."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.wait()}")
        return json.loads(line)


@contextmanager
def child(module: str, *arguments: str, first: Any = None) -> Iterator[Child]:
    """``python -m bench.MODULE`` while it runs; ``first`` is the JSON line that it reads before it is ready.

    Raises ``RuntimeError`` when it does not come up.
    """
    command = [sys.executable, "-m", f"bench.{module}", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        if first is not None:
            process.stdin.write(json.dumps(first) + "\n")
            process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"bench.{module} ended with {process.wait()}")
        yield Child(process, json.loads(line))
    finally:
        process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


@contextmanager
def feed(spec: FeedSpec) -> Iterator[Child]:
    """The cameras while they run."""
    arguments = ["--cameras", str(spec.cameras), "--main", str(spec.main), "--sub", str(spec.sub)]
    with child("relay_feed", *arguments, "--fps", str(spec.fps), "--gop", str(spec.gop)) as running:
        yield running


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cameras", type=int, required=True)
    parser.add_argument("--main", type=Picture.parse, required=True)
    parser.add_argument("--sub", type=Picture.parse, required=True)
    parser.add_argument("--fps", type=int, required=True)
    parser.add_argument("--gop", type=float, required=True)
    options = parser.parse_args()
    raise_file_limit()
    uvloop.run(_serve(FeedSpec(options.cameras, options.main, options.sub, options.fps, options.gop)))


if __name__ == "__main__":
    main()
