"""Edge: MediaMTX and go2rtc on loopback: their configuration and their process; both pull the camera and speak WHEP."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from bench.relay_janus import end, free, wait
from tests.peers.setup import KNOWN, program_file


@dataclass(frozen=True, slots=True)
class Running:
    """``url`` takes WHEP's POST."""

    pid: int
    url: str
    version: str


def _source(camera: dict[str, Any]) -> str:
    """The camera's main stream with its login, as both take it."""
    parts = urlsplit(str(camera["main"]))
    login = f"{quote(camera['user'], safe='')}:{quote(camera['password'], safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))


# JSON is YAML too.


def _mediamtx(camera: dict[str, Any], address: str, http: int, udp: int) -> dict[str, Any]:
    off = dict.fromkeys(("rtsp", "rtmp", "hls", "srt", "api", "metrics", "pprof", "playback"), False)
    return {
        **off,
        "logLevel": "error",
        "webrtc": True,
        "webrtcAddress": f"127.0.0.1:{http}",
        "webrtcLocalUDPAddress": f"{address}:{udp}",
        "webrtcIPsFromInterfaces": False,
        "webrtcAdditionalHosts": [address],
        "paths": {"camera": {"source": _source(camera), "rtspTransport": "tcp"}},
    }


def _go2rtc(camera: dict[str, Any], address: str, http: int, udp: int) -> dict[str, Any]:
    return {
        "log": {"level": "error"},
        "api": {"listen": f"127.0.0.1:{http}"},
        "rtsp": {"listen": ""},
        "webrtc": {"listen": f"{address}:{udp}", "candidates": [f"{address}:{udp}"], "ice_servers": []},
        "streams": {"camera": _source(camera)},
    }


@contextmanager
def program(name: str, folder: Path, camera: dict[str, Any], address: str) -> Iterator[Running]:
    """``mediamtx`` or ``go2rtc`` while it runs. Raises ``RuntimeError`` where there is none, or it does not come up."""
    path = program_file(name)
    if not path.exists():
        raise RuntimeError(f"no {name} in .peers (python -m tests.peers.setup {name})")
    http, udp = free("tcp"), free("udp", address)
    make, words, where = {
        "mediamtx": (_mediamtx, [], "camera/whep"),
        "go2rtc": (_go2rtc, ["-config"], "api/webrtc?src=camera"),
    }[name]
    settings = folder / f"{name}.yml"
    settings.touch(0o600)
    settings.write_text(json.dumps(make(camera, address, http, udp)), "utf-8")
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(
            [str(path), *words, str(settings)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder
        )
        try:
            wait(process, http, name)
            version = KNOWN[name].requirement.rpartition("@v")[2]
            yield Running(process.pid, f"http://127.0.0.1:{http}/{where}", version)
        finally:
            end(process)
