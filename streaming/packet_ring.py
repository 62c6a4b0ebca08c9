"""Pure: the packets of one camera stream, from its last keyframe on, kept once for everybody who looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

#: What may still be asked for again: a NACK older than this would come too late to be shown.
HISTORY_SECONDS = 2.0
#: Beyond this the pictures since the last keyframe are not kept: 8 s of 8 Mbit/s. New viewers ask for a keyframe then.
MAX_BYTES = 8 * 1024 * 1024
MAX_ENTRIES = 1024

#: (payload, marker bit in its place or 0)
Packet = tuple[bytes, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """One access unit: its packets are ``first`` up to ``stop``; ``time`` is 90 kHz, ``received`` monotonic seconds."""

    number: int
    first: int
    stop: int
    time: int
    keyframe: bool
    received: float
    size: int
    packets: tuple[Packet, ...] = field(repr=False)


class PacketRing:
    """Packets and entries are numbered from 0 for ever; the oldest go. One writer, any number of readers."""

    __slots__ = ("_entries", "begin", "bytes", "end", "keyframe", "packet_base")

    def __init__(self) -> None:
        self.bytes = 0
        self.keyframe: Entry | None = None  # the newest; None when it is not kept
        self.packet_base = 0
        self.begin = 0  # number of the oldest entry that is kept
        self.end = 0  # number that the next entry will have
        self._entries: list[Entry] = []

    @property
    def newest(self) -> Entry | None:
        return self._entries[-1] if self._entries else None

    def append(self, payloads: Sequence[bytes], time: int, keyframe: bool, received: float) -> Entry:
        """``payloads`` is not empty."""
        first = self._entries[-1].stop if self._entries else self.packet_base
        packets = [(payload, 0) for payload in payloads]
        packets[-1] = (payloads[-1], 0x80)
        size, stop = sum(map(len, payloads)), first + len(payloads)
        entry = Entry(self.end, first, stop, time, keyframe, received, size, tuple(packets))
        self._entries.append(entry)
        self.end += 1
        self.bytes += size
        if keyframe:
            self.keyframe = entry
        self._trim(received)
        return entry

    def entry(self, number: int) -> Entry:
        """Raises ``IndexError`` for one that is not kept."""
        if not self.begin <= number < self.end:
            raise IndexError(number)
        return self._entries[number - self.begin]

    def packet(self, index: int) -> tuple[Packet, Entry] | None:
        """One packet and its entry; ``None`` when it is no longer, or not yet, here."""
        if not self._entries or not self.packet_base <= index < self._entries[-1].stop:
            return None
        low, high = 0, len(self._entries) - 1
        while low < high:
            middle = (low + high) // 2
            if self._entries[middle].stop <= index:
                low = middle + 1
            else:
                high = middle
        entry = self._entries[low]
        return entry.packets[index - entry.first], entry

    def clear(self) -> None:
        """What follows is not continuous with what was; numbers go on."""
        self._drop(len(self._entries))
        self.keyframe = None

    def _trim(self, now: float) -> None:
        entries, kept = self._entries, self.bytes
        floor = self.keyframe.number - self.begin if self.keyframe is not None else len(entries)
        last, count = len(entries) - 1, 0
        while count < last:
            old = entries[count]
            over = kept > MAX_BYTES or last - count >= MAX_ENTRIES
            if not over and (count >= floor or now - old.received <= HISTORY_SECONDS):
                break
            kept -= old.size
            count += 1
        if count:
            self._drop(count)

    def _drop(self, count: int) -> None:
        gone = self._entries[:count]
        if not gone:
            return
        self.bytes -= sum(entry.size for entry in gone)
        del self._entries[:count]
        self.packet_base = gone[-1].stop
        self.begin += count
        if self.keyframe is not None and self.keyframe.number < self.begin:
            self.keyframe = None
