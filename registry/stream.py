"""Pure: one coded stream of a camera, by its role."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class StreamRole(StrEnum):
    MAIN = "main"
    SUB = "sub"


class Transport(StrEnum):
    AUTO = "auto"  # TCP interleaved, then UDP
    TCP = "tcp"
    UDP = "udp"


@dataclass(frozen=True, slots=True)
class Stream:
    """``url`` is ``rtsp://host[:port]/path`` without user information; sizes in pixels, ``gop_seconds`` the distance
    of keyframes as far as it is known."""

    id: str
    camera_id: str
    role: StreamRole
    url: str
    transport: Transport = Transport.AUTO
    gop_seconds: float = 4.0
    codec: str | None = None
    width: int | None = None
    height: int | None = None
    fps: float | None = None
    profile_token: str | None = None
    version: int = 1
