"""Pure: NAL units out of byte streams with start codes (H.264 and H.265, Annex B), and emulation prevention."""

from __future__ import annotations

_START = b"\x00\x00\x01"


def split(data: bytes) -> list[bytes]:
    """NAL units without start codes and trailing zeros; bytes before the first start code count as one unit."""
    if _START not in data:
        return [data] if data else []
    return [nal for nal in (part.rstrip(b"\x00") for part in data.split(_START)) if nal]


def unescape(nal: bytes) -> bytes:
    """The raw byte sequence payload: emulation prevention bytes taken out (H.264 section 7.4.1)."""
    return nal.replace(b"\x00\x00\x03", b"\x00\x00")
