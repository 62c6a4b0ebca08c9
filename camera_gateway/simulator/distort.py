"""Pure: what can be wrong with a picture, put onto a good one in the order of nature, so that faults combine."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from camera_gateway.simulator.canvas import Planes, chroma, luma, texture
from camera_gateway.simulator.faults import Fault
from camera_gateway.simulator.font import render

#: ``(fault, parameter)`` of everything that is wrong with the picture.
Wrong = tuple[tuple[Fault, float], ...]
_Distortion = Callable[[Planes, float, int, int], None]


def before_the_lens(planes: Planes, wrong: Wrong, *, site: int, look: int) -> None:
    """What light passes through before it meets the sensor, changed in place: direction, focus, covers.

    ``site`` fixes where a cover sits and which way the camera was turned.
    """
    _change(planes, wrong, _OPTICAL, site, look)


def behind_the_sensor(planes: Planes, wrong: Wrong, *, site: int, look: int) -> None:
    """Exposure, colour, interference, and what an encoder draws without a signal; ``look`` varies the grain."""
    _change(planes, wrong, _ELECTRONIC, site, look)


def _change(planes: Planes, wrong: Wrong, table: dict[Fault, _Distortion], site: int, look: int) -> None:
    faults = dict(wrong)
    for fault, change in table.items():
        if fault in faults:
            change(planes, faults[fault], site, look)


def _moved(planes: Planes, share: float, site: int, look: int) -> None:
    """The camera was turned: everything shifts, and what comes in at the edge is new."""
    random = np.random.default_rng([site, 0x30])
    shift = round(share * planes.shape[1])
    across = shift * (1 if random.random() < 0.5 else -1)
    down = round(shift * float(random.uniform(0.1, 0.35)))
    for plane, part in ((luma(planes), 1), *((p, 2) for p in chroma(planes))):
        plane[:] = _shifted(plane, across // part, down // part)


def _shifted(plane: NDArray[np.uint8], across: int, down: int) -> NDArray[np.uint8]:
    """Moved content; the uncovered border continues as a mirror image."""
    x, y = abs(across), abs(down)
    padded = np.pad(plane, ((y, y), (x, x)), mode="reflect")
    return padded[y - down : y - down + plane.shape[0], x - across : x - across + plane.shape[1]]


def _blurred(planes: Planes, radius: float, site: int, look: int) -> None:
    """Out of focus: a circle of confusion of ``radius`` pixels of a picture 640 wide.

    Three box filters with the variance of that disc (radius squared over 4 each way).
    """
    sigma = radius / 2 * planes.shape[1] / 640
    for plane, part in ((luma(planes), 1), *((p, 2) for p in chroma(planes))):
        half = max(1, round(sigma / part))
        work = plane.astype(np.float32)
        for _ in range(3):
            work = _box(_box(work, half).T, half).T
        plane[:] = work.round()


def _box(work: NDArray[np.float32], half: int) -> NDArray[np.float32]:
    padded = np.pad(work, ((0, 0), (half + 1, half)), mode="edge").cumsum(axis=1, dtype=np.float64)
    size = 2 * half + 1
    return np.asarray((padded[:, size:] - padded[:, :-size]) / size, np.float32)


def _covered(planes: Planes, share: float, site: int, look: int) -> None:
    """A bag or a leaf close to the lens: a dull area of little texture from one side, with a soft, wavy rim."""
    bright = luma(planes)
    height, width = bright.shape
    random = np.random.default_rng([site, 0xC0])
    wave = texture(random, height, width, (3, 7)) * 0.04
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, width, dtype=np.float32)
    angle = float(random.uniform(-0.35, 0.35))
    side = x if random.random() < 0.5 else 1 - x
    depth = side * np.cos(angle) + y * np.sin(angle) + wave
    edge = np.quantile(depth[::8, ::8], share) if share < 1 else np.inf
    mix = np.clip((edge - depth) / 0.015 + 0.5, 0, 1).astype(np.float32)
    weave = texture(random, height, width, (40, 120, 480)) * (1 - 0.5 * share)
    level = 42 + 6 * texture(random, height, width, (2, 4)) + 4 * weave
    bright[:] = (bright * (1 - mix) + (level + 16) * mix).round()
    small = mix[::2, ::2]
    for plane, tone in zip(chroma(planes), (124.0, 133.0), strict=True):
        plane[:] = (plane * (1 - small) + tone * small).round()


def _cast(planes: Planes, gain: float, site: int, look: int) -> None:
    """White balance gone: one of red, green, blue is stronger than the others by ``gain``."""
    bright = luma(planes).astype(np.float32)
    blue, red = (p.astype(np.float32) - 128 for p in chroma(planes))
    pull = 46 * np.log2(gain)
    direction = site % 3
    blue += pull if direction == 1 else -0.55 * pull
    red += pull if direction == 0 else -0.55 * pull
    luma(planes)[:] = np.clip(bright * (1 + 0.04 * (gain - 1)), 16, 235)
    for plane, value in zip(chroma(planes), (blue, red), strict=True):
        plane[:] = np.clip(value + 128, 16, 240).round()


def _stripes(planes: Planes, level: float, site: int, look: int) -> None:
    """Interference: waves of ``level`` grey levels across the picture that wander from look to look."""
    bright = luma(planes)
    period = bright.shape[0] / (27 + 3 * (site % 7))
    phase = np.arange(bright.shape[0], dtype=np.float32) * (2 * np.pi / period) + look * 1.7
    bands = level * np.sin(phase)
    bright[:] = np.clip(bright + bands[:, None], 0, 255).round()


def _noise(planes: Planes, sigma: float, site: int, look: int) -> None:
    random = np.random.default_rng([site, look, 0x6E])
    bright = luma(planes)
    grain = random.standard_normal(bright.shape, np.float32) * sigma
    bright[:] = np.clip(bright + grain, 0, 255).round()


def _black(planes: Planes, _: float, site: int, look: int) -> None:
    """Not a stored black: the sensor's own faint noise is still there."""
    random = np.random.default_rng([site, look, 0xB1])
    _uniform(planes, 17, random)


