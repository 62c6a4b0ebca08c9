"""Edge: a gst-rtsp-server on loopback, run as a program of its own by the system's Python (which has ``gi``).

Prints one JSON line once it listens, and runs until its standard input closes:
``{"open": PORT, "digest": PORT, "version": "...", "streams": {NAME: {...}}}``. Whoever starts it holds the other end of
the pipe, so that it cannot outlive a test run that was killed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

#: Pictures a second; small so that software encoders of several streams fit beside the tests on two cores.
FPS = 20


@dataclass(frozen=True)
class Stream:
    """``gop`` in pictures; ``avpf`` offers the track a second time as RTP/AVPF, under the same control address.

    ``late_seconds`` holds every keyframe back at first, as it is for who comes in the middle of a long GOP.
    """

    codec: str
    profile: str
    launch: str
    width: int = 640
    height: int = 360
    gop: int = FPS
    b_frames: bool = False
    udp_only: bool = False
    avpf: bool = False
    late_seconds: float = 0.0


def _source(width: int, height: int) -> str:
    return (
        f"videotestsrc is-live=true pattern=ball motion=sweep ! video/x-raw,format=I420,width={width},height={height},"
        f"framerate={FPS}/1"
    )


def _h264(profile: str, *, gop: int = FPS, b_frames: int = 0, sets_in_band: bool = True, **more: Any) -> Stream:
    width, height = more.pop("size", (640, 360))
    tune = "" if b_frames else "tune=zerolatency"
    launch = (
        f"( {_source(width, height)} ! x264enc name=encoder speed-preset=ultrafast {tune} bframes={b_frames} "
        f"b-adapt=false key-int-max={gop} bitrate=1500 option-string=scenecut=0:cabac={int(profile != 'baseline')}:"
        f"8x8dct={int(profile == 'high')} ! video/x-h264,profile={profile},stream-format=avc ! "
        f"rtph264pay name=pay0 pt=96 config-interval={-1 if sets_in_band else 0} )"
    )
    return Stream("h264", profile, launch, width, height, gop, b_frames > 0, **more)


def _h265(*, gop: int = FPS) -> Stream:
    launch = (
        f"( {_source(640, 360)} ! x265enc speed-preset=ultrafast tune=zerolatency key-int-max={gop} bitrate=1500 ! "
        "h265parse ! rtph265pay name=pay0 pt=96 config-interval=-1 )"
    )
    return Stream("h265", "main", launch, gop=gop)


def _mjpeg() -> Stream:
    return Stream("mjpeg", "", f"( {_source(640, 360)} ! jpegenc quality=70 ! rtpjpegpay name=pay0 pt=26 )", gop=1)


def streams(files: dict[str, str]) -> dict[str, Stream]:
    """The mounts by name. ``files`` are MP4 files that FFmpeg made, by mount name ``<codec>-<profile>-...``."""
    found = {
        "h264-late-keyframe": replace(_h264("main"), late_seconds=3.0),
        "h264-baseline": _h264("constrained-baseline"),
        "h264-main": _h264("main", size=(1280, 720)),
        "h264-high": _h264("high"),
        "h264-high-bframes": _h264("high", b_frames=2),
        "h264-long-gop": _h264("main", gop=10 * FPS),
        "h264-two-profiles": _h264("main", avpf=True),
        "h264-sets-in-sdp": _h264("main", sets_in_band=False),
        "h264-udp-only": _h264("main", udp_only=True),
        "h265-main": _h265(),
        "mjpeg": _mjpeg(),
    }
    for name, path in files.items():
        codec, profile = name.split("-")[:2]
        launch = (
            f'( filesrc location="{path}" ! qtdemux ! {codec}parse ! rtp{codec}pay name=pay0 pt=96 config-interval=-1 )'
        )
        found[name] = Stream(codec, profile, launch, 1280, 720, 10 * FPS, b_frames=True)
    return found


def _hold_keyframes(_factory: Any, media: Any, seconds: float) -> None:
    gst: Any = importlib.import_module("gi.repository.Gst")
    until = time.monotonic() + seconds

    def look(_pad: Any, info: Any) -> Any:
        keyframe = not info.get_buffer().has_flags(gst.BufferFlags.DELTA_UNIT)
        return gst.PadProbeReturn.DROP if keyframe and time.monotonic() < until else gst.PadProbeReturn.OK

    encoder = media.get_element().get_by_name("encoder")
    encoder.get_static_pad("src").add_probe(gst.PadProbeType.BUFFER, look)


def _mount(server: Any, lib: Any, rtsp: Any, found: dict[str, Stream], role: str | None) -> None:
    mounts = server.get_mount_points()
    for name, stream in found.items():
        factory = lib.RTSPMediaFactory()
        factory.set_launch(stream.launch)
        # One encoder, whoever looks on: a second viewer joins in the middle of a GOP, as on a camera.
        factory.set_shared(not stream.launch.startswith("( filesrc"))
        lower = rtsp.RTSPLowerTrans
        factory.set_protocols(lower.UDP if stream.udp_only else lower.UDP | lower.TCP)
        if stream.avpf:
            factory.set_profiles(rtsp.RTSPProfile.AVP | rtsp.RTSPProfile.AVPF)
        if stream.late_seconds:
            factory.connect("media-configure", _hold_keyframes, stream.late_seconds)
        if role is not None:
            permissions = lib.RTSPPermissions.new()
            permissions.add_role(role)
            for right in ("media.factory.access", "media.factory.construct"):
                permissions.add_permission_for_role(role, right, True)
            factory.set_permissions(permissions)
        mounts.add_factory(f"/{name}", factory)


def _serve(lib: Any, rtsp: Any, found: dict[str, Stream], login: tuple[str, str] | None) -> tuple[Any, int]:
    server = lib.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    if login is not None:
        auth = lib.RTSPAuth()
        auth.set_supported_methods(rtsp.RTSPAuthMethod.DIGEST)
        token = lib.RTSPToken()
        token.set_string("media.factory.role", "user")
        auth.add_digest(login[0], login[1], token)
        server.set_auth(auth)
    _mount(server, lib, rtsp, found, "user" if login else None)
    server.attach(None)
    return server, int(server.get_bound_port())


def _libraries() -> tuple[Any, Any, Any, Any]:
    gi: Any = importlib.import_module("gi")
    for name in ("Gst", "GstRtsp", "GstRtspServer"):
        gi.require_version(name, "1.0")
    glib, gst, rtsp, lib = (
        importlib.import_module(f"gi.repository.{name}") for name in ("GLib", "Gst", "GstRtsp", "GstRtspServer")
    )
    return glib, gst, rtsp, lib


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", default="viewer")
    parser.add_argument("--password", default="look here")
    parser.add_argument("--file", action="append", default=[], metavar="NAME=PATH")
    options = parser.parse_args()
    glib, gst, rtsp, lib = _libraries()
    gst.init(None)
    found = streams(dict(item.split("=", 1) for item in options.file))
    kept_open, open_port = _serve(lib, rtsp, found, None)
    kept_digest, digest_port = _serve(lib, rtsp, found, (options.user, options.password))
    loop = glib.MainLoop()
    channel = glib.IOChannel.unix_new(sys.stdin.fileno())
    glib.io_add_watch(channel, glib.PRIORITY_DEFAULT, glib.IOCondition.HUP, lambda *_: loop.quit())
    ready = {
        "open": open_port,
        "digest": digest_port,
        "version": gst.version_string(),
        "streams": {name: asdict(stream) for name, stream in found.items()},
    }
    print(json.dumps(ready), flush=True)
    loop.run()
    del kept_open, kept_digest


if __name__ == "__main__":
    main()
