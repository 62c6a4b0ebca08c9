"""Pure: one coded picture as it came from a camera, and what a decoder needs beside it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Codec(StrEnum):
    H264 = "h264"
    H265 = "h265"
    MJPEG = "mjpeg"


@dataclass(frozen=True, slots=True)
class ParameterSets:
    """NAL units without start codes, in decoding order: VPS (H.265 only), SPS, PPS."""

    codec: Codec
    nals: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """``nals`` are without start codes and exclude nothing the camera sent; for MJPEG the one item is a whole JPEG.

    ``rtp_time`` is the 32-bit RTP timestamp at ``clock_rate`` Hz; ``received`` is monotonic seconds;
    ``sender_time`` is the camera's own UTC (POSIX seconds) by its RTCP sender report, if it sent one;
    ``damaged`` says that packets were missing inside the unit, ``lost`` how many were missing before its end.
    """

    codec: Codec
    keyframe: bool
    nals: tuple[bytes, ...]
    rtp_time: int
    received: float
    clock_rate: int = 90_000
    sender_time: float | None = None
    parameter_sets: ParameterSets | None = None
    damaged: bool = False
    lost: int = 0

    @property
    def size(self) -> int:
        return sum(map(len, self.nals))
