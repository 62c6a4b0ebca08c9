"""Pure: RTP packets (RFC 3550 section 5): header, extension, padding, and a small window that puts order right."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

FIXED = struct.Struct("!BBHII")

#: (payload type, marker, sequence, timestamp, ssrc, payload start, payload end): a tuple, for the hot path.
Header = tuple[int, bool, int, int, int, int, int]


def parse_header(data: bytes, start: int, end: int) -> Header | None:
    """The header of the packet at ``data[start:end]``; ``None`` for what is no RTP packet."""
    if end - start < 12:
        return None
    flags, kind, sequence, timestamp, ssrc = FIXED.unpack_from(data, start)
    if flags & 0xC0 != 0x80:
        return None
    at = start + 12
    if flags & 0x3F:
        at += (flags & 0x0F) * 4
        if flags & 0x10:
            if at + 4 > end:
                return None
            at += 4 + (data[at + 2] << 8 | data[at + 3]) * 4
        if flags & 0x20 and end > at:
            end -= data[end - 1]
        if at > end:
            return None
    return kind & 0x7F, kind > 0x7F, sequence, timestamp, ssrc, at, end


def build(payload_type: int, marker: bool, sequence: int, timestamp: int, ssrc: int, payload: bytes) -> bytes:
    kind = payload_type | (0x80 if marker else 0)
    return FIXED.pack(0x80, kind, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload


@dataclass(slots=True)
class Reorder:
    """Datagrams in, datagrams in order out. A gap is given up once ``window`` later ones wait.

    ``late`` counts those that came after their place had been given up (or twice), ``reordered`` those that were
    put right.
    """

    window: int = 16
    late: int = 0
    reordered: int = 0
    _next: int | None = None
    _waiting: dict[int, bytes] = field(default_factory=dict)

    def push(self, packet: bytes) -> list[bytes]:
        """The datagrams that may go on now, oldest first; garbage is dropped."""
        if len(packet) < 12 or packet[0] & 0xC0 != 0x80:
            return []
        sequence = packet[2] << 8 | packet[3]
        if self._next is None:
            self._next = sequence
        ahead = (sequence - self._next) & 0xFFFF
        if ahead >= 0x8000:
            self.late += 1
            return []
        if ahead > 3000:  # RFC 3550 A.1 MAX_DROPOUT: the sender began anew
            ready = self.flush()
            self._next = (sequence + 1) & 0xFFFF
            return [*ready, packet]
        if ahead or self._waiting:
            self._waiting.setdefault(sequence, packet)
            self.reordered += 1 if not ahead else 0
            return self._drain()
        self._next = (sequence + 1) & 0xFFFF
        return [packet]

    def flush(self) -> list[bytes]:
        """Everything that waits, in order."""
        begin = self._next or 0
        order = sorted(self._waiting, key=lambda s: (s - begin) & 0xFFFF)
        ready = [self._waiting[s] for s in order]
        if order:
            self._next = (order[-1] + 1) & 0xFFFF
        self._waiting.clear()
        return ready

    def _drain(self) -> list[bytes]:
        ready: list[bytes] = []
        assert self._next is not None
        while self._waiting:
            packet = self._waiting.pop(self._next, None)
            if packet is None:
                if len(self._waiting) < self.window:
                    break
                begin = self._next
                self._next = min(self._waiting, key=lambda s: (s - begin) & 0xFFFF)
                continue
            ready.append(packet)
            self._next = (self._next + 1) & 0xFFFF
        return ready
