"""Pure: clocks that are right, wrong, in local time, or no clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.onvif import envelope
from camera_gateway.onvif.clock import clock_answer, whole_hours
from camera_gateway.onvif.report import ClockAnswer
from camera_gateway.simulator import onvif_messages as messages
from tests.support.onvif_rig import virtual_device

NOW = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)


def _answer(device_now: datetime, seconds: float = 0.02) -> ClockAnswer:
    body = envelope.body_of(messages.envelope(messages.clock(virtual_device(), device_now)))
    return clock_answer("h", body, NOW, seconds)


@given(st.floats(-40 * 365 * 86400, 40 * 365 * 86400))
@settings(max_examples=200)
def test_the_offset_is_right_to_a_second(skew: float) -> None:
    answer = _answer(NOW + timedelta(seconds=skew))
    assert answer.offset is not None
    assert abs(answer.offset - skew) <= 1.01
    assert answer.offset == int(answer.offset)


def test_a_right_clock_has_no_finding() -> None:
    answer = _answer(NOW)
    assert (answer.offset, answer.findings, answer.whole_hours, answer.source) == (0.0, (), None, "NTP")


@pytest.mark.parametrize(
    ("skew", "code"), [(4, None), (6, "clock_drift"), (-6, "clock_drift"), (8 * 3600 + 20, "clock_local_as_utc")]
)
def test_drift_is_named(skew: int, code: str | None) -> None:
    answer = _answer(NOW + timedelta(seconds=skew))
    assert [f.code for f in answer.findings] == ([code] if code else [])


@pytest.mark.parametrize(
    ("offset", "hours"), [(28_800, 8), (-18_030, -5), (3_600, 1), (1_800, None), (0, None), (86_400, None)]
)
def test_whole_hours(offset: float, hours: int | None) -> None:
    assert whole_hours(offset) == hours


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "<UTCDateTime/>",
        "<UTCDateTime><Time><Hour>25</Hour></Time></UTCDateTime>",
        "<UTCDateTime><Time><Hour>99999999999999999999</Hour><Minute>-1</Minute><Second>٣</Second></Time></UTCDateTime>",
    ],
)
def test_no_usable_time_is_a_finding(inner: str) -> None:
    answer_text = f"<SystemDateAndTime>{inner}</SystemDateAndTime>"
    text = (
        f"<Envelope><Body><GetSystemDateAndTimeResponse>{answer_text}</GetSystemDateAndTimeResponse></Body></Envelope>"
    )
    answer = clock_answer("h", envelope.body_of(text.encode()), NOW, 0.1)
    assert answer.offset is None
    assert [f.code for f in answer.findings] == ["clock_missing"]


def test_local_time_alone_is_read_and_said() -> None:
    text = messages.envelope(messages.clock(virtual_device(utc_offset_minutes=0), NOW)).replace(
        b"UTCDateTime", b"Nothing"
    )
    answer = clock_answer("h", envelope.body_of(text), NOW, 0.0)
    assert answer.offset == 0
    assert [f.code for f in answer.findings] == ["clock_local_only"]
