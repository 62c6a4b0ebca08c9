"""Edge: what of a picture stays the same from day to night: where its edges run (OpenCV).

The double-angle unit gradient (cos 2t, sin 2t) forgets contrast and its sign, so that a lamp's switching on does not
turn an edge into its opposite; it is zero where the gradient drowns in noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from health.views import Array

#: Sobel's 3x3 weights make independent noise sqrt(12) times larger.
_SOBEL_NOISE = 3.4641
#: Under one grey level in two pixels the coder's quantiser decides where an edge is.
_FLOOR = 8.0
_NOISE_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)


@dataclass(frozen=True, slots=True)
class Features:
    """``cos`` and ``sin`` are 180x320 float32, unit or zero; ``strength`` the gradient's size (Sobel units)."""

    cos: Array
    sin: Array
    strength: Array
    noise: float  # grey levels at 320x180
    threshold: float  # under it a gradient counted as noise


def features(small: Array, hidden: Array | None = None) -> Features:
    noise = noise_level(small)
    gx = cv2.Sobel(small, cv2.CV_32F, 1, 0)
    gy = cv2.Sobel(small, cv2.CV_32F, 0, 1)
    xx, yy = cv2.multiply(gx, gx), cv2.multiply(gy, gy)
    square = cv2.addWeighted(xx, 1.0, yy, 1.0, 1e-3)
    threshold = max(_FLOOR, 1.2 * _SOBEL_NOISE * noise)
    kept = cv2.threshold(square, threshold * threshold, 1.0, cv2.THRESH_BINARY)[1]
    if hidden is not None:
        kept[hidden != 0] = 0
    inverse = cv2.divide(kept, square)
    cos = cv2.multiply(cv2.subtract(xx, yy), inverse)
    sin = cv2.multiply(cv2.multiply(gx, gy), inverse, scale=2.0)
    return Features(cos, sin, cv2.sqrt(square), noise, threshold)


def noise_level(grey: Array, share: float = 0.3) -> float:
    """Standard deviation of the noise in grey levels: a low quantile of a second-difference kernel, so that texture
    hardly counts (after Immerkaer 1996, who took the mean)."""
    response = cv2.convertScaleAbs(cv2.filter2D(grey, cv2.CV_16S, _NOISE_KERNEL))
    counts = cv2.calcHist([response], [0], None, [256], [0, 256]).ravel()
    total = np.cumsum(counts)
    wanted = share * total[-1]
    index = int(np.searchsorted(total, wanted))
    below = float(total[index - 1]) if index else 0.0
    inside = max(1.0, float(counts[index]))
    # |N(0, 6 sigma)| has its 30 % quantile at 0.3853 * 6 sigma; the bin is entered linearly.
    value = index - 0.5 + (wanted - below) / inside if index else 0.5 * (wanted / inside)
    return float(value / (6.0 * 0.3853))


def unit_field(cos: Array, sin: Array) -> Array:
    """2 x 180 x 320 int8, +-127 for +-1: the form that goes to disk."""
    return np.round(np.stack([cos, sin]) * 127.0).astype(np.int8)
