"""Frame rate, GOP, B-frames and bitrate out of a few access units."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from camera_gateway.access_unit import AccessUnit, Codec
from health.stream_facts import measure

STEP = 3600  # 25 pictures a second


def unit(time: int, keyframe: bool = False, size: int = 1000) -> AccessUnit:
    return AccessUnit(Codec.H264, keyframe, (b"x" * size,), time % 2**32, 0.0)


def stream(frames: int, gop: int, start: int = 0) -> list[AccessUnit]:
    return [unit(start + i * STEP, i % gop == 0) for i in range(frames)]


@pytest.mark.parametrize("start", [0, 2**32 - 10 * STEP])
def test_a_plain_stream_even_where_the_timestamp_wraps(start: int) -> None:
    facts = measure(stream(51, 25, start))
    assert facts.fps == pytest.approx(25)
    assert facts.gop_seconds == pytest.approx(1.0)
    assert facts.gop_frames == 25
    assert facts.bitrate == pytest.approx(25 * 1000 * 8)
    assert facts.b_frames is False
    assert facts.keyframe_bytes == 1000


def test_a_long_gop_is_at_least_what_was_seen() -> None:
    facts = measure(stream(50, 250))
    assert facts.gop_seconds is None
    assert facts.gop_at_least == pytest.approx(49 / 25)


def test_b_frames_step_back_in_time() -> None:
    order = [0, 3, 1, 2, 6, 4, 5]
    facts = measure([unit(i * STEP, i == 0) for i in order])
    assert facts.b_frames is True
    assert facts.fps == pytest.approx(25)


def test_too_little_to_say() -> None:
    assert measure([]).fps is None
    one = measure([unit(5, True)])
    assert (one.fps, one.bitrate, one.gop_seconds, one.b_frames) == (None, None, None, None)
    assert measure([unit(5, True)], reorder=0).b_frames is False


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.booleans()), max_size=40))
def test_any_timestamps_give_numbers_or_none(items: list[tuple[int, bool]]) -> None:
    facts = measure([unit(time, key) for time, key in items])
    assert facts.frames == len(items)
    assert facts.fps is None or facts.fps > 0
    assert facts.gop_seconds is None or facts.gop_seconds > 0
