"""Edge: numbers of one picture by itself: light, texture, colour, noise, sharpness, stripes (OpenCV)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from health.features import Features, noise_level
from health.views import Array, Views

#: Bands where cameras write clock and name; what happens there says nothing about the scene.
OVERLAY = 0.11

COARSE = (80, 45)
_LOWEST = 8  # fewer periods are scene, not interference
_SIDE = 12  # lines on either side that a peak is held against
_STRIPE_FLOOR = 0.15  # grey levels; a smooth cover has no spectrum of its own


@dataclass(frozen=True, slots=True)
class Measures:
    """Grey levels are 0..255 in full range; shares are 0..1; ``a`` and ``b`` are CIE Lab around 0."""

    mean: float
    deviation: float
    dark: float  # 99 % quantile of the luma: how bright the brightest is
    bright: float  # share of the pixels at or over 250
    entropy: float  # bits of the luma histogram
    edges: float  # share of the pixels with a gradient above noise
    flat: float  # share without any gradient at all: no sensor makes that
    dominant: float  # share of the most frequent three neighbouring grey levels
    saturation: float  # mean chroma distance from grey
    a: float
    b: float
    spread: float  # scatter of a, b over the picture
    noise: float  # at the source's own size
    sharpness: float  # |Laplacian| / |gradient|
    crispness: float  # gradient at 320 over that at 80 pixels across, at the stable structure
    stripes: float  # grey levels of the strongest regular stripe
    stripe_peak: float  # that line over its neighbourhood in the spectrum
    texture: float  # median over blocks of the luma deviation inside a block

    def to_numbers(self) -> dict[str, float]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_numbers(cls, numbers: dict[str, float]) -> Measures:
        return cls(**{name: float(numbers[name]) for name in cls.__slots__})


def measure(view: Views, found: Features, where: Array | None) -> Measures:
    """``where`` is the stable structure (180x320, 0 or 1) to take sharpness at, ``None`` for all edges."""
    height = view.small.shape[0]
    inner = view.small[int(height * OVERLAY) : int(height * (1 - OVERLAY))]
    counts = cv2.calcHist([inner], [0], None, [256], [0, 256]).ravel().astype(np.float64)
    share = counts / counts.sum()
    levels = np.arange(256)
    mean = float((share * levels).sum())
    deviation = float(np.sqrt(max(0.0, (share * (levels - mean) ** 2).sum())))
    filled = share[share > 0]
    a, b, saturation, spread = _colour(view)
    stripe, peak = _stripes(view.work)
    return Measures(
        mean=mean,
        deviation=deviation,
        dark=float(np.searchsorted(np.cumsum(share), 0.99)),
        bright=float(share[250:].sum()),
        entropy=float(-(filled * np.log2(filled)).sum()),
        edges=float(np.count_nonzero(found.strength > found.threshold)) / found.strength.size,
        flat=_flat(view),
        dominant=float(np.convolve(share, np.ones(3)).max()),
        saturation=saturation,
        a=a,
        b=b,
        spread=spread,
        noise=noise_level(view.strips),
        sharpness=_sharpness(view.work, found, where),
        crispness=_crispness(view, found, where),
        stripes=stripe,
        stripe_peak=peak,
        texture=_texture(view.small),
    )


def _colour(view: Views) -> tuple[float, float, float, float]:
    if view.u is None or view.v is None:
        return 0.0, 0.0, 0.0, 0.0
    light = cv2.resize(view.small, (160, 90), interpolation=cv2.INTER_AREA)
    rgb = cv2.cvtColor(cv2.merge([light, view.v, view.u]), cv2.COLOR_YCrCb2BGR)
    lab = cv2.cvtColor(rgb, cv2.COLOR_BGR2LAB)
    mean, deviation = (each.ravel() for each in cv2.meanStdDev(lab))
    chroma = cv2.magnitude(view.u.astype(np.float32) - 128.0, view.v.astype(np.float32) - 128.0)
    return float(mean[1]) - 128.0, float(mean[2]) - 128.0, float(chroma.mean()), float(np.hypot(*deviation[1:3]))


def _flat(view: Views) -> float:
    """At the source's own size: neighbours in a row that are equal to the last bit."""
    strips = view.strips
    return float(np.count_nonzero(strips[:, 1:] == strips[:, :-1])) / max(1, strips.size - len(strips))


