"""RTP and RTCP into access units: the first byte chooses the codec, then length-prefixed packets follow."""

from __future__ import annotations

from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.job import MAX_UNIT
from camera_gateway.rtsp import rtcp
from camera_gateway.rtsp.assembler import Marker
from camera_gateway.rtsp.message import frame
from camera_gateway.rtsp.receiver import Receiver
from camera_gateway.rtsp.rtp import Reorder
from camera_gateway.rtsp.sdp import Track
from tests.support.bitstream import (
    H264_PPS,
    H265_PPS,
    H265_VPS,
    h264_slice,
    h264_sps,
    h265_slice,
    h265_sps,
    packets,
    payloads_h265,
    rtp,
)


def _pack(codec: int, items: list[bytes]) -> bytes:
    return bytes((codec,)) + b"".join(len(i).to_bytes(2, "big") + i for i in items)


_H265 = [H265_VPS, h265_sps(1280, 720), H265_PPS, h265_slice(2500, irap=True)]
_STAP = b"\x18" + b"".join(len(n).to_bytes(2, "big") + n for n in (h264_sps(640, 360), H264_PPS))
_JPEG = bytes((0, 0, 0, 0, 1, 255, 20, 15, 0, 0, 0, 128)) + bytes(range(1, 129)) + b"\x55" * 200

SEEDS = [
    _pack(0, packets([[h264_sps(1920, 1080), H264_PPS, h264_slice(3000, idr=True)], [h264_slice(90, idr=False)]])),
    _pack(0, [rtp(1, 5, _STAP), rtp(2, 5, h264_slice(60, idr=True), marker=True)]),
    _pack(
        0,
        [rtp(1, 5, b"\x67" + h264_sps(640, 360)[1:] + b"\0\0\0\1" + H264_PPS + b"\0\0\0\1" + h264_slice(60, idr=True))],
    ),
    _pack(1, [rtp(i, 9, p, marker=i == 9) for i, p in enumerate([p for n in _H265 for p in payloads_h265(n)])]),
    _pack(2, [rtp(1, 5, _JPEG, marker=True, kind=96), rtp(2, 9, _JPEG[:8] + _JPEG, marker=True)]),
    _pack(3, [rtcp.sender_report(7, 1_700_000_000.5, 90_000, 3, 4), rtcp.picture_loss(1, 2), rtcp.goodbye(7)]),
]
#: More bits of the first byte: the marker's worth is not known, and the packets come interleaved.
_UNKNOWN, _TCP = 0x10, 0x20
SEEDS += [bytes((seed[0] | _UNKNOWN | _TCP,)) + seed[1:] for seed in SEEDS[:4]]
_CODECS = (Codec.H264, Codec.H265, Codec.MJPEG)


def _interleaved(receiver: Receiver, items: list[bytes]) -> None:
    """As frames over TCP: packets one by one, pieces of one NAL unit in the loop made for them."""
    stream = b"".join(frame(0, item) for item in items)
    position = 0
    while position < len(stream):
        end = position + 4 + int.from_bytes(stream[position + 2 : position + 4], "big")
        receiver.packet(stream, position + 4, end, 0.0)
        position = receiver.fragments(stream, end, len(stream), 0)
        assert end <= position <= len(stream)
    receiver.flush()
    assert not receiver.held


def _unpack(data: bytes) -> list[bytes]:
    items: list[bytes] = []
    position = 1
    while position + 2 <= len(data):
        end = position + 2 + int.from_bytes(data[position : position + 2], "big")
        items.append(data[position + 2 : end])
        position = end
    return items


def one(data: bytes) -> None:
    head = data[0] if data else 0
    kind = head % 4

    def check(unit: AccessUnit) -> None:
        assert unit.nals
        assert all(unit.nals)
        assert unit.size <= MAX_UNIT + 1024

    receiver = Receiver(Track("video", 96, "", 90_000, _CODECS[kind % 3], dimensions=(2560, 1440)), check)
    if head & _UNKNOWN:
        receiver.marker = Marker.UNKNOWN
    items = _unpack(data)
    if kind == 3:
        for item in items:
            receiver.control(item, 0, len(item), 0.0, 0.0)
        return
    if head & _TCP:
        _interleaved(receiver, items)
        return
    order = Reorder(window=4)
    for item in items:
        for ready in order.push(item):
            receiver.packet(ready, 0, len(ready), 0.0)
    assert len(order.flush()) <= 4
