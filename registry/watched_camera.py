"""Pure: one watched camera, with all that probing, suppression and showing need of it."""

from __future__ import annotations

from dataclasses import dataclass

from camera_gateway.target import Credentials, StreamTarget
from registry.device import DeviceKind
from registry.lifecycle import Lifecycle
from registry.window import Window


@dataclass(frozen=True, slots=True)
class WatchedStream:
    """``url`` without user information; ``transport`` auto, tcp or udp."""

    url: str
    transport: str
    gop_seconds: float
    codec: str | None = None
    width: int | None = None
    height: int | None = None

    def target(self, credentials: Credentials | None) -> StreamTarget:
        return StreamTarget(self.url, credentials, self.transport, self.gop_seconds)


@dataclass(frozen=True, slots=True)
class PathStep:
    """One thing between the camera and the centre: a recorder, switch or link, by id and name."""

    kind: str
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class WatchedCamera:
    """``active`` is false for a camera that left the list (only in answers ``since_position``).

    ``credential_ref`` is the fingerprint of its device's secret, ``None`` without one and while the device's
    identity is in question: nothing authenticates then. Longitude and latitude are the point's (WGS-84).
    ``access_path`` goes from the camera outwards and begins with its recorder, if it sits behind one.
    ``windows`` are the maintenance windows and guard periods that have not ended and are not cancelled.
    """

    camera_id: str
    camera_name: str
    active: bool
    lifecycle: Lifecycle
    device_id: str
    device_name: str
    device_kind: DeviceKind
    host: str
    port: int
    onvif_xaddr: str | None
    token: str
    channel: int
    main: WatchedStream | None
    sub: WatchedStream | None
    credential_ref: str | None
    area_id: str
    unit_id: str | None
    access_path: tuple[PathStep, ...]
    point_id: str | None
    point_name: str | None
    longitude: float | None
    latitude: float | None
    mask: tuple[tuple[tuple[float, float], ...], ...]
    mask_by_service: bool
    windows: tuple[Window, ...]
