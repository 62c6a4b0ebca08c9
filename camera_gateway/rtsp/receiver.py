"""Pure: RTP packets of one video track into access units, with the counts that loss and bitrate are read from."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from camera_gateway.access_unit import Codec
from camera_gateway.rtsp import rtcp
from camera_gateway.rtsp.assembler import Assembler, Marker, Sink
from camera_gateway.rtsp.h264 import H264Assembler
from camera_gateway.rtsp.h265 import H265Assembler
from camera_gateway.rtsp.message import DOLLAR
from camera_gateway.rtsp.mjpeg import MjpegAssembler
from camera_gateway.rtsp.rtp import FIXED, parse_header
from camera_gateway.rtsp.sdp import Track
from camera_gateway.rtsp.video_format import VideoFormat
from config.errors import Kind, XueliangError

#: An interleaved frame's head, the RTP header (timestamp and SSRC as one) and the first two bytes of the payload.
_FRAME = struct.Struct("!HHHHQH")


@dataclass(slots=True)
class Stats:
    """``clock_offset`` is the camera's clock minus ours in seconds, by its sender reports; ``expected`` counts the
    packets that should have come."""

    packets: int = 0
    bytes: int = 0
    lost: int = 0
    reordered: int = 0
    foreign: int = 0  # wrong payload type, wrong sender, or no RTP at all
    units: int = 0
    keyframes: int = 0
    dropped: int = 0  # units thrown away because nobody took them in time
    restarts: int = 0  # the sender began a new sequence
    sender_reports: int = 0
    clock_offset: float | None = None

    @property
    def expected(self) -> int:
        return self.packets + self.lost


class Receiver:
    """``packet`` is the hot path: no object per packet beside the payload itself."""

    __slots__ = (
        "_expected",
        "_nals",
        "_ssrc",
        "assembler",
        "first_packet",
        "goodbye",
        "payload_type",
        "report",
        "stats",
    )

    def __init__(self, track: Track, sink: Sink, stats: Stats | None = None) -> None:
        self.stats = stats or Stats()
        self.payload_type = track.payload_type
        self.assembler = make_assembler(track, sink)
        self._nals = self.assembler if isinstance(self.assembler, Assembler) else None
        self.first_packet: float | None = None
        self.report: tuple[rtcp.SenderReport, float] | None = None  # the last one and when it came
        self.goodbye = False
        self._expected = -1
        self._ssrc = -1

    @property
    def format(self) -> VideoFormat | None:
        return self.assembler.format

    @property
    def held(self) -> bool:
        """A unit waits for what comes after its marker: :meth:`flush` it if that is nothing."""
        return self._nals is not None and self._nals.held

    def flush(self) -> None:
        if self._nals is not None:
            self._nals.flush()

    @property
    def marker(self) -> Marker:
        return self._nals.marker if self._nals is not None else Marker.UNIT

    @marker.setter
    def marker(self, known: Marker) -> None:
        if self._nals is not None:
            self._nals.marker = known

    @property
    def ssrc(self) -> int:
        return max(self._ssrc, 0)

    @property
    def highest(self) -> int:
        return max(self._expected - 1, 0)

    def packet(self, data: bytes, start: int, end: int, received: float) -> None:
        """One RTP packet ``data[start:end]``. Raises ``TOO_LARGE`` for pictures beyond the caps."""
        stats = self.stats
        if end - start > 12 and data[start] == 0x80:  # what nearly every camera sends: no extension, no padding
            _, kind, sequence, timestamp, ssrc = FIXED.unpack_from(data, start)
            payload_type, marker, at, stop = kind & 0x7F, kind > 0x7F, start + 12, end
        else:
            header = parse_header(data, start, end)
            if header is None:
                stats.foreign += 1
                return
            payload_type, marker, sequence, timestamp, ssrc, at, stop = header
        if payload_type != self.payload_type:
            stats.foreign += 1
            return
        stats.packets += 1
        stats.bytes += end - start
        gap = 0
        if sequence != self._expected or ssrc != self._ssrc:
            gap = self._jump(sequence, ssrc, received)
            if gap < 0:
                return
        self._expected = sequence + 1 & 0xFFFF
        if at < stop:
            self.assembler.push(data, at, stop, timestamp, marker, gap, received)

    def fragments(self, data: bytes, position: int, end: int, channel: int) -> int:
        """Interleaved frames from ``position`` on, as long as each is the next piece of the NAL unit that is open:
        nine packets of ten, so there is one loop for them. Returns the place of the first that is something else.
        """
        assembler = self._nals
        pieces = assembler.open_fragment if assembler is not None else None
        if pieces is None or assembler is None:
            return position
        middle = assembler.middle
        third = middle[2] if len(middle) > 2 else -1  # H.265's payload header has two bytes, its FU header a third
        head = len(middle) + 16
        first, count, expected = position, 0, self._expected
        mark, kind, source = DOLLAR << 8 | channel, 0x8000 | self.payload_type, assembler.timestamp << 32 | self._ssrc
        begin = middle[0] << 8 | middle[1]
        unpack, view = _FRAME.unpack_from, memoryview(data)
        found: list[memoryview] = []
        while end - position > head:
            its_mark, length, its_kind, sequence, its_source, its_begin = unpack(data, position)
            stop = position + 4 + length
            if sequence != expected or its_begin != begin or its_mark != mark or its_kind != kind:
                break
            if (
                its_source != source
                or stop > end
                or length <= head - 4
                or (third >= 0 and data[position + 18] != third)
            ):
                break
            found.append(view[position + head : stop])
            expected = expected + 1 & 0xFFFF
            position = stop
            count += 1
        if count:
            self._expected = expected
            self.stats.packets += count
            self.stats.bytes += position - first - 4 * count
            assembler.grow(position - first - head * count)
            if 2 * (position - first) > len(data):
                pieces += found
            else:  # a copy, so that few small pieces do not keep a large buffer alive
                pieces.append(b"".join(found))
        return position

    def control(self, data: bytes, start: int, end: int, received: float, wall: float) -> None:
        """One RTCP packet; ``wall`` is our own POSIX time."""
        for packet in rtcp.parse(data, start, end):
            if isinstance(packet, rtcp.SenderReport) and packet.time > 0:
                self.report = (packet, received)
                self.assembler.sender_report = (packet.time, packet.rtp_time)
                self.stats.sender_reports += 1
                self.stats.clock_offset = packet.time - wall
            elif isinstance(packet, rtcp.Goodbye) and (self._ssrc < 0 or self._ssrc in packet.ssrcs):
                self.goodbye = True

    def _jump(self, sequence: int, ssrc: int, received: float) -> int:
        """How many packets are missing before this one; -1 for one that came twice or too late."""
        if self._expected < 0:
            self._ssrc = ssrc
            self.first_packet = received
            return 0
        missing = (sequence - self._expected) & 0xFFFF
        if ssrc != self._ssrc or 3000 < missing < 0x10000 - 100:
            # A new source, or a jump that no loss explains (RFC 3550 section A.1): the camera began anew.
            self._ssrc = ssrc
            self.stats.restarts += 1
            return 1
        if missing > 3000:
            self.stats.reordered += 1
            return -1
        self.stats.lost += missing
        return missing


def make_assembler(track: Track, sink: Sink) -> Assembler | MjpegAssembler:
    if track.codec is Codec.H264:
        return H264Assembler(sink, track.clock_rate, track.parameter_sets)
    if track.codec is Codec.H265:
        return H265Assembler(sink, track.clock_rate, track.parameter_sets)
    if track.codec is Codec.MJPEG:
        return MjpegAssembler(sink, track.clock_rate, track.dimensions)
    raise XueliangError(Kind.NO_STREAM, f"a video codec we do not know: {track.encoding or 'unnamed'}")
