"""Pure: whether a camera's stream can be shown by browsers over WebRTC, and why not."""

from __future__ import annotations

from enum import StrEnum

from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.rtsp.h264 import parse_sps, slice_type
from config.errors import XueliangError


class Unfit(StrEnum):
    H265 = "h265"
    MJPEG = "mjpeg"
    REORDERED = "b_frames"  # pictures that are not sent in the order of showing


_NAMES = {"h265": Unfit.H265, "hevc": Unfit.H265, "mjpeg": Unfit.MJPEG, "jpeg": Unfit.MJPEG}
_WORDS = {
    Unfit.H265: "H.265",
    Unfit.MJPEG: "JPEG",
    Unfit.REORDERED: "H.264 with B-frames",
}


def word(reason: Unfit) -> str:
    """As people are told it."""
    return _WORDS[reason]


def of_codec(name: str | None) -> Unfit | None:
    """By what is known before anything was received; ``None`` for H.264 and for what nobody knows."""
    return _NAMES.get((name or "").lower().replace(".", ""))


def of_unit(unit: AccessUnit) -> Unfit | None:
    """By one access unit. A B slice counts only where the stream may reorder: some encoders predict both ways from
    the past alone, which every browser decodes."""
    if unit.codec is Codec.H265:
        return Unfit.H265
    if unit.codec is Codec.MJPEG:
        return Unfit.MJPEG
    if unit.keyframe:
        return None
    for nal in unit.nals:
        if nal and nal[0] & 0x1F == 1:
            return Unfit.REORDERED if slice_type(nal) == "B" and _may_reorder(unit) else None
    return None


def _may_reorder(unit: AccessUnit) -> bool:
    for nal in unit.parameter_sets.nals if unit.parameter_sets is not None else ():
        if nal[0] & 0x1F == 7:
            try:
                return parse_sps(nal).reorder != 0
            except XueliangError:
                return True
    return True
