"""Pure: every codec gives its picture; damaged, huge and hostile data give an error and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.access_unit import AccessUnit, Codec, ParameterSets
from camera_gateway.job import MAX_UNIT
from camera_gateway.media.decode import Picture, decode
from camera_gateway.rtsp.video_format import MAX_PIXELS
from config.errors import Kind, XueliangError
from tests.support.bitstream import h264_slice, h264_sps
from tests.support.pictures import unit

CODECS = list(Codec)


@pytest.mark.parametrize("codec", CODECS)
def test_each_codec_gives_planes_of_the_coded_size(codec: Codec) -> None:
    picture = decode(unit(0, codec=codec))
    assert (picture.width, picture.height) == (640, 360)
    assert picture.y.shape == (360, 640)
    assert picture.u is not None
    assert picture.v is not None
    assert picture.u.shape == picture.v.shape == (180, 320)
    assert 40 < picture.y.mean() < 200
    assert picture.full_range is (codec is Codec.MJPEG)


@pytest.mark.parametrize("codec", [Codec.H264, Codec.H265])
def test_parameter_sets_from_elsewhere_stand_in(codec: Codec) -> None:
    whole = unit(0, codec=codec)
    kinds = (7, 8) if codec is Codec.H264 else (32, 33, 34)
    sets = tuple(n for n in whole.nals if (n[0] & 31 if codec is Codec.H264 else n[0] >> 1 & 63) in kinds)
    bare = replace(whole, nals=tuple(n for n in whole.nals if n not in sets))
    with pytest.raises(XueliangError) as caught:
        decode(bare)
    assert caught.value.kind is Kind.UNDECODABLE
    assert decode(bare, ParameterSets(codec, sets)).width == 640
    assert decode(replace(bare, parameter_sets=ParameterSets(codec, sets))).width == 640


def test_a_16000_pixel_sps_is_refused_before_decoding() -> None:
    hostile = AccessUnit(
        Codec.H264, True, (h264_sps(16_000, 9_000), b"\x68\xce\x3c\x80", h264_slice(500, idr=True)), 0, 0
    )
    with pytest.raises(XueliangError) as caught:
        decode(hostile)
    assert caught.value.kind is Kind.TOO_LARGE
    assert caught.value.facts == {"width": 16_000, "height": 9_008}


def test_a_jpeg_that_claims_60000_pixels_is_refused_before_decoding() -> None:
    data = bytearray(unit(0, codec=Codec.MJPEG).nals[0])
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = (60_000).to_bytes(2) * 2
    with pytest.raises(XueliangError) as caught:
        decode(AccessUnit(Codec.MJPEG, True, (bytes(data),), 0, 0.0))
    assert caught.value.kind is Kind.TOO_LARGE


def test_a_20_megabyte_keyframe_is_refused() -> None:
    with pytest.raises(XueliangError) as caught:
        decode(AccessUnit(Codec.H264, True, (bytes(20 * 1024 * 1024),), 0, 0.0))
    assert caught.value.kind is Kind.TOO_LARGE
    assert str(MAX_UNIT) in caught.value.what


@pytest.mark.parametrize("codec", [Codec.H264, Codec.MJPEG])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_picture_cut_short_is_an_error_and_not_a_grey_smear(codec: Codec, share: float) -> None:
    whole = unit(0, codec=codec)
    cut = (*whole.nals[:-1], whole.nals[-1][: int(len(whole.nals[-1]) * share)])
    with pytest.raises(XueliangError) as caught:
        decode(replace(whole, nals=cut))
    assert caught.value.kind is Kind.UNDECODABLE


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CODECS), st.lists(st.binary(max_size=400), max_size=6))
def test_garbage_is_an_error_of_ours_and_nothing_else(codec: Codec, nals: list[bytes]) -> None:
    with pytest.raises(XueliangError) as caught:
        decode(AccessUnit(codec, True, tuple(nals), 0, 0.0))
    assert caught.value.kind in (Kind.UNDECODABLE, Kind.TOO_LARGE)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CODECS), st.integers(0, 2**32), st.binary(min_size=1, max_size=40))
def test_a_mutated_keyframe_is_a_picture_or_an_error(codec: Codec, at: int, noise: bytes) -> None:
    whole = unit(0, codec=codec)
    data = bytearray(whole.nals[-1])
    start = at % len(data)
    data[start : start + len(noise)] = noise
    hurt = replace(whole, nals=(*whole.nals[:-1], bytes(data)))
    seen: Picture | Kind
    try:
        seen = decode(hurt)
    except XueliangError as error:
        seen = error.kind
    if isinstance(seen, Kind):
        assert seen in (Kind.UNDECODABLE, Kind.TOO_LARGE)
    else:
        picture = seen
        assert picture.y.shape == (picture.height, picture.width)
        assert picture.width * picture.height <= MAX_PIXELS
