"""Pure: RTCP that viewers send (RFC 3550, RFC 4585, RFC 5104): reports, NACKs, requests for a keyframe, goodbyes."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_SR, _RR, _BYE, _RTPFB, _PSFB = 200, 201, 203, 205, 206
_NACK, _PLI, _FIR, _APP = 1, 1, 4, 15
MAX_PACKETS = 16
#: Sequence numbers of one datagram; a browser asks for a few dozen at most.
MAX_NACKS = 256


@dataclass(frozen=True, slots=True)
class Report:
    """One block about ``ssrc``: ``fraction`` lost since the last (0..1), ``lost`` in all, ``highest`` sequence seen
    (extended), ``jitter`` in ticks, ``middle`` and ``delay`` for the way there and back."""

    ssrc: int
    fraction: float
    lost: int
    highest: int
    jitter: int
    middle: int
    delay: float


@dataclass(frozen=True, slots=True)
class Nack:
    ssrc: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeWanted:
    """PLI or FIR."""

    ssrc: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """REMB: what the receiver thinks the path carries, bit/s."""

    bitrate: int


@dataclass(frozen=True, slots=True)
class Goodbye:
    pass


Feedback = Report | Nack | KeyframeWanted | Estimate | Goodbye


def parse(data: bytes) -> list[Feedback]:
    """What matters of one compound packet; stops at the first piece that does not hold together. Never raises."""
    found: list[Feedback] = []
    at, budget = 0, MAX_NACKS
    for _ in range(MAX_PACKETS):
        if len(data) - at < 8 or data[at] & 0xC0 != 0x80:
            break
        size = 4 + (data[at + 2] << 8 | data[at + 3]) * 4
        if at + size > len(data) or size < 8:
            break
        pieces = _one(data, at, size, budget)
        budget -= sum(len(piece.sequences) for piece in pieces if isinstance(piece, Nack))
        found += pieces
        at += size
    return found


def _one(data: bytes, at: int, size: int, budget: int) -> list[Feedback]:
    kind, form = data[at + 1], data[at] & 0x1F
    if kind in (_SR, _RR):
        return _reports(data, at + (28 if kind == _SR else 8), at + size, form)
    if kind == _BYE:
        return [Goodbye()]
    if kind == _RTPFB and form == _NACK and size >= 16:
        return _nack(data, at, size, budget)
    if kind == _PSFB and form == _PLI and size >= 12:
        return [KeyframeWanted(*struct.unpack_from("!I", data, at + 8))]
    if kind == _PSFB and form == _FIR:
        return [KeyframeWanted(*struct.unpack_from("!I", data, start)) for start in range(at + 12, at + size - 7, 8)]
    if kind == _PSFB and form == _APP and size >= 20 and data[at + 12 : at + 16] == b"REMB":
        mantissa = (data[at + 17] & 0x03) << 16 | data[at + 18] << 8 | data[at + 19]
        return [Estimate(mantissa << (data[at + 17] >> 2))]
    return []


def _reports(data: bytes, at: int, end: int, count: int) -> list[Feedback]:
    found: list[Feedback] = []
    for _ in range(count):
        if at + 24 > end:
            break
        ssrc, lost, highest, jitter, middle, delay = struct.unpack_from("!IIIIII", data, at)
        found.append(Report(ssrc, (lost >> 24) / 256, lost & 0xFFFFFF, highest, jitter, middle, delay / 65536))
        at += 24
    return found


def _nack(data: bytes, at: int, size: int, budget: int) -> list[Feedback]:
    (ssrc,) = struct.unpack_from("!I", data, at + 8)
    wanted: dict[int, None] = {}
    for start in range(at + 12, at + size - 3, 4):
        first, mask = struct.unpack_from("!HH", data, start)
        wanted[first] = None
        for bit in range(16):
            if mask >> bit & 1:
                wanted[(first + bit + 1) & 0xFFFF] = None
        if len(wanted) >= budget:
            break
    return [Nack(ssrc, tuple(wanted)[: max(0, budget)])]
