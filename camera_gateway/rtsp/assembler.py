"""Pure: NAL units of one RTP stream gathered into access units; what H.264 and H.265 have in common.

A unit ends with the marker bit or, where a camera sets none, with the next timestamp. A marker on parameter sets
alone (seen in the field) ends nothing. Cameras that set it on every slice of a picture are found out by a slice that
goes on where a marker stood (first_mb_in_slice, first_slice_segment_in_pic_flag): from then on only the next
timestamp ends a unit.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from camera_gateway.access_unit import AccessUnit, Codec, ParameterSets
from camera_gateway.job import MAX_UNIT
from camera_gateway.rtsp import annexb
from camera_gateway.rtsp.bits import Bits
from camera_gateway.rtsp.video_format import VideoFormat
from config.errors import Kind, XueliangError

Sink = Callable[[AccessUnit], None]

_START_CODE = b"\x00\x00\x01"
#: Firmwares that glue NAL units together begin with the small ones; looking through whole pictures costs more than
#: all the rest of the way.
START_CODE_WITHIN = 4096
#: More NAL units in one picture than any encoder makes.
MAX_NALS = 2048
MAX_SETS = 16
MAX_SET = 4096


class Marker(Enum):
    """What the marker bit of a stream is worth."""

    UNKNOWN = "unknown"  # the unit is held until it is clear, or until :meth:`Assembler.flush`
    UNIT = "unit"  # it ends the unit, as RFC 6184 and RFC 7798 say
    SLICE = "slice"  # it ends a slice only


class Assembler:
    """``push`` takes RTP payloads in order; finished units go to ``sink``. Raises ``TOO_LARGE`` past ``MAX_UNIT``."""

    codec: Codec
    set_types: frozenset[int]
    sps: int  # NAL unit types of the sequence and the picture parameter set
    pps: int
    header: int  # bytes of a NAL unit's header
    _nals: list[bytes]
    _fragment: list[bytes | memoryview] | None
    _size: int
    _vcl: bool
    _key: bool
    _damaged: bool

    __slots__ = (
        "_complete",
        "_damaged",
        "_finished",
        "_fragment",
        "_key",
        "_lost",
        "_nals",
        "_received",
        "_sets",
        "_size",
        "_suspect",
        "_timestamp",
        "_vcl",
        "clock_rate",
        "format",
        "held",
        "keyframes_only",
        "marker",
        "middle",
        "sender_report",
        "sets",
        "sink",
    )

    def __init__(self, sink: Sink, clock_rate: int = 90_000, sets: ParameterSets | None = None) -> None:
        self.sink = sink
        self.clock_rate = clock_rate
        self.sets = sets
        self.format: VideoFormat | None = None
        self.sender_report: tuple[float, int] | None = None  # sender's POSIX seconds at an RTP timestamp
        self.keyframes_only = False  # spares the building of units that nobody wants
        self.marker = Marker.UNIT
        self.held = False  # a unit that may be whole waits for what comes next
        self.middle = b""  # how every further piece of the open fragment begins; empty where none is open
        self._finished = -1  # the timestamp of the last unit that a marker ended
        self._sets: dict[tuple[int, int], bytes] = {}
        self._timestamp = -1
        self._suspect = True  # the stream is joined in the middle: the first unit may lack its beginning
        self._lost = 0
        self._received = 0.0
        self._complete = False
        self._clear()
        if sets is not None:
            for nal in sets.nals:
                self._keep(self.kind(nal), nal)
            self._arrange()

    @staticmethod
    def kind(nal: bytes) -> int:
        raise TypeError("the codec's own assembler knows the kinds")

    def push(self, data: bytes, start: int, end: int, timestamp: int, marker: bool, gap: int, received: float) -> None:
        """One RTP payload ``data[start:end]``; ``gap`` packets were missing right before it."""
        if timestamp != self._timestamp or gap:
            self._turn(timestamp, gap)
        self._received = received
        self._payload(data, start, end)
        if marker and (self._vcl or self._fragment is not None):
            self._close_fragment()
            if self._vcl and self.marker is Marker.UNIT:
                self._finished = self._timestamp
                self._finish()
            elif self._vcl:
                self.held = self.marker is Marker.UNKNOWN

    @property
    def open_fragment(self) -> list[bytes | memoryview] | None:
        """Where the caller may append pieces that begin with :attr:`middle`, once it told :meth:`grow` their size."""
        return self._fragment if self.middle and self._size < MAX_UNIT else None

    @property
    def timestamp(self) -> int:
        return self._timestamp

    def grow(self, count: int) -> None:
        self._size += count

    def flush(self) -> None:
        """Nothing came after the marker for a while: it ended the unit."""
        if self.held:
            self.marker = Marker.UNIT
            self._finished = self._timestamp
            self._finish()

    def _payload(self, data: bytes, start: int, end: int) -> None:
        raise TypeError("the codec's own assembler knows its payloads")

    def _picture(self, nal: bytes) -> tuple[bool, bool, bool]:
        """Of a NAL unit: is it part of a picture, does it begin one, is it of a picture to start decoding from."""
        raise TypeError("the codec's own assembler knows its pictures")

    def _read_format(self, nal: bytes) -> VideoFormat | None:
        if self.kind(nal) != self.sps:
            return None
        try:
            return self._parse_sps(nal)
        except XueliangError as error:
            if error.kind is Kind.TOO_LARGE:
                raise
            return None

    @staticmethod
    def _parse_sps(nal: bytes) -> VideoFormat:
        raise TypeError("the codec's own assembler knows its parameter sets")

    def _aggregate(self, data: bytes, start: int, end: int) -> None:
        """Several NAL units, each behind its 16-bit size (RFC 6184, 5.7.1; RFC 7798, 4.4.2)."""
        while end - start > 2:
            stop = start + 2 + (data[start] << 8 | data[start + 1])
            if stop > end:
                self._damaged = True
                break
            self._add(data[start + 2 : stop])
            start = stop

    def _turn(self, timestamp: int, gap: int) -> None:
        """A new timestamp, or packets missing."""
        if gap:
            self._lost += gap
            self._suspect = True
            self._fragment = None
            self.middle = b""
            if self._nals:
                self._damaged = True
        if timestamp != self._timestamp:
            self._close_fragment()
            if self.held and not gap:
                self.marker = Marker.UNIT
            if self._vcl:
                self._finish()
            self._clear()
            self._timestamp = timestamp

    def _begin_fragment(self, head: bytes, data: bytes, middle: bytes) -> None:
        self._close_fragment()
        self._fragment = [head, data]
        self._size += len(data)
        self.middle = middle

    def _more_fragment(self, data: bytes) -> None:
        if self._fragment is None:
            self._damaged = True  # its beginning was lost
            return
        self._fragment.append(data)
        self._size += len(data)
        if self._size > MAX_UNIT:
            self._too_large()

    def _close_fragment(self) -> None:
        """Also without an end bit: some firmwares set none."""
        if self._fragment is not None:
            nal = b"".join(self._fragment)
            self._size -= len(nal) - len(self._fragment[0])
            self._fragment = None
            self.middle = b""
            self._add(nal)

    def _add(self, nal: bytes) -> None:
        if nal.find(_START_CODE, 0, START_CODE_WITHIN) >= 0:
            for part in annexb.split(nal):
                self._add_one(part)
        elif nal:
            self._add_one(nal)

    def _add_one(self, nal: bytes) -> None:
        kind = self.kind(nal)
        if kind in self.set_types:
            self._learn(kind, nal)
            self._suspect = self._suspect and bool(self._nals)
        else:
            vcl, first, key = self._picture(nal)
            if vcl:
                self._place_slice(first)
                if self._suspect and not first and not self._vcl:
                    self._damaged = True
                self._suspect = False
                self._vcl = True
                self._key = self._key or key
        self._nals.append(nal)
        self._size += len(nal)
        if self._size > MAX_UNIT or len(self._nals) > MAX_NALS:
            self._too_large()

    def _place_slice(self, first: bool) -> None:
        """After a marker a slice that begins a picture ends the one before it; one that goes on tells on the marker."""
        if first:
            if self.held:
                self.marker = Marker.UNIT
            if self._vcl and (self.held or self.marker is Marker.SLICE):
                self._finish()
        elif self.held:
            self.marker, self.held = Marker.SLICE, False
        elif self._finished == self._timestamp and not self._vcl and self.marker is Marker.UNIT:
            self.marker, self._damaged = Marker.SLICE, True

    def _learn(self, kind: int, nal: bytes) -> None:
        """Parameter sets stay known; the stream's format is read when its SPS changes."""
        if nal not in self._sets.values() and self._keep(kind, nal):
            self._arrange()

    def _arrange(self) -> None:
        """In decoding order, which descriptions do not always keep."""
        self.sets = ParameterSets(self.codec, tuple(nal for _, nal in sorted(self._sets.items())))
        self._complete = self.set_types <= {kind for kind, _ in self._sets}

    def _keep(self, kind: int, nal: bytes) -> bool:
        if len(nal) > MAX_SET:
            return False
        slot = (kind, self._set_id(kind, nal))
        if slot not in self._sets and len(self._sets) >= MAX_SETS:
            return False
        read = self._read_format(nal)
        if read is not None:
            self.format = read
        self._sets[slot] = nal
        return True

    def _set_id(self, kind: int, nal: bytes) -> int:
        if kind != self.pps:
            return 0
        try:
            return Bits(nal[self.header : self.header + 8]).ue() & 0xFF
        except XueliangError:
            return 0

    def _finish(self) -> None:
        if self._key or not self.keyframes_only:
            report = self.sender_report
            sender_time = None
            if report is not None:
                ticks = (self._timestamp - report[1] + 0x80000000 & 0xFFFFFFFF) - 0x80000000
                sender_time = report[0] + ticks / self.clock_rate
            if self._key and not self._complete:
                self._damaged = True  # nothing can decode it: its parameter sets were lost, or never sent
            unit = AccessUnit(
                self.codec,
                self._key,
                tuple(self._nals),
                self._timestamp,
                self._received,
                self.clock_rate,
                sender_time,
                self.sets,
                self._damaged,
                self._lost,
            )
            self._lost = 0
            self._clear()
            self.sink(unit)
        else:
            self._clear()

    def _clear(self) -> None:
        self._nals = []
        self._fragment = None
        self.middle = b""
        self.held = False
        self._size = 0
        self._vcl = self._key = self._damaged = False

    def _too_large(self) -> None:
        self._clear()
        raise XueliangError(
            Kind.TOO_LARGE,
            f"a picture of more than {MAX_UNIT} bytes or {MAX_NALS} pieces",
            fix="Lower the resolution or the bitrate in the camera's encoder settings",
        )
