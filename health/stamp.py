"""Edge: who looks, when, and in which view, burnt into a still before a person gets it (OpenCV, in the worker).

A strip under the picture, so that it hides nothing of it, and the same words tilted over the whole at 8 %. It deters;
what proves is the register of views, which the view's id in the strip leads to.
"""

from __future__ import annotations

import cv2
import numpy as np

from camera_gateway.job import Answer, Job
from camera_gateway.media.decode import Picture, decode
from config.errors import Kind, XueliangError
from health.views import Array

#: The stills we make are at most 640 wide; more would be somebody's file in our folder.
MAX_SIDE = 1920
LEAST_WIDTH = 640
MAX_LINE = 200
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_TILT = -20.0
_SHARE = 0.08


def stamp(job: Job) -> Answer:
    """``job.unit`` is the JPEG, ``parameters["stamp"]`` the words. Raises what decoding raises, ``TOO_LARGE`` for a
    picture that is no still of ours, ``INTERNAL`` where it cannot be coded."""
    picture = decode(job.unit)
    if max(picture.width, picture.height) > MAX_SIDE:
        raise XueliangError(Kind.TOO_LARGE, f"a still of {picture.width}x{picture.height} pixels")
    shown = _bgr(picture)
    if picture.width < LEAST_WIDTH:  # the strip of a thumbnail would be too small to read
        times = -(-LEAST_WIDTH // picture.width)
        shown = cv2.resize(shown, None, fx=times, fy=times, interpolation=cv2.INTER_CUBIC)
    marked = mark(shown, plain(str(job.parameters["stamp"])))
    done, data = cv2.imencode(".jpg", marked, [cv2.IMWRITE_JPEG_QUALITY, 80])
    if not done:
        raise XueliangError(Kind.INTERNAL, "the marked still could not be coded")
    return Answer({"width": picture.width, "height": picture.height}, evidence=data.tobytes())


def mark(picture: Array, words: str) -> Array:
    """``picture`` (height x width x 3) with the words over it and in a strip that is added below."""
    height, width = picture.shape[:2]
    scale = _fitting(words, width - 12)
    (_, tall), below = cv2.getTextSize(words, _FONT, scale, 1)
    strip = np.zeros((tall + below + 10, width, 3), np.uint8)
    cv2.putText(strip, words, (6, tall + 5), _FONT, scale, (255, 255, 255), 1, cv2.LINE_AA)
    share = _tilted(words, width, height).astype(np.float32) * (_SHARE / 255)
    other = np.where(picture < 128, np.float32(255), np.float32(0))  # to be seen on light and dark alike
    tiled = picture + share * (other - picture)
    return np.vstack([tiled.astype(np.uint8), strip])


def plain(words: str) -> str:
    """What the font can write: a letter beyond ASCII as its code point, which the view's id makes certain."""
    return "".join(c if " " <= c <= "~" else f"<{ord(c):X}>" for c in words[:MAX_LINE])


def _fitting(words: str, width: int) -> float:
    """The largest scale up to 0.5 at which the words fit."""
    (wide, _), _ = cv2.getTextSize(words, _FONT, 0.5, 1)
    return min(0.5, 0.5 * width / max(1, wide))


def _tilted(words: str, width: int, height: int) -> Array:
    """The words, again and again, white on black, turned by 20 degrees."""
    side = width + height
    sheet = np.zeros((side, side, 3), np.uint8)
    (wide, tall), _ = cv2.getTextSize(words, _FONT, 0.5, 1)
    for row, y in enumerate(range(tall, side, 4 * tall + 12)):
        for x in range(-(row % 2) * wide // 2, side, wide + 40):
            cv2.putText(sheet, words, (x, y), _FONT, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), -_TILT, 1.0)
    turned: Array = cv2.warpAffine(sheet, turn, (side, side))
    top, left = (side - height) // 2, (side - width) // 2
    return turned[top : top + height, left : left + width]


def _bgr(picture: Picture) -> Array:
    size = (picture.width, picture.height)
    if picture.u is None or picture.v is None:
        return cv2.cvtColor(picture.y, cv2.COLOR_GRAY2BGR)
    u, v = (cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in (picture.u, picture.v))
    # OpenCV's own order of this full-range (JPEG) space is Y, Cr, Cb.
    return cv2.cvtColor(cv2.merge([picture.y, v, u]), cv2.COLOR_YCrCb2BGR)
