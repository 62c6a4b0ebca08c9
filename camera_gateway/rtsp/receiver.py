"""Pure: RTP packets of one video track into access units, with the counts that loss and bitrate are read from."""

from __future__ import annotations

from dataclasses import dataclass

from camera_gateway.access_unit import Codec
from camera_gateway.rtsp import rtcp
from camera_gateway.rtsp.assembler import Assembler, Sink
from camera_gateway.rtsp.h264 import H264Assembler
from camera_gateway.rtsp.h265 import H265Assembler
from camera_gateway.rtsp.mjpeg import MjpegAssembler
from camera_gateway.rtsp.rtp import FIXED, parse_header
from camera_gateway.rtsp.sdp import Track
from camera_gateway.rtsp.video_format import VideoFormat
from config.errors import Kind, XueliangError


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

    __slots__ = ("_expected", "_ssrc", "assembler", "first_packet", "goodbye", "payload_type", "report", "stats")

    def __init__(self, track: Track, sink: Sink, stats: Stats | None = None) -> None:
        self.stats = stats or Stats()
        self.payload_type = track.payload_type
        self.assembler = make_assembler(track, sink)
        self.first_packet: float | None = None
        self.report: tuple[rtcp.SenderReport, float] | None = None  # the last one and when it came
        self.goodbye = False
        self._expected = -1
        self._ssrc = -1

    @property
    def format(self) -> VideoFormat | None:
        return self.assembler.format

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
