"""Pure: faults drawn on real pictures, in two families with different physics, for the evaluation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[Any]
Draw = Callable[[Image, float, np.random.Generator, str], Image]
FAMILIES = ("a", "b")


@dataclass(frozen=True, slots=True)
class DrawnFault:
    name: str
    draw: Draw
    strength: float
    wanted: str


def _bytes(image: Image) -> Image:
    return np.clip(image, 0, 255).astype(np.uint8)


def cover(image: Image, share: float, random: np.random.Generator, family: str) -> Image:
    """a: a plain board from one side; b: something soft and textured, out of focus, anywhere."""
    height, width = image.shape[:2]
    if family == "a":
        across = random.random() < 0.5
        place = np.linspace(0, 1, width)[None, :] if across else np.linspace(0, 1, height)[:, None]
        place = np.broadcast_to(place if random.random() < 0.5 else 1 - place, (height, width))
        out = np.where((place <= share)[..., None], random.integers(20, 180, 3), image)
        return _bytes(out + random.normal(0, 2, image.shape))
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    cx, cy = random.uniform(0.2, 0.8, 2)
    rim = cv2.resize(random.normal(0, 0.05, (6, 8)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    depth = np.maximum(np.abs(x / width - cx), np.abs(y / height - cy)) + rim
    mix = 1 / (1 + np.exp((depth - np.quantile(depth, share)) * 60)) if share < 1 else np.ones_like(depth)
    cloth = cv2.resize(random.uniform(30, 150, (12, 16, 3)).astype(np.float32), (width, height))
    return _bytes(image * (1 - mix[..., None]) + cloth * mix[..., None] + random.normal(0, 2, image.shape))


def blur(image: Image, radius: float, random: np.random.Generator, family: str) -> Image:
    """``radius`` in pixels of a picture 640 wide; a: Gaussian, b: a disc, as a lens has it."""
    size = image.shape[1] / 640 * radius
    if family == "a":
        return cv2.GaussianBlur(image, (0, 0), size)
    width = int(2 * size + 1)
    disc = cv2.circle(np.zeros((width, width), np.float32), (width // 2, width // 2), width // 2, 1, -1)
    return cv2.filter2D(image, -1, disc / disc.sum())


def shift(image: Image, share: float, random: np.random.Generator, family: str) -> Image:
    height, width = image.shape[:2]
    angle = random.uniform(0, 2 * np.pi)
    matrix = np.array([[1, 0, share * width * np.cos(angle)], [0, 1, share * width * np.sin(angle)]], np.float32)
    border = cv2.BORDER_REFLECT if family == "a" else cv2.BORDER_REPLICATE
    return cv2.warpAffine(image, matrix, (width, height), borderMode=border)


def stripes(image: Image, level: float, random: np.random.Generator, family: str) -> Image:
    """a: waves across; b: square bars down."""
    height, width = image.shape[:2]
    count = int(random.integers(12, 90))
    if family == "a":
        return _bytes(image + level * np.sin(2 * np.pi * count * np.arange(height) / height)[:, None, None])
    return _bytes(image + level * np.sign(np.sin(2 * np.pi * count * np.arange(width) / width))[None, :, None])


def noise(image: Image, sigma: float, random: np.random.Generator, family: str) -> Image:
    """a: each colour by itself; b: in the luma."""
    shape = image.shape if family == "a" else (*image.shape[:2], 1)
    return _bytes(image + random.normal(0, sigma, shape))


def cast(image: Image, gain: float, random: np.random.Generator, family: str) -> Image:
    one = int(random.integers(3))
    work = image.astype(np.float32)
    work[..., one] *= gain
    if family == "b":
        work[..., [i for i in range(3) if i != one]] /= np.sqrt(gain)
    return _bytes(work)


def white(image: Image, strength: float, random: np.random.Generator, family: str) -> Image:
    return _bytes(image.astype(np.float32) * 3 + 150) if family == "a" else _bytes(255 - (255.0 - image) * 0.08)


def black(image: Image, strength: float, random: np.random.Generator, family: str) -> Image:
    grain = random.normal(0, 2, image.shape)
    return _bytes(image * 0.05 + grain) if family == "a" else _bytes(np.abs(grain) + 2)


def no_signal(image: Image, strength: float, random: np.random.Generator, family: str) -> Image:
    """a: a screen with words; b: an untuned receiver."""
    if family == "b":
        return np.repeat(random.integers(0, 256, (*image.shape[:2], 1)), 3, 2).astype(np.uint8)
    out = np.zeros_like(image)
    out[:] = (180, 20, 10)
    cv2.putText(out, "NO SIGNAL", (image.shape[1] // 3, image.shape[0] // 2), 0, 2, (255, 255, 255), 4)
    return out


def _curve(name: str, draw: Draw, strengths: tuple[float, ...], wanted: str) -> tuple[DrawnFault, ...]:
    return tuple(DrawnFault(f"{name} {s:g}", draw, s, wanted) for s in strengths)


FAULTS: tuple[DrawnFault, ...] = (
    *_curve("cover", cover, (0.15, 0.3, 0.5, 0.7, 1.0), "covered"),
    *_curve("blur", blur, (1, 2, 3, 5, 8), "blurred"),
    *_curve("shift", shift, (0.01, 0.03, 0.08, 0.15, 0.25), "moved"),
    *_curve("stripes", stripes, (4, 8, 12, 25), "stripes"),
    *_curve("noise", noise, (5, 10, 20, 30, 40), "noise"),
    *_curve("cast", cast, (1.2, 1.5, 1.8, 2.0), "cast"),
    DrawnFault("white", white, 1, "over_exposed"),
    DrawnFault("black", black, 1, "black"),
    DrawnFault("no signal", no_signal, 1, "no_signal"),
)
