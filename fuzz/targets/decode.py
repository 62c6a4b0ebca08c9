"""Edge: hostile keyframes in the decoder itself, in this process: a crash of libavcodec ends the run.

The first byte chooses the codec; NAL units follow behind start codes. Dear beside the other targets.
"""

from __future__ import annotations

import numpy as np

from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.media.decode import MIN_SIDE, decode
from camera_gateway.media.encode import EncodeSpec, encode_gop
from camera_gateway.rtsp.annexb import split
from camera_gateway.rtsp.video_format import MAX_PIXELS

_CODECS = (Codec.H264, Codec.H265, Codec.MJPEG)
_WIDTH, _HEIGHT = 96, 64


def _seed(codec: Codec, profile: str = "main") -> bytes:
    picture = np.random.default_rng(1).integers(16, 235, (_HEIGHT * 3 // 2, _WIDTH), dtype=np.uint8)
    picture[8:40, 8:60] = 90
    spec = EncodeSpec(codec, _WIDTH, _HEIGHT, 10, 12 if codec is Codec.MJPEG else 34, profile)
    nals = next(iter(encode_gop([picture], spec))).nals
    return bytes((_CODECS.index(codec),)) + b"\0\0\1".join(nals)


SEEDS = [_seed(Codec.H264), _seed(Codec.H264, "high"), _seed(Codec.H265), _seed(Codec.MJPEG)]


def one(data: bytes) -> None:
    codec = _CODECS[(data[0] if data else 0) % len(_CODECS)]
    nals = (data[1:],) if codec is Codec.MJPEG else tuple(split(data[1:]))
    picture = decode(AccessUnit(codec, True, nals, 0, 0.0))
    assert min(picture.width, picture.height) >= MIN_SIDE
    assert picture.width * picture.height <= MAX_PIXELS
    assert picture.y.shape == (picture.height, picture.width)
    int(picture.y.sum(dtype=np.int64))  # every byte of the plane is ours to read
