"""Pure: each detector on each side of its threshold, what hides what, and when it says that it cannot judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from config.errors import Kind, XueliangError
from config.thresholds import Thresholds
from health.classes import CannotJudge, VerdictClass
from health.detectors import DETECTORS, Value
from health.facts import Facts
from health.match import Fit, Shift
from health.measures import Measures
from health.sun import SunBand
from health.verdict import conclude, over

T = Thresholds()
C = VerdictClass

MEASURES = Measures(
    mean=110,
    deviation=45,
    dark=210,
    bright=0.01,
    entropy=7.2,
    edges=0.7,
    flat=0.4,
    dominant=0.06,
    saturation=15,
    a=1,
    b=-4,
    spread=15,
    noise=0.3,
    sharpness=1.6,
    crispness=1.2,
    stripes=0.8,
    stripe_peak=2.5,
    texture=20,
)
FIT = Fit(score=0.7, lost=0.02, patch=0.02, lost_blocks=1, valid_blocks=(1 << 48) - 1, light=0.9, structure=0.4)
NORMAL = {
    "sharpness": 1.6,
    "noise": 0.3,
    "deviation": 45.0,
    "mean": 110.0,
    "stripes": 2.5,
    "score": 0.7,
    "crispness": 1.2,
}
HEALTHY = Facts(
    measures=MEASURES,
    fit=FIT,
    shift=None,
    normal=NORMAL,
    cast=2.0,
    repeat=3.0,
    advanced=True,
    band=SunBand.DAY,
    elevation=40.0,
    band_known=True,
    warming_up=False,
    layout=35.0,
)
GONE = replace(FIT, score=0.02, lost=0.95, patch=0.95, light=0.1)
Change = Callable[[Facts], Facts]


def seen(**changes: Any) -> Change:
    return lambda facts: replace(facts, measures=replace(facts.measures, **changes))


def fits(**changes: Any) -> Change:
    return lambda facts: replace(facts, fit=replace(FIT, **changes))


def other(**changes: Any) -> Change:
    return lambda facts: replace(facts, **changes)


def after(*changes: Change) -> Facts:
    facts = HEALTHY
    for change in changes:
        facts = change(facts)
    return facts


BAD: list[tuple[VerdictClass, tuple[Change, ...]]] = [
    (C.NO_SIGNAL, (seen(flat=0.98, dominant=0.9), other(fit=GONE))),
    (C.NO_SIGNAL, (seen(flat=0.98, saturation=60), other(fit=GONE))),
    (C.NO_SIGNAL, (seen(noise=45.0), other(fit=GONE, layout=3.0))),
    (C.BLACK, (seen(mean=6.0, dark=20.0), other(fit=GONE))),
    (C.OVER_EXPOSED, (seen(mean=246.0, bright=0.8), other(fit=GONE))),
    (C.FROZEN, (other(repeat=0.0),)),
    (C.FROZEN, (other(repeat=0.04, advanced=None),)),
    (C.NOISE, (seen(noise=20.0),)),
    (C.STRIPES, (seen(stripe_peak=15.0, stripes=6.0),)),
    (C.MOVED, (fits(score=0.1, lost=0.7, patch=0.7, light=0.2), other(shift=Shift(0.08, 0.01, 0.5)))),
    (C.MOVED, (other(fit=GONE),)),
    (C.BLURRED, (seen(sharpness=0.6), fits(score=0.5))),
    (C.BLURRED, (seen(sharpness=1.9, crispness=0.6), fits(score=0.4, light=0.95))),
    (C.COVERED, (fits(score=0.4, lost=0.5, patch=0.5, light=0.5),)),
    (C.COVERED, (fits(score=0.3, lost=0.35, patch=0.2, light=0.5),)),
    (C.COVERED, (other(fit=GONE, layout=1.0), seen(sharpness=0.5, texture=1.0))),
    (C.COVERED, (other(fit=GONE), seen(sharpness=0.5))),
    (C.CAST, (other(cast=30.0),)),
]


def test_a_healthy_picture_is_good_in_every_respect() -> None:
    verdicts = over(HEALTHY, T)
    assert verdicts.value is Value.GOOD
    assert verdicts.cause is None
    assert {v.value for v in verdicts.items} == {Value.GOOD}
    assert [v.verdict_class for v in verdicts.items] == [d.verdict_class for d in DETECTORS]


@pytest.mark.parametrize(("wanted", "changes"), BAD)
def test_each_fault_leads_with_its_own_class(wanted: VerdictClass, changes: tuple[Change, ...]) -> None:
    verdicts = over(after(*changes), T)
    assert verdicts.value is Value.BAD
    assert verdicts.cause is wanted
    found = verdicts.of(wanted)
    assert found.measure
    assert found.threshold == found.threshold


def test_every_class_has_a_detector_and_a_test() -> None:
    assert {d.verdict_class for d in DETECTORS} == set(C) - {C.OK}
    assert {wanted for wanted, _ in BAD} == set(C) - {C.OK}


DOUBTS: list[tuple[CannotJudge, tuple[Change, ...]]] = [
    (CannotJudge.LEARNING, (other(fit=None, normal={}, cast=None, band_known=False),)),
    (CannotJudge.DUSK, (fits(score=0.4, lost=0.5, patch=0.5, light=0.5), other(band=SunBand.TWILIGHT, elevation=0.0))),
    (CannotJudge.GLARE, (fits(score=0.4, lost=0.5, patch=0.5, light=0.5), seen(bright=0.2), other(elevation=8.0))),
    (CannotJudge.NEW_LIGHT, (other(fit=GONE, band=SunBand.NIGHT, band_known=False, elevation=-30.0),)),
    (CannotJudge.NEW_LIGHT, (other(fit=GONE, band=SunBand.UNKNOWN, warming_up=True, elevation=None),)),
    (CannotJudge.LOW_CONTRAST, (fits(score=0.3, lost=0.6, patch=0.6, light=0.9), seen(deviation=15.0))),
    (
        CannotJudge.DARK_AT_NIGHT,
        (seen(mean=5.0, dark=15.0), other(fit=GONE, band=SunBand.NIGHT, band_known=False, elevation=-30.0)),
    ),
]


@pytest.mark.parametrize(("reason", "changes"), DOUBTS)
def test_what_may_be_only_light_is_not_judged(reason: CannotJudge, changes: tuple[Change, ...]) -> None:
    verdicts = over(after(*changes), T)
    assert verdicts.value is Value.CANNOT_JUDGE
    assert verdicts.cause is reason


def test_dark_at_night_like_the_night_reference_is_healthy() -> None:
    night = {**NORMAL, "mean": 12.0}
    facts = after(seen(mean=10.0, dark=30.0), other(normal=night, band=SunBand.NIGHT, elevation=-30.0))
    assert over(facts, T).value is Value.GOOD
    assert over(replace(facts, normal=NORMAL), T).cause is C.BLACK


def test_what_cannot_be_judged_beside_the_view_leaves_the_picture_good() -> None:
    grey = over(after(seen(saturation=0.5)), T)
    first = over(after(other(repeat=None)), T)
    standing = over(after(other(repeat=0.0, advanced=False)), T)
    assert grey.of(C.CAST).reason is CannotJudge.GREY_PICTURE
    assert first.of(C.FROZEN).reason is CannotJudge.NO_EARLIER_PICTURE
    assert standing.of(C.FROZEN).reason is CannotJudge.CLOCK_STANDS
    assert {v.value for v in (grey, first, standing)} == {Value.GOOD}


def test_a_fault_that_destroys_evidence_makes_others_stand_down() -> None:
    verdicts = over(after(seen(mean=5.0, dark=15.0, noise=20.0), other(fit=GONE, cast=50.0, repeat=0.0)), T)
    assert verdicts.bad == (C.BLACK,)
    for hidden in (C.FROZEN, C.NOISE, C.STRIPES, C.MOVED, C.BLURRED, C.COVERED, C.CAST):
        assert verdicts.of(hidden).reason is CannotJudge.EVIDENCE_DESTROYED


def test_nothing_is_hidden_by_a_later_detector() -> None:
    earlier: set[VerdictClass] = set()
    for detector in DETECTORS:
        assert detector.hidden_by <= earlier
        earlier.add(detector.verdict_class)


def test_frozen_stands_beside_another_fault() -> None:
    verdicts = over(after(other(repeat=0.0), fits(score=0.4, lost=0.5, patch=0.5, light=0.5)), T)
    assert verdicts.cause is C.FROZEN
    assert verdicts.also == (C.COVERED,)


def test_numbers_of_a_worker_give_the_same_verdicts() -> None:
    for _, changes in [*BAD, *DOUBTS]:
        facts = after(*changes)
        assert conclude({"facts": facts.to_numbers()}, T) == over(facts, T)


@pytest.mark.parametrize("numbers", [{}, {"facts": {}}, {"facts": {**HEALTHY.to_numbers(), "fit": {"x": 1}}}])
def test_numbers_of_no_worker_are_our_own_defect(numbers: dict[str, Any]) -> None:
    with pytest.raises(XueliangError) as caught:
        conclude(numbers, T)
    assert caught.value.kind is Kind.INTERNAL


def test_thresholds_are_settings_and_travel_as_what_was_changed() -> None:
    changed = Thresholds.of({"covered_patch": 0.6})
    assert changed.changes() == {"covered_patch": 0.6}
    assert over(after(fits(score=0.4, lost=0.5, patch=0.5, light=0.5)), changed).of(C.COVERED).threshold == 0.6
    with pytest.raises(XueliangError, match="no threshold is called 'cover'"):
        Thresholds.of({"cover": 1})
    with pytest.raises(XueliangError, match="is not a number"):
        Thresholds.of({"covered_patch": "x"})
