"""Edge: what the plate under a marked still reads, by drawing what it should and comparing."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from health.stamp import plain

#: Of the pixels' correlation; other words of the same length stay under 0.7.
ALIKE = 0.9


def plate_reads(jpeg: bytes, begins: str, ends: str) -> bool:
    """Whether the plate begins and ends with these words. The time between them is not looked at."""
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    words = f"{begins}00:00:00  {ends}" if not begins.endswith("  ") else f"{begins}2026-01-01 00:00:00  {ends}"
    scale = _scale(plain(words), picture.shape[1] - 12)
    (_, tall), below = cv2.getTextSize(plain(words), cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    plate = picture[-(tall + below + 10) :]
    return all(_found(plate, plain(part.strip()), scale) for part in (begins, ends))


def _scale(words: str, width: int) -> float:
    (wide, _), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
    return min(0.5, 0.5 * width / max(1, wide))


def _found(plate: np.typing.NDArray[Any], words: str, scale: float) -> bool:
    (wide, tall), below = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    drawn = np.zeros((tall + below, wide), np.uint8)
    cv2.putText(drawn, words, (0, tall), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 1, cv2.LINE_AA)
    if drawn.shape[1] > plate.shape[1]:
        return False
    return bool(cv2.matchTemplate(plate, drawn, cv2.TM_CCOEFF_NORMED).max() > ALIKE)
