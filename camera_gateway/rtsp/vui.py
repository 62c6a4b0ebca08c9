"""Pure: how the VUI of an SPS begins, which is the same in H.264 and H.265 (annex E of both)."""

from __future__ import annotations

from camera_gateway.rtsp.bits import Bits

_EXTENDED_SAR = 255


def skip_display(bits: Bits) -> None:
    """Past aspect ratio, overscan, kind of video signal and place of the chroma samples. Raises ``PROTOCOL`` where
    the bits end."""
    if bits.flag() and bits.u(8) == _EXTENDED_SAR:
        bits.u(32)
    if bits.flag():
        bits.u(1)
    if bits.flag():
        bits.u(4)
        if bits.flag():
            bits.u(24)
    if bits.flag():
        bits.ue()
        bits.ue()
