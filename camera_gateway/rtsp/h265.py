"""Pure: H.265 over RTP (RFC 7798: single NAL unit, AP, FU) and its SPS (ITU-T H.265 section 7.3.2.2)."""

from __future__ import annotations

from functools import lru_cache

from camera_gateway.access_unit import Codec
from camera_gateway.rtsp import annexb
from camera_gateway.rtsp.assembler import Assembler
from camera_gateway.rtsp.bits import Bits
from camera_gateway.rtsp.video_format import VideoFormat, check_size
from camera_gateway.rtsp.vui import skip_display
from config.errors import Kind, XueliangError

VPS, SPS, PPS = 32, 33, 34
AP, FU = 48, 49
_IRAP = range(16, 24)

_PROFILES = {1: "Main", 2: "Main 10", 3: "Main Still Picture", 4: "Range Extensions"}


class H265Assembler(Assembler):
    codec = Codec.H265
    sps, pps, header = SPS, PPS, 2
    set_types = frozenset((VPS, SPS, PPS))

    __slots__ = ()

    @staticmethod
    def kind(nal: bytes) -> int:
        return nal[0] >> 1 & 0x3F

    def _payload(self, data: bytes, start: int, end: int) -> None:
        if end - start < 3:
            return
        first = data[start]
        kind = first >> 1 & 0x3F
        if kind == FU:
            head = data[start + 2]
            if head & 0x80:
                begin = bytes((first & 0x81 | (head & 0x3F) << 1, data[start + 1]))
                middle = bytes((first, data[start + 1], head & 0x3F))
                self._begin_fragment(begin, data[start + 3 : end], middle)
            else:
                self._more_fragment(data[start + 3 : end])
            if head & 0x40:
                self._close_fragment()
            return
        self._close_fragment()
        if kind == AP:
            self._aggregate(data, start + 2, end)
        elif kind < AP:
            self._add(data[start:end])

    def _picture(self, nal: bytes) -> tuple[bool, bool, bool]:
        kind = nal[0] >> 1 & 0x3F
        if kind > 31:
            return False, False, False
        return True, len(nal) > 2 and nal[2] > 0x7F, kind in _IRAP

    @staticmethod
    def _parse_sps(nal: bytes) -> VideoFormat:
        return parse_sps(nal)


@lru_cache(maxsize=1024)
def parse_sps(nal: bytes) -> VideoFormat:
    """Raises ``PROTOCOL`` for a broken one and ``TOO_LARGE`` beyond the caps."""
    bits = Bits(annexb.unescape(nal[2:]))
    bits.u(4)
    layers = bits.u(3)
    bits.u(1)
    profile, level = _profile_tier_level(bits, layers)
    bits.ue()
    chroma = bits.ue()
    separate = bits.flag() if chroma == 3 else False
    width, height = bits.ue(), bits.ue()
    check_size(width, height)
    if bits.flag():
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        width -= (left + right) * (2 if chroma in (1, 2) and not separate else 1)
        height -= (top + bottom) * (2 if chroma == 1 and not separate else 1)
        check_size(width, height)
    reorder, fps = None, None
    try:
        bits.ue()
        bits.ue()
        order_count_bits = bits.ue() + 4
        for _ in range(layers + 1 if bits.flag() else 1):
            bits.ue()
            reorder = min(bits.ue(), 16)
            bits.ue()
        fps = _frame_rate(bits, order_count_bits)
    except XueliangError:
        pass  # the rest is a hint; size and profile are already known
    return VideoFormat(Codec.H265, _PROFILES.get(profile, str(profile)), level, width, height, fps, reorder)


def _profile_tier_level(bits: Bits, layers: int) -> tuple[int, int]:
    bits.u(3)
    profile = bits.u(5)
    bits.u(32)
    bits.u(48)
    level = bits.u(8) // 3
    present = [(bits.flag(), bits.flag()) for _ in range(layers)]
    if layers:
        bits.u(2 * (8 - layers))
    for has_profile, has_level in present:
        bits.u((88 if has_profile else 0) + (8 if has_level else 0))
    return profile, level


def _frame_rate(bits: Bits, order_count_bits: int) -> float | None:
    """From the VUI (annex E)."""
    for _ in range(6):
        bits.ue()
    if bits.flag() and bits.flag():
        return None  # explicit scaling lists: not worth walking for a hint
    bits.u(2)
    if bits.flag():
        bits.u(8)
        bits.ue()
        bits.ue()
        bits.u(1)
    if not _skip_reference_sets(bits):
        return None
    if bits.flag():
        for _ in range(min(bits.ue(), 33)):
            bits.u(order_count_bits + 1)
    bits.u(2)
    if not bits.flag():
        return None
    skip_display(bits)
    bits.u(3)
    if bits.flag():
        for _ in range(4):
            bits.ue()
    if not bits.flag():
        return None
    tick, scale = bits.u(32), bits.u(32)
    fps = scale / tick if tick else 0.0
    return round(fps, 3) if 0.01 <= fps <= 1000 else None


def _skip_reference_sets(bits: Bits) -> bool:
    """Short-term reference picture sets (section 7.3.7); ``False`` where one predicts from another."""
    count = bits.ue()
    if count > 64:
        raise XueliangError(Kind.PROTOCOL, "an SPS with too many reference picture sets")
    for index in range(count):
        if index and bits.flag():
            return False
        pictures = bits.ue() + bits.ue()
        if pictures > 32:
            raise XueliangError(Kind.PROTOCOL, "an SPS with too many reference pictures")
        for _ in range(pictures):
            bits.ue()
            bits.u(1)
    return True
