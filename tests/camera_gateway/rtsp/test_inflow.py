"""What a camera sends is taken apart alike however the network has cut it, and garbage has its end."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.rtsp.inflow import MAX_GARBAGE, MAX_UNREAD, Inflow
from camera_gateway.rtsp.message import Headers, Request, Response, frame
from camera_gateway.rtsp.receiver import Receiver
from camera_gateway.rtsp.sdp import Track
from config.clock import ManualClock
from config.errors import Kind, XueliangError
from tests.support.bitstream import H264_PPS, h264_slice, h264_sps, packets

KEY = [h264_sps(640, 360), H264_PPS, h264_slice(4000, idr=True)]
DELTA = [h264_slice(1500, idr=False, kind=5)]
UNITS = [KEY, DELTA, DELTA]
REPLIES = [Response(200, "OK", Headers((("CSeq", str(number)),)), b"x" * number).encode() for number in range(5)]
STRAY = b"\x00\x01stray\r"


def stream() -> bytes:
    """Packets, and between them replies and stray bytes."""
    between = [REPLIES[0], STRAY, *REPLIES[1:], STRAY]
    pieces = [frame(0, packet) for packet in packets(UNITS)]
    for number, piece in enumerate(between):
        pieces.insert(number * 2 % (len(pieces) - 1) + 1, piece)
    return b"".join(pieces)


def watched() -> tuple[Inflow, list[AccessUnit]]:
    units: list[AccessUnit] = []
    inflow = Inflow(ManualClock(), "camera")
    inflow.receiver = Receiver(Track("video", 96, "H264", 90_000, Codec.H264), units.append)
    inflow.rtp_channel, inflow.rtcp_channel = 0, 1
    return inflow, units


def nobody(message: Request | Response) -> None:
    raise AssertionError(f"nobody said {message}")


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(0, len(stream())), max_size=40))
def test_however_it_is_cut(cuts: list[int]) -> None:
    data = stream()
    inflow, units = watched()
    told: list[Request | Response] = []
    places = [0, *sorted(cuts), len(data)]
    media = [inflow.take(data[a:b], told.append) for a, b in itertools.pairwise(places)]
    assert [list(unit.nals) for unit in units] == UNITS
    assert sorted(len(message.body) for message in told) == list(range(len(REPLIES)))
    assert any(media)
    assert inflow.has_media


def test_packets_that_nobody_takes_are_thrown_away() -> None:
    inflow, units = watched()
    inflow.receiver = None
    told: list[Request | Response] = []
    assert not inflow.take(stream(), told.append)
    assert (len(told), units, inflow.has_media) == (len(REPLIES), [], False)


def test_garbage_without_end_is_no_rtsp_and_media_forgives_some() -> None:
    inflow, _ = watched()
    some = b"\x00" * (MAX_GARBAGE // 2 + 1)
    for unit in (KEY, DELTA):
        inflow.take(some + b"".join(frame(0, packet) for packet in packets([unit])), nobody)
    inflow.take(some, nobody)
    with pytest.raises(XueliangError) as caught:
        inflow.take(some, nobody)
    assert (caught.value.kind, caught.value.where) == (Kind.PROTOCOL, "camera")


def test_a_head_without_end_is_not_kept() -> None:
    inflow, _ = watched()

    def endless() -> None:
        inflow.take(b"RTSP/1.0 200 OK\r\nX: ", nobody)
        for _ in range(2 * MAX_UNREAD // 1000):
            inflow.take(b"y" * 1000, nobody)

    with pytest.raises(XueliangError) as caught:
        endless()
    assert caught.value.kind is Kind.TOO_LARGE
