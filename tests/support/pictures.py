"""Pure: small textured scenes as a camera would send them, coded or bare, the same for the same seed."""

from __future__ import annotations

from functools import cache

import numpy as np

from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.media.decode import Picture
from camera_gateway.simulator.camera import StreamShape
from camera_gateway.simulator.clip import RING, ClipKey, ClipMaker
from camera_gateway.simulator.distort import Wrong

WIDTH, HEIGHT = 640, 360
_MAKER = ClipMaker()


@cache
def unit(
    look: int,
    *,
    site: int = 0,
    light: str = "day",
    wrong: Wrong = (),
    codec: Codec = Codec.H264,
    width: int = WIDTH,
    height: int = HEIGHT,
) -> AccessUnit:
    """One keyframe of a virtual camera's ring, never sent over a network."""
    key = ClipKey(site, light, StreamShape("main", width, height, 25, 2.0, codec), wrong)
    return AccessUnit(codec, True, _MAKER.gop(key, look % RING, whole=False)[0].nals, 0, 0.0)


def flat(level: int, *, blue: int = 128, red: int = 128, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    return picture(np.full((height, width), level, np.uint8), blue=blue, red=red)


def grain(seed: int, *, mean: float = 110, deviation: float = 50) -> Picture:
    """Noise alone, as an untuned receiver has it."""
    random = np.random.default_rng(seed)
    return picture(np.clip(random.normal(mean, deviation, (HEIGHT, WIDTH)), 0, 255).astype(np.uint8))


def picture(y: np.typing.NDArray[np.uint8], *, blue: int = 128, red: int = 128) -> Picture:
    height, width = y.shape
    chroma = (height // 2, width // 2)
    u, v = np.full(chroma, blue, np.uint8), np.full(chroma, red, np.uint8)
    return Picture(width, height, y, u, v, full_range=True)


def blocks(seed: int, *, width: int = WIDTH, height: int = HEIGHT) -> np.typing.NDArray[np.uint8]:
    """A wall of 400 rectangles in random greys: edges of both directions and several sizes everywhere."""
    random = np.random.default_rng(seed)
    y = np.full((height, width), 120.0)
    for _ in range(400):
        left, top = int(random.integers(0, width - 8)), int(random.integers(0, height - 8))
        wide, high = int(random.integers(8, 70)), int(random.integers(8, 50))
        y[top : top + high, left : left + wide] = random.uniform(30, 220)
    return y.astype(np.uint8)


def noisy(y: np.typing.NDArray[np.uint8], seed: int, deviation: float = 2.0) -> np.typing.NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    return np.clip(y + random.normal(0, deviation, y.shape), 0, 255).round().astype(np.uint8)
