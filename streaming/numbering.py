"""Pure: what one viewer's packets are called: sequence numbers and timestamps over skips and changes of stream."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from streaming.packet_ring import Entry, PacketRing

#: Frames that have gone by are sent 1 ms apart (in timestamps): shown as fast as they decode, and a page can tell
#: them from live ones by the step.
BURST_STEP = 90
#: Runs of numbers that NACKs may still ask for.
MAX_RUNS = 4


@dataclass(slots=True)
class Run:
    """Consecutive packets of one ring. ``offset`` makes a ring's index a sequence number (not wrapped); entries
    before ``live`` are of the burst that a viewer begins with."""

    ring: PacketRing
    first: int
    offset: int
    number: int
    live: int
    base: int
    shift: int

    def time(self, entry: Entry) -> int:
        """The entry's timestamp for this viewer, not wrapped."""
        if entry.number < self.live:
            return self.base + BURST_STEP * (entry.number - self.number)
        return entry.time + self.shift

    def live_time(self, now: float) -> int:
        """The timestamp of a picture that came this moment; what sender reports tie to the clock."""
        newest = self.ring.newest
        return self.base if newest is None else newest.time + self.shift + round((now - newest.received) * 90_000)


class Numbering:
    """``sequence`` and ``timestamp`` are where the numbers begin (random, RFC 3550 section 5.1)."""

    __slots__ = ("_runs", "next", "time", "time_at")

    def __init__(self, sequence: int, timestamp: int) -> None:
        self.next = sequence + 0x10000  # not wrapped; a page older than the beginning stays positive
        self.time = timestamp
        self.time_at: float | None = None  # when the picture of ``time`` was sent
        self._runs: deque[Run] = deque(maxlen=MAX_RUNS)

    @property
    def run(self) -> Run | None:
        return self._runs[-1] if self._runs else None

    def begin(self, ring: PacketRing, start: Entry, now: float) -> Run:
        """From ``start`` (a keyframe) on, after whatever was sent before; what the ring holds already is the burst."""
        base = self.time
        if self.time_at is not None:
            base += max(BURST_STEP, round((now - self.time_at) * 90_000))
        newest = ring.newest
        last = newest if newest is not None and newest.number > start.number else start
        stamp = base + BURST_STEP * (last.number - start.number)
        run = Run(ring, start.first, self.next - start.first, start.number, last.number + 1, base, stamp - last.time)
        self._runs.append(run)
        return run

    def sent(self, stamp: int, count: int, now: float) -> None:
        """``count`` more packets went out with the timestamp ``stamp``."""
        self.next += count
        self.time, self.time_at = stamp, now

    def find(self, sequence: int) -> tuple[Run, int] | None:
        """The run and ring index behind a 16-bit sequence number that was sent lately."""
        behind = (self.next - sequence) & 0xFFFF
        full = self.next - (behind or 0x10000)
        for run in reversed(self._runs):
            index = full - run.offset
            if index >= run.first:
                return run, index
        return None
