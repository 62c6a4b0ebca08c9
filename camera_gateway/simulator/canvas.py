"""Pure: drawing plain shapes and textures into arrays, and colour pictures turned into coded planes.

A canvas is float32, shape (height, width, 3), red, green, blue from 0 to 255. Positions are shares of the picture
(0 to 1 from the top left), so that a scene looks the same at every size.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Canvas = NDArray[np.float32]
Grey = NDArray[np.float32]
Planes = NDArray[np.uint8]
Colour = tuple[float, float, float]
Point = tuple[float, float]


def value_noise(random: np.random.Generator, height: int, width: int, cells: int) -> Grey:
    """Smooth noise in -1..1 with ``cells`` grid cells across the width; the same grid whatever the size."""
    rows = max(2, cells * 9 // 16)
    grid = random.uniform(-1, 1, (rows + 2, cells + 2)).astype(np.float32)
    y = np.linspace(0, rows, height, endpoint=False, dtype=np.float32)
    x = np.linspace(0, cells, width, endpoint=False, dtype=np.float32)
    y0, x0 = y.astype(np.intp), x.astype(np.intp)
    fy, fx = (y - y0)[:, None], x - x0
    lines = grid[y0] * (1 - fy) + grid[y0 + 1] * fy
    return np.asarray(lines[:, x0] * (1 - fx) + lines[:, x0 + 1] * fx, np.float32)


def texture(random: np.random.Generator, height: int, width: int, octaves: tuple[int, ...], fall: float = 0.75) -> Grey:
    """Noise over several scales, the finer ones weaker by ``fall`` each; about -1..1."""
    total = np.zeros((height, width), np.float32)
    weight, sum_of_weights = 1.0, 0.0
    for cells in octaves:
        total += weight * value_noise(random, height, width, cells)
        sum_of_weights += weight
        weight *= fall
    return total * np.float32(1.8 / sum_of_weights)


def box(shape: tuple[int, ...], x0: float, y0: float, x1: float, y1: float) -> tuple[slice, slice]:
    """The rows and columns of a rectangle, at least one pixel in each direction, cut at the border."""
    height, width = shape[:2]
    top, left = max(0, round(y0 * height)), max(0, round(x0 * width))
    bottom, right = max(top + 1, round(y1 * height)), max(left + 1, round(x1 * width))
    return slice(min(top, height), min(bottom, height)), slice(min(left, width), min(right, width))


def rectangle(
    canvas: Canvas, x0: float, y0: float, x1: float, y1: float, colour: Colour, grain: Grey | None = None
) -> None:
    """Fill; ``grain`` (full picture, shares such as 0.2) lightens and darkens the colour."""
    where = box(canvas.shape, x0, y0, x1, y1)
    fill = np.asarray(colour, np.float32)
    canvas[where] = fill if grain is None else fill * (1 + grain[where])[..., None]


def polygon(canvas: Canvas, points: list[Point], colour: Colour, grain: Grey | None = None) -> None:
    """Fill a convex polygon given clockwise on the screen."""
    height, width = canvas.shape[:2]
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    where = box(canvas.shape, max(0.0, min(xs)), max(0.0, min(ys)), min(1.0, max(xs)), min(1.0, max(ys)))
    y, x = np.ogrid[where]
    inside = np.ones((where[0].stop - where[0].start, where[1].stop - where[1].start), bool)
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True):
        ax, ay, bx, by = ax * width, ay * height, bx * width, by * height
        inside &= (bx - ax) * (y - ay) - (by - ay) * (x - ax) >= 0
    fill = np.asarray(colour, np.float32)
    target = canvas[where]
    target[inside] = fill if grain is None else fill * (1 + grain[where][inside])[:, None]


def ellipse(canvas: Canvas, cx: float, cy: float, rx: float, ry: float, colour: Colour, grain: Grey) -> None:
    """Fill where the grain lets the rim fray, as foliage does."""
    height, width = canvas.shape[:2]
    where = box(canvas.shape, cx - 1.2 * rx, cy - 1.2 * ry, cx + 1.2 * rx, cy + 1.2 * ry)
    y, x = np.ogrid[where]
    distance = ((x / width - cx) / rx) ** 2 + ((y / height - cy) / ry) ** 2
    local = grain[where]
    inside = distance + 0.5 * local < 1
    canvas[where][inside] = (np.asarray(colour, np.float32) * (1 + local)[..., None])[inside]


def to_planes(canvas: Canvas) -> Planes:
    """BT.601, limited range (Y 16-235), chroma averaged over 2x2: shape (height * 3 / 2, width)."""
    height, width = canvas.shape[:2]
    rgb = np.clip(canvas, 0, 255)
    small = rgb.reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3), dtype=np.float32)
    luma = rgb @ np.asarray([0.257, 0.504, 0.098], np.float32) + 16
    blue = small @ np.asarray([-0.148, -0.291, 0.439], np.float32) + 128
    red = small @ np.asarray([0.439, -0.368, -0.071], np.float32) + 128
    chroma = np.concatenate([blue.reshape(-1), red.reshape(-1)]).reshape(height // 2, width)
    return np.concatenate([luma, chroma]).round().astype(np.uint8)


def luma(planes: Planes) -> NDArray[np.uint8]:
    """A view of the Y plane."""
    return planes[: planes.shape[0] * 2 // 3]


def chroma(planes: Planes) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Views of the U and V planes, half the size each way."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    flat = planes[height:].reshape(2, height // 2, width // 2)
    return flat[0], flat[1]
