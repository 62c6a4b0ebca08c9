"""Parameter sets and slice headers."""

from __future__ import annotations

from camera_gateway.rtsp.h264 import parse_sps as parse_h264
from camera_gateway.rtsp.h264 import slice_type
from camera_gateway.rtsp.h265 import parse_sps as parse_h265
from camera_gateway.rtsp.video_format import MAX_PIXELS
from config.errors import XueliangError
from tests.support.bitstream import h264_slice, h264_sps, h265_sps

SEEDS = [
    h264_sps(1920, 1080),
    h264_sps(704, 576, profile=100, reorder=2),
    h264_sps(640, 362, reorder=None),
    h265_sps(2560, 1440, reorder=1),
    h264_slice(40, idr=False, kind=6),
]


def one(data: bytes) -> None:
    if not data:
        return
    slice_type(data)
    for parse in (parse_h264, parse_h265):
        try:
            found = parse.__wrapped__(data)
        except XueliangError:
            continue
        assert 0 < found.width * found.height <= MAX_PIXELS
