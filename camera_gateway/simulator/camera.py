"""Pure: what a virtual device and its channels are, and what is wrong with them at the moment.

A single camera is a device with one channel; a recorder is a device with several. Device faults (refused, hangs,
clock skew ...) hold for all channels of the device, stream and picture faults for one.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from camera_gateway.access_unit import Codec
from camera_gateway.simulator.faults import EXPECTED, Fault, Layer, check_parameter
from camera_gateway.simulator.gate import Gate

#: Changes kept per camera; the newest win.
MAX_CHANGES = 200


@dataclass(frozen=True, slots=True)
class Identity:
    manufacturer: str
    model: str
    firmware: str
    serial: str
    mac: str  # 02:xx:..: locally administered
    hardware: str

    @property
    def endpoint(self) -> str:
        """The WS-Discovery endpoint reference, ``urn:uuid:...``."""
        return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, self.manufacturer + self.serial)}"


@dataclass(frozen=True, slots=True)
class StreamShape:
    """``name`` is ``main`` or ``sub``; ``fps`` pictures a second; ``gop_seconds`` between keyframes."""

    name: str
    width: int
    height: int
    fps: int
    gop_seconds: float
    codec: Codec = Codec.H264
    profile: str = "main"
    b_frames: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    at: datetime
    fault: Fault
    on: bool
    parameter: float
    by: str  # plan | control | code | device


@dataclass(frozen=True, slots=True)
class ActiveFault:
    since: datetime
    parameter: float


@dataclass(slots=True, eq=False)
class VirtualDevice:
    """One network box. ``host`` and the ports are where it listens; ``streams`` hold for every channel.

    ``auth_mode`` is what its ONVIF side takes: ``digest`` | ``wsse`` | ``both``; ``algorithms`` what its RTSP side
    offers, in that order (``MD5``, ``SHA-256``). A ``strict`` device refuses what is not to the letter.
    """

    id: str
    host: str
    rtsp_port: int
    onvif_port: int
    user: str
    password: str = field(repr=False)
    identity: Identity
    streams: tuple[StreamShape, ...]
    group: str = ""
    recorder: bool = False
    stranger: bool = False  # answers, but is no part of the fleet
    auth_mode: str = "both"
    algorithms: tuple[str, ...] = ("MD5",)
    strict: bool = False
    max_sessions: int = 6
    busy_status: int = 453
    utc_offset_minutes: int = 480
    started: datetime = datetime.min  # when it last booted
    channels: list[VirtualCamera] = field(default_factory=list)
    faults: dict[Fault, ActiveFault] = field(default_factory=dict)
    sessions: int = 0  # RTSP sessions that stand now
    unroutable: bool = False  # the system itself answers "no route" for this address
    closes_ports: bool = True  # "refused" is a closed port; else a reset right after the handshake

    @property
    def clock_skew(self) -> float:
        """Seconds that the device's clock is ahead of ours."""
        active = self.faults.get(Fault.CLOCK_SKEW)
        return active.parameter if active else 0.0

    def clock(self, now: datetime) -> datetime:
        """What the device believes the time to be (UTC)."""
        return now + timedelta(seconds=self.clock_skew)

    def secret(self, user: str) -> str | None:
        """The password that ``user`` has at the moment, ``None`` for a user it does not know."""
        if user != self.user:
            return None
        return self.password + "!changed" if Fault.WRONG_PASSWORD in self.faults else self.password

    @property
    def session_limit(self) -> int:
        active = self.faults.get(Fault.SESSION_LIMIT)
        return int(active.parameter) if active else self.max_sessions

    def gate(self) -> Gate:
        """What happens to a connection to any of its ports."""
        if self.faults:
            if Fault.LINK_LOST in self.faults or Fault.UNREACHABLE in self.faults or Fault.HANGS in self.faults:
                return Gate.SILENT
            if Fault.REFUSED in self.faults or Fault.REBOOT in self.faults:
                return Gate.RESET
        return Gate.SERVE

    @property
    def cut_off(self) -> bool:
        return Fault.LINK_LOST in self.faults or Fault.UNREACHABLE in self.faults