def _sharpness(work: Array, found: Features, where: Array | None) -> float:
    fine = cv2.convertScaleAbs(cv2.Laplacian(work, cv2.CV_16S))
    size = (found.strength.shape[1], found.strength.shape[0])
    fine = cv2.resize(fine, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    mask = cv2.threshold(found.strength, found.threshold, 1.0, cv2.THRESH_BINARY)[1] if where is None else where
    coarse = float(cv2.multiply(found.strength, mask).sum())
    return 8.0 * float(cv2.multiply(fine, mask).sum()) / coarse if coarse > 0 else 0.0


def _crispness(view: Views, found: Features, where: Array | None) -> float:
    """Noise and what a coder leaves of it keep the Laplacian up when the focus is lost at night; gradients of two
    coarser scales, taken where edges are known to be, hardly see it."""
    mask = cv2.threshold(found.strength, found.threshold, 1.0, cv2.THRESH_BINARY)[1] if where is None else where
    coarse = cv2.resize(view.small, COARSE, interpolation=cv2.INTER_AREA)
    gradient = cv2.magnitude(cv2.Sobel(coarse, cv2.CV_32F, 1, 0), cv2.Sobel(coarse, cv2.CV_32F, 0, 1))
    gradient = cv2.resize(gradient, (mask.shape[1], mask.shape[0]), interpolation=cv2.INTER_LINEAR)
    total = float(cv2.multiply(gradient, mask).sum())
    return float(cv2.multiply(found.strength, mask).sum()) / total if total > 0 else 0.0


def _stripes(work: Array) -> tuple[float, float]:
    """Amplitude and peak over its neighbourhood, of the stronger of the two profiles. Scenes have broad, falling
    spectra; interference has one line that stands over both its sides."""
    best = (0.0, 0.0)
    for axis in (0, 1):
        profile = cv2.reduce(work, axis, cv2.REDUCE_AVG, dtype=cv2.CV_32F).ravel()
        step = np.diff(profile)  # flattens the 1/f of scenes
        window = _window(len(step))
        spectrum = np.abs(np.fft.rfft((step - step.mean()) * window))
        gain = 2.0 * np.sin(np.pi * np.maximum(np.arange(len(spectrum)), 1) / len(step))
        amplitude = spectrum / window.sum() * 2.0 / gain
        padded = np.pad(amplitude, _SIDE, mode="reflect")
        rows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _SIDE + 1)[_LOWEST:]
        sides = np.stack([rows[:, : _SIDE - 3], rows[:, _SIDE + 4 :]])
        middle = sides.shape[2] // 2  # of an odd number: the median itself
        around = np.partition(sides, middle, axis=2)[:, :, middle].max(axis=0)
        ratio = amplitude[_LOWEST:] / (around + _STRIPE_FLOOR)
        at = int(np.argmax(ratio))
        if ratio[at] > best[1]:
            best = float(amplitude[_LOWEST + at]), float(ratio[at])
    return best


@lru_cache(maxsize=4)
def _window(size: int) -> Array:
    return np.hanning(size).astype(np.float32)


def _texture(small: Array) -> float:
    light = small.astype(np.float32)
    first = cv2.resize(light, (8, 6), interpolation=cv2.INTER_AREA)
    second = cv2.resize(cv2.multiply(light, light), (8, 6), interpolation=cv2.INTER_AREA)
    return float(np.median(np.sqrt(np.maximum(0.0, second - first * first))))
