"""A diagnosis says whether the stream is usable, why not, and what to do, in both languages."""

from __future__ import annotations

import json
import math

import pytest

from camera_gateway.access_unit import Codec
from camera_gateway.rtsp.timing import Timings
from camera_gateway.rtsp.video_format import VideoFormat
from config.errors import Kind, XueliangError
from health.advice import CAUSE_ADVICE, VERDICT_ADVICE, advice
from health.classes import CAUSE_OF_KIND, CannotJudge, Cause, VerdictClass
from health.diagnosis import Diagnosis, Judged, Seen, diagnose, document, name_of
from health.observation import Measure, Picture
from health.stream_facts import StreamFacts

FAST = Timings(0.001, 0.002, 0.003, 0.004, 0.02, 0.01, 0.05)


def facts(*, gop: float | None = 2.0, b_frames: bool = False) -> StreamFacts:
    return StreamFacts(2.0, 50, 2, 25.0, 2e6, 50, gop, None, b_frames, 80_000, 0)


def good(**more: object) -> Seen:
    base = {
        "url": "rtsp://h/1",
        "timings": FAST,
        "format": VideoFormat(Codec.H264, "Main", 40, 1920, 1080, 25.0, 0),
        "facts": facts(),
        "packets": 1000,
        "judged": Judged(Picture.GOOD, measures=(Measure("luma", 120.0, 20.0),)),
    }
    return Seen(**{**base, **more})  # type: ignore[arg-type]


def names(diagnosis: Diagnosis) -> list[str]:
    return [finding.name for finding in diagnosis.findings]


def test_a_good_stream_has_no_findings() -> None:
    diagnosis = diagnose(good())
    assert diagnosis.usable
    assert diagnosis.findings == ()
    assert document(diagnosis)["picture"]["measures"][0]["threshold"] == 20.0


@pytest.mark.parametrize("kind", list(CAUSE_OF_KIND))
def test_every_failure_has_a_cause_and_advice(kind: Kind) -> None:
    diagnosis = diagnose(Seen("rtsp://h/1", Timings(), XueliangError(kind, "what", fix="fix")))
    assert not diagnosis.usable
    assert diagnosis.cause == kind.value
    assert diagnosis.findings[0].words.zh
    assert diagnosis.findings[0].words.en
    json.dumps(document(diagnosis))


def test_a_failure_of_ours_is_not_blamed_on_the_camera() -> None:
    diagnosis = diagnose(Seen("rtsp://h/1", Timings(), XueliangError(Kind.UNAVAILABLE, "no worker", fix="wait")))
    assert diagnosis.cause == "unavailable"
    assert diagnosis.cause not in {cause.value for cause in Cause}


@pytest.mark.parametrize("verdict", [v for v in VerdictClass if v is not VerdictClass.OK])
def test_a_bad_picture_is_not_usable(verdict: VerdictClass) -> None:
    diagnosis = diagnose(good(judged=Judged(Picture.BAD, verdict.value)))
    assert not diagnosis.usable
    assert diagnosis.cause == verdict.value


def test_a_picture_that_cannot_be_judged_is_said_and_not_held_against_it() -> None:
    diagnosis = diagnose(good(judged=Judged(Picture.CANNOT_JUDGE, CannotJudge.GLARE.value)))
    assert diagnosis.usable
    assert names(diagnosis) == ["glare"]


def test_what_a_technician_should_change() -> None:
    slow = Timings(0.1, 0.1, 0.1, 0.1, 0.9, 3.0, 7.0)
    hevc = VideoFormat(Codec.H265, "Main", 120, 3840, 2160)
    diagnosis = diagnose(
        good(timings=slow, format=hevc, facts=facts(gop=10.0, b_frames=True), lost=20, clock_offset=28_801.0)
    )
    assert diagnosis.usable
    assert names(diagnosis) == [
        *("slow_signalling", "slow_stream", "slow_keyframe"),
        *("b_frames", "long_gop", "h265", "loss", "clock"),
    ]
    assert "+8" in diagnosis.findings[-1].words.en
    loss = next(f.measure for f in diagnosis.findings if f.name == "loss")
    assert loss is not None
    assert loss.value is not None
    assert math.isclose(loss.value, 20 / 1020)
    assert loss.threshold == 0.001


def test_advice_and_names_are_complete() -> None:
    assert set(CAUSE_ADVICE) == set(Cause)
    assert set(VERDICT_ADVICE) == set(VerdictClass)
    for member in (*Cause, *VerdictClass, *CannotJudge):
        words, name = advice(member.value), name_of(member.value)
        assert words is not None
        assert words.zh != words.en
        assert name.zh != name.en
    assert advice("never_checked") is None
