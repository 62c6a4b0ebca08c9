"""One viewer against a stream and a way of the test's own: pace, skips, repairs, switches; no sockets, no waiting."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from camera_gateway.access_unit import AccessUnit, Codec, ParameterSets
from camera_gateway.source import Source
from config.clock import ManualClock
from config.errors import Kind, XueliangError
from streaming.camera_stream import CameraStream
from streaming.fitness import Unfit
from streaming.numbering import Numbering
from streaming.offer import Format
from streaming.pacing import BURST_BYTES, Bucket
from streaming.packet_ring import Packet
from streaming.view_state import End
from streaming.viewer import MAX_SKIPS, Viewer
from tests.support.bitstream import h264_slice, h264_sps

SETS = ParameterSets(Codec.H264, (h264_sps(640, 360), b"\x68\xee\x3c\x80"))
SSRC, RTX = 11, 12


@dataclass
class Out:
    """The way: what went out, as (sequence, timestamp, payload); ``room`` packets until the socket is full."""

    sent: list[tuple[int, int, bytes]] = field(default_factory=list)
    repairs: list[bytes] = field(default_factory=list)
    control_: list[bytes] = field(default_factory=list)
    room: int = 10**9

    def media(self, packets: Sequence[Packet], sequence: int, stamp: int) -> int:
        count = min(len(packets), self.room)
        self.room -= count
        for index, (payload, _) in enumerate(packets[:count]):
            self.sent.append(((sequence + index) & 0xFFFF, stamp & 0xFFFFFFFF, payload))
        return count

    def packet(self, packet: bytes) -> None:
        self.repairs.append(packet)

    def control(self, packet: bytes) -> None:
        self.control_.append(packet)


class World:
    """A stream that the test feeds and a viewer on it; ``asked`` counts keyframes wanted of the camera."""

    def __init__(self, *, rtx: int | None = 107, rate: float = 1e9) -> None:
        self.clock = ManualClock()
        self.out = Out()
        self.timers: list[Callable[[], None]] = []
        self.ended: list[End] = []
        self.unfit: list[Unfit] = []
        self.stream = self.made("main")
        self.number = 0
        form = Format(106, "42e01f", rtx, frozenset())
        later = lambda seconds, call: self.timers.append(call)  # noqa: E731
        self.viewer = Viewer(
            self.out, form, (SSRC, RTX), Numbering(65_500, 2**31), Bucket(rate), self.clock, later,
            self.ended.append, self.unfit.append,
        )  # fmt: skip

    def made(self, key: str) -> CameraStream:
        async def no_camera() -> Source:
            raise XueliangError(Kind.NO_STREAM, "the test feeds it")

        return CameraStream(key, no_camera, self.clock, 1.0)

    async def feed(
        self, pictures: int, *, gop: int = 25, size: int = 900, step: float = 0.04, into: CameraStream | None = None
    ) -> None:
        stream = into or self.stream
        for _ in range(pictures):
            await self.clock.advance(step)
            key = self.number % gop == 0
            nal = h264_slice(size * (10 if key else 1), idr=key)
            unit = AccessUnit(Codec.H264, key, (nal,), self.number * 3600, self.clock.monotonic(), parameter_sets=SETS)
            self.number += 1
            stream._arrived(unit)

    def wake(self) -> None:
        timers, self.timers = self.timers, []
        for call in timers:
            call()


async def test_whoever_joins_gets_the_group_at_once_then_live() -> None:
    world = World()
    await world.feed(15)
    world.viewer.watch(world.stream)
    assert world.out.sent == []  # the way is not there yet
    world.viewer.connected()
    stamps = list(dict.fromkeys(stamp for _, stamp, _ in world.out.sent))
    assert len(stamps) == 15
    assert {(b - a) & 0xFFFFFFFF for a, b in itertools.pairwise(stamps)} == {90}
    await world.feed(3)
    stamps = list(dict.fromkeys(stamp for _, stamp, _ in world.out.sent))[-4:]
    assert {(b - a) & 0xFFFFFFFF for a, b in itertools.pairwise(stamps)} == {3600}
    numbers = [number for number, _, _ in world.out.sent]
    assert numbers == [(65_500 + index) & 0xFFFF for index in range(len(numbers))]


async def test_a_stream_that_stands_still_is_not_shown_as_live() -> None:
    world = World()
    await world.feed(15)
    await world.clock.advance(4.0)
    world.viewer.watch(world.stream)
    world.viewer.connected()
    assert world.out.sent == []
    await world.feed(1)  # it goes on, and what went before belongs to it
    assert len(dict.fromkeys(stamp for _, stamp, _ in world.out.sent)) == 16


async def test_the_burst_keeps_the_pace() -> None:
    world = World(rate=1_000_000)
    await world.feed(50, gop=50, size=6000)
    world.viewer.watch(world.stream)
    world.viewer.connected()
    first = sum(len(payload) for _, _, payload in world.out.sent)
    assert first <= BURST_BYTES + 1200
    for _ in range(400):
        await world.clock.advance(0.005)
        world.wake()
    assert len(dict.fromkeys(stamp for _, stamp, _ in world.out.sent)) == 50
    assert world.viewer.counters.skips == 0


async def test_a_full_socket_loses_nothing_and_goes_on() -> None:
    world = World()
    world.viewer.watch(world.stream)
    world.viewer.connected()
    world.out.room = 5
    await world.feed(3)
    assert len(world.out.sent) == 5
    world.out.room = 10**9
    world.wake()
    numbers = [number for number, _, _ in world.out.sent]
    assert numbers == [(65_500 + index) & 0xFFFF for index in range(len(numbers))]
    assert len(dict.fromkeys(stamp for _, stamp, _ in world.out.sent)) == 3


async def test_who_falls_behind_goes_on_at_a_keyframe_and_is_cut_in_the_end() -> None:
    world = World()
    world.viewer.watch(world.stream)
    world.viewer.connected()
    await world.feed(5)
    for _ in range(MAX_SKIPS + 2):
        world.out.room = 0
        await world.feed(50)
        world.viewer.tick()
        world.out.room = 1
        world.wake()
    assert world.viewer.counters.skips == MAX_SKIPS + 1
    assert world.ended == [End.SLOW]


def nack(*sequences: int, ssrc: int = SSRC) -> bytes:
    pairs = b"".join(struct.pack("!HH", sequence, 0) for sequence in sequences)
    return struct.pack("!BBHII", 0x81, 205, 2 + len(sequences), 1, ssrc) + pairs


async def test_what_was_lost_is_sent_again_from_the_ring() -> None:
    world = World()
    await world.feed(10)
    world.viewer.watch(world.stream)
    world.viewer.connected()
    sequence, stamp, payload = world.out.sent[4]
    world.viewer.control(nack(sequence, sequence, ssrc=99))
    assert world.out.repairs == []
    world.viewer.control(nack(sequence))
    world.viewer.control(nack(sequence))  # within a way there and back: once
    (packet,) = world.out.repairs
    kind, number, time, ssrc, original = struct.unpack("!xBHIIH", packet[:14])
    assert (kind & 0x7F, time, ssrc, original, packet[14:]) == (107, stamp, RTX, sequence, payload)
    world.viewer.control(nack((sequence - 2000) & 0xFFFF))
    assert (world.viewer.counters.repaired, world.viewer.counters.missing) == (1, 1)
    await world.clock.advance(0.1)
    world.viewer.control(nack(world.out.sent[5][0]))
    assert struct.unpack("!xxH", world.out.repairs[1][:4])[0] == (number + 1) & 0xFFFF


async def test_without_rtx_the_packet_itself_comes_again() -> None:
    world = World(rtx=None)
    world.viewer.watch(world.stream)
    world.viewer.connected()
    await world.feed(1)
    sequence, stamp, payload = world.out.sent[0]
    world.viewer.control(nack(sequence))
    assert world.out.repairs == [struct.pack("!BBHII", 0x80, 106, sequence, stamp, SSRC) + payload]


async def test_a_lost_picture_is_asked_of_the_camera_once_and_else_taken_from_the_ring() -> None:
    world = World()
    world.viewer.watch(world.stream)
    world.viewer.connected()
    await world.feed(20)
    pli = struct.pack("!BBHII", 0x81, 206, 2, 1, SSRC)
    for _ in range(5):
        world.viewer.control(pli)
    assert world.viewer.counters.keyframes_wanted == 5
    before = len(world.out.sent)
    await world.feed(2)
    await world.clock.advance(1.0)
    world.viewer.tick()
    again = [payload for _, _, payload in world.out.sent[before:]]
    assert any(payload[0] & 0x1F == 24 for payload in again)  # parameter sets: the group was sent anew
    stamps = [stamp for _, stamp, _ in world.out.sent]
    assert all(0 <= (b - a) & 0xFFFFFFFF < 0x80000000 for a, b in itertools.pairwise(stamps))


async def test_a_switch_waits_for_the_other_streams_keyframe() -> None:
    world = World()
    sub = world.made("sub")
    world.viewer.watch(world.stream)
    world.viewer.connected()
    await world.feed(5)
    world.viewer.watch(sub)
    await world.feed(5)
    assert world.viewer.stream is world.stream
    world.number = 0
    await world.feed(1, into=sub)
    assert world.viewer.stream is sub
    assert world.viewer not in world.stream.watchers
    numbers = [number for number, _, _ in world.out.sent]
    assert numbers == [(65_500 + index) & 0xFFFF for index in range(len(numbers))]


async def test_sender_reports_tie_the_pictures_to_the_clock() -> None:
    world = World()
    await world.feed(10)
    world.viewer.watch(world.stream)
    world.viewer.connected()
    await world.feed(5)
    await world.clock.advance(0.5)
    world.viewer.tick()
    seconds, fraction, stamp, packets = struct.unpack("!8xIIII", world.out.control_[-1][:24])
    assert abs(seconds - 2_208_988_800 + fraction / 2**32 - world.clock.now().timestamp()) < 1e-3
    assert (stamp - world.out.sent[-1][1]) & 0xFFFFFFFF == 45_000
    assert packets == len(world.out.sent)


async def test_lost_for_good_is_told() -> None:
    world = World()
    world.viewer.watch(world.stream)
    world.viewer.connected()
    await world.feed(1)
    report = struct.pack("!BBHIIIIIII", 0x81, 201, 7, 1, SSRC, 200 << 24, 0, 0, 0, 0)
    for _ in range(15):
        world.viewer.control(report)
    assert world.ended == [End.SLOW]
