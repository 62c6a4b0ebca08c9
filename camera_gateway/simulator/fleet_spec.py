"""Pure: what fleet is wanted, and the devices, identities and addresses that follow from it and its seed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from camera_gateway.access_unit import Codec
from camera_gateway.simulator.camera import Identity, StreamShape, VirtualCamera, VirtualDevice
from camera_gateway.simulator.scene import Light
from config.errors import Kind, XueliangError

MAX_CAMERAS = 60_000
_AUTH_MODES = ("both", "digest", "wsse", "both")
_ALGORITHMS = (("MD5",), ("MD5", "SHA-256"), ("MD5",), ("SHA-256",), ("MD5",))
#: Makes that do not exist.
_MAKES = (("Beichen", "BC-D", "V3.2.1"), ("Yunque", "YQ-IPC", "2.8.0.14"), ("Lanhai", "LH", "build 240611"))


@dataclass(frozen=True, slots=True)
class FleetSpec:
    """``recorders`` of the devices are recorders with ``channels`` cameras each; the rest are single cameras.

    ``listen``: ``wildcard`` (one socket for all addresses of 127/8), ``address`` (a socket for each address) or
    ``port`` (all on 127.0.0.1, each on ports of its own). In the last two "refused" is a closed socket; behind the
    wildcard it is a reset right after the handshake. ``port`` 0 takes any free one (not used by ``port`` mode).
    ``unroutable`` lets "unreachable" be an answer of the system where it permits (see :mod:`routes`).
    ``discovery_port`` ``None`` leaves WS-Discovery off. Sizes in pixels, ``gop`` in seconds. ``links``: so many groups,
    devices dealt out to them in turn; 0: a group for every ``group_size`` devices. ``strangers``: single cameras more;
    they answer like the others but are no part of the fleet: nobody knows of them, and nothing goes wrong with them.
    """

    cameras: int
    recorders: int = 0
    channels: int = 4
    listen: str = "wildcard"
    port: int = 0
    onvif_port: int = 0
    control_port: int = 0
    discovery_port: int | None = None
    seed: int = 1
    sites: int = 6
    lights: tuple[str, ...] = ("day",)
    main: tuple[int, int] = (1920, 1080)
    sub: tuple[int, int] = (640, 360)
    fps: int = 12
    gop: float = 2.0
    codec: Codec = Codec.H264
    profile: str = "main"
    b_frames: int = 0
    group_size: int = 8
    links: int = 0
    strangers: int = 0
    auth: str = "mixed"  # or digest | wsse | both for every device
    algorithms: tuple[str, ...] | None = None  # None: mixed
    strict_share: float = 0.1
    max_sessions: int = 6
    wait_for_gop: bool = False
    unroutable: bool = True
    cache: Path | None = None
    session_timeout: float = 60.0

    def check(self) -> None:
        """Raises ``INVALID`` that names what is wrong."""
        wrong = ""
        if not 1 <= self.cameras <= MAX_CAMERAS:
            wrong = f"cameras = {self.cameras}, allowed is 1 to {MAX_CAMERAS}"
        elif not 1 <= self.channels <= 64 or not 0 <= self.recorders * self.channels <= self.cameras:
            wrong = f"{self.recorders} recorders of {self.channels} channels among {self.cameras} cameras"
        elif not 0 <= self.links <= 1000 or not 0 <= self.strangers <= 100:
            wrong = f"{self.links} links and {self.strangers} strangers, allowed is up to 1000 and up to 100"
        elif self.listen not in ("wildcard", "address", "port"):
            wrong = f"listen = {self.listen}, allowed is wildcard, address, port"
        elif not self.lights or not set(self.lights) <= {str(x) for x in Light}:
            wrong = f"lights = {','.join(self.lights)}, allowed is {', '.join(Light)}"
        elif not 1 <= self.fps <= 60 or not 0.1 <= self.gop <= 60:
            wrong = f"fps = {self.fps}, gop = {self.gop}: allowed is 1 to 60 and 0.1 to 60 s"
        elif any(w % 16 or h % 4 or not 64 <= w <= 3840 or not 64 <= h <= 2160 for w, h in (self.main, self.sub)):
            wrong = "main and sub: widths in steps of 16 up to 3840, heights in steps of 4 up to 2160, both from 64"
        elif self.codec is Codec.MJPEG and max(self.main + self.sub) > 2040:
            wrong = "main and sub: RFC 2435 carries JPEG pictures of at most 2040 pixels each way"
        if wrong:
            raise XueliangError(Kind.INVALID, wrong, where="virtual fleet")

    def streams(self) -> tuple[StreamShape, ...]:
        main = StreamShape("main", *self.main, self.fps, self.gop, self.codec, self.profile, self.b_frames)
        return main, replace(main, name="sub", width=self.sub[0], height=self.sub[1])


def build(spec: FleetSpec, place: Callable[[int], tuple[str, int, int]], now: datetime) -> list[VirtualDevice]:
    """All devices with their channels; ``place`` gives host, RTSP port and ONVIF port of the n-th device."""
    devices: list[VirtualDevice] = []
    streams = spec.streams()
    made = 0
    while made < spec.cameras + spec.strangers:
        index = len(devices)
        recorder, stranger = index < spec.recorders, made >= spec.cameras
        host, rtsp_port, onvif_port = place(index)
        dice = random.Random(f"{spec.seed}/{index}")
        name = f"rec-{index + 1:02d}" if recorder else f"cam-{index + 1 - spec.recorders:04d}"
        name = f"new-{made - spec.cameras + 1:02d}" if stranger else name
        device = VirtualDevice(
            id=name,
            host=host,
            rtsp_port=rtsp_port,
            onvif_port=onvif_port,
            user="operator",
            password=hashlib.sha256(f"{spec.seed}/{index}/password".encode()).hexdigest()[:14],
            identity=_identity(spec.seed, index, recorder, dice),
            streams=streams,
            group=_group(spec, index),
            recorder=recorder,
            stranger=stranger,
            auth_mode=_AUTH_MODES[index % 4] if spec.auth == "mixed" else spec.auth,
            algorithms=spec.algorithms or _ALGORITHMS[index % 5],
            strict=dice.random() < spec.strict_share,
            max_sessions=spec.max_sessions * (spec.channels if recorder else 1),
            busy_status=(453, 503)[index % 2],
            started=now,
        )
        for number in range(1, (spec.channels if recorder else 1) + 1):
            camera_id = f"{name}-ch{number}" if recorder else name
            light = spec.lights[made % len(spec.lights)]
            camera = VirtualCamera(camera_id, device, number, made % spec.sites, light, step=dice.randrange(17))
            device.channels.append(camera)
            made += 1
        devices.append(device)
    return devices


def _group(spec: FleetSpec, index: int) -> str:
    number = index % spec.links if spec.links else index // spec.group_size
    return f"link-{number + 1:02d}"


def _identity(seed: int, index: int, recorder: bool, dice: random.Random) -> Identity:
    make, series, firmware = _MAKES[index % len(_MAKES)]
    mark = hashlib.sha256(f"{seed}/{index}".encode()).hexdigest()
    mac = ":".join(["02", *(mark[i : i + 2] for i in range(0, 10, 2))])
    model = f"{series}{'NVR' if recorder else ''}{dice.choice((2, 4, 8))}{dice.randrange(100, 999)}"
    return Identity(make, model, firmware, mark[10:22].upper(), mac, f"{series} rev {dice.randrange(1, 5)}")
