"""The encoder: NAL units without start codes, profiles, refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.access_unit import Codec
from camera_gateway.media.encode import EncodeSpec, encode_gop, encode_jpeg, split_annex_b
from config.errors import Kind, XueliangError

PICTURE = np.random.default_rng(3).integers(16, 235, (96 * 3 // 2, 128), np.uint8)


@pytest.mark.parametrize(("profile", "number"), [("baseline", 66), ("main", 77), ("high", 100)])
def test_h264_profiles(profile: str, number: int) -> None:
    (picture,) = encode_gop([PICTURE], EncodeSpec(Codec.H264, 128, 96, 10, 30, profile))
    assert [n[0] & 0x1F for n in picture.nals] == [7, 8, 5], "SPS, PPS, IDR; no chatter about the encoder"
    assert picture.nals[0][1] == number


def test_h265_carries_its_three_parameter_sets() -> None:
    (picture,) = encode_gop([PICTURE], EncodeSpec(Codec.H265, 128, 96, 10, 30))
    assert [n[0] >> 1 & 0x3F for n in picture.nals][:3] == [32, 33, 34]
    assert len(picture.nals) == 4


def test_a_coarser_quantiser_is_smaller() -> None:
    sizes = [len(encode_gop([PICTURE], EncodeSpec(Codec.H264, 128, 96, 10, q))[0].nals[2]) for q in (20, 30, 40)]
    assert sizes == sorted(sizes, reverse=True)


def test_jpeg() -> None:
    jpeg = encode_jpeg(PICTURE)
    assert jpeg.startswith(b"\xff\xd8")
    assert jpeg.endswith(b"\xff\xd9")


@pytest.mark.parametrize("size", [(127, 96), (128, 95), (8, 8), (10_000, 96)])
def test_sizes_out_of_range_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(XueliangError) as caught:
        encode_gop([], EncodeSpec(Codec.H264, *size, 10, 30))
    assert caught.value.kind is Kind.INVALID


nal = st.binary(min_size=1, max_size=40).map(lambda b: b"\x65" + bytes(x | 3 for x in b))


@settings(max_examples=80, deadline=None)
@given(st.lists(nal, min_size=1, max_size=5), st.lists(st.booleans(), min_size=5, max_size=5))
def test_split_is_the_inverse_of_joining(nals: list[bytes], long: list[bool]) -> None:
    data = b"".join((b"\0\0\0\1" if four else b"\0\0\1") + n for n, four in zip(nals, long, strict=False))
    assert split_annex_b(data) == tuple(nals)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=200))
def test_split_takes_anything(data: bytes) -> None:
    parts = split_annex_b(data)
    assert all(parts)
    assert sum(map(len, parts)) <= len(data)
    assert all(part in data for part in parts), "cut out, never made up"
