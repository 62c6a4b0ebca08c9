"""Pure: one coded stream of a camera, by its role."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from camera_gateway.target import stray_password
from config.errors import Kind, XueliangError


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


def check_url(url: str) -> None:
    """Raises ``INVALID`` for what is no RTSP address, or one with a password in it."""
    try:
        parts = urlsplit(url)
        good = parts.scheme == "rtsp" and bool(parts.hostname) and len(url) <= 2048 and url.isprintable()
        secret = parts.username is not None or parts.password is not None or stray_password(parts)
        _ = parts.port
    except ValueError:
        good, secret = False, False
    if not good:
        raise XueliangError(Kind.INVALID, "not an RTSP address", fix="rtsp://host[:port]/path")
    if secret:
        raise XueliangError(
            Kind.INVALID, "an address with a password in it", fix="Give user and password as the device's credentials"
        )


def is_url(url: str) -> bool:
    """Whether :func:`check_url` has nothing against it."""
    try:
        check_url(url)
    except XueliangError:
        return False
    return True
