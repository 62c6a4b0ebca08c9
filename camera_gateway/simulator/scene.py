"""Pure: the still part of what a virtual camera looks at, drawn with numpy, the same for the same seed.

A site is a street corner: houses with windows, trees, a paved ground, a road with markings, poles, wires, a fence,
signs. Edges of several scales lie over the whole picture, so that a camera that moved a little, or is half covered,
has something to lose everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from camera_gateway.simulator.canvas import Canvas, Colour, Grey, ellipse, polygon, rectangle, texture


class Light(StrEnum):
    DAY = "day"
    DUSK = "dusk"
    NIGHT = "night"  # street lamps, colour
    IR = "ir"  # the camera's own infrared lamp, no colour


@dataclass(frozen=True, slots=True)
class Lane:
    """A lane of the road across the picture: where wheels touch, how big a car is, which way it goes."""

    y: float
    size: float  # length of a car as a share of the width
    direction: int


@dataclass(frozen=True, slots=True)
class Still:
    """What the moving part needs of a drawn site: lanes, noise (grey levels), colour or none, brightness."""

    lanes: tuple[Lane, ...]
    noise: float
    grey: bool
    brightness: float
    tilt: float  # how much lower the right edge lies than the left, as a share of the height


#: Sensor noise grows as the gain does.
NOISE = {Light.DAY: 2.0, Light.DUSK: 2.8, Light.NIGHT: 3.6, Light.IR: 3.4}


def draw_site(site: int, light: Light, width: int, height: int, seed: int = 0) -> tuple[Canvas, Still]:
    """The site with number ``site``: layout, colours and textures follow from ``seed`` and ``site`` alone."""
    random = np.random.default_rng([seed, site, 0x51])
    fine = texture(random, height, width, (40, 90, 180, 360), 0.85)
    coarse = texture(random, height, width, (6, 14, 30, 70))
    canvas = np.empty((height, width, 3), np.float32)
    horizon = float(random.uniform(0.5, 0.58))
    _backdrop(canvas, horizon, fine, coarse, random)
    _houses(canvas, horizon, fine, random)
    _ground(canvas, horizon, fine, coarse, random)
    lanes = _road(canvas, horizon, fine, random)
    _trees(canvas, horizon, fine, random)
    lamps = _poles(canvas, horizon, random)
    # No street is level with its camera; lines that are exact rows of pixels would be interference.
    tilt = float(random.choice([-1, 1]) * random.uniform(0.05, 0.09))
    canvas = _tilted(canvas, tilt)
    lamps = [(x, y + tilt * (x - 0.5)) for x, y in lamps]
    lit = _under(canvas, light, lamps, random)
    brightness = {Light.DAY: 1.0, Light.DUSK: 0.6, Light.NIGHT: 0.45, Light.IR: 0.7}[light]
    return lit, Still(lanes, NOISE[light], light is Light.IR, brightness, tilt)


def _tilted(canvas: Canvas, tilt: float) -> Canvas:
    """Sheared downwards to the right, uprights stay upright; what is missing at the border is mirrored."""
    height, width = canvas.shape[:2]
    shift = tilt * height * (np.arange(width, dtype=np.float32) / width - 0.5)
    rows = np.abs(np.arange(height, dtype=np.float32)[:, None] - shift)
    rows = np.minimum(rows, 2 * (height - 1) - rows)
    above = rows.astype(np.intp)
    below, share = np.minimum(above + 1, height - 1), (rows - above)[..., None]
    columns = np.arange(width)
    return np.asarray(canvas[above, columns] * (1 - share) + canvas[below, columns] * share, np.float32)


def _shade(random: np.random.Generator, low: float, high: float, tint: float = 18) -> Colour:
    base = random.uniform(low, high)
    r, g, b = base + random.uniform(-tint, tint, 3)
    return float(r), float(g), float(b)


def _backdrop(canvas: Canvas, horizon: float, fine: Grey, coarse: Grey, random: np.random.Generator) -> None:
    """A wooded slope up to a strip of sky; wires across it."""
    rows = np.linspace(0, 1, canvas.shape[0], dtype=np.float32)[:, None, None]
    sky = np.asarray([168, 188, 208], np.float32) - 40 * rows
    canvas[:] = sky
    edge = 0.05 + 0.03 * coarse
    slope = np.broadcast_to(rows[..., 0] > edge, fine.shape)
    green = np.asarray([84, 102, 66], np.float32) * (1 + 0.38 * fine + 0.25 * coarse)[..., None]
    canvas[slope] = green[slope]
    for _ in range(5):
        y = float(random.uniform(0.005, 0.05))
        drop = float(random.uniform(-0.01, 0.03))
        polygon(canvas, [(0, y), (1, y + drop), (1, y + drop + 0.004), (0, y + 0.004)], (40, 42, 46))
    for x in random.uniform(0, 1, 14):
        rectangle(canvas, float(x), 0, float(x) + 0.003, float(random.uniform(0.03, 0.1)), (52, 46, 40))


def _houses(canvas: Canvas, horizon: float, fine: Grey, random: np.random.Generator) -> None:
    x = float(random.uniform(-0.05, 0.02))
    while x < 1:
        width = float(random.uniform(0.12, 0.24))
        top = float(random.uniform(0.08, 0.26))
        wall = _shade(random, 110, 190, 25)
        rectangle(canvas, max(0, x), top, min(1, x + width), horizon, wall, 0.13 * fine)
        rectangle(canvas, max(0, x), top, min(1, x + width), top + 0.014, _shade(random, 50, 80))
        rectangle(canvas, max(0, x + width - 0.006), top, min(1, x + width), horizon, (58, 56, 54))
        _windows(canvas, (x, top, x + width, horizon), random)
        x += width + float(random.choice([0.0, 0.0, 0.03, 0.06]))


def _windows(canvas: Canvas, house: tuple[float, float, float, float], random: np.random.Generator) -> None:
    x0, y0, x1, y1 = house
    columns, rows = int(random.integers(3, 6)), int(random.integers(3, 6))
    step_x, step_y = (x1 - x0) / columns, (y1 - y0) / rows
    for row in range(rows):
        for column in range(columns):
            x, y = x0 + (column + 0.22) * step_x, y0 + (row + 0.25) * step_y
            if x < 0 or x + 0.6 * step_x > 1:
                continue
            right, bottom = x + 0.56 * step_x, y + 0.55 * step_y
            rectangle(canvas, x - 0.003, y - 0.005, right + 0.003, bottom + 0.005, (196, 194, 188))
            rectangle(canvas, x, y, right, bottom, _shade(random, 35, 85))
            middle = (x + right) / 2
            rectangle(canvas, middle - 0.0012, y, middle + 0.0012, bottom, (188, 186, 182))
            if random.random() < 0.4:
                rectangle(canvas, x, y, right, y + 0.3 * (bottom - y), _shade(random, 120, 180, 40))


def _ground(canvas: Canvas, horizon: float, fine: Grey, coarse: Grey, random: np.random.Generator) -> None:
    """Paving in perspective: joints run towards a vanishing point and close up with distance."""
    rectangle(canvas, 0, horizon, 1, 1, _shade(random, 120, 140, 8), 0.16 * fine + 0.1 * coarse)
    vanish = float(random.uniform(0.3, 0.7))
    for position in np.linspace(-1.2, 2.2, 46):
        far = vanish + (float(position) - vanish) * 0.35
        polygon(
            canvas,
            [(far, horizon), (far + 0.0014, horizon), (float(position) + 0.004, 1), (float(position), 1)],
            (84, 82, 80),
        )
    y, step = horizon, 0.012
    while y < 1:
        rectangle(canvas, 0, y, 1, y + 0.0035 + step / 12, (82, 80, 78))
        y += step
        step *= 1.19


def _road(canvas: Canvas, horizon: float, fine: Grey, random: np.random.Generator) -> tuple[Lane, ...]:
    top = horizon + float(random.uniform(0.06, 0.1))
    bottom = top + float(random.uniform(0.24, 0.28))
    rectangle(canvas, 0, top, 1, bottom, (72, 72, 76), 0.2 * fine)
    for y in (top, bottom):
        rectangle(canvas, 0, y - 0.008, 1, y + 0.008, (176, 172, 164))
    middle = top + 0.42 * (bottom - top)
    for x in np.arange(float(random.uniform(-0.08, 0)), 1, 0.11):
        rectangle(canvas, max(0, float(x)), middle - 0.006, min(1, float(x) + 0.06), middle + 0.006, (206, 204, 196))
    crossing = float(random.uniform(0.15, 0.7))
    for stripe in range(6):
        x = crossing + 0.026 * stripe
        polygon(
            canvas,
            [(x, top + 0.01), (x + 0.013, top + 0.01), (x + 0.005, bottom - 0.01), (x - 0.009, bottom - 0.01)],
            (200, 198, 192),
        )
    for y in np.linspace(bottom + 0.03, 0.97, 3):
        for x in np.arange(float(random.uniform(0, 0.03)), 1, 0.031):
            rectangle(canvas, float(x), float(y) - 0.035, float(x) + 0.004, float(y), (58, 62, 60))
        rectangle(canvas, 0, float(y) - 0.032, 1, float(y) - 0.026, (66, 70, 68))
    return (
        Lane(top + 0.3 * (bottom - top), 0.11, 1 if random.random() < 0.5 else -1),
        Lane(bottom - 0.12 * (bottom - top), 0.15, -1 if random.random() < 0.5 else 1),
    )


def _trees(canvas: Canvas, horizon: float, fine: Grey, random: np.random.Generator) -> None:
    for _ in range(4):
        x, y = float(random.uniform(0, 1)), horizon - float(random.uniform(0.06, 0.14))
        rectangle(canvas, x - 0.005, y, x + 0.005, horizon + 0.03, (64, 52, 42))
        size = float(random.uniform(0.04, 0.075))
        r, g, b = _shade(random, 60, 88, 10)
        ellipse(canvas, x, y, size, size * 1.7, (r, g + 22, b - 8), 0.75 * fine)


def _poles(canvas: Canvas, horizon: float, random: np.random.Generator) -> list[tuple[float, float]]:
    lamps = []
    for x in np.linspace(0.08, 0.9, 4) + random.uniform(-0.05, 0.05, 4):
        x = float(x)
        top, foot = float(random.uniform(0.05, 0.16)), horizon + float(random.uniform(0.03, 0.06))
        rectangle(canvas, x - 0.0035, top, x + 0.0035, foot, (48, 50, 54))
        rectangle(canvas, x - 0.001, top, x + 0.0012, foot, (150, 152, 154))
        rectangle(canvas, x, top, x + 0.045, top + 0.01, (48, 50, 54))
        rectangle(canvas, x + 0.03, top + 0.008, x + 0.055, top + 0.02, (214, 212, 200))
        lamps.append((x + 0.042, top + 0.02))
        if random.random() < 0.6:
            y = top + 0.12
            rectangle(canvas, x - 0.02, y, x + 0.02, y + 0.06, _shade(random, 60, 140, 60))
            rectangle(canvas, x - 0.016, y + 0.012, x + 0.016, y + 0.02, (232, 232, 228))
            rectangle(canvas, x - 0.016, y + 0.034, x + 0.01, y + 0.042, (232, 232, 228))
    return lamps


def _under(canvas: Canvas, light: Light, lamps: list[tuple[float, float]], random: np.random.Generator) -> Canvas:
    """The drawing as it looks by day, at dusk, under street lamps, or in the camera's own infrared light."""
    if light is Light.DAY:
        return canvas
    if light is Light.DUSK:
        return np.asarray(canvas * np.asarray([0.62, 0.54, 0.5], np.float32) + 6, np.float32)
    height, width = canvas.shape[:2]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(0, 1, width, dtype=np.float32)
    if light is Light.IR:
        grey = canvas.mean(-1, dtype=np.float32)
        beam = 0.32 + 0.62 * np.exp(-2.2 * ((x - 0.5) ** 2 + (y - 0.55) ** 2))
        return np.repeat((grey * beam + 4)[..., None], 3, axis=2)
    glow = np.full((height, width), 0.26, np.float32)
    for lamp_x, lamp_y in lamps:
        glow += 0.5 * np.exp(-(((x - lamp_x) / 0.16) ** 2) - ((y - lamp_y - 0.3) / 0.32) ** 2)
        glow += 1.5 * np.exp(-(((x - lamp_x) / 0.01) ** 2) - ((y - lamp_y) / 0.014) ** 2)
    warm = np.asarray([1.08, 0.96, 0.76], np.float32)
    return np.asarray(canvas * np.minimum(glow, 2.5)[..., None] * warm + 5, np.float32)
