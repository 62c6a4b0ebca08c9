"""Pure: access units of H.264 as RTP payloads (RFC 6184, packetization-mode 1: single NAL unit, STAP-A, FU-A)."""

from __future__ import annotations

from collections.abc import Iterable

from camera_gateway.access_unit import AccessUnit

#: With 12 B of header, 2 B of RTX, 28 B of extensions and 16 B of SRTP a packet stays under the 1,280 B that every
#: IPv6 path carries (40 B IP and 8 B UDP included); tunnels at 1,400 B have room too.
MAX_PAYLOAD = 1188
SPS, PPS = 7, 8
_STAP_A, _FU_A = 24, 28
#: Delimiters and filler say nothing to a browser; SEI is where cameras put kilobytes of analytics.
_DROPPED = frozenset((6, 9, 10, 11, 12))


def payloads(unit: AccessUnit, limit: int = MAX_PAYLOAD) -> list[bytes]:
    """In order; the marker bit belongs on the last. A keyframe begins with the stream's parameter sets, whatever the
    camera sent before it. Empty for a unit without a picture."""
    return fragments(_wanted(unit), limit)


def fragments(nals: Iterable[bytes], limit: int = MAX_PAYLOAD) -> list[bytes]:
    """NAL units as payloads of at most ``limit`` bytes: small neighbours share one, large ones are cut."""
    found: list[bytes] = []
    waiting: list[bytes] = []
    size = 1
    for nal in nals:
        if len(nal) > limit:
            _flush(waiting, found)
            size = 1
            _cut(nal, limit, found)
            continue
        if size + 2 + len(nal) > limit:
            _flush(waiting, found)
            size = 1
        waiting.append(nal)
        size += 2 + len(nal)
    _flush(waiting, found)
    return found


def _wanted(unit: AccessUnit) -> list[bytes]:
    nals = [nal for nal in unit.nals if nal and nal[0] & 0x1F not in _DROPPED]
    if not any(1 <= nal[0] & 0x1F <= 5 for nal in nals):
        return []
    if unit.keyframe and unit.parameter_sets is not None:
        nals = [*unit.parameter_sets.nals, *(nal for nal in nals if nal[0] & 0x1F not in (SPS, PPS))]
    return nals


def _flush(waiting: list[bytes], found: list[bytes]) -> None:
    if len(waiting) == 1:
        found.append(waiting[0])
    elif waiting:
        head = max(nal[0] & 0x60 for nal in waiting) | max(nal[0] & 0x80 for nal in waiting) | _STAP_A
        parts = [bytes((head,))]
        for nal in waiting:
            parts += (len(nal).to_bytes(2, "big"), nal)
        found.append(b"".join(parts))
    waiting.clear()


def _cut(nal: bytes, limit: int, found: list[bytes]) -> None:
    """Pieces as long as possible and all but the last of one size, which the kernel then sends in one call."""
    indicator, kind = nal[0] & 0xE0 | _FU_A, nal[0] & 0x1F
    step = limit - 2
    begin, middle, end = bytes((indicator, 0x80 | kind)), bytes((indicator, kind)), bytes((indicator, 0x40 | kind))
    last = 1 + (len(nal) - 2) // step * step
    for start in range(1, len(nal), step):
        head = begin if start == 1 else end if start == last else middle
        found.append(head + nal[start : start + step])
