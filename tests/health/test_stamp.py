"""The mark on stills: it names who looks, hides nothing of the picture, and is in every part of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.job import Answer, Job
from config.errors import Kind, XueliangError
from health.reference import SCALARS, Reference, ReferenceState
from health.reference_picture import draw
from health.stamp import mark, plain
from health.work import work
from tests.support.pictures import blocks
from tests.support.plates import plate_reads

VIEW = "01923456-7890-7abc-8def-0123456789ab"
OTHER = "01923456-7890-7abc-8def-ba9876543210"


def jpeg(height: int, width: int) -> bytes:
    _, data = cv2.imencode(".jpg", cv2.cvtColor(blocks(1, width=width, height=height), cv2.COLOR_GRAY2BGR))
    return data.tobytes()


def marked(picture: bytes, words: str) -> Answer:
    return work(Job("still/c", AccessUnit(Codec.MJPEG, True, (picture,), 0, 0.0), parameters={"stamp": words}))


@pytest.mark.parametrize("size", [(180, 320), (360, 640), (16, 32)])
@pytest.mark.parametrize("name", ["li", "李明"])
def test_the_plate_reads_who_when_and_which_view(size: tuple[int, int], name: str) -> None:
    still = marked(jpeg(*size), f"{name}  2026-11-22 14:02:31  {VIEW}").evidence
    assert plate_reads(still, f"{name}  2026-11-22 ", VIEW)
    assert not plate_reads(still, f"{name}  2026-11-22 ", OTHER)
    assert not plate_reads(still, "wang  2026-11-22 ", VIEW)


def test_the_mark_is_everywhere_and_hides_nothing() -> None:
    for level in (0, 30, 128, 220, 255):
        plane = np.full((360, 640, 3), level, np.uint8)
        shown = mark(plane, f"li  2026-11-22 14:02:31  {VIEW}")
        assert shown.shape[0] > 360  # the plate is below the picture, not on it
        change = np.abs(shown[:360].astype(int) - level)
        assert change.max() <= 0.09 * 255
        for row in range(0, 360, 90):
            for column in range(0, 640, 160):
                assert change[row : row + 90, column : column + 160].max() >= 8, (level, row, column)


def test_what_cannot_be_written_is_written_as_its_code() -> None:
    assert plain("李 li\x1b") == "<674E> li<1B>"
    assert len(plain("a" * 999)) == 200


@pytest.mark.parametrize(
    ("picture", "kind"), [(b"", Kind.UNDECODABLE), (b"no picture", Kind.UNDECODABLE), (jpeg(16, 2000), Kind.TOO_LARGE)]
)
def test_what_is_no_still_of_ours_is_refused(picture: bytes, kind: Kind) -> None:
    with pytest.raises(XueliangError) as caught:
        marked(picture, "li")
    assert caught.value.kind is kind


def test_who_passed_is_not_in_the_picture_of_a_reference() -> None:
    """An edge that most pictures had is drawn, one that a few had is not."""
    mean, light = np.zeros((2, 180, 320), np.int8), np.full((36, 64), 100, np.uint8)
    mean[0, 20:160, 50:54] = 120  # a kerb
    mean[1, 60:120, 200:230] = 40  # a person who stood there in a third of the pictures
    ring = np.zeros((1, len(SCALARS)), np.float32)
    found = draw(Reference(ReferenceState.ACCEPTED, 9, 0.0, 0.0, 1, mean, light, ring))
    decoded = cv2.imdecode(np.frombuffer(found, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert decoded is not None
    shown = decoded.astype(int)
    assert shown.shape == (360, 640)
    bare = shown[10, 10]
    assert shown[180, 104] > bare + 60
    assert np.abs(shown[120:240, 400:460] - bare).max() <= 4
