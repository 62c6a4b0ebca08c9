"""Our client before GStreamer's server: every codec, transport and login, FFmpeg's streams among them."""

from __future__ import annotations

from typing import Any

import pytest

from config.errors import Kind
from tests.interop.look import faults, look, watch, wrong_password
from tests.interop.matrix import GST_CASES, Case

pytestmark = pytest.mark.peer

_BY_STREAM = {case.stream: case for case in GST_CASES if case.login == "none" and case.transport != "udp"}


def port(gst: dict[str, Any], case: Case) -> int:
    return int(gst["open" if case.login == "none" else "digest"])


@pytest.mark.parametrize("case", GST_CASES, ids=lambda case: case.name)
async def test_one_keyframe(gst: dict[str, Any], case: Case) -> None:
    assert faults(case, await look(port(gst, case), case)) == []


@pytest.mark.parametrize("stream", ["h264-main", "h264-high-bframes", "h264-high-ffmpeg", "h265-main-ffmpeg"])
async def test_b_frames_are_reported_where_there_are_some(gst: dict[str, Any], stream: str) -> None:
    case = _BY_STREAM[stream]
    facts = await watch(port(gst, case), case)
    assert facts.b_frames is case.b_frames
    assert facts.damaged == 0


async def test_a_long_gop_is_reported(gst: dict[str, Any]) -> None:
    case = _BY_STREAM["h264-long-gop"]
    facts = await watch(port(gst, case), case)
    assert facts.gop_seconds is None
    assert facts.gop_at_least is not None
    assert facts.gop_at_least > 1.5


async def test_who_comes_in_the_middle_of_a_gop_waits_for_its_end(gst: dict[str, Any]) -> None:
    case = _BY_STREAM["h264-late-keyframe"]
    seen = await look(port(gst, case), case)
    assert faults(case, seen) == []
    stream, keyframe = seen.result.timings.stream, seen.result.timings.keyframe
    assert stream is not None
    assert keyframe is not None
    assert stream < 1.0
    assert 1.5 < keyframe < case.gop_seconds


@pytest.mark.parametrize("stream", ["h264-main", "h265-main", "mjpeg"])
async def test_a_wrong_password_is_tried_once(gst: dict[str, Any], stream: str) -> None:
    case = next(case for case in GST_CASES if case.stream == stream and case.login == "digest")
    wire, errors = await wrong_password(port(gst, case), case)
    assert [error.kind for error in errors] == [Kind.AUTH, Kind.LOCKED, Kind.LOCKED]
    assert wire.answers_to_challenges == 1


async def test_a_stream_that_is_not_there(gst: dict[str, Any]) -> None:
    case = Case("gst-rtsp-server", "no-such-stream", "h264", "", 0, 0)
    _, errors = await wrong_password(int(gst["open"]), case, tries=1)
    assert [error.kind for error in errors] == [Kind.NO_STREAM]
