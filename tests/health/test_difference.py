"""What differs between the last good picture and the first bad one: where a scene changed, and nowhere else."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest

from camera_gateway.media.decode import decode
from health.difference import COLUMNS, ROWS, Difference, compare
from health.evidence import MAX_EVIDENCE, thumbnail
from health.views import SMALL, WORK, Array, views
from tests.support.pictures import unit


@cache
def still(look: int = 0, site: int = 0) -> bytes:
    return thumbnail(views(decode(unit(look, site=site))))


def opened(jpeg: bytes) -> Array:
    found: Array | None = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    return found


def coded(picture: Array) -> bytes:
    return bytes(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 75])[1].tobytes())


def compared(good: bytes, bad: bytes) -> Difference:
    found = compare(good, bad)
    assert found is not None
    picture = opened(found.jpeg)
    assert picture.shape[:2] == (WORK[1], WORK[0])
    assert len(found.jpeg) <= MAX_EVIDENCE
    return found


@pytest.mark.parametrize("site", range(4))
def test_a_lens_half_covered_differs_there_and_hardly_elsewhere(site: int) -> None:
    covered = opened(still(1, site))
    covered[:, : SMALL[0] // 2] = 70
    blocks = compared(still(0, site), coded(covered)).blocks
    left, right = blocks[:, : COLUMNS // 2], blocks[:, COLUMNS // 2 :]
    assert left.mean() > 0.6
    assert right.mean() < 0.2


@pytest.mark.parametrize("site", range(4))
def test_the_same_scene_in_other_light_hardly_differs(site: int) -> None:
    dusk = np.clip(opened(still(1, site)).astype(np.float32) * 0.8 + 4, 0, 255).astype(np.uint8)
    assert compared(still(0, site), coded(dusk)).blocks.mean() < 0.1


def test_a_frozen_picture_differs_nowhere_and_another_place_nearly_everywhere() -> None:
    assert not compared(still(), still()).blocks.any()
    assert compared(still(site=0), still(site=1)).blocks.mean() > 0.5


def test_what_is_the_same_is_dimmed_and_what_differs_is_outlined() -> None:
    covered = opened(still())
    covered[40:80, 40:120] = (0, 0, 0)
    found = compared(still(), coded(covered))
    drawn = opened(found.jpeg).astype(int)
    red = (drawn[:, :, 2] > 150) & (drawn[:, :, 1] < 110) & (drawn[:, :, 0] < 110)
    rows, columns = np.nonzero(red)
    assert found.blocks.shape == (ROWS, COLUMNS)
    assert 60 <= rows.min() <= rows.max() <= 180
    assert 60 <= columns.min() <= columns.max() <= 260


@pytest.mark.parametrize("bad", [b"", b"no picture", b"\xff\xd8\xff\xe0 cut off"])
def test_what_is_no_still_of_ours_is_not_compared(bad: bytes) -> None:
    assert compare(still(), bad) is None
    assert compare(bad, still()) is None
