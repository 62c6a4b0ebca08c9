"""Pure: what a parameter set says of the pictures to come, and the caps that hold before anything is decoded."""

from __future__ import annotations

from dataclasses import dataclass

from camera_gateway.access_unit import Codec
from config.errors import Kind, XueliangError

#: The widest panorama cameras send 8192 across; a decoder allocates by these numbers before it sees a picture.
MAX_SIDE = 8192
MAX_PIXELS = 40_000_000


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """``level`` is ten times the level's name (41 is 4.1); ``reorder`` is how many pictures may come out of order
    (0 proves that there are no B-frames to wait for), ``None`` when the stream does not say."""

    codec: Codec
    profile: str
    level: int
    width: int
    height: int
    fps: float | None = None
    reorder: int | None = None


def check_size(width: int, height: int) -> None:
    """Raise ``TOO_LARGE`` for a picture no camera here makes."""
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise XueliangError(
            Kind.TOO_LARGE,
            f"a picture of {width}x{height} pixels, more than {MAX_SIDE} a side or {MAX_PIXELS} in all",
            fix="Lower the resolution in the camera's encoder settings",
            facts={"width": width, "height": height},
        )
    if width <= 0 or height <= 0:
        raise XueliangError(Kind.PROTOCOL, "a picture without width or height", facts={"width": width})
