"""Pure: a device's clock from GetSystemDateAndTime, against ours.

ONVIF Core Specification section 8.3.5. The answer has 1 s resolution, cut off, so half a second is added.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from camera_gateway.onvif import xml
from camera_gateway.onvif.report import ClockAnswer, Finding
from config.text import printable

#: Digest windows of firmwares are 5 s and more; less drift than this breaks nothing.
DRIFT_SECONDS = 5.0
#: A clock that runs in local time is off by whole hours, and seldom by more than a minute besides.
HOUR_SLACK = 60.0


def clock_answer(host: str, body: xml.Element, sent: datetime, seconds: float) -> ClockAnswer:
    """``sent`` is our UTC when the request left, ``seconds`` how long the answer took. Raises nothing.

    A missing or impossible time is a finding: the device lives, only its clock is not known.
    """
    answer = xml.child(body, "GetSystemDateAndTimeResponse", "SystemDateAndTime")
    source = printable(xml.text(answer, "DateTimeType"), 20)
    zone = printable(xml.text(answer, "TimeZone", "TZ"), 60)
    time = _time(xml.child(answer, "UTCDateTime"))
    findings: list[Finding] = []
    if time is None:
        if (local := _time(xml.child(answer, "LocalDateTime"))) is None:
            findings.append(Finding("clock_missing", "the device gives no usable time"))
            return ClockAnswer(host, None, None, None, source, zone, seconds, tuple(findings))
        findings.append(Finding("clock_local_only", "the device gives its local time only; it was read as UTC"))
        time = local
    middle = sent + timedelta(seconds=seconds / 2)
    offset = float(round((time - middle).total_seconds() + 0.5))
    hours = whole_hours(offset)
    if hours is not None:
        findings.append(
            Finding("clock_local_as_utc", f"the clock is {hours:+d} h off: local time is set as if it were UTC")
        )
    elif abs(offset) >= DRIFT_SECONDS:
        findings.append(Finding("clock_drift", f"the clock is {offset:+.0f} s off"))
    return ClockAnswer(host, time, offset, hours, source, zone, seconds, tuple(findings))


def whole_hours(offset: float) -> int | None:
    hours = round(offset / 3600)
    return hours if 1 <= abs(hours) <= 14 and abs(offset - hours * 3600) <= HOUR_SLACK else None


def _time(element: xml.Element | None) -> datetime | None:
    def number(*path: str) -> int:
        value = xml.text(element, *path)
        return int(value) if value.isascii() and value.isdigit() and len(value) <= 4 else -1

    if element is None:
        return None
    try:
        return datetime(
            number("Date", "Year"),
            number("Date", "Month"),
            number("Date", "Day"),
            number("Time", "Hour"),
            number("Time", "Minute"),
            min(number("Time", "Second"), 59),  # leap seconds are sent as 60
            tzinfo=UTC,
        )
    except ValueError:
        return None
