"""From RTP packets to access units: what cameras send, in whole, in pieces, out of order and broken."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.access_unit import AccessUnit, Codec, ParameterSets
from camera_gateway.rtsp import annexb, rtcp
from camera_gateway.rtsp.assembler import Marker
from camera_gateway.rtsp.h264 import parse_sps as parse_h264
from camera_gateway.rtsp.h264 import slice_type
from camera_gateway.rtsp.h265 import parse_sps as parse_h265
from camera_gateway.rtsp.message import frame
from camera_gateway.rtsp.mjpeg import quantisation
from camera_gateway.rtsp.receiver import Receiver
from camera_gateway.rtsp.rtp import Reorder, parse_header
from camera_gateway.rtsp.sdp import Track
from config.errors import Kind, XueliangError
from tests.support.bitstream import (
    H264_PPS,
    H265_PPS,
    H265_VPS,
    h264_slice,
    h264_sps,
    h265_slice,
    h265_sps,
    noise,
    packets,
    payloads_h264,
    payloads_h265,
    rtp,
)

SPS = h264_sps(1280, 720)
KEY = [SPS, H264_PPS, h264_slice(9000, idr=True)]
DELTA = [h264_slice(3000, idr=False, kind=5)]


def receive(
    stream: list[bytes],
    codec: Codec = Codec.H264,
    sets: ParameterSets | None = None,
    marker: Marker = Marker.UNIT,
) -> tuple[list[AccessUnit], Receiver]:
    units: list[AccessUnit] = []
    receiver = Receiver(Track("video", 96, codec.name, 90_000, codec, parameter_sets=sets), units.append)
    receiver.marker = marker
    for packet in stream:
        receiver.packet(packet, 0, len(packet), 1.0)
    return units, receiver


def test_whole_units() -> None:
    units, receiver = receive(packets([KEY, DELTA, DELTA], sequence=65_530, timestamp=2**32 - 3600))
    assert [list(u.nals) for u in units] == [KEY, DELTA, DELTA]
    assert [u.keyframe for u in units] == [True, False, False]
    assert [u.rtp_time for u in units] == [2**32 - 3600, 0, 3600]
    assert not any(u.damaged or u.lost for u in units)
    assert (receiver.stats.lost, receiver.stats.restarts) == (0, 0)
    assert receiver.format is not None
    assert (receiver.format.width, receiver.format.height) == (1280, 720)


def test_no_marker_at_all() -> None:
    stream = [bytes((p[0], p[1] & 0x7F)) + p[2:] for p in packets([KEY, DELTA, DELTA])]
    units, _ = receive(stream)
    assert [list(u.nals) for u in units] == [KEY, DELTA]


def test_marker_on_parameter_sets() -> None:
    stream = [rtp(i, 9, n, marker=True) for i, n in enumerate(KEY[:2])]
    bodies = payloads_h264(KEY[2])
    stream += [rtp(2 + i, 9, b, marker=i == len(bodies) - 1) for i, b in enumerate(bodies)]
    units, _ = receive(stream)
    assert [list(u.nals) for u in units] == [KEY]


def sliced(units: list[list[bytes]], codec: Codec = Codec.H264) -> list[bytes]:
    """Every NAL unit ends with the marker bit."""
    cut = payloads_h264 if codec is Codec.H264 else payloads_h265
    stream: list[bytes] = []
    for number, unit in enumerate(units):
        for nal in unit:
            bodies = cut(nal)
            for index, body in enumerate(bodies):
                stream.append(rtp(len(stream), number * 3600, body, marker=index == len(bodies) - 1))
    return stream


SLICED = [SPS, H264_PPS, h264_slice(5000, idr=True), *(h264_slice(4000, idr=True, first=False, seed=n) for n in (2, 3))]
SLICED_DELTA = [h264_slice(900, idr=False), h264_slice(800, idr=False, first=False)]


@pytest.mark.parametrize("known", [Marker.UNKNOWN, Marker.SLICE])
def test_marker_on_every_slice(known: Marker) -> None:
    units, receiver = receive(sliced([SLICED, SLICED_DELTA, SLICED_DELTA]), marker=known)
    assert [list(u.nals) for u in units] == [SLICED, SLICED_DELTA]
    assert not any(u.damaged for u in units)
    assert receiver.marker is Marker.SLICE


def test_marker_on_every_slice_of_h265() -> None:
    more = h265_slice(3000, irap=True, seed=2)
    unit = [H265_VPS, h265_sps(640, 360), H265_PPS, h265_slice(3000, irap=True), more[:2] + b"\x2f" + more[3:]]
    units, _ = receive(sliced([unit, unit], Codec.H265), Codec.H265, marker=Marker.UNKNOWN)
    assert [list(u.nals) for u in units] == [unit]


def test_marker_on_every_slice_is_found_out_late() -> None:
    """Believed to end the unit: what follows is told as damaged, and the next unit is whole."""
    units, receiver = receive(sliced([SLICED, SLICED, SLICED]))
    assert receiver.marker is Marker.SLICE
    assert [u.damaged for u in units] == [False, True, False]
    assert list(units[2].nals) == SLICED


def test_the_marker_ends_a_unit_until_slices_say_otherwise() -> None:
    units, receiver = receive(packets([KEY]), marker=Marker.UNKNOWN)
    assert not units
    assert receiver.held
    receiver.flush()
    assert [list(u.nals) for u in units] == [KEY]
    assert receiver.marker is Marker.UNIT
    units, receiver = receive(packets([KEY, DELTA]), marker=Marker.UNKNOWN)
    assert [list(u.nals) for u in units] == [KEY, DELTA]
    assert receiver.marker is Marker.UNIT


def test_pictures_of_one_timestamp_part_at_the_marker() -> None:
    stream = packets([KEY, DELTA, DELTA], step=0)
    for known in Marker:
        units, receiver = receive(stream, marker=known)
        receiver.flush()
        expected = [KEY, DELTA, DELTA] if known is not Marker.SLICE else [KEY, DELTA]
        assert [list(u.nals) for u in units] == expected


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_frames_in_one_go_or_packet_by_packet(data: st.DataObject) -> None:
    """The loop for the pieces of one NAL unit sees what the single packets are, wherever the buffer ends."""
    h265 = data.draw(st.booleans())
    codec = Codec.H265 if h265 else Codec.H264
    if h265:
        nals = [H265_VPS, h265_sps(640, 360), H265_PPS, h265_slice(6000, irap=True), h265_slice(4000, irap=False)]
        stream = [rtp(i, 9, b) for i, b in enumerate(b for n in nals for b in payloads_h265(n, 300))]
    else:
        stream = packets([KEY, DELTA, KEY])
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(stream) - 1))
        change = data.draw(st.sampled_from(["drop", "twice", "short", "byte"]))
        packet = stream[at]
        place = data.draw(st.integers(0, len(packet) - 1))
        changed = packet[:place] + bytes((packet[place] ^ data.draw(st.integers(1, 255)),)) + packet[place + 1 :]
        stream[at : at + 1] = {
            "drop": [],
            "twice": [packet] * 2,
            "short": [packet[: max(1, place)]],
            "byte": [changed],
        }[change]
    one, first = receive(stream, codec)
    units: list[AccessUnit] = []
    receiver = Receiver(Track("video", 96, codec.name, 90_000, codec), units.append)
    whole = b"".join(frame(0, packet) for packet in stream)
    position, end = 0, 0
    while position < len(whole):
        stop = position + 4 + int.from_bytes(whole[position + 2 : position + 4], "big")
        end = max(stop, end, position + data.draw(st.integers(0, 9000)))
        receiver.packet(whole, position + 4, stop, 1.0)
        position = receiver.fragments(whole[:end], stop, min(end, len(whole)), 0)
    assert units == one
    assert receiver.stats == first.stats


def test_parameter_sets_with_a_time_of_their_own() -> None:
    stream = [rtp(0, 1, SPS, marker=True), rtp(1, 1, H264_PPS, marker=True)]
    stream += packets([[KEY[2]]], sequence=2)
    units, _ = receive(stream)
    assert [list(u.nals) for u in units] == [[KEY[2]]]
    assert units[0].parameter_sets is not None
    assert units[0].parameter_sets.nals == (SPS, H264_PPS)


def test_start_codes_inside_a_payload() -> None:
    glued = b"\0\0\0\1".join(KEY)
    for body in ([glued], [b"\0\0\0\1" + glued], [b"\0\0\1" + glued], payloads_h264(glued)):
        stream = [rtp(i, 9, b, marker=i == len(body) - 1) for i, b in enumerate(body)]
        units, _ = receive(stream)
        assert [list(u.nals) for u in units] == [KEY]
        assert units[0].keyframe


def test_stap_a_and_sets_from_the_description() -> None:
    stap = b"\x18" + b"".join(len(n).to_bytes(2, "big") + n for n in KEY[:2])
    units, _ = receive([rtp(0, 9, stap), *packets([[KEY[2]]], sequence=1, timestamp=9)])
    assert [list(u.nals) for u in units] == [KEY]
    sets = ParameterSets(Codec.H264, (SPS, H264_PPS))
    units, receiver = receive(packets([[KEY[2]]]), sets=sets)
    assert units[0].parameter_sets == sets
    assert receiver.format is not None


def test_fragments_without_an_end_bit() -> None:
    bodies = [bytes((b[0], b[1] & 0xBF)) + b[2:] if b[0] & 31 == 28 else b for b in payloads_h264(KEY[2])]
    units, _ = receive([rtp(i, 9, b, marker=i == len(bodies) - 1) for i, b in enumerate(bodies)])
    assert units[0].nals == (KEY[2],)


@given(st.sets(st.integers(0, 40), max_size=6))
@settings(max_examples=120, deadline=None)
def test_missing_packets_are_never_hidden(missing: set[int]) -> None:
    """A unit that claims to be whole has the whole picture of one that was sent, and its parameter sets are known."""
    sent = [KEY, DELTA, [h264_slice(700, idr=False, kind=5)], KEY, DELTA]
    stream = [p for i, p in enumerate(packets(sent)) if i not in missing]
    units, _ = receive(stream)
    for unit in units:
        assert unit.damaged or unit.nals[-1] in [nals[-1] for nals in sent]
        assert unit.damaged or not unit.keyframe or unit.parameter_sets == ParameterSets(Codec.H264, (SPS, H264_PPS))


def test_h265() -> None:
    key = [H265_VPS, h265_sps(1920, 1080), H265_PPS, h265_slice(8000, irap=True)]
    delta = [h265_slice(2000, irap=False)]
    ap = bytes((48 << 1, 1)) + b"".join(len(n).to_bytes(2, "big") + n for n in key[:3])
    for first in (payloads_h265(ap), [p for n in key[:3] for p in payloads_h265(n)]):
        bodies = [*first, *payloads_h265(key[3])]
        stream = [rtp(i, 9, b, marker=i == len(bodies) - 1) for i, b in enumerate(bodies)]
        at = len(stream)
        stream += [rtp(at + i, 99, b, marker=i == 1) for i, b in enumerate(payloads_h265(delta[0]))]
        units, receiver = receive(stream, Codec.H265)
        assert [list(u.nals) for u in units] == [key, delta]
        assert [u.keyframe for u in units] == [True, False]
        assert receiver.format is not None
        assert (receiver.format.width, receiver.format.height, receiver.format.profile) == (1920, 1080, "Main")


def test_i_pictures_instead_of_idr() -> None:
    open_gop = [SPS, H264_PPS, h264_slice(3000, idr=False, kind=7)]
    units, _ = receive(packets([open_gop, DELTA, [h264_slice(3000, idr=False, kind=7)]]))
    assert [u.keyframe for u in units] == [True, False, False]


def test_too_large() -> None:
    endless = [rtp(0, 9, bytes((0x7C, 0x85)) + b"x" * 60_000)]
    endless += [rtp(i, 9, bytes((0x7C, 0x05)) + b"x" * 60_000) for i in range(1, 400)]
    with pytest.raises(XueliangError) as refused:
        receive(endless)
    assert refused.value.kind is Kind.TOO_LARGE
    with pytest.raises(XueliangError) as crowd:
        receive([rtp(i, 9, b"\x41\x9a") for i in range(5000)])
    assert crowd.value.kind is Kind.TOO_LARGE
    with pytest.raises(XueliangError) as wide:
        receive([rtp(0, 9, h264_sps(16_000, 16_000))])
    assert wide.value.kind is Kind.TOO_LARGE


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_broken_packets(data: st.DataObject) -> None:
    codec = data.draw(st.sampled_from(list(Codec)))
    stream = packets([KEY, DELTA, KEY])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(stream) - 1))
        packet = bytearray(stream[at])
        cut = data.draw(st.integers(0, min(40, len(packet))))
        packet[cut : cut + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
        stream[at] = bytes(packet)
    units: list[AccessUnit] = []
    kind = Kind.PROTOCOL
    try:
        units, _ = receive(stream, codec)
    except XueliangError as error:
        kind = error.kind
    assert kind in (Kind.PROTOCOL, Kind.TOO_LARGE)
    assert all(u.nals and all(u.nals) for u in units)
    # An aggregate may be read as several units; none of them holds more than what was sent.
    assert sum(u.size for u in units if codec is not Codec.MJPEG) <= sum(map(len, stream))


def test_header_extension_padding_and_csrc() -> None:
    body = b"payload"
    fixed = rtp(7, 8, b"", marker=True)[1:]
    assert parse_header(b"\x80" + fixed + body, 0, 19) == (96, True, 7, 8, 7, 12, 19)
    wide = b"\x92" + fixed + b"c" * 8 + b"\xbe\xde\x00\x01" + b"e" * 4 + body
    assert parse_header(wide, 0, len(wide)) == (96, True, 7, 8, 7, 28, 35)
    padded = b"\xa0" + fixed + body + b"\0\0\3"
    assert parse_header(padded, 0, len(padded)) == (96, True, 7, 8, 7, 12, 19)
    for broken in (b"", b"\x80" * 11, b"\x40" + fixed, b"\x8f" + fixed, b"\x90" + fixed, b"\xa0" + fixed + b"\xff"):
        assert parse_header(broken, 0, len(broken)) is None


@given(st.integers(0, 2**16 - 1), st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_reorder(start: int, rng: random.Random) -> None:
    """Any disorder within the window comes out in order and complete."""
    stream = [rtp(start + i, 0, bytes((i,))) for i in range(60)]
    shuffled = [stream[0], *sorted(stream[1:], key=lambda p: p[-1] + rng.random() * 7)]
    order = Reorder(window=16)
    out = [p for packet in shuffled for p in order.push(packet)] + order.flush()
    assert out == stream
    assert order.late == 0


def test_reorder_gives_up_and_starts_anew() -> None:
    order = Reorder(window=3)
    stream = [rtp(i, 0, b"") for i in range(10)]
    out = [p for packet in [stream[0], *stream[2:7], stream[1]] for p in order.push(packet)]
    assert out == [stream[0], *stream[2:7]]
    assert order.late == 1
    jump = rtp(20_000, 0, b"")
    assert order.push(jump) == [jump]
    assert order.push(b"short") == []


def test_mjpeg_pictures_are_the_encoder_s_own() -> None:
    image = np.zeros((240, 320, 3), np.uint8)
    image[..., 0] = np.arange(320) % 256
    image[..., 1] = (np.arange(240) % 256)[:, None]
    coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 50])[1].tobytes()
    scan = coded[coded.index(b"\xff\xda") + 14 :]
    tables = quantisation(50)
    reference = cv2.imdecode(np.frombuffer(coded, np.uint8), cv2.IMREAD_COLOR)
    for quality, head in ((50, b""), (255, b"\0\0\0\x80" + tables), (130, b"\0\0\0\x80" + tables)):
        stream: list[bytes] = []
        for offset in range(0, len(scan), 900):
            short = offset.to_bytes(4, "big") + bytes((1, quality, 40, 30)) + (head if offset == 0 else b"")
            stream.append(rtp(len(stream), 9, short + scan[offset : offset + 900], marker=offset + 900 >= len(scan)))
        units, receiver = receive(stream, Codec.MJPEG)
        assert receiver.format is not None
        assert (receiver.format.width, receiver.format.height) == (320, 240)
        decoded = cv2.imdecode(np.frombuffer(units[0].nals[0], np.uint8), cv2.IMREAD_COLOR)
        assert reference is not None
        assert decoded is not None
        assert np.array_equal(decoded, reference)
        cut, _ = receive(stream[:1] + stream[2:], Codec.MJPEG)
        assert all(u.damaged for u in cut)


def test_rtcp() -> None:
    packet = rtcp.sender_report(7, 1_700_000_000.25, 90_000, 3, 4) + rtcp.picture_loss(1, 2) + rtcp.goodbye(7)
    report, loss, bye = rtcp.parse(packet)
    assert isinstance(report, rtcp.SenderReport)
    assert report.time == pytest.approx(1_700_000_000.25, abs=1e-6)
    assert (report.rtp_time, report.packets, report.octets) == (90_000, 3, 4)
    assert loss == rtcp.PictureLoss(1, 2)
    assert bye == rtcp.Goodbye((7,))
    for cut in range(len(packet)):
        assert len(rtcp.parse(packet[:cut])) <= 3
    answer = rtcp.receiver_report(5, rtcp.Block(7, 9, 10, 11, 12, 13, 14))
    assert len(answer) % 4 == 0
    assert rtcp.parse(answer) == []


@given(st.binary(max_size=120))
@settings(max_examples=150, deadline=None)
def test_rtcp_any_bytes(data: bytes) -> None:
    assert len(rtcp.parse(data)) <= len(data) // 4  # the smallest packet is its header


@pytest.mark.parametrize(("width", "height"), [(640, 360), (704, 576), (1920, 1080), (2560, 1440), (8192, 4608)])
@pytest.mark.parametrize("reorder", [0, 2, None])
def test_sps(width: int, height: int, reorder: int | None) -> None:
    for profile in (66, 77, 100):
        found = parse_h264(h264_sps(width, height, fps=12, reorder=reorder, profile=profile))
        assert (found.width, found.height, found.fps) == (width, height, 12.0)
        assert found.reorder == (0 if reorder is None and profile == 66 else reorder)
    wide = parse_h265(h265_sps(width, height, reorder=reorder or 0))
    assert (wide.width, wide.height, wide.reorder) == (width, height, reorder or 0)


def test_sps_cut_at_every_byte() -> None:
    for nal, parse in ((h264_sps(1920, 1080), parse_h264), (h265_sps(1920, 1080), parse_h265)):
        for cut in range(len(nal)):
            try:
                assert parse(nal[:cut]).width <= 1920
            except XueliangError as error:
                if error.kind is not Kind.PROTOCOL:
                    raise


def test_slice_types() -> None:
    found = [slice_type(h264_slice(50, idr=False, kind=k)) for k in (5, 6, 7)]
    assert found == ["P", "B", "I"]
    assert slice_type(b"") is None
    assert slice_type(SPS) is None
    assert slice_type(b"\x41") is None


def test_annexb() -> None:
    assert annexb.split(b"") == []
    assert annexb.split(b"abc") == [b"abc"]
    assert annexb.split(b"\0\0\0\1a\0\0\1b\0\0\0") == [b"a", b"b"]
    assert annexb.unescape(b"\0\0\3\1\0\0\3\0\0\3") == b"\0\0\1\0\0\0\0"
    assert annexb.split(noise(1000)) == [noise(1000)]