def _white(planes: Planes, _: float, site: int, look: int) -> None:
    """Over-exposed: everything is clipped but a trace of the darkest places."""
    random = np.random.default_rng([site, look, 0xEE])
    bright = luma(planes)
    traces = 231 + bright * np.float32(0.06) + random.integers(-1, 2, bright.shape)
    bright[:] = np.clip(traces, 0, 245)
    for plane in chroma(planes):
        plane[:] = 128 + (plane.astype(np.int16) - 128) // 10


def _signal_lost(planes: Planes, _: float, site: int, look: int) -> None:
    """What encoders send without a signal: one colour, a bar of text, not a pixel of noise."""
    bright = luma(planes)
    blue_screen = site % 2 == 0
    bright[:] = 60 if blue_screen else 110
    for plane, tone in zip(chroma(planes), (200, 110) if blue_screen else (128, 128), strict=True):
        plane[:] = tone
    text = "NO SIGNAL" if blue_screen else "VIDEO LOSS"
    mask = render(text, max(1, bright.shape[0] // 90))
    top, left = (bright.shape[0] - mask.shape[0]) // 2, (bright.shape[1] - mask.shape[1]) // 2
    bright[top : top + mask.shape[0], left : left + mask.shape[1]][mask] = 235


def _uniform(planes: Planes, level: int, random: np.random.Generator) -> None:
    bright = luma(planes)
    bright[:] = level + random.integers(-1, 2, bright.shape)
    for plane in chroma(planes):
        plane[:] = 128


def _cover_of(share: float) -> _Distortion:
    return lambda planes, _, site, look: _covered(planes, share, site, look)


_OPTICAL: dict[Fault, _Distortion] = {
    Fault.MOVED: _moved,
    Fault.BLURRED: _blurred,
    Fault.COVERED_30: _cover_of(0.3),
    Fault.COVERED_50: _cover_of(0.5),
    Fault.COVERED_70: _cover_of(0.7),
    Fault.COVERED_100: _cover_of(1.0),
}

_ELECTRONIC: dict[Fault, _Distortion] = {
    Fault.CAST: _cast,
    Fault.STRIPES: _stripes,
    Fault.NOISE: _noise,
    Fault.BLACK: _black,
    Fault.WHITE: _white,
    Fault.SIGNAL_LOST: _signal_lost,
}

#: Faults that change what is encoded; ``frozen`` changes which of it is sent.
DISTORTIONS = frozenset({*_OPTICAL, *_ELECTRONIC})
