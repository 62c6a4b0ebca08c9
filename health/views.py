"""Edge: a decoded picture brought to the sizes that are measured, privacy mask burnt in first (OpenCV)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from camera_gateway.media.decode import Picture

WORK = (640, 360)  # width, height: sharpness, stripes, evidence
SMALL = (320, 180)  # structure and references
TINY = (64, 36)  # light and layout

#: OpenCV's arrays, whatever their element; shapes and types are in the docstrings.
Array = npt.NDArray[Any]
Polygons = Sequence[Sequence[tuple[float, float]]]

cv2.setNumThreads(1)

_TO_FULL = np.clip((np.arange(256) - 16.0) * (255.0 / 219.0) + 0.5, 0, 255).astype(np.uint8)
_CHROMA_TO_FULL = np.clip((np.arange(256) - 128.0) * (255.0 / 224.0) + 128.5, 0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Views:
    """Luma in full range at three sizes; ``u`` and ``v`` at 160x90 around 128 (``None``: a grey source).

    ``strips`` are luma rows at the source's own size, for what scaling would average away (noise);
    ``points`` are 80x45 pixels of it, picked and not averaged.
    ``hidden`` is 255 where a privacy mask lies (320x180), ``None`` without one.
    """

    width: int
    height: int
    work: Array
    small: Array
    tiny: Array
    u: Array | None
    v: Array | None
    strips: Array
    points: Array
    hidden: Array | None


def views(picture: Picture, mask: Polygons = ()) -> Views:
    """``mask`` holds polygons in picture shares (0..1); under it every plane is grey before anything is derived."""
    y, u, v = picture.y, picture.u, picture.v
    if mask:
        y = _burn(y, mask, 128)
        u = _burn(u, mask, 128) if u is not None else None
        v = _burn(v, mask, 128) if v is not None else None
    work = _full(_resize(y, WORK), picture, _TO_FULL)
    small = _resize(work, SMALL)
    hidden = None
    if mask:
        hidden = _burn(np.zeros((SMALL[1], SMALL[0]), np.uint8), mask, 255)
        hidden = cv2.dilate(hidden, np.ones((5, 5), np.uint8))
    return Views(
        picture.width,
        picture.height,
        work,
        small,
        _resize(small, TINY),
        _full(_resize(u, (160, 90)), picture, _CHROMA_TO_FULL) if u is not None else None,
        _full(_resize(v, (160, 90)), picture, _CHROMA_TO_FULL) if v is not None else None,
        _strips(y),
        cv2.resize(y, (80, 45), interpolation=cv2.INTER_NEAREST),
        hidden,
    )


def bgr(view: Views, size: tuple[int, int] = WORK) -> Array:
    """In colour, ``WORK`` for evidence or ``SMALL`` for thumbnails."""
    light = view.work if size == WORK else view.small
    if view.u is None or view.v is None:
        return cv2.cvtColor(light, cv2.COLOR_GRAY2BGR)
    u = cv2.resize(view.u, size, interpolation=cv2.INTER_LINEAR)
    v = cv2.resize(view.v, size, interpolation=cv2.INTER_LINEAR)
    # OpenCV's own order of this full-range (JPEG) space is Y, Cr, Cb.
    return cv2.cvtColor(cv2.merge([light, v, u]), cv2.COLOR_YCrCb2BGR)


def _resize(plane: Array, size: tuple[int, int]) -> Array:
    """The mean of the pixels under each. OpenCV's own way is fast for halves only; 1080p is three times the working
    size, where a box filter with every third pixel picked gives the same bytes in half the time."""
    width, height = size
    if plane.shape == (3 * height, 3 * width):
        return cv2.resize(cv2.blur(plane, (3, 3), anchor=(0, 0)), size, interpolation=cv2.INTER_NEAREST)
    return cv2.resize(plane, size, interpolation=cv2.INTER_AREA)


def _full(plane: Array, picture: Picture, table: Array) -> Array:
    return plane if picture.full_range else cv2.LUT(plane, table)


def _burn(plane: Array, mask: Polygons, value: int) -> Array:
    plane = plane.copy()
    height, width = plane.shape
    corners = [np.round(np.clip(np.array(p, np.float64), 0, 1) * (width, height)).astype(np.int32) for p in mask]
    cv2.fillPoly(plane, corners, [value])
    return plane


def _strips(y: Array) -> Array:
    """Eight bands of 16 rows, spread over the picture, at most 1,024 columns from the middle."""
    height, width = y.shape
    left = max(0, (width - 1024) // 2)
    rows = min(16, max(3, height // 8))
    starts = np.linspace(height * 0.12, height * 0.88 - rows, 8).astype(int)
    return np.concatenate([y[max(0, s) : s + rows, left : left + 1024] for s in starts])
