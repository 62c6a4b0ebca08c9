"""Pure: what discovery found of a device, bounded and fit to be stored, before anybody has adopted it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from camera_gateway.onvif.report import Channel, DeviceReport, Profile
from config.errors import Kind, XueliangError
from config.text import printable
from registry.device import DeviceKind
from registry.stream import StreamRole

#: The largest recorders sold have 256 channels.
MAX_CHANNELS = 512
MAX_FACTS = 512 * 1024
#: Words in a model's or device's name that mean a recorder, and those that mean an encoder.
_RECORDER = ("NVR", "DVR", "XVR", "HVR", "RECORDER")
_ENCODER = ("DVS", "ENCODER")
#: Multi-lens cameras have up to this many video sources; more is a recorder whatever it is called.
_MAX_LENSES = 4


@dataclass(frozen=True, slots=True)
class FoundStream:
    role: StreamRole
    url: str
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    gop_seconds: float | None = None
    profile_token: str | None = None


@dataclass(frozen=True, slots=True)
class FoundChannel:
    token: str
    number: int
    name: str = ""
    streams: tuple[FoundStream, ...] = ()


@dataclass(frozen=True, slots=True)
class FoundDevice:
    """``how`` says by what it was found (multicast, sweep, import, hand). Empty text means: it did not say."""

    host: str
    port: int
    how: str
    kind: DeviceKind = DeviceKind.CAMERA
    onvif_xaddr: str = ""
    name: str = ""
    make: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    mac: str = ""
    endpoint_uuid: str = ""
    channels: tuple[FoundChannel, ...] = ()

    @property
    def title(self) -> str:
        """What to call it until somebody gives it a name."""
        return self.name or " ".join(filter(None, (self.make, self.model, self.host)))


def from_report(report: DeviceReport, port: int, how: str, endpoint_uuid: str = "") -> FoundDevice:
    """From what the ONVIF client brought home."""
    who = report.identity
    return FoundDevice(
        host=report.host,
        port=port,
        how=how,
        kind=kind_of(f"{who.model} {report.name}", max(report.video_sources, len(report.channels))),
        onvif_xaddr=report.xaddr,
        name=printable(report.name, 100),
        make=who.manufacturer,
        model=who.model,
        firmware=who.firmware,
        serial=who.serial,
        mac=report.mac,
        endpoint_uuid=printable(endpoint_uuid, 80),
        channels=tuple(map(_channel, report.channels[:MAX_CHANNELS])),
    )


def kind_of(words: str, sources: int) -> DeviceKind:
    upper = words.upper()
    if sources > _MAX_LENSES or any(word in upper for word in _RECORDER):
        return DeviceKind.RECORDER
    return DeviceKind.ENCODER if any(word in upper for word in _ENCODER) else DeviceKind.CAMERA


def pack(found: FoundDevice) -> dict[str, Any]:
    """As a JSON map. Raises ``TOO_LARGE``."""
    facts: dict[str, Any] = json.loads(json.dumps(asdict(found)))
    size = len(json.dumps(facts).encode())
    if len(found.channels) > MAX_CHANNELS or size > MAX_FACTS:
        raise XueliangError(Kind.TOO_LARGE, f"a device of {len(found.channels)} channels and {size} bytes of facts")
    return facts


def unpack(facts: Mapping[str, Any]) -> FoundDevice:
    channels = tuple(
        FoundChannel(
            channel["token"],
            channel["number"],
            channel["name"],
            tuple(FoundStream(**{**stream, "role": StreamRole(stream["role"])}) for stream in channel["streams"]),
        )
        for channel in facts["channels"]
    )
    return FoundDevice(**{**facts, "kind": DeviceKind(facts["kind"]), "channels": channels})


def _channel(channel: Channel) -> FoundChannel:
    usable = [profile for profile in channel.profiles if profile.stream_url]
    streams = []
    if usable:
        streams.append(_stream(StreamRole.MAIN, usable[0]))
        if usable[-1].stream_url != usable[0].stream_url:
            streams.append(_stream(StreamRole.SUB, usable[-1]))
    name = usable[0].name if usable else ""
    return FoundChannel(printable(channel.source_token, 256), channel.number, printable(name, 100), tuple(streams))


def _stream(role: StreamRole, profile: Profile) -> FoundStream:
    fps = profile.frames_per_second
    # Beyond half a minute it is a defect of the answer, not a distance of keyframes.
    gop = profile.gop_frames / fps if fps > 0 and 0 < profile.gop_frames <= 30 * fps else None
    return FoundStream(
        role=role,
        url=profile.stream_url,
        codec=profile.codec.value if profile.codec else None,
        width=profile.width or None,
        height=profile.height or None,
        fps=fps or None,
        gop_seconds=gop,
        profile_token=printable(profile.token, 256),
    )
