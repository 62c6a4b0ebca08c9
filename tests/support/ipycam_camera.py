"""Edge: one camera of the ``ipycam`` package, run inside that package's own environment.

The package listens on every address; here each listening socket is turned to 127.0.0.1. Its pictures are drawn here:
a fixed texture and a bar that moves. Prints one JSON line once it listens and ends when its standard input closes.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import os
import select
import socket
import sys
import tempfile
from typing import Any

FPS = 15
WIDTH, HEIGHT = 640, 360


def _only_loopback() -> None:
    bind = socket.socket.bind

    def on_loopback(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] in ("", "0.0.0.0"):
            address = ("127.0.0.1", *address[1:])
        bind(self, address)

    socket.socket.bind = on_loopback  # type: ignore[method-assign, assignment]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _pictures(numpy: Any) -> Any:
    texture = numpy.random.default_rng(7).integers(40, 200, (HEIGHT // 8, WIDTH // 8, 3), dtype=numpy.uint8)
    scene = texture.repeat(8, axis=0).repeat(8, axis=1)
    at = 0
    while True:
        picture = scene.copy()
        picture[:, at : at + 40] = (20, 200, 240)
        at = (at + 8) % (WIDTH - 40)
        yield picture


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", default="")
    parser.add_argument("--password", default="")
    options = parser.parse_args()
    _only_loopback()
    os.chdir(tempfile.mkdtemp(prefix="ipycam-"))
    package: Any = importlib.import_module("ipycam")
    config = package.CameraConfig(
        name="Peer",
        local_ip="127.0.0.1",
        onvif_port=_free_port(),
        rtsp_port=_free_port(),
        rtmp_port=_free_port(),
        go2rtc_api_port=_free_port(),
        username=options.user,
        password=options.password,
        main_width=WIDTH,
        main_height=HEIGHT,
        main_fps=FPS,
        main_bitrate="1M",
        sub_width=320,
        sub_height=180,
        sub_fps=FPS,
        hw_accel="cpu",
    )
    camera = package.IPCamera(config)
    if not camera.start():
        sys.exit("ipycam did not start")
    pictures = _pictures(importlib.import_module("numpy"))
    camera.stream(next(pictures))
    ready = {
        "rtsp": config.main_stream_rtsp,
        "sub": config.sub_stream_rtsp,
        "onvif": config.onvif_url,
        "version": importlib.metadata.version("ipycam"),
    }
    print(json.dumps(ready), flush=True)
    # Nothing is ever written to the pipe: readable means closed. ``stream`` keeps the pace by itself.
    while not select.select([sys.stdin], [], [], 0)[0]:
        camera.stream(next(pictures))
    camera.stop()


if __name__ == "__main__":
    main()
