"""Edge: where a camera's first bad picture differs from its last good one, drawn in (OpenCV).

Two stills of ours are compared, nothing else: the picture says where they differ, not why. People, lamps and the clock
in the picture's corner are differences too; a frozen picture has none. What counts as a fault is the verdict's to say.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from health.evidence import MAX_EVIDENCE, jpeg
from health.views import SMALL, WORK, Array

#: 16x9 blocks of 20x20 pixels of the small stills.
COLUMNS, ROWS = 16, 9
#: Grey levels (standard deviation within a block): below is a wall or the sky, or the noise of coding.
_STRUCTURE = 6.0
#: A block with structure is the same while its pattern agrees so well (correlation, whatever the light).
_SAME = 0.5
#: A pattern of which less is left is gone, whatever noise is left agrees with.
_FADED = 0.35
#: A block without structure is the same while its grey is: a lamp switched on over a wall is a change of light.
_GREY = 48.0
_RED, _YELLOW, _BLACK = (40, 40, 230), (40, 220, 250), (0, 0, 0)
_DIM = 0.45


@dataclass(frozen=True, slots=True)
class Difference:
    """``blocks``: 9x16 booleans, true where the two differ. ``jpeg``: 640x360, what is the same dimmed and grey."""

    blocks: Array
    jpeg: bytes


def compare(good: bytes, bad: bytes) -> Difference | None:
    """``None`` where either is not a still of ours that can be read."""
    before, after = _read(good), _read(bad)
    if before is None or after is None:
        return None
    blocks = _changed(_light(before), _light(after))
    return Difference(blocks, jpeg(_draw(after, blocks), MAX_EVIDENCE))


def _read(picture: bytes) -> Array | None:
    if not picture.startswith(b"\xff\xd8"):
        return None
    found: Array | None = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    return None if found is None else cv2.resize(found, SMALL, interpolation=cv2.INTER_AREA)


def _light(picture: Array) -> Array:
    """Float32 blocks: rows x columns x pixels. Blurred a little: coding noise is no difference."""
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), (5, 5), 0).astype(np.float32)
    high, wide = SMALL[1] // ROWS, SMALL[0] // COLUMNS
    cut: Array = grey.reshape(ROWS, high, COLUMNS, wide).swapaxes(1, 2).reshape(ROWS, COLUMNS, high * wide)
    return cut


def _changed(before: Array, after: Array) -> Array:
    means = before.mean(axis=2), after.mean(axis=2)
    one, two = before - means[0][:, :, None], after - means[1][:, :, None]
    spread = one.std(axis=2), two.std(axis=2)
    agreement = (one * two).mean(axis=2) / np.maximum(spread[0] * spread[1], 1e-3)
    structured = np.maximum(*spread) >= _STRUCTURE
    faded = np.minimum(*spread) < _FADED * np.maximum(*spread)
    changed = np.where(structured, (agreement < _SAME) | faded, np.abs(means[0] - means[1]) > _GREY)
    return _beside(changed, structured | changed)


def _beside(changed: Array, known: Array) -> Array:
    """A bare wall that keeps its grey says nothing of itself: it goes with most of what is known around it."""
    around = np.ones((3, 3), np.float32)
    votes = cv2.filter2D(np.where(known, np.where(changed, 1.0, -1.0), 0.0), -1, around, borderType=cv2.BORDER_CONSTANT)
    settled: Array = np.where(known, changed, votes > 0)
    return settled


def _draw(after: Array, blocks: Array) -> Array:
    large = cv2.resize(after, WORK, interpolation=cv2.INTER_CUBIC)
    grey = cv2.cvtColor(cv2.cvtColor(large, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    mask = cv2.resize(blocks.astype(np.uint8), WORK, interpolation=cv2.INTER_NEAREST)
    shown: Array = np.where(mask[:, :, None] > 0, large, (grey * _DIM).astype(np.uint8))
    outlines, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    cv2.drawContours(shown, outlines, -1, _RED, 2)
    words = f"differs from the last good picture: {int(blocks.sum())}/{blocks.size} blocks"
    for colour, thick in ((_BLACK, 3), (_YELLOW, 1)):
        cv2.putText(shown, words, (8, WORK[1] - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, thick, cv2.LINE_AA)
    return shown
