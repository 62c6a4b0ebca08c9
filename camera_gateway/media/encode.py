"""Edge: the codec library's encoders, for the pictures of the virtual fleet.

Every GOP is encoded by an encoder of its own at a constant quantiser, so that the same pictures always give the
same bytes, and a keyframe does not depend on the pictures that follow it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from camera_gateway.access_unit import Codec
from config.errors import Kind, XueliangError

#: Planes Y, U, V of a picture, 4:2:0, one under the other: shape (height * 3 / 2, width).
Planes = NDArray[np.uint8]

#: Part of every cache key: bytes differ from one encoder to the next.
ENCODER_VERSION = f"av {av.__version__} " + " ".join(
    f"{name} {'.'.join(map(str, version))}" for name, version in sorted(av.library_versions.items())
)


@dataclass(frozen=True, slots=True)
class EncodeSpec:
    """``quantiser`` is the constant QP (H.264, H.265: 10-51) or the JPEG quality scale (2-31)."""

    codec: Codec
    width: int
    height: int
    fps: int
    quantiser: int
    profile: str = "main"  # baseline | main | high; H.264 only
    b_frames: int = 0


@dataclass(frozen=True, slots=True)
class CodedPicture:
    """``nals`` without start codes; ``order`` is the place of the picture in display order within its GOP."""

    nals: tuple[bytes, ...]
    keyframe: bool
    order: int


def encode_gop(pictures: Iterable[Planes], spec: EncodeSpec) -> list[CodedPicture]:
    """One GOP in decoding order: a keyframe, then predicted pictures (MJPEG: keyframes only, one "NAL" each).

    Raises ``INTERNAL`` where the library was built without the encoder, ``INVALID`` for sizes it does not take.
    """
    return list(encoding(pictures, spec))


def encoding(pictures: Iterable[Planes], spec: EncodeSpec) -> Iterator[CodedPicture]:
    """The same, each picture as soon as it is there; ``pictures`` is asked for the next only then."""
    context = _open(spec)
    for order, planes in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(planes, format="yuvj420p" if spec.codec is Codec.MJPEG else "yuv420p")
        frame.pts = order
        yield from _pictures(context.encode(frame), spec)
    yield from _pictures(context.encode(None), spec)


def encode_jpeg(planes: Planes, quality: int = 4) -> bytes:
    """One JPEG file; ``quality`` 2 (best) to 31."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    return encode_gop([planes], EncodeSpec(Codec.MJPEG, width, height, 1, quality))[0].nals[0]


def split_annex_b(data: bytes) -> tuple[bytes, ...]:
    """The NAL units of a byte stream (H.264 Annex B), without start codes and trailing zeros."""
    nals = []
    start = data.find(b"\0\0\1")
    while start >= 0:
        following = data.find(b"\0\0\1", start + 3)
        nal = data[start + 3 : following if following >= 0 else len(data)].rstrip(b"\0")
        if nal:
            nals.append(nal)
        start = following
    return tuple(nals)


def _open(spec: EncodeSpec) -> VideoCodecContext:
    if spec.width % 2 or spec.height % 2 or not 16 <= spec.width <= 7680 or not 16 <= spec.height <= 4320:
        raise XueliangError(
            Kind.INVALID, f"a picture of {spec.width}x{spec.height}", fix="even sizes of 16x16 to 7680x4320"
        )
    name, options = _library(spec)
    try:
        context: Any = av.CodecContext.create(name, "w")
        context.width, context.height = spec.width, spec.height
        context.pix_fmt = "yuvj420p" if spec.codec is Codec.MJPEG else "yuv420p"
        context.time_base, context.framerate = Fraction(1, spec.fps), Fraction(spec.fps)
        context.gop_size, context.thread_count = 100_000, 1
        if spec.codec is Codec.MJPEG:
            context.flags |= int(av.codec.context.Flags.qscale)
            context.global_quality = spec.quantiser * 118  # FF_QP2LAMBDA
        else:
            context.max_b_frames = spec.b_frames
        context.options = options
        context.open()
    except (av.FFmpegError, ValueError) as error:
        raise XueliangError(
            Kind.INTERNAL, f"the encoder {name} cannot be opened: {error}", fix="Install the av wheel as published"
        ) from error
    return context  # type: ignore[no-any-return]


def _library(spec: EncodeSpec) -> tuple[str, dict[str, str]]:
    # No lookahead and no macroblock tree: a keyframe must not depend on what follows it.
    common = f"bframes={spec.b_frames}:b-adapt=0:scenecut=0:rc-lookahead=0:repeat-headers=1"
    if spec.codec is Codec.H264:
        parameters = f"{common}:qp={spec.quantiser}:sync-lookahead=0:mbtree=0:threads=1:aud=0:sliced-threads=0"
        return "libx264", {"preset": "veryfast", "profile": spec.profile, "x264-params": parameters}
    if spec.codec is Codec.H265:
        threads = "pools=none:frame-threads=1:log-level=none:info=0:open-gop=0"
        return "libx265", {"preset": "ultrafast", "x265-params": f"{common}:qp={spec.quantiser}:{threads}"}
    return "mjpeg", {"huffman": "default"}  # RFC 2435 carries no Huffman tables


def _pictures(packets: Sequence[Any], spec: EncodeSpec) -> list[CodedPicture]:
    result = []
    for packet in packets:
        data = bytes(packet)
        nals = (data,) if spec.codec is Codec.MJPEG else tuple(n for n in split_annex_b(data) if not _is_chat(n, spec))
        result.append(CodedPicture(nals, spec.codec is Codec.MJPEG or packet.is_keyframe, int(packet.pts)))
    return result


def _is_chat(nal: bytes, spec: EncodeSpec) -> bool:
    """SEI with the encoder's name and options: cameras do not send it."""
    kind = nal[0] & 0x1F if spec.codec is Codec.H264 else nal[0] >> 1 & 0x3F
    return kind == 6 if spec.codec is Codec.H264 else kind in (39, 40)
