"""Pure: a bitmap font of our own (5x7), for clock overlays and the texts that encoders draw."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

#: Seven rows of five bits each, the leftmost pixel in the highest bit.
_GLYPHS: dict[str, tuple[int, int, int, int, int, int, int]] = {
    " ": (0, 0, 0, 0, 0, 0, 0),
    "-": (0, 0, 0, 14, 0, 0, 0),
    ":": (0, 4, 0, 0, 0, 4, 0),
    ".": (0, 0, 0, 0, 0, 0, 4),
    "0": (14, 17, 19, 21, 25, 17, 14),
    "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 6, 8, 16, 31),
    "3": (30, 1, 1, 14, 1, 1, 30),
    "4": (2, 6, 10, 18, 31, 2, 2),
    "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14),
    "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12),
    "A": (14, 17, 17, 31, 17, 17, 17),
    "C": (14, 17, 16, 16, 16, 17, 14),
    "D": (30, 17, 17, 17, 17, 17, 30),
    "E": (31, 16, 16, 30, 16, 16, 31),
    "G": (14, 17, 16, 23, 17, 17, 14),
    "H": (17, 17, 17, 31, 17, 17, 17),
    "I": (14, 4, 4, 4, 4, 4, 14),
    "L": (16, 16, 16, 16, 16, 16, 31),
    "M": (17, 27, 21, 21, 17, 17, 17),
    "N": (17, 25, 25, 21, 19, 19, 17),
    "O": (14, 17, 17, 17, 17, 17, 14),
    "S": (15, 16, 16, 14, 1, 1, 30),
    "T": (31, 4, 4, 4, 4, 4, 4),
    "V": (17, 17, 17, 17, 17, 10, 4),
}


@cache
def render(text: str, scale: int) -> NDArray[np.bool_]:
    """``text`` as a mask, 8 * ``scale`` pixels high; one blank column between glyphs.

    Raises ``KeyError`` for a character that the font lacks.
    """
    bits = 1 << np.arange(4, -1, -1)
    columns = []
    for character in text:
        rows = np.asarray(_GLYPHS[character])[:, None] & bits > 0
        columns.append(np.pad(rows, ((0, 1), (0, 1))))
    mask = np.concatenate(columns, axis=1).repeat(scale, 0).repeat(scale, 1)
    mask.flags.writeable = False
    return mask


def stamp(plane: NDArray[np.uint8], text: str, x: int, y: int, scale: int, ink: int = 235, rim: int = 16) -> None:
    """Draw with a dark rim one stroke to the lower right, as overlays have it; cut at the border."""
    mask = render(text, scale)
    for offset, level in ((max(1, scale // 2), rim), (0, ink)):
        target = plane[y + offset : y + offset + mask.shape[0], x + offset : x + offset + mask.shape[1]]
        target[mask[: target.shape[0], : target.shape[1]]] = level
