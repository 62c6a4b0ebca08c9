"""One line of time, whatever a camera's counter does."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from streaming.media_clock import LEAST, MediaClock

STEP = 3600  # 25 pictures a second


def test_a_steady_camera_keeps_its_own_distances_over_the_wrap() -> None:
    clock, start = MediaClock(), 0xFFFFFFFF - 2 * STEP
    times = [clock.map((start + n * STEP) & 0xFFFFFFFF, 90_000, 10 + n * 0.05 * (n % 2)) for n in range(20)]
    assert {b - a for a, b in itertools.pairwise(times)} == {STEP}
    assert clock.jumps == 0


def test_a_jump_and_a_new_session_go_on_by_arrival() -> None:
    for leap in (900_000, -900_000, 0x7FFFFFFF):
        clock = MediaClock()
        before = clock.map(1_000_000, 90_000, 10.0)
        after = clock.map((1_000_000 + leap) & 0xFFFFFFFF, 90_000, 10.04)
        assert after - before == STEP
        assert clock.jumps == 1
        assert clock.map((1_000_000 + leap + STEP) & 0xFFFFFFFF, 90_000, 10.08) - after == STEP


def test_another_clock_rate_and_a_counter_that_stands_still() -> None:
    clock = MediaClock()
    clock.map(0, 1000, 0.0)
    assert clock.map(40, 1000, 0.04) == STEP
    assert clock.map(40, 1000, 0.04) == STEP + LEAST


def test_pictures_out_of_order_are_noticed() -> None:
    clock = MediaClock()
    for n, stamp in enumerate((0, 3, 1, 2, 6, 4, 5)):
        clock.map(stamp * STEP, 90_000, n * 0.04)
    assert clock.backward == 2


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.floats(0, 10)), min_size=2, max_size=30))
def test_it_never_goes_back(steps: list[tuple[int, float]]) -> None:
    clock, at, last = MediaClock(), 0.0, -1
    for stamp, passed in steps:
        at += passed
        now = clock.map(stamp, 90_000, at)
        assert now > last
        assert now - max(last, 0) <= (passed + 2.1) * 90_000
        last = now
