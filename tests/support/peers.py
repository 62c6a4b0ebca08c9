"""Edge: programs of others that run beside a test, each on loopback, each gone with the pipe that holds it.

A peer prints one JSON line on standard output once it listens and runs until its standard input closes. Where one is
missing the test that wants it is skipped with the reason, or fails with it where ``XUELIANG_REQUIRE_PEERS`` is set, so
that a machine meant to have them cannot lose them unnoticed.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: What ``python -m tests.peers.setup`` installs; not part of the project.
PEERS = ROOT / ".peers"
SYSTEM_PYTHON = "/usr/bin/python3"

READY_SECONDS = 30.0


class PeerMissing(Exception):
    """The peer is not on this machine, or did not come up; the text says what to install or what it said."""


def missing(reason: str) -> NoReturn:
    if os.environ.get("XUELIANG_REQUIRE_PEERS"):
        pytest.fail(f"a peer is missing: {reason}")
    pytest.skip(reason)


def _ready_line(process: subprocess.Popen[bytes]) -> bytes:
    """The first line that is a JSON object; other talk before it is passed over. Empty when the peer ends or idles."""
    assert process.stdout is not None
    buffered, descriptor = b"", process.stdout.fileno()
    while select.select([descriptor], [], [], READY_SECONDS)[0]:
        chunk = os.read(descriptor, 65536)
        if not chunk:
            return b""
        buffered += chunk
        *lines, buffered = buffered.split(b"\n")
        for line in lines:
            if line.startswith(b"{"):
                return line
    return b""


@contextmanager
def running(command: Sequence[str], *, cwd: Path | None = None, hint: str = "") -> Iterator[dict[str, Any]]:
    """The peer's ready document while it runs.

    Raises :class:`PeerMissing` with ``hint`` and the last line it printed when it does not come up in
    ``READY_SECONDS`` (silence) or ends first.
    """
    with tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, cwd=cwd
            )
        except OSError as error:
            raise PeerMissing(f"{hint}: {error}") from error
        try:
            line = _ready_line(process)
            if not line:
                errors.seek(0)
                said = errors.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
                raise PeerMissing(f"{hint}: {said[-1] if said else 'it said nothing'}")
            document: dict[str, Any] = json.loads(line)
            document["pid"] = process.pid
            yield document
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()


def gst_rtsp(files: dict[str, Path], user: str, password: str) -> Sequence[str]:
    """The command of the GStreamer server; ``files`` by mount name, see ``gst_rtsp_server.streams``."""
    program = ROOT / "tests" / "support" / "gst_rtsp_server.py"
    extra = [f"--file={name}={path}" for name, path in files.items()]
    return [SYSTEM_PYTHON, str(program), "--user", user, "--password", password, *extra]


def ipycam(user: str = "", password: str = "") -> Sequence[str]:
    """The command of a virtual camera of the ``ipycam`` package, out of its own environment."""
    program = ROOT / "tests" / "support" / "ipycam_camera.py"
    return [str(PEERS / "ipycam" / "bin" / "python"), str(program), "--user", user, "--password", password]


def rebroadcast() -> Sequence[str]:
    """The command of Debian's RTSP::Server, which passes on what FFmpeg pushes into it."""
    return ["perl", str(ROOT / "tests" / "support" / "rtsp_rebroadcast.pl")]


@contextmanager
def pushing(port: int, name: str, encoder: Sequence[str]) -> Iterator[None]:
    """FFmpeg pushes an endless test picture to ``port`` under ``name``; it sends when the body begins."""
    source = ["-re", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=20", "-pix_fmt", "yuv420p"]
    sink = ["-f", "rtsp", "-rtsp_transport", "udp", f"rtsp://127.0.0.1:{port}/{name}"]
    # Its progress is told in lines; the first one is told when pictures flow.
    command = ["ffmpeg", "-v", "error", "-progress", "pipe:1", "-stats_period", "0.1", *source, *encoder, *sink]
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    except OSError as error:
        raise PeerMissing(f"{HINTS['ffmpeg']}: {error}") from error
    assert process.stdin is not None
    assert process.stdout is not None
    drain = threading.Thread(target=process.stdout.read, daemon=True)
    try:
        for line in process.stdout:
            if line.startswith(b"frame=") and line.strip() != b"frame=0":
                break
        else:
            raise PeerMissing(f"ffmpeg did not push {name}: it ended with {process.wait()}")
        drain.start()
        yield
    finally:
        process.kill()
        process.wait()
        if drain.ident is not None:
            drain.join()
        process.stdin.close()
        process.stdout.close()


#: What is pushed: GOPs of three seconds that a viewer joins in the middle.
PUSHED: dict[str, Sequence[str]] = {
    "h264-pushed": ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "60", "-b:v", "1M"),
    "h265-pushed": (
        *("-c:v", "libx265", "-preset", "ultrafast", "-tune", "zerolatency", "-b:v", "1M"),
        *("-x265-params", "log-level=error:keyint=60:min-keyint=60:repeat-headers=1"),
    ),
}

HINTS = {
    "perl": "no RTSP::Server for Perl (Debian: librtsp-server-perl)",
    "gst": "the system's Python has no gst-rtsp-server (Debian: gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-*)",
    "ipycam": f"no ipycam in {PEERS.name}/ipycam (python -m tests.peers.setup ipycam)",
    "ffmpeg": "no ffmpeg on the path",
    "onvif-util": "no onvif-util on the path (Debian: onvif-tools)",
}


def ffmpeg_video(folder: Path, name: str, encoder: Sequence[str]) -> Path:
    """Twelve seconds of a moving test picture, 640x360 at 20 a second, encoded by FFmpeg with ``encoder`` options."""
    path = folder / f"{name}.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=size=640x360:rate=20:duration=12"]
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *source, "-pix_fmt", "yuv420p", *encoder, str(path)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    except (OSError, subprocess.CalledProcessError) as error:
        raise PeerMissing(f"{HINTS['ffmpeg']}, or without the encoder: {error}") from error
    return path


#: GOPs of ten seconds with three B-frames between references: what "smart" encoders and careless settings send.
FFMPEG_VIDEOS: dict[str, Sequence[str]] = {
    "h264-high-ffmpeg": (
        *("-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high"),
        *("-bf", "3", "-g", "200", "-sc_threshold", "0"),
    ),
    "h265-main-ffmpeg": (
        *("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"),
        *("-x265-params", "log-level=error:bframes=3:keyint=200:min-keyint=200:scenecut=0"),
    ),
}


def version_of(command: Sequence[str]) -> str:
    """The first line a program prints of itself, or why there is none."""
    try:
        done = subprocess.run(list(command), capture_output=True, text=True, timeout=20, check=False)
    except OSError as error:
        return f"missing ({error.strerror})"
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0] if lines else "unknown"


def python_version() -> str:
    return sys.version.split()[0]
