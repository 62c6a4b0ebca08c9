"""Pure: H.264 over RTP (RFC 6184: single NAL unit, STAP-A, FU-A), its SPS and the type of its slices."""

from __future__ import annotations

from functools import lru_cache

from camera_gateway.access_unit import Codec
from camera_gateway.rtsp import annexb
from camera_gateway.rtsp.assembler import Assembler
from camera_gateway.rtsp.bits import Bits
from camera_gateway.rtsp.video_format import VideoFormat, check_size
from camera_gateway.rtsp.vui import skip_display
from config.errors import Kind, XueliangError

IDR, SPS, PPS = 5, 7, 8
STAP_A, FU_A = 24, 28

_PROFILES = {66: "Baseline", 77: "Main", 88: "Extended", 100: "High", 110: "High 10", 122: "High 4:2:2"}
_CHROMA_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}


class H264Assembler(Assembler):
    codec = Codec.H264
    sps, pps, header = SPS, PPS, 1
    set_types = frozenset((SPS, PPS))

    __slots__ = ()

    @staticmethod
    def kind(nal: bytes) -> int:
        return nal[0] & 0x1F

    def _payload(self, data: bytes, start: int, end: int) -> None:
        if start >= end:
            return
        first = data[start]
        kind = first & 0x1F
        if kind == FU_A:
            if end - start < 2:
                return
            head = data[start + 1]
            if head & 0x80:
                middle = bytes((first, head & 0x3F))
                self._begin_fragment(bytes((first & 0xE0 | head & 0x1F,)), data[start + 2 : end], middle)
            else:
                self._more_fragment(data[start + 2 : end])
            if head & 0x40:
                self._close_fragment()
            return
        self._close_fragment()
        if kind == STAP_A:
            self._aggregate(data, start + 1, end)
        elif 0 < kind < STAP_A or (kind == 0 and data[start : start + 3] in (b"\0\0\0", b"\0\0\1")):
            self._add(data[start:end])

    def _picture(self, nal: bytes) -> tuple[bool, bool, bool]:
        kind = nal[0] & 0x1F
        if not 1 <= kind <= 5:
            return False, False, False
        key = kind == IDR
        if kind == 1 and not self._vcl and any(n[0] & 0x1F == SPS for n in self._nals):
            # Some encoders never send an IDR: an I picture right after fresh parameter sets is as good.
            key = slice_type(nal) == "I"
        return True, len(nal) > 1 and nal[1] > 0x7F, key

    @staticmethod
    def _parse_sps(nal: bytes) -> VideoFormat:
        return parse_sps(nal)


def slice_type(nal: bytes) -> str | None:
    """``I``, ``P`` or ``B`` of a slice NAL unit (section 7.4.3); ``None`` for anything else."""
    if not nal or not 1 <= nal[0] & 0x1F <= 5 or nal[0] & 0x1F in (3, 4):
        return None
    if len(nal) > 1 and nal[1] > 0x7F:  # first_mb_in_slice is 0, one bit: the type is in the rest of the byte
        return _TYPES[nal[1] & 0x7F]
    return _slice_type(nal)


def _slice_type(nal: bytes) -> str | None:
    try:
        bits = Bits(nal[1:17])
        bits.ue()
        return {0: "P", 1: "B", 2: "I", 3: "P", 4: "I"}.get(bits.ue() % 5)
    except XueliangError:
        return None


#: By the seven bits behind the first: every type there is fits into them.
_TYPES = tuple(_slice_type(bytes((1, 0x80 | rest))) for rest in range(0x80))


@lru_cache(maxsize=1024)
def parse_sps(nal: bytes) -> VideoFormat:
    """Section 7.3.2.1. Raises ``PROTOCOL`` for a broken one and ``TOO_LARGE`` beyond the caps."""
    bits = Bits(annexb.unescape(nal[1:]))
    profile, constraints, level = bits.u(8), bits.u(8), bits.u(8)
    bits.ue()
    chroma, separate = 1, False
    if profile in _CHROMA_PROFILES:
        chroma = bits.ue()
        separate = bits.flag() if chroma == 3 else False
        bits.ue()
        bits.ue()
        bits.u(1)
        if bits.flag():
            for index in range(8 if chroma != 3 else 12):
                if bits.flag():
                    _skip_scaling_list(bits, 16 if index < 6 else 64)
    bits.ue()  # log2_max_frame_num
    _skip_order_count(bits)
    bits.ue()  # max_num_ref_frames
    bits.u(1)
    width, height = (bits.ue() + 1) * 16, bits.ue() + 1
    frames_only = bits.flag()
    height *= 16 if frames_only else 32
    if not frames_only:
        bits.u(1)
    bits.u(1)
    check_size(width, height)
    if bits.flag():
        left, right, top, bottom = bits.ue(), bits.ue(), bits.ue(), bits.ue()
        unit_x = 2 if chroma in (1, 2) and not separate else 1
        unit_y = (2 if chroma == 1 and not separate else 1) * (1 if frames_only else 2)
        width -= (left + right) * unit_x
        height -= (top + bottom) * unit_y
    check_size(width, height)
    fps, reorder = _timing_and_reorder(bits)
    if reorder is None and (profile == 66 or (profile in _CHROMA_PROFILES and constraints & 0x10 and profile != 100)):
        reorder = 0
    name = _PROFILES.get(profile, str(profile))
    if profile == 66 and constraints & 0x40:
        name = "Constrained Baseline"
    return VideoFormat(Codec.H264, name, level, width, height, fps, reorder)


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.se() + 256) % 256
        last = following or last


def _skip_order_count(bits: Bits) -> None:
    kind = bits.ue()
    if kind == 0:
        bits.ue()
    elif kind == 1:
        bits.u(1)
        bits.se()
        bits.se()
        count = bits.ue()
        if count > 255:
            raise XueliangError(Kind.PROTOCOL, "an SPS with too many reference frames in its order count")
        for _ in range(count):
            bits.se()


def _timing_and_reorder(bits: Bits) -> tuple[float | None, int | None]:
    """From the VUI (annex E); what is cut short or missing is not known."""
    fps: float | None = None
    try:
        if not bits.flag():
            return None, None
        skip_display(bits)
        if bits.flag():
            tick, scale = bits.u(32), bits.u(32)
            bits.u(1)
            if tick and scale:
                fps = scale / (2 * tick)
                fps = round(fps, 3) if 0.01 <= fps <= 1000 else None
        nal_hrd = bits.flag()
        if nal_hrd:
            _skip_hrd(bits)
        vcl_hrd = bits.flag()
        if vcl_hrd:
            _skip_hrd(bits)
        if nal_hrd or vcl_hrd:
            bits.u(1)
        bits.u(1)
        if not bits.flag():
            return fps, None
        bits.u(1)
        for _ in range(4):
            bits.ue()
        return fps, min(bits.ue(), 16)
    except XueliangError:
        return fps, None


def _skip_hrd(bits: Bits) -> None:
    count = bits.ue() + 1
    if count > 32:
        raise XueliangError(Kind.PROTOCOL, "an SPS with too many buffer models")
    bits.u(8)
    for _ in range(count):
        bits.ue()
        bits.ue()
        bits.u(1)
    bits.u(20)
