"""Pure: what an ONVIF device said of itself, made fit to be stored and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from camera_gateway.access_unit import Codec


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a technician should know. ``code`` is for machines, ``text`` for people; neither holds a secret."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class ClockAnswer:
    """``offset`` is device minus ours in whole seconds (the protocol's resolution); ``None`` if no time was given.

    ``whole_hours`` is set where the offset is that of a time zone: the device gives local time as UTC.
    ``seconds`` is how long the call took.
    """

    host: str
    device_time: datetime | None
    offset: float | None
    whole_hours: int | None = None
    source: str = ""  # Manual | NTP
    time_zone: str = ""
    seconds: float = 0.0
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """GetDeviceInformation; every string is printable and at most 100 characters."""

    manufacturer: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    hardware: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """One stream of one channel. Zero means the device did not say; URLs carry the dialled host and no user."""

    token: str
    name: str
    source_token: str
    media: str  # media2 | media1
    codec: Codec | None = None
    encoding: str = ""  # the device's own word for the codec
    width: int = 0
    height: int = 0
    frames_per_second: float = 0.0
    kilobits_per_second: int = 0
    gop_frames: int = 0
    stream_url: str = ""
    snapshot_url: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """One video source, numbered from 1 in the device's order; ``profiles`` by falling number of pixels."""

    number: int
    source_token: str
    profiles: tuple[Profile, ...]

    @property
    def main(self) -> Profile:
        return self.profiles[0]


@dataclass(frozen=True, slots=True)
class DeviceReport:
    """``services`` maps an ONVIF namespace to its address; ``rung`` is the auth that worked (None: none was tried)."""

    host: str
    xaddr: str
    identity: Identity = field(default_factory=Identity)
    clock: ClockAnswer | None = None
    mac: str = ""
    name: str = ""  # from the scopes
    location: str = ""
    video_sources: int = 0
    services: Mapping[str, str] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()
    rung: str | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def profiles(self) -> tuple[Profile, ...]:
        return tuple(p for c in self.channels for p in c.profiles)


def channels_of(profiles: list[Profile], sources: list[str]) -> tuple[Channel, ...]:
    """Profiles grouped by video source, sources in the device's order, then in order of appearance.

    A profile without a source stands for a channel of its own under its token: an encoder's defect must not
    merge two cameras into one.
    """
    groups: dict[str, list[Profile]] = {s: [] for s in sources}
    for profile in profiles:
        groups.setdefault(profile.source_token or f"profile:{profile.token}", []).append(profile)
    ordered = [(token, sorted(g, key=lambda p: -p.width * p.height)) for token, g in groups.items() if g]
    return tuple(Channel(number, token, tuple(group)) for number, (token, group) in enumerate(ordered, 1))


def codec_of(encoding: str) -> Codec | None:
    """Media 1 says H264 and JPEG, Media2 uses the RTP names H264, H265, JPEG; firmwares also write H.265 and HEVC."""
    word = encoding.upper().replace(".", "").replace("-", "").replace("+", "")
    return {
        "H264": Codec.H264,
        "AVC": Codec.H264,
        "H265": Codec.H265,
        "HEVC": Codec.H265,
        "JPEG": Codec.MJPEG,
        "MJPEG": Codec.MJPEG,
    }.get(word)
