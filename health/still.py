"""Edge: one keyframe as a JPEG of its own size, for a person to look at (OpenCV); runs in the decode workers."""

from __future__ import annotations

import cv2
import numpy as np

from camera_gateway.job import MAX_ANSWER, Answer, Job
from camera_gateway.media.decode import Picture, decode
from config.errors import Kind, XueliangError
from health.stamp import mark, plain
from health.views import Array

#: The dotted name the decode pool is given.
FUNCTION = "health.still:still"
_QUALITIES = (92, 80, 60, 40)
_ROOM = MAX_ANSWER - 4096


def still(job: Job) -> Answer:
    """``thumbnail`` is the JPEG with the job's privacy mask burnt in; ``numbers`` its ``width`` and ``height``."""
    picture, image = _masked(job)
    return Answer({"width": picture.width, "height": picture.height}, thumbnail=_coded(image))


def snapshot(job: Job) -> Answer:
    """``evidence`` is the JPEG for a person to keep: the mask and the words of ``parameters["snapshot"]`` burnt in,
    in the picture's own size."""
    picture, image = _masked(job)
    marked = mark(image, plain(str(job.parameters["snapshot"])))
    return Answer({"width": picture.width, "height": picture.height}, evidence=_coded(marked))


def _masked(job: Job) -> tuple[Picture, Array]:
    picture = decode(job.unit, job.unit.parameter_sets)
    image = colour(picture)
    for polygon in job.mask:
        corners = np.array(polygon, np.float64) * (picture.width, picture.height)
        cv2.fillPoly(image, [np.round(corners).astype(np.int32)], [128, 128, 128])
    return picture, image


def _coded(image: Array) -> bytes:
    for quality in _QUALITIES:
        done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if done and data.size < _ROOM:
            return data.tobytes()
    height, width = image.shape[:2]
    raise XueliangError(Kind.TOO_LARGE, f"a picture of {width}x{height} does not fit into an answer")


def colour(picture: Picture) -> Array:
    """BGR, height x width x 3. BT.601, as OpenCV has it; in full range whatever the source's."""
    size = (picture.width, picture.height)
    light = picture.y if picture.full_range else _stretch(picture.y, 16.0, 219.0, 0.0)
    if picture.u is None or picture.v is None:
        return np.asarray(cv2.cvtColor(light, cv2.COLOR_GRAY2BGR), np.uint8)
    planes = [cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in (picture.v, picture.u)]
    if not picture.full_range:
        planes = [_stretch(np.asarray(plane, np.uint8), 128.0, 224.0, 128.0) for plane in planes]
    return np.asarray(cv2.cvtColor(cv2.merge([light, *planes]), cv2.COLOR_YCrCb2BGR), np.uint8)


def _stretch(plane: Array, middle: float, span: float, at: float) -> Array:
    table = np.clip((np.arange(256) - middle) * (255.0 / span) + at + 0.5, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(plane, table), np.uint8)