@dataclass(slots=True, eq=False)
class VirtualCamera:
    """One video channel. ``number`` counts from 1 within its device; ``site`` and ``light`` say what it looks at."""

    id: str
    device: VirtualDevice
    number: int
    site: int
    light: str = "day"
    step: int = 0  # how many keyframes it has shown: the position in its scene's ring
    own_faults: dict[Fault, ActiveFault] = field(default_factory=dict)
    changes: deque[Change] | None = None

    @property
    def faults(self) -> dict[Fault, ActiveFault]:
        """Everything that is wrong with it now, the device's faults included."""
        return {**self.device.faults, **self.own_faults}

    @property
    def address(self) -> str:
        return self.device.host

    @property
    def user(self) -> str:
        return self.device.user

    @property
    def password(self) -> str:
        return self.device.password

    @property
    def group(self) -> str:
        return self.device.group

    @property
    def recorder(self) -> str | None:
        return self.device.id if self.device.recorder else None

    @property
    def channels(self) -> list[VirtualCamera]:
        return self.device.channels

    @property
    def identity(self) -> Identity:
        return self.device.identity

    @property
    def auth_mode(self) -> str:
        return self.device.auth_mode

    @property
    def clock_skew(self) -> float:
        return self.device.clock_skew

    def path(self, stream: str = "main") -> str:
        return f"/ch{self.number}/{stream}"

    def rtsp_url(self, stream: str = "main") -> str:
        return f"rtsp://{self.device.host}:{self.device.rtsp_port}{self.path(stream)}"

    @property
    def rtsp(self) -> str:
        return self.rtsp_url()

    @property
    def onvif(self) -> str:
        return f"http://{self.device.host}:{self.device.onvif_port}/onvif/device_service"


def set_fault(
    camera: VirtualCamera, fault: Fault, on: bool, at: datetime, *, parameter: float | None = None, by: str = "code"
) -> bool:
    """Switch ``fault`` on or off and write the change down on every channel it touches.

    Returns whether anything changed. Raises ``ValueError`` for a parameter that the fault does not take.
    """
    value = check_parameter(fault, parameter)
    device = camera.device
    whole_device = EXPECTED[fault].layer is Layer.DEVICE
    held = device.faults if whole_device else camera.own_faults
    before = held.get(fault)
    if on:
        if before is not None and before.parameter == value:
            return False
        held[fault] = ActiveFault(at, value)
    elif held.pop(fault, None) is None:
        return False
    if fault is Fault.REBOOT and not on:
        device.started = at
    for touched in device.channels if whole_device else [camera]:
        if touched.changes is None:
            touched.changes = deque(maxlen=MAX_CHANGES)
        touched.changes.append(Change(at, fault, on, value, by))
    return True


def _weighed(camera: VirtualCamera) -> Iterator[Fault]:
    """Its faults, the one that hides the others first (the order of ``EXPECTED``)."""
    faults = camera.faults
    return (fault for fault in EXPECTED if fault in faults)


def truth(camera: VirtualCamera, now: datetime, *, history: bool = False) -> dict[str, object]:
    """What is so, as a JSON-ready map: faults with their stamps, and the classes a watcher may rightly give.

    ``certain`` is false for faults that a careful judge may miss; ``healthy`` means that no verdict is due.
    """
    order = list(_weighed(camera))
    faults = camera.faults
    due = [EXPECTED[f] for f in order if EXPECTED[f].classes]
    classes = list(due[0].classes) if due else []
    if classes == ["unreachable", "timeout"]:
        classes = ["unreachable"] if camera.device.unroutable else ["timeout", "unreachable"]
    if classes == ["refused"] and not camera.device.closes_ports:
        classes = ["refused", "protocol"]
    document: dict[str, object] = {
        "id": camera.id,
        "now": now.isoformat(),
        "device": camera.device.id,
        "channel": camera.number,
        "group": camera.group,
        "healthy": not due,
        "certain": due[0].certain if due else True,
        "expected": classes,
        "findings": sorted({f for fault in order for f in EXPECTED[fault].findings}),
        "faults": [
            {"fault": str(f), "since": faults[f].since.isoformat(), "parameter": faults[f].parameter} for f in order
        ],
        "clock_skew": camera.clock_skew,
        "unreachable_by": ("route" if camera.device.unroutable else "silence") if camera.device.cut_off else None,
    }
    if history:
        document["changes"] = [
            {"at": c.at.isoformat(), "fault": str(c.fault), "on": c.on, "parameter": c.parameter, "by": c.by}
            for c in camera.changes or ()
        ]
    return document
