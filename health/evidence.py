"""Edge: the pictures people see: a thumbnail, and the evidence with what was found drawn in (OpenCV).

Both are made of the masked working picture, so nothing under a privacy mask can leave the worker.
"""

from __future__ import annotations

import cv2

from health.classes import VERDICT_NAMES, VerdictClass
from health.facts import Facts
from health.match import COLUMNS, ROWS
from health.verdict import Verdicts
from health.views import SMALL, WORK, Array, Views, bgr

MAX_THUMBNAIL = 100_000
MAX_EVIDENCE = 400_000
_RED, _YELLOW, _BLACK = (40, 40, 230), (40, 220, 250), (0, 0, 0)


def thumbnail(view: Views) -> bytes:
    """320x180 JPEG of at most 100 kB."""
    return jpeg(bgr(view, SMALL), MAX_THUMBNAIL)


def draw(view: Views, facts: Facts, verdicts: Verdicts) -> bytes:
    """640x360 JPEG: lost blocks boxed, the shift as an arrow, and a line per verdict with measure and threshold."""
    picture = bgr(view)
    bad = verdicts.bad
    if facts.fit is not None and VerdictClass.COVERED in bad:
        _boxes(picture, facts.fit.lost_blocks)
    if facts.shift is not None and VerdictClass.MOVED in bad:
        centre = (WORK[0] // 2, WORK[1] // 2)
        end = (round(centre[0] + facts.shift.x * WORK[0]), round(centre[1] + facts.shift.y * WORK[1]))
        cv2.arrowedLine(picture, centre, end, _RED, 3, tipLength=0.2)
    for row, verdict in enumerate(v for v in verdicts.items if v.verdict_class in bad):
        name = VERDICT_NAMES[verdict.verdict_class].en
        text = f"{name}: {verdict.measure} {verdict.measured:.3g} (limit {verdict.threshold:.3g})"
        place = (8, WORK[1] - 10 - 20 * row)
        cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, _BLACK, 3, cv2.LINE_AA)
        cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, _YELLOW, 1, cv2.LINE_AA)
    return jpeg(picture, MAX_EVIDENCE)


def _boxes(picture: Array, lost: int) -> None:
    wide, high = WORK[0] // COLUMNS, WORK[1] // ROWS
    for index in range(COLUMNS * ROWS):
        if lost >> index & 1:
            x, y = index % COLUMNS * wide, index // COLUMNS * high
            cv2.rectangle(picture, (x + 2, y + 2), (x + wide - 3, y + high - 3), _RED, 2)


def jpeg(picture: Array, limit: int) -> bytes:
    """At most ``limit`` bytes; nothing where that cannot be."""
    for quality in (75, 50, 30, 10):
        done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if done and len(data) <= limit:
            return data.tobytes()
    return b""
