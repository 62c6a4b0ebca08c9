"""Edge: MediaMTX and go2rtc as sources of streams, on loopback; what FFmpeg pushes into the one the other passes on."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.peers.setup import KNOWN, program_file
from tests.support import peers
from tests.support.peers import PeerMissing

READY_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Servers:
    """Ports of RTSP."""

    mediamtx: int
    go2rtc: int

    @staticmethod
    def version(name: str) -> str:
        return KNOWN[name].requirement.rpartition("@v")[2]


def _free() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _free_pair() -> int:
    """An even UDP port whose odd neighbour is free too: RTP and RTCP."""
    for _ in range(100):
        with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as two:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1]) & ~1
            if port == one.getsockname()[1]:
                try:
                    two.bind(("127.0.0.1", port + 1))
                except OSError:
                    continue
                return port
    raise OSError("no pair of UDP ports is free")


def _mediamtx(port: int, user: str, password: str) -> dict[str, Any]:
    """``*-pushed`` is open, ``h264-locked`` the same behind Digest."""
    rtp = _free_pair()
    off = dict.fromkeys(("rtmp", "hls", "srt", "webrtc", "api", "metrics", "pprof", "playback"), False)
    anybody = [{"action": "publish"}, *({"action": "read", "path": name} for name in peers.PUSHED)]
    return {
        **off,
        "logLevel": "info",
        "rtspAddress": f"127.0.0.1:{port}",
        "rtspTransports": ["tcp", "udp"],
        "rtspEncryption": "no",
        "rtspAuthMethods": ["digest"],
        "rtpAddress": f"127.0.0.1:{rtp}",
        "rtcpAddress": f"127.0.0.1:{rtp + 1}",
        "authInternalUsers": [
            {"user": "any", "pass": "", "permissions": anybody},
            {"user": user, "pass": password, "permissions": [{"action": "read", "path": "h264-locked"}]},
        ],
        "paths": {
            **{name: {} for name in peers.PUSHED},
            "h264-locked": {"source": f"rtsp://127.0.0.1:{port}/h264-pushed", "rtspTransport": "tcp"},
        },
    }


def _go2rtc(port: int, source: int) -> dict[str, Any]:
    return {
        "log": {"level": "info"},
        "api": {"listen": ""},
        "webrtc": {"listen": ""},
        "rtsp": {"listen": f"127.0.0.1:{port}"},
        "streams": {name: f"rtsp://127.0.0.1:{source}/{name}" for name in peers.PUSHED},
    }


@contextmanager
def _serving(name: str, folder: Path, settings: dict[str, Any], words: Sequence[str], said: bytes) -> Iterator[None]:
    """While it runs, from the line on in which it says ``said``. What it says later is read and dropped."""
    path = program_file(name)
    if not path.exists():
        raise PeerMissing(f"no {name} in {peers.PEERS.name} (python -m tests.peers.setup {name}; it needs Go)")
    file = folder / f"{name}.yml"
    file.write_text(json.dumps(settings), "utf-8")  # JSON is YAML too
    command = [str(path), *words, str(file)]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder
    )
    assert process.stdout is not None
    settled, lines = threading.Event(), list[bytes]()

    def listen(output: IO[bytes]) -> None:
        for line in output:
            if not settled.is_set():
                lines.append(line)
            if said in line:
                settled.set()
        settled.set()

    reading = threading.Thread(target=listen, args=(process.stdout,), daemon=True)
    reading.start()
    try:
        settled.wait(READY_SECONDS)
        if not lines or said not in lines[-1]:
            raise PeerMissing(f"{name} did not come up: {b''.join(lines[-1:]).decode(errors='replace').strip()}")
        yield
    finally:
        process.kill()
        process.wait()
        reading.join()
        process.stdout.close()


@contextmanager
def go_servers(folder: Path, user: str, password: str) -> Iterator[Servers]:
    """Both, with every stream of ``peers.PUSHED`` flowing. Raises :class:`PeerMissing`."""
    ports = Servers(_free(), _free())
    with ExitStack() as stack:
        settings = _mediamtx(ports.mediamtx, user, password)
        stack.enter_context(_serving("mediamtx", folder, settings, (), b"listener opened"))
        for name, encoder in peers.PUSHED.items():
            stack.enter_context(peers.pushing(ports.mediamtx, name, encoder))
        passing_on = _go2rtc(ports.go2rtc, ports.mediamtx)
        stack.enter_context(_serving("go2rtc", folder, passing_on, ("-config",), b"[rtsp] listen"))
        yield ports
