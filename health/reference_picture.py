"""Edge: a reference as people see it (OpenCV): the light of many pictures, and the edges that stayed in all of them.

What passed by is in neither: the light is a mean at 64x36, and an edge is drawn only where most pictures had it.
"""

from __future__ import annotations

import cv2
import numpy as np

from health.reference import Reference
from health.views import SMALL, Array

#: The structure that matching holds on to; see :mod:`health.reference`.
STAYS = 0.45


def draw(reference: Reference) -> bytes:
    """A 640x360 JPEG."""
    size = (2 * SMALL[0], 2 * SMALL[1])
    light: Array = cv2.resize(reference.light, size, interpolation=cv2.INTER_CUBIC)
    length = np.hypot(*(reference.mean.astype(np.float32) / 127.0))
    stays = np.where(length > STAYS, (length - STAYS) / (1.0 - STAYS), 0.0).astype(np.float32)
    edges = cv2.resize(stays, size, interpolation=cv2.INTER_LINEAR)
    shown = np.clip(light * 0.7 + 40.0 + edges * 160.0, 0, 255).astype(np.uint8)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(shown, cv2.COLOR_GRAY2BGR), [cv2.IMWRITE_JPEG_QUALITY, 75])
    return data.tobytes() if done else b""
