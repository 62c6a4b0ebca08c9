"""Pictures as RFC 6184 payloads: whatever goes in comes out of the depacketiser that reads cameras."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.access_unit import AccessUnit, Codec, ParameterSets
from camera_gateway.rtsp.h264 import H264Assembler
from streaming.packetiser import MAX_PAYLOAD, fragments, payloads
from tests.support.bitstream import h264_sps

SPS, PPS = h264_sps(640, 360), b"\x68\xee\x3c\x80"
SETS = ParameterSets(Codec.H264, (SPS, PPS))


def unit(*nals: bytes, keyframe: bool = False) -> AccessUnit:
    return AccessUnit(Codec.H264, keyframe, nals, 0, 0.0, parameter_sets=SETS)


def read_back(pieces: list[bytes]) -> tuple[bytes, ...]:
    found: list[AccessUnit] = []
    assembler = H264Assembler(found.append, sets=SETS)
    for index, piece in enumerate(pieces):
        assembler.push(piece, 0, len(piece), 7, index == len(pieces) - 1, 0, 0.0)
    assert len(found) == 1
    assert not found[0].damaged
    return found[0].nals


def nal(kind: int, size: int, fill: int = 0x55) -> bytes:
    return bytes((0x60 | kind, 0x88)) + bytes((fill,)) * (size - 2)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.integers(2, 5000), min_size=1, max_size=8),
    st.integers(40, MAX_PAYLOAD),
)
def test_what_is_cut_comes_together_again(sizes: list[int], limit: int) -> None:
    nals = [nal(1, size, 0x20 + index) for index, size in enumerate(sizes)]
    pieces = fragments(nals, limit)
    assert max(map(len, pieces)) <= limit
    assert read_back(pieces) == tuple(nals)


@pytest.mark.parametrize("size", [MAX_PAYLOAD - 1, MAX_PAYLOAD, MAX_PAYLOAD + 1, 2 * 1186, 2 * 1186 + 1, 2 * 1186 + 2])
def test_at_every_edge_of_a_piece(size: int) -> None:
    pieces = payloads(unit(nal(1, size)))
    assert read_back(pieces) == (nal(1, size),)
    assert len({len(piece) for piece in pieces[:-1]}) <= 1  # one size: the kernel sends them in one call


def test_a_keyframe_begins_with_the_parameter_sets_once() -> None:
    for sent in ((nal(5, 3000),), (SPS, PPS, nal(5, 3000)), (PPS, nal(5, 3000))):
        pieces = payloads(unit(*sent, keyframe=True))
        assert read_back(pieces) == (SPS, PPS, nal(5, 3000))
        assert pieces[0][0] & 0x1F == 24  # both in one STAP-A


def test_delimiters_and_analytics_are_left_out() -> None:
    assert read_back(payloads(unit(b"\x09\xf0", nal(6, 900), nal(1, 30), nal(12, 400)))) == (nal(1, 30),)
    assert payloads(unit(b"\x09\xf0", nal(6, 900))) == []
    assert payloads(unit()) == []
