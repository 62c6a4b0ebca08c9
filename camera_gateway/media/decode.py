"""Edge: PyAV's decoders; one keyframe in, the planes of one picture out. Runs inside the decode workers."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import cast

import av
import numpy as np
import numpy.typing as npt
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane

from camera_gateway.access_unit import AccessUnit, Codec, ParameterSets
from camera_gateway.job import MAX_UNIT
from camera_gateway.rtsp import h264, h265
from camera_gateway.rtsp.video_format import MAX_PIXELS, check_size
from config.errors import Kind, XueliangError

MIN_SIDE = 16

Plane = npt.NDArray[np.uint8]

_DECODERS = {Codec.H264: "h264", Codec.H265: "hevc", Codec.MJPEG: "mjpeg"}
_START = b"\x00\x00\x00\x01"
#: ``thread_count=1``: one process per core decodes. The loop filter costs a quarter of the time and no measure
#: sees it. ``explode`` makes a damaged slice an error instead of a grey smear that would pass for a covered lens.
_OPTIONS = {"skip_loop_filter": "all", "err_detect": "explode", "max_pixels": str(MAX_PIXELS)}
_PLANAR = {
    "yuv420p": (2, 2),
    "yuvj420p": (2, 2),
    "yuv422p": (2, 1),
    "yuvj422p": (2, 1),
    "yuv444p": (1, 1),
    "yuvj444p": (1, 1),
}

logging.getLogger("libav").setLevel(logging.CRITICAL)
av.logging.set_level(None)


@dataclass(frozen=True, slots=True)
class Picture:
    """Read-only views of the decoder's planes: ``y`` is height x width, ``u`` and ``v`` are subsampled or ``None``
    for a grey picture. ``full_range`` tells 0..255 from 16..235 (ITU-T H.273 VideoFullRangeFlag)."""

    width: int
    height: int
    y: Plane
    u: Plane | None
    v: Plane | None
    full_range: bool


def decode(unit: AccessUnit, sets: ParameterSets | None = None) -> Picture:
    """The picture of one keyframe (ITU-T H.264, H.265 Annex B; ITU-T T.81 for MJPEG).

    ``sets`` stands in where the unit carries no parameter sets of its own. Raises ``TOO_LARGE`` before anything
    is decoded for a unit or picture beyond the caps, ``UNDECODABLE`` for damaged data.
    """
    if unit.size > MAX_UNIT:
        raise XueliangError(Kind.TOO_LARGE, f"a keyframe of {unit.size} bytes, more than {MAX_UNIT}")
    data = _bytestream(unit, sets or unit.parameter_sets)
    context = cast("VideoCodecContext", av.CodecContext.create(_DECODERS[unit.codec], "r"))
    context.thread_count = 1
    context.options = dict(_OPTIONS)
    try:
        frames = context.decode(av.Packet(data)) or context.decode(None)
    except (FFmpegError, ValueError, MemoryError) as error:
        raise _undecodable(unit, type(error).__name__) from error
    if not frames or frames[0].is_corrupt:
        raise _undecodable(unit, "no whole picture")
    return _picture(frames[0])


def _undecodable(unit: AccessUnit, why: str) -> XueliangError:
    return XueliangError(
        Kind.UNDECODABLE,
        f"the {unit.codec.value} decoder could not make a picture",
        facts={"codec": unit.codec.value, "bytes": unit.size, "decoder": why},
    )


def _bytestream(unit: AccessUnit, sets: ParameterSets | None) -> bytes:
    """Annex B with only what makes the picture: SEI and delimiters never reach the decoder of an IDR picture."""
    if unit.codec is Codec.MJPEG:
        data = b"".join(unit.nals)
        check_size(*_jpeg_size(data))
        return data
    nals = [n for n in unit.nals if n]
    kinds = [_kind(unit.codec, n) for n in nals]
    h264_unit = unit.codec is Codec.H264
    sps, pps = (7, 8) if h264_unit else (33, 34)
    wanted = {1, 2, 3, 4, 5, 7, 8, 13} if h264_unit else set(range(35))
    if h264_unit and 5 not in kinds:
        wanted.add(6)  # a recovery point is told by its SEI (H.264 D.2.8)
    own = [n for n, k in zip(nals, kinds, strict=True) if k in wanted]
    if sets is not None and not (sps in kinds and pps in kinds):
        own = [n for n in sets.nals if n] + own
    for nal in own:
        if _kind(unit.codec, nal) == sps:
            _check_sps(nal, h264_unit=h264_unit)
    return b"".join(part for nal in own for part in (_START, nal))


def _check_sps(nal: bytes, *, h264_unit: bool) -> None:
    """Sizes are capped before a decoder allocates by them. An SPS only our parser cannot read goes on: the decoder
    has a cap of its own."""
    try:
        (h264 if h264_unit else h265).parse_sps(nal)
    except XueliangError as error:
        if error.kind is Kind.TOO_LARGE:
            raise


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height from the frame header (ITU-T T.81 B.2.2). Raises ``UNDECODABLE`` where there is none."""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = int.from_bytes(data[at + 5 : at + 7]), int.from_bytes(data[at + 7 : at + 9])
            if width and height:
                return width, height
            break
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4])
    raise XueliangError(Kind.UNDECODABLE, "a JPEG without a frame header")


def _kind(codec: Codec, nal: bytes) -> int:
    return nal[0] & 0x1F if codec is Codec.H264 else (nal[0] >> 1) & 0x3F


def _picture(frame: VideoFrame) -> Picture:
    width, height = frame.width, frame.height
    check_size(width, height)
    if min(width, height) < MIN_SIDE:
        raise XueliangError(Kind.UNDECODABLE, f"a picture of {width} x {height}")
    name = frame.format.name
    full = name.startswith("yuvj") or int(frame.color_range) == 2
    if name in ("gray", "gray8"):
        return Picture(width, height, _plane(frame.planes[0], width, height), None, None, full_range=full)
    if name not in _PLANAR:  # ten bits, packed or RGB
        frame, name = frame.reformat(format="yuv420p"), "yuv420p"
    dx, dy = _PLANAR[name]
    chroma = (-(-width // dx), -(-height // dy))
    y, u, v = frame.planes[:3]
    return Picture(width, height, _plane(y, width, height), _plane(u, *chroma), _plane(v, *chroma), full_range=full)


def _plane(plane: VideoPlane, width: int, height: int) -> Plane:
    """A view, not a copy: the array keeps the decoder's buffer alive."""
    rows: Plane = np.frombuffer(memoryview(cast("bytes", plane)), dtype=np.uint8)
    return rows[: plane.line_size * height].reshape(height, plane.line_size)[:, :width]
