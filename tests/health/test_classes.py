"""Pure: every word of the closed lists has both languages and its codes, every error of a camera its cause."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from config.errors import Kind
from health.classes import (
    CANNOT_JUDGE_NAMES,
    CAUSE_NAMES,
    VERDICT_NAMES,
    CannotJudge,
    CatalogStatus,
    Cause,
    VerdictClass,
    cause_of,
)
from health.sun import SunBand, band, elevation

OURS = {
    *(Kind.INVALID, Kind.NOT_FOUND, Kind.FORBIDDEN, Kind.CONFLICT, Kind.GONE, Kind.LIMIT),
    *(Kind.UNAVAILABLE, Kind.INTERNAL),
}


def test_every_word_has_a_chinese_and_an_english_name_of_its_own() -> None:
    assert set(VERDICT_NAMES) == set(VerdictClass)
    assert set(CAUSE_NAMES) == set(Cause)
    assert set(CANNOT_JUDGE_NAMES) == set(CannotJudge)
    names = [(n.zh, n.en) for n in (*VERDICT_NAMES.values(), *CAUSE_NAMES.values())] + [*CANNOT_JUDGE_NAMES.values()]
    assert len({zh for zh, _ in names}) == len({en for _, en in names}) == len(names)
    words = [str(w) for group in (VerdictClass, Cause, CannotJudge) for w in group]
    assert len(set(words)) == len(words)


def test_codes_are_those_in_use() -> None:
    for name in (*VERDICT_NAMES.values(), *CAUSE_NAMES.values()):
        assert 0 <= name.inspection <= 10
        assert name.alarm in ("", "2/1", "5/11")
        assert (name.catalog is CatalogStatus.ON) is (name.inspection == 0)


def test_an_error_is_the_cameras_or_ours() -> None:
    for kind in Kind:
        assert (cause_of(kind) is None) is (kind in OURS)
    assert {cause_of(k) for k in Kind if k not in OURS} == set(Cause)


@pytest.mark.parametrize(
    ("when", "latitude", "longitude", "degrees"),
    [
        (datetime(2024, 6, 21, 4, 16, tzinfo=UTC), 39.9, 116.4, 73.5),  # noon of the longest day, 90 - 39.9 + 23.4
        (datetime(2024, 12, 21, 4, 12, tzinfo=UTC), 39.9, 116.4, 26.7),
        (datetime(2024, 3, 20, 12, 7, tzinfo=UTC), 0.0, 0.0, 89.8),
        (datetime(2024, 6, 21, 0, 0, tzinfo=UTC), 70.0, 0.0, 3.4),  # the sun does not set
    ],
)
def test_the_sun_stands_where_the_almanac_says(
    when: datetime, latitude: float, longitude: float, degrees: float
) -> None:
    assert elevation(when.timestamp(), latitude, longitude) == pytest.approx(degrees, abs=0.3)


@pytest.mark.parametrize(
    ("degrees", "wanted"),
    [
        (None, SunBand.UNKNOWN),
        (-8.1, SunBand.NIGHT),
        (-8.0, SunBand.TWILIGHT),
        (3.0, SunBand.TWILIGHT),
        (3.1, SunBand.DAY),
    ],
)
def test_light_is_day_twilight_or_night(degrees: float | None, wanted: SunBand) -> None:
    assert band(degrees) is wanted
