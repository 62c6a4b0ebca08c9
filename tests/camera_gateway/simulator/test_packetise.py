"""Packets of a picture: read back by the gateway's own parsers, stamped right, also where the numbers wrap."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.media.encode import EncodeSpec, encode_gop
from camera_gateway.rtsp.h264 import H264Assembler
from camera_gateway.rtsp.h265 import H265Assembler
from camera_gateway.rtsp.mjpeg import MjpegAssembler
from camera_gateway.rtsp.rtp import parse_header
from camera_gateway.simulator.packetise import MAX_PAYLOAD, PAYLOAD_TYPES, Block, packetise, read_jpeg


def read_back(codec: Codec, block: Block, stamped: memoryview) -> list[AccessUnit]:
    units: list[AccessUnit] = []
    kinds = {Codec.H264: H264Assembler, Codec.H265: H265Assembler, Codec.MJPEG: MjpegAssembler}
    assembler = kinds[codec](units.append)
    for packet in block.datagrams(stamped):
        data = bytes(packet)
        header = parse_header(data, 0, len(data))
        assert header is not None
        kind, marker, _, timestamp, _, start, end = header
        assert kind == PAYLOAD_TYPES[codec]
        assert end - start <= MAX_PAYLOAD
        assembler.push(data, start, end, timestamp, marker, 0, 0.0)
    return units


h264_nal = st.binary(min_size=2, max_size=6000).map(lambda b: b"\x65" + bytes(x | 3 for x in b))
h265_nal = st.binary(min_size=3, max_size=6000).map(lambda b: b"\x26\x01" + bytes(x | 3 for x in b))


@settings(max_examples=60, deadline=None)
@given(st.lists(h264_nal, min_size=1, max_size=3), st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1))
def test_h264_reads_back_as_it_was(nals: list[bytes], sequence: int, timestamp: int) -> None:
    block = packetise(Codec.H264, tuple(nals))
    stamped = block.stamped(4, sequence, timestamp, 77).data
    assert [u.nals for u in read_back(Codec.H264, block, stamped)] == [tuple(nals)]
    numbers = [struct.unpack_from(">HII", p, 2) for p in block.datagrams(stamped)]
    assert numbers == [((sequence + i) & 0xFFFF, timestamp, 77) for i in range(block.packets)]


@settings(max_examples=40, deadline=None)
@given(st.lists(h265_nal, min_size=1, max_size=3))
def test_h265_reads_back_as_it_was(nals: list[bytes]) -> None:
    block = packetise(Codec.H265, tuple(nals))
    assert [u.nals for u in read_back(Codec.H265, block, block.stamped(0, 1, 2, 3).data)] == [tuple(nals)]


def test_mjpeg_reads_back_as_a_decodable_picture() -> None:
    planes = np.random.default_rng(1).integers(0, 255, (180 * 3 // 2, 320), np.uint8)
    jpeg = encode_gop([planes], EncodeSpec(Codec.MJPEG, 320, 180, 10, 8))[0].nals[0]
    block = packetise(Codec.MJPEG, (jpeg,))
    (unit,) = read_back(Codec.MJPEG, block, block.stamped(0, 1, 2, 3).data)
    tables, width, height, scan = read_jpeg(unit.nals[0])
    assert (tables, scan) == (read_jpeg(jpeg)[0], read_jpeg(jpeg)[3])
    assert (width, height) == (320, 184), "RFC 2435 counts blocks of eight"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_read_jpeg_refuses_what_is_none(data: bytes) -> None:
    with pytest.raises(ValueError):
        read_jpeg(data)


def test_interleaving_header_and_half() -> None:
    block = packetise(Codec.H264, (b"\x67abc", b"\x68de", b"\x65" + b"\x11" * 9000))
    stamped = block.stamped(6, 65_534, 1, 2)
    assert block.packets == 9
    for start, end in zip(block.starts, [*block.starts[1:], len(stamped)], strict=True):
        mark, channel, length = struct.unpack_from(">BBH", stamped.data, int(start))
        assert (mark, channel, length) == (0x24, 6, end - start - 4)
    half = block.half()
    assert half.packets == 4
    assert len(half.data) == block.starts[4]
    assert not any(p[1] & 0x80 for p in half.datagrams(half.stamped(0, 0, 0, 0).data)), "no marker: the picture is torn"


def test_spoil_keeps_parameter_sets_and_headers() -> None:
    block = packetise(Codec.H264, (b"\x67abc", b"\x68de", b"\x65" + b"\x11" * 9000))
    stamped = block.stamped(0, 5, 6, 7)
    block.spoil(stamped)
    (unit,) = read_back(Codec.H264, block, stamped.data)
    assert unit.nals[:2] == (b"\x67abc", b"\x68de")
    assert unit.nals[2][0] == 0x65
    assert unit.nals[2][1:] == b"\x03" * 9000
