"""Edge: a frame held against a camera's references: how much of the stable structure is there, where not, and
whether it is there elsewhere (OpenCV for sums and Fourier transforms).

Score S is the persistence-weighted agreement over the stable structure (P > 0.45), -1..1. The picture is cut into
8x6 blocks; a block with enough structure is *lost* when its own agreement is nearly nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from health.features import Features
from health.reference import Bank, Reference
from health.views import SMALL, Array

COLUMNS, ROWS = 8, 6
BLOCKS = COLUMNS * ROWS
STABLE = 0.45
#: A block counts when this share of its pixels is stable structure.
_BLOCK_STRUCTURE = 0.04
_BLOCK_LOST = 0.25
_REACH = 0.35
#: Structure decides; light chooses among references of one structure (noon and evening, lamps on and off).
LIGHT_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class Fit:
    """``score``: S. ``lost``: share of the valid blocks that are lost, ``patch``: share in the largest connected
    group of them. Bit ``row * 8 + column`` of ``lost_blocks`` and ``valid_blocks`` is a block. ``light``:
    correlation of the 64x36 pictures, -1..1."""

    score: float
    lost: float
    patch: float
    lost_blocks: int
    valid_blocks: int
    light: float
    structure: float  # share of the pixels that are stable structure


@dataclass(frozen=True, slots=True)
class Shift:
    """By what share of the picture the view moved, and the score once moved back."""

    x: float
    y: float
    score: float


def fit(found: Features, tiny: Array, reference: Reference) -> Fit:
    mean = reference.mean.astype(np.float32)
    mean *= 1.0 / 127.0
    persistence = cv2.magnitude(mean[0], mean[1])
    persistence = cv2.threshold(persistence, stable_from(reference.samples), 0.0, cv2.THRESH_TOZERO)[1]
    product = cv2.add(cv2.multiply(found.cos, mean[0]), cv2.multiply(found.sin, mean[1]))
    agreement = product * (persistence > 0)
    wanted = cv2.resize(persistence, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    got = cv2.resize(agreement, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    total = float(wanted.sum())
    valid = wanted >= _BLOCK_STRUCTURE
    lost = valid & (got < _BLOCK_LOST * wanted)
    count = max(1, int(valid.sum()))
    return Fit(
        float(got.sum()) / total if total > 0.05 else 0.0,
        float(lost.sum()) / count,
        _largest(lost) / count,
        _bits(lost),
        _bits(valid),
        _correlation(tiny, reference.light),
        total / BLOCKS,
    )


def find_shift(found: Features, reference: Reference) -> Shift:
    """Orientation correlation (Fitch et al. 2002) of the two fields as complex pictures, then the score again
    over what both views still share."""
    mean = reference.mean.astype(np.float32) * (1.0 / 127.0)
    persistence = cv2.magnitude(mean[0], mean[1])
    mean *= persistence > stable_from(reference.samples)
    spectrum = cv2.mulSpectrums(
        cv2.dft(cv2.merge([found.cos, found.sin])), cv2.dft(cv2.merge([mean[0], mean[1]])), 0, conjB=True
    )
    plane = cv2.idft(spectrum, flags=cv2.DFT_SCALE)[:, :, 0]
    plane = cv2.GaussianBlur(plane, (3, 3), 0)
    width, height = SMALL
    reach_x, reach_y = round(width * _REACH), round(height * _REACH)
    plane[reach_y:-reach_y] = -1.0  # less than half of the view would be shared
    plane[:, reach_x:-reach_x] = -1.0
    _, _, _, (px, py) = cv2.minMaxLoc(plane)
    dx = px - width if px > width // 2 else px
    dy = py - height if py > height // 2 else py
    return Shift(dx / width, dy / height, _score_at(found, mean, dx, dy))


def best(found: Features, tiny: Array, references: Sequence[Reference], good: float) -> tuple[int, Fit | None]:
    """The reference that fits best in structure and light; the search ends at the first that is surely the one."""
    chosen, chosen_fit, highest = -1, None, -2.0
    for index in sorted(range(len(references)), key=lambda i: -references[i].updated):
        each = fit(found, tiny, references[index])
        rank = each.score + LIGHT_WEIGHT * max(0.0, each.light)
        if rank > highest:
            chosen, chosen_fit, highest = index, each, rank
        if each.score >= good and each.lost == 0.0 and each.light >= 0.8:
            break
    return chosen, chosen_fit


def stable_from(samples: int) -> float:
    """The persistence above which structure is stable after so many samples. The mean of n random unit vectors has
    a squared length of 1/n: after six samples 0.41 is chance."""
    n = min(max(samples, 2), 32)
    return float(np.sqrt((STABLE * STABLE * (n - 1) + 1.0) / n))


def usable(bank: Bank) -> list[int]:
    return [i for i, r in enumerate(bank.references) if r.state.in_use]


def block_mask(bits: int) -> Array:
    """6x8 booleans of a bit set of blocks."""
    return np.array([bool(bits >> i & 1) for i in range(BLOCKS)]).reshape(ROWS, COLUMNS)


def stable_mask(reference: Reference) -> Array:
    """180x320 float32, 1 where the reference's structure is stable."""
    mean = reference.mean.astype(np.float32)
    square = cv2.add(cv2.multiply(mean[0], mean[0]), cv2.multiply(mean[1], mean[1]))
    limit = (stable_from(reference.samples) * 127.0) ** 2
    stable: Array = cv2.threshold(square, limit, 1.0, cv2.THRESH_BINARY)[1]
    return stable


def _score_at(found: Features, mean: Array, dx: int, dy: int) -> float:
    width, height = SMALL
    frame = np.s_[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)]
    model = np.s_[max(0, -dy) : height + min(0, -dy), max(0, -dx) : width + min(0, -dx)]
    m0, m1 = mean[0][model], mean[1][model]
    wanted = float(cv2.magnitude(m0.copy(), m1.copy()).sum())
    if wanted < 0.05 * m0.size * 0.2:
        return 0.0
    return float((found.cos[frame] * m0).sum() + (found.sin[frame] * m1).sum()) / wanted


def _largest(lost: Array) -> int:
    if not lost.any():
        return 0
    stats = cv2.connectedComponentsWithStats(lost.astype(np.uint8), connectivity=4)[2]
    return int(stats[1:, cv2.CC_STAT_AREA].max())


def _bits(blocks: Array) -> int:
    return int(sum(1 << int(i) for i in np.flatnonzero(blocks)))


def _correlation(a: Array, b: Array) -> float:
    one, two = a.astype(np.float32), b.astype(np.float32)
    one -= one.mean()
    two -= two.mean()
    norm = float(np.sqrt((one * one).sum() * (two * two).sum()))
    return float((one * two).sum()) / norm if norm > 1e-3 else 0.0
