"""Pure: one function per fault class in one table, and which fault destroys the evidence of another.

A detector gets the facts and the thresholds and says good, bad, or cannot judge because of something; the table's
order is the order of their authority. Nothing here knows of samples in a row: that is the state's business.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from config.thresholds import Thresholds
from health.classes import CannotJudge, VerdictClass
from health.facts import Facts
from health.sun import SunBand


class Value(StrEnum):
    GOOD = "good"
    BAD = "bad"
    CANNOT_JUDGE = "cannot_judge"


@dataclass(frozen=True, slots=True)
class Finding:
    """``measured`` beside the ``threshold`` it was held against; ``reason`` is set for cannot judge alone."""

    value: Value
    measure: str
    measured: float
    threshold: float
    reason: CannotJudge | None = None


Function = Callable[[Facts, Thresholds], Finding]


@dataclass(frozen=True, slots=True)
class Detector:
    """``hidden_by``: once one of these is bad, this detector stands down. ``telling``: when it alone cannot judge,
    the picture as a whole cannot be judged."""

    verdict_class: VerdictClass
    function: Function
    hidden_by: frozenset[VerdictClass] = frozenset()
    telling: bool = False


def _held(bad: bool, measure: str, measured: float, threshold: float) -> Finding:
    return Finding(Value.BAD if bad else Value.GOOD, measure, measured, threshold)


def _cannot(reason: CannotJudge, measure: str, measured: float, threshold: float) -> Finding:
    return Finding(Value.CANNOT_JUDGE, measure, measured, threshold, reason)


def in_place(facts: Facts, t: Thresholds) -> bool:
    """The picture shows what one of the references shows, whatever its light."""
    return facts.fit is not None and facts.fit.score >= 2 * t.gone_score and facts.fit.patch < t.covered_patch


def no_signal(facts: Facts, t: Thresholds) -> Finding:
    m = facts.measures
    if m.noise >= t.snow_noise:
        alike = facts.fit is not None and facts.fit.light > 0.4
        return _held(facts.layout < t.snow_layout and not alike, "layout", facts.layout, t.snow_layout)
    lit = (m.mean > t.black_mean and m.bright < t.white_share) or m.saturation > 25.0
    return _held(m.flat >= t.no_signal_flat and lit and not in_place(facts, t), "flat", m.flat, t.no_signal_flat)


def black(facts: Facts, t: Thresholds) -> Finding:
    m = facts.measures
    dark = m.mean <= t.black_mean and m.dark <= t.black_quantile
    usual = facts.normal.get("mean", 255.0) <= 2 * t.black_mean
    if not dark or (usual and in_place(facts, t)):
        return _held(False, "mean", m.mean, t.black_mean)
    if facts.band is SunBand.NIGHT and not facts.band_known:
        return _cannot(CannotJudge.DARK_AT_NIGHT, "mean", m.mean, t.black_mean)
    return _held(True, "mean", m.mean, t.black_mean)


def over_exposed(facts: Facts, t: Thresholds) -> Finding:
    m = facts.measures
    bright = m.bright >= t.white_share or m.mean >= t.white_mean
    usual = facts.normal.get("mean", 0.0) >= 0.85 * m.mean and in_place(facts, t)
    return _held(bright and not usual, "bright", m.bright, t.white_share)


def frozen(facts: Facts, t: Thresholds) -> Finding:
    if facts.repeat is None:
        return _cannot(CannotJudge.NO_EARLIER_PICTURE, "difference", 0.0, t.frozen_difference)
    if facts.repeat >= t.frozen_difference:
        return _held(False, "difference", facts.repeat, t.frozen_difference)
    if facts.advanced is False:
        return _cannot(CannotJudge.CLOCK_STANDS, "difference", facts.repeat, t.frozen_difference)
    return _held(True, "difference", facts.repeat, t.frozen_difference)


def noise(facts: Facts, t: Thresholds) -> Finding:
    limit = max(t.noise_level, t.noise_ratio * facts.normal.get("noise", 0.0))
    return _held(facts.measures.noise >= limit, "noise", facts.measures.noise, limit)


def stripes(facts: Facts, t: Thresholds) -> Finding:
    limit = max(t.stripe_peak, t.stripe_ratio * facts.normal.get("stripes", 0.0))
    m = facts.measures
    return _held(m.stripe_peak >= limit and m.stripes >= t.stripe_level, "stripe_peak", m.stripe_peak, limit)


def moved(facts: Facts, t: Thresholds) -> Finding:
    if facts.fit is None:
        return _cannot(CannotJudge.LEARNING, "shift", 0.0, t.shift_size)
    shift = facts.shift
    if shift is not None:
        size = math.hypot(shift.x, shift.y * 9 / 16)
        gained = shift.score - facts.fit.score >= t.shift_gain and shift.score >= t.shift_score
        if size >= t.shift_size and gained:
            return _held(True, "shift", size, t.shift_size)
    gone = facts.fit.score < t.gone_score and not _same_light(facts, t)
    if not (gone and _detailed(facts, t)):
        return _held(False, "score", facts.fit.score, t.gone_score)
    return _doubt(facts, t) or _held(True, "score", facts.fit.score, t.gone_score)


def blurred(facts: Facts, t: Thresholds) -> Finding:
    if facts.fit is None or not facts.normal.get("sharpness"):
        m = facts.measures
        if m.sharpness < t.blur_floor and facts.layout >= t.flat_layout:
            return _held(True, "sharpness", m.sharpness, t.blur_floor)
        return _cannot(CannotJudge.LEARNING, "sharpness", m.sharpness, t.blur_floor)
    name, ratio, limit = "sharpness_ratio", facts.measures.sharpness / facts.normal["sharpness"], t.blur_ratio
    crispness = facts.measures.crispness / max(0.01, facts.normal.get("crispness", 0.0))
    if ratio > limit and crispness <= t.blur_crispness:
        name, ratio, limit = "crispness_ratio", crispness, t.blur_crispness
    if ratio > limit or not (_same_light(facts, t) or in_place(facts, t)):
        return _held(False, name, ratio, limit)
    return _doubt(facts, t) or _held(True, name, ratio, limit)


def covered(facts: Facts, t: Thresholds) -> Finding:
    if facts.fit is None:
        if facts.layout < t.flat_layout:
            return _held(True, "layout", facts.layout, t.flat_layout)
        return _cannot(CannotJudge.LEARNING, "layout", facts.layout, t.flat_layout)
    fit = facts.fit
    scattered = fit.lost >= t.covered_lost and fit.score <= t.covered_score * facts.normal.get("score", 0.0)
    if fit.patch < t.covered_patch and not scattered:
        return _held(False, "patch", fit.patch, t.covered_patch)
    share, limit = ("patch", t.covered_patch) if fit.patch >= t.covered_patch else ("lost", t.covered_lost)
    value = fit.patch if share == "patch" else fit.lost
    if facts.layout < t.flat_layout:
        return _held(True, share, value, limit)
    contrast = facts.measures.deviation / max(1.0, facts.normal.get("deviation", 0.0))
    if contrast < t.contrast_ratio and fit.light >= 0.8:
        return _cannot(CannotJudge.LOW_CONTRAST, share, value, limit)
    return _doubt(facts, t) or _held(True, share, value, limit)


def cast(facts: Facts, t: Thresholds) -> Finding:
    m = facts.measures
    if facts.cast is None:
        distance = math.hypot(m.a, m.b)
        return _held(distance >= t.cast_absolute and m.spread < 12.0, "distance", distance, t.cast_absolute)
    distance = facts.cast
    if not in_place(facts, t) and not _same_light(facts, t):
        return _cannot(CannotJudge.EVIDENCE_DESTROYED, "distance", distance, t.cast_distance)
    if m.saturation < t.grey_saturation:
        return _cannot(CannotJudge.GREY_PICTURE, "distance", distance, t.cast_distance)
    return _held(distance >= t.cast_distance, "distance", distance, t.cast_distance)


def _same_light(facts: Facts, t: Thresholds) -> bool:
    return facts.fit is not None and facts.fit.light >= t.blur_light


def _detailed(facts: Facts, t: Thresholds) -> bool:
    """It is a view of something, and in focus: what lies on the lens is neither."""
    sharp = facts.measures.sharpness >= t.blur_ratio * facts.normal.get("sharpness", 0.0)
    return sharp and facts.layout >= t.flat_layout and facts.measures.texture >= 4.0


def _doubt(facts: Facts, t: Thresholds) -> Finding | None:
    """Why a lost structure may be only light. ``None``: no excuse."""
    score = facts.fit.score if facts.fit else 0.0
    if facts.band is SunBand.TWILIGHT:
        return _cannot(CannotJudge.DUSK, "elevation", facts.elevation or 0.0, t.dusk_high)
    if facts.measures.bright >= t.glare_share and (facts.elevation is None or -1 < facts.elevation < 35):
        return _cannot(CannotJudge.GLARE, "bright", facts.measures.bright, t.glare_share)
    if not facts.band_known or (facts.band is SunBand.UNKNOWN and facts.warming_up):
        return _cannot(CannotJudge.NEW_LIGHT, "score", score, t.gone_score)
    return None


_C = VerdictClass
_BLIND = frozenset({_C.NO_SIGNAL, _C.BLACK, _C.OVER_EXPOSED})

#: In the order of authority: each stands down where an earlier one destroyed its evidence.
DETECTORS: tuple[Detector, ...] = (
    Detector(_C.NO_SIGNAL, no_signal),
    Detector(_C.BLACK, black, frozenset({_C.NO_SIGNAL}), telling=True),
    Detector(_C.OVER_EXPOSED, over_exposed, frozenset({_C.NO_SIGNAL})),
    # A drawn screen and a black picture are the same bytes again and again without an encoder's fault.
    Detector(_C.FROZEN, frozen, _BLIND),
    Detector(_C.NOISE, noise, _BLIND),
    Detector(_C.STRIPES, stripes, _BLIND | {_C.NOISE}),
    Detector(_C.MOVED, moved, _BLIND | {_C.NOISE, _C.STRIPES}, telling=True),
    Detector(_C.BLURRED, blurred, _BLIND | {_C.NOISE, _C.STRIPES, _C.MOVED}, telling=True),
    Detector(_C.COVERED, covered, _BLIND | {_C.NOISE, _C.STRIPES, _C.MOVED, _C.BLURRED}, telling=True),
    Detector(_C.CAST, cast, _BLIND | {_C.MOVED, _C.COVERED}),
)
