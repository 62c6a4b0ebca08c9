"""Pure: one viewer: a cursor on a ring, its numbers, and what its reports make of them. Sending is its path's."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from camera_gateway.rtsp import rtcp
from config.clock import Clock
from streaming import feedback
from streaming.camera_stream import CameraStream
from streaming.fitness import Unfit
from streaming.numbering import Numbering, Run
from streaming.offer import Format
from streaming.pacing import Bucket
from streaming.packet_ring import Packet
from streaming.packetiser import MAX_PAYLOAD
from streaming.view_state import STALL_SECONDS, End

#: The socket's buffer is full: it drains at the speed of the link.
FULL_SECONDS = 0.005
#: Further behind than this, a viewer goes on at the newest keyframe.
LAG_SECONDS = 1.5
#: So many such skips within so long: this viewer does not keep up, and is better told than shown ruins.
MAX_SKIPS, SKIPS_SECONDS = 6, 30.0
#: More than half lost over so many reports in a row.
LOSSY, MAX_LOSSY = 0.5, 15
#: The same packet is not repaired twice within a way there and back.
REPAIR_SECONDS = 0.02
#: A camera that was asked and sent no keyframe for so long does not grant them: what the ring has is sent again.
REPLAY_SECONDS = 1.0


class Way(Protocol):
    """What a viewer sends by; :class:`streaming.webrtc.path.Path` is the one."""

    def media(self, packets: Sequence[Packet], sequence: int, stamp: int) -> int: ...

    def packet(self, packet: bytes) -> None: ...

    def control(self, packet: bytes) -> None: ...


@dataclass(slots=True)
class Counters:
    frames: int = 0
    packets: int = 0
    bytes: int = 0
    repaired: int = 0
    missing: int = 0  # asked for and no longer kept
    skips: int = 0
    keyframes_wanted: int = 0
    lost: float = 0.0  # share, of the last report
    round_trip: float | None = None


class Viewer:
    """``later(seconds, call)`` is the loop's timer. ``ended`` is told once why the viewer cannot go on."""

    def __init__(
        self,
        way: Way,
        form: Format,
        ssrcs: tuple[int, int],
        numbering: Numbering,
        bucket: Bucket,
        clock: Clock,
        later: Callable[[float, Callable[[], None]], object],
        ended: Callable[[End], object],
        refit: Callable[[Unfit], None],
    ) -> None:
        self.counters = Counters()
        self.stream: CameraStream | None = None
        self.next_stream: CameraStream | None = None
        self.open = False  # the way is there
        self.shown = False
        self._way = way
        self._form = form
        self._ssrc, self._rtx_ssrc = ssrcs
        self._numbering = numbering
        self._bucket = bucket
        self._clock = clock
        self._later = later
        self._ended = ended
        self._refit = refit
        self._run: Run | None = None
        self._cursor = self._part = 0
        self._waiting = self._left = False
        self._repairs = numbering.next & 0x7FFF
        self._repaired: dict[int, float] = {}
        self._skips: list[float] = []
        self._lossy = 0
        self._wanted_at: float | None = None

    def watch(self, stream: CameraStream) -> None:
        """Show this stream; the one before goes on until the new one has a keyframe. Nothing after :meth:`leave`: a
        stream that still counts somebody who left keeps its camera's session for ever."""
        if self._left:
            return
        if stream is self.stream:
            self._drop_next()
        elif self.stream is None:
            self.stream = stream
            stream.watchers[self] = None
        else:
            self._drop_next()
            self.next_stream = stream
            stream.watchers[self] = None
        self.pump()

    def leave(self) -> None:
        """No more pictures, ever."""
        self.open, self._left = False, True
        for stream in (self.stream, self.next_stream):
            if stream is not None:
                stream.leave(self)

    def connected(self) -> None:
        self.open = True
        self.pump()

    def unfit(self, reason: Unfit) -> None:
        self._refit(reason)

    def failed(self) -> None:
        self._over(End.FAULT)

    def pump(self) -> None:
        """Send what is due, as far as the pace and the socket allow."""
        if not self.open or self._waiting:
            return
        now = self._clock.monotonic()
        if self.next_stream is not None and _fresh(self.next_stream):
            self._change()
        stream = self.stream
        if stream is None or (self._run is None and not self._begin(stream, now)):
            return
        ring = stream.ring
        if self._cursor < ring.begin and not self._skip(stream, now):
            return
        while self._cursor < ring.end and self._run is not None:
            if self._bucket.refill(now) <= 0:
                self._wait(self._bucket.wait())
                return
            if not self._send(stream, self._run, now):
                self._wait(FULL_SECONDS)
                return

    def control(self, data: bytes, waited: float = 0.0) -> None:
        """A datagram of reports from the viewer that came ``waited`` seconds ago."""
        for piece in feedback.parse(data):
            match piece:
                case feedback.Nack(ssrc, sequences) if ssrc == self._ssrc:
                    self._repair(sequences)
                case feedback.KeyframeWanted(ssrc) if ssrc == self._ssrc:
                    self._want()
                case feedback.Report() if piece.ssrc == self._ssrc:
                    self._report(piece, waited)
                case feedback.Goodbye():
                    self._over(End.LEFT)

    def tick(self) -> None:
        """Once a second: a sender report, and what has waited too long."""
        stream, now = self.stream, self._clock.monotonic()
        if not self.open or stream is None:
            return
        if self.shown:
            self._tell(now)
        newest, keyframe = stream.ring.newest, stream.ring.keyframe
        if newest is None:
            return
        if self._run is not None and stream.ring.begin <= self._cursor < stream.ring.end:
            behind = newest.received - stream.ring.entry(self._cursor).received
            if behind > LAG_SECONDS and self._cursor >= self._run.live:
                self._skip(stream, now)
        if self._wanted_at is not None and now - self._wanted_at >= REPLAY_SECONDS:
            self._wanted_at = None
            if keyframe is not None and _fresh(stream):
                self._begin(stream, now)
        self.pump()

    def _begin(self, stream: CameraStream, now: float) -> bool:
        """From the newest keyframe on; a stream that stands still is not shown as if it lived."""
        keyframe = stream.ring.keyframe
        if keyframe is None or not _fresh(stream):
            stream.want_keyframe()
            return False
        self._run = self._numbering.begin(stream.ring, keyframe, now)
        self._cursor, self._part = keyframe.number, 0
        self._wanted_at = None
        return True

    def _change(self) -> None:
        if self.stream is not None:
            self.stream.leave(self)
        self.stream, self.next_stream, self._run = self.next_stream, None, None

    def _drop_next(self) -> None:
        if self.next_stream is not None:
            self.next_stream.leave(self)
            self.next_stream = None

    def _send(self, stream: CameraStream, run: Run, now: float) -> bool:
        """As much of the entry at the cursor as there is room for; false when the socket is full."""
        entry, part, bucket = stream.ring.entry(self._cursor), self._part, self._bucket
        packets: Sequence[Packet] = entry.packets
        if part or entry.size > bucket.room:
            packets = packets[part : part + max(1, int(bucket.room) // MAX_PAYLOAD)]
        stamp = run.time(entry)
        count = self._way.media(packets, run.offset + entry.first + part, stamp)
        if count:
            whole = count == entry.stop - entry.first
            size = entry.size if whole else sum(len(payload) for payload, _ in packets[:count])
            self._numbering.sent(stamp, count, now)
            bucket.room -= size
            counters = self.counters
            counters.packets += count
            counters.bytes += size
            self._part = part = part + count
        if part == entry.stop - entry.first:
            self._cursor, self._part = self._cursor + 1, 0
            self.counters.frames += 1
            if not self.shown:
                self.shown = True
                self._tell(now)
            if entry.keyframe:
                self._wanted_at = None
        return count == len(packets)

    def _skip(self, stream: CameraStream, now: float) -> bool:
        """To the newest keyframe; cut who needs that too often. What is left out is counted."""
        keyframe = stream.ring.keyframe
        if keyframe is None or keyframe.number <= self._cursor:
            stream.want_keyframe()
            return stream.ring.begin <= self._cursor
        self.counters.skips += 1
        self._skips = [at for at in self._skips if now - at < SKIPS_SECONDS] + [now]
        if len(self._skips) > MAX_SKIPS:
            self._over(End.SLOW)
            return False
        return self._begin(stream, now)

    def _over(self, reason: End) -> None:
        self.open = False
        self._ended(reason)

    def _wait(self, seconds: float) -> None:
        self._waiting = True
        self._later(seconds, self._woken)

    def _woken(self) -> None:
        self._waiting = False
        self.pump()

    def _want(self) -> None:
        self.counters.keyframes_wanted += 1
        if self.stream is not None:
            self._wanted_at = self._wanted_at or self._clock.monotonic()
            self.stream.want_keyframe()

    def _repair(self, sequences: tuple[int, ...]) -> None:
        now = self._clock.monotonic()
        if len(self._repaired) > 1024:
            self._repaired = {s: at for s, at in self._repaired.items() if now - at < REPAIR_SECONDS}
        for sequence in sequences:
            if self._bucket.refill(now) <= 0:
                return
            if now - self._repaired.get(sequence, float("-inf")) < REPAIR_SECONDS:
                continue
            self._repaired[sequence] = now
            self._send_again(sequence)

    def _send_again(self, sequence: int) -> None:
        found = self._numbering.find(sequence)
        kept = found[0].ring.packet(found[1]) if found is not None else None
        if found is None or kept is None:
            self.counters.missing += 1
            return
        (payload, marker), entry = kept
        stamp = found[0].time(entry) & 0xFFFFFFFF
        if self._form.rtx is None:
            head = struct.pack("!BBHII", 0x80, self._form.payload | marker, sequence, stamp, self._ssrc)
        else:  # RFC 4588 section 4: the original number, then the original payload
            self._repairs = (self._repairs + 1) & 0xFFFF
            head = struct.pack("!BBHIIH", 0x80, self._form.rtx | marker, self._repairs, stamp, self._rtx_ssrc, sequence)
        self._way.packet(head + payload)
        self._bucket.take(len(payload))
        self.counters.repaired += 1

    def _report(self, report: feedback.Report, waited: float) -> None:
        self.counters.lost = report.fraction
        if report.middle:
            middle = (int(self._clock.now().timestamp() * 65536) + (rtcp.NTP_EPOCH << 16)) & 0xFFFFFFFF
            passed = ((middle - report.middle) & 0xFFFFFFFF) / 65536 - report.delay - waited
            self.counters.round_trip = max(0.0, passed) if passed < 60 else None
        self._lossy = self._lossy + 1 if report.fraction > LOSSY else 0
        if self._lossy >= MAX_LOSSY:
            self._over(End.SLOW)

    def _tell(self, now: float) -> None:
        """The service's clock at this moment of the viewer's time line (RFC 3550 section 6.4.1)."""
        if self._run is None:
            return
        stamp = self._run.live_time(now)
        time, counters = self._clock.now().timestamp(), self.counters
        self._way.control(rtcp.sender_report(self._ssrc, time, stamp, counters.packets, counters.bytes))


def _fresh(stream: CameraStream) -> bool:
    age = stream.age()
    return stream.ring.keyframe is not None and age is not None and age < STALL_SECONDS
