"""Intervals and rates, with their denominators."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from health.availability import (
    NO_TIME,
    Interval,
    Rate,
    clip,
    intervals,
    mean_of_cameras,
    online_rate,
    rate,
    usable_rate,
    without,
)
from health.state import Aspect, Change

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def at(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


def change(new: str, since: float, known: float | None = None) -> Change:
    return Change("c", Aspect.LINK, "", new, "", at(since), at(since if known is None else known))


def test_a_day_with_an_outage_and_a_gap() -> None:
    parts = intervals([change("up", 0), change("down", 6, 6.1), change("up", 9), change("unknown", 20)])
    day = online_rate(parts, at(0), at(24))
    assert (day.counted, day.known, day.unknown) == (17 * 3600, 20 * 3600, 4 * 3600)
    assert day.value == 0.85
    assert round(day.coverage, 4) == round(20 / 24, 4)
    assert day.text() == "85.00 % (17.00 h of 20.00 h known, 4.00 h unknown, 0.00 h maintenance)"


def test_nothing_known_is_no_figure_and_never_a_hundred_percent() -> None:
    assert online_rate([], at(0), at(24)).value is None
    assert online_rate([], at(0), at(24)).text().startswith("no figure")
    assert NO_TIME.value is None


def test_time_before_the_first_change_is_unknown() -> None:
    day = online_rate(intervals([change("up", 12)]), at(0), at(24))
    assert (day.value, day.unknown) == (1.0, 12 * 3600)


def test_maintenance_leaves_the_figures_and_is_shown() -> None:
    link = intervals([change("up", 0), change("down", 6), change("up", 12)])
    state = [Interval("ok", at(0), at(5)), Interval("maintenance", at(5), at(13)), Interval("ok", at(13))]
    day = online_rate(link, at(0), at(24), maintenance=state)
    assert (day.value, day.excluded) == (1.0, 8 * 3600)


def test_usable_counts_neither_cannot_judge_nor_maintenance() -> None:
    state = [
        Interval("ok", at(0), at(10)),
        Interval("fault", at(10), at(12)),
        Interval("cannot_judge", at(12), at(14)),
        Interval("maintenance", at(14), at(18)),
        Interval("offline", at(18), at(20)),
        Interval("ok", at(20)),
    ]
    day = usable_rate(state, at(0), at(24))
    assert (day.counted, day.known, day.unknown, day.excluded) == (14 * 3600, 18 * 3600, 2 * 3600, 4 * 3600)


def test_two_definitions_differ_and_both_say_of_what() -> None:
    rates = [Rate(10, 10, 0, 0), Rate(0, 30, 0, 0), NO_TIME]
    assert mean_of_cameras(rates) == (0.5, 2, 1)
    assert sum(rates, NO_TIME).value == 0.25


def test_a_clock_set_back_makes_no_negative_time() -> None:
    parts = intervals([change("up", 10), change("down", 4), change("up", 11)])
    assert all(p.end is None or p.end > p.start for p in parts)
    assert [p.value for p in parts] == ["down", "up"]


values = st.sampled_from(["up", "down", "unknown"])
marks = st.lists(st.tuples(values, st.integers(0, 100)), max_size=15)


@given(marks, marks, st.integers(0, 50), st.integers(1, 50))
@settings(max_examples=200, deadline=None)
def test_the_parts_of_a_period_add_up(a: list[tuple[str, int]], b: list[tuple[str, int]], start: int, n: int) -> None:
    parts = intervals(change(v, t) for v, t in a)
    holes = [
        Interval("maintenance" if v == "down" else "ok", p.start, p.end)
        for p, (v, _) in zip(intervals(change(v, t) for v, t in sorted(b, key=lambda x: x[1])), b, strict=False)
    ]
    lo, hi = at(start), at(start + n)
    shown = clip(parts, lo, hi)
    assert sum(i.seconds() for i in shown) == (hi - lo).total_seconds()
    assert all(x.end == y.start for x, y in pairwise(shown))
    result = rate(parts, lo, hi, counted=("up",), maintenance=holes)
    assert abs(result.known + result.unknown + result.excluded - (hi - lo).total_seconds()) < 1e-6
    assert 0 <= result.counted <= result.known
    assert sum(i.seconds() for i in without(shown, shown)) == 0
