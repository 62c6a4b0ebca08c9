"""Small things on the way of a check: the cheap tier, rows, files, the waiting scheduler."""

from __future__ import annotations

import asyncio
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.onvif.report import ClockAnswer
from camera_gateway.rtsp.client import Described
from camera_gateway.rtsp.sdp import parse
from camera_gateway.rtsp.timing import Timings
from camera_gateway.target import StreamTarget
from config.clock import ManualClock
from config.errors import Kind, XueliangError
from config.ids import new_id
from health.liveness import LivenessCheck
from health.observation import Layer, Link, Observation, Picture, Tier
from health.picture_files import MAX_PICTURE, PictureFiles
from health.schedule import Planned, Schedule, ScheduleSettings
from health.scheduler import EmbeddedScheduler
from health.state import StateSettings, advance, begin
from health.state_row import Known, from_row, to_row
from registry.device import DeviceKind
from registry.lifecycle import Lifecycle
from registry.watched_camera import WatchedCamera

VIDEO = (
    b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\n"
    b"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:track1\r\n"
)
SOUND = b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=x\r\nt=0 0\r\nm=audio 0 RTP/AVP 0\r\na=control:track1\r\n"
TARGET = StreamTarget("rtsp://127.0.0.9/main")


class Cameras:
    """Answers as written: an exception or a value for each of the two questions."""

    def __init__(self, clock: ClockAnswer | XueliangError, sdp: bytes | XueliangError) -> None:
        self._clock, self._sdp = clock, sdp
        self.asked: list[str] = []

    async def clock(self, xaddr: str) -> ClockAnswer:
        self.asked.append("clock")
        if isinstance(self._clock, XueliangError):
            raise self._clock
        return self._clock

    async def describe(self, target: StreamTarget) -> Described:
        self.asked.append("describe")
        if isinstance(self._sdp, XueliangError):
            raise self._sdp
        return Described(parse(self._sdp), Timings(), "127.0.0.9", "", "none", target.url)


def camera(kind: DeviceKind = DeviceKind.CAMERA, xaddr: str | None = "http://127.0.0.9/onvif") -> WatchedCamera:
    return WatchedCamera(
        camera_id="c",
        camera_name="c",
        active=True,
        lifecycle=Lifecycle.ADOPTED,
        device_id="d",
        device_name="d",
        device_kind=kind,
        host="127.0.0.9",
        port=80,
        onvif_xaddr=xaddr,
        token="1",
        channel=1,
        main=None,
        sub=None,
        credential_ref=None,
        area_id="a",
        unit_id=None,
        access_path=(),
        point_id=None,
        point_name=None,
        longitude=None,
        latitude=None,
        mask=(),
        mask_by_service=False,
        windows=(),
    )


OFFSET = ClockAnswer("127.0.0.9", None, 7.0)
NO_ANSWER = XueliangError(Kind.TIMEOUT, "nothing in time")


@pytest.mark.parametrize(
    ("kind", "xaddr", "clock", "sdp", "asked", "link", "layer", "cause"),
    [
        (DeviceKind.CAMERA, "x", OFFSET, VIDEO, ["clock"], Link.UP, Layer.DEVICE, ""),
        (DeviceKind.CAMERA, "x", NO_ANSWER, VIDEO, ["clock", "describe"], Link.UP, Layer.STREAM, ""),
        (DeviceKind.CAMERA, "x", NO_ANSWER, NO_ANSWER, ["clock", "describe"], Link.DOWN, Layer.STREAM, "timeout"),
        (DeviceKind.RECORDER, "x", OFFSET, NO_ANSWER, ["describe"], Link.DOWN, Layer.STREAM, "timeout"),
        (DeviceKind.CAMERA, None, OFFSET, VIDEO, ["describe"], Link.UP, Layer.STREAM, ""),
        (DeviceKind.CAMERA, None, OFFSET, SOUND, ["describe"], Link.DOWN, Layer.STREAM, "no_stream"),
        (
            DeviceKind.CAMERA,
            None,
            OFFSET,
            XueliangError(Kind.LIMIT, "no port left"),
            ["describe"],
            None,
            Layer.STREAM,
            "",
        ),
    ],
)
async def test_liveness_asks_what_proves_something(
    kind: DeviceKind,
    xaddr: str | None,
    clock: ClockAnswer | XueliangError,
    sdp: bytes | XueliangError,
    asked: list[str],
    link: Link | None,
    layer: Layer,
    cause: str,
) -> None:
    answers = Cameras(clock, sdp)
    check = LivenessCheck(answers, answers, ManualClock())
    seen = await check.run(camera(kind, xaddr), TARGET, "liveness/1")
    assert answers.asked == asked
    assert (seen.link, seen.layer, seen.cause, seen.picture) == (link, layer, cause, None)
    if asked == ["clock"]:
        assert seen.facts["clock_offset"] == 7.0


async def test_without_an_address_nothing_is_said() -> None:
    answers = Cameras(OFFSET, VIDEO)
    seen = await LivenessCheck(answers, answers, ManualClock()).run(camera(xaddr=None), None, "liveness/1")
    assert (seen.link, answers.asked) == (None, [])


kinds = st.sampled_from(["good", "covered", "no_signal", "glare", "timeout", "device", "gap"])


@given(st.lists(st.tuples(kinds, st.integers(1, 400)), max_size=25))
@settings(max_examples=100, deadline=None)
def test_a_row_keeps_all_that_a_confirmation_needs(story: list[tuple[str, int]]) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    rules = StateSettings()
    kept = straight = begin("c", at)
    for kind, seconds in story:
        at += timedelta(seconds=seconds * (100 if kind == "gap" else 1), microseconds=seconds)
        picture = {"good": Picture.GOOD, "glare": Picture.CANNOT_JUDGE, "device": None, "timeout": None}.get(
            kind, Picture.BAD
        )
        link = Link.DOWN if kind == "timeout" else Link.UP
        layer = Layer.DEVICE if kind == "device" else Layer.PICTURE
        seen = Observation("c", "p", Tier.PICTURE, at, link, layer, picture, "" if kind == "good" else kind)
        straight, _ = advance(straight, seen, rules)
        kept = from_row(to_row(Known(kept))).state  # a restart between any two samples
        kept, _ = advance(kept, seen, rules)
        assert kept == straight


def test_pictures_are_ours_alone_bounded_and_named_by_ids(tmp_path: Path) -> None:
    files, name = PictureFiles(tmp_path), new_id()
    files.put_good(name, b"one")
    files.put_last(name, b"two")
    assert (files.last(name), files.good(name), files.bad(name)) == (b"two", b"one", None)
    for path in tmp_path.rglob("*.jpg"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for foreign in ("../../etc/passwd", "", "a" * 36, f"{name}/x", name.upper()):
        with pytest.raises(XueliangError) as raised:
            files.last(foreign)
        assert raised.value.kind is Kind.INVALID
    with pytest.raises(XueliangError) as raised:
        files.put_last(name, bytes(MAX_PICTURE + 1))
    assert raised.value.kind is Kind.TOO_LARGE
    files.put_evidence(name, b"three")
    files.forget(name)
    assert files.last(name) is None
    assert files.evidence(name) == b"three"
    files.remove_evidence([name, new_id()])
    assert list(tmp_path.rglob("*.jpg")) == []


async def test_the_scheduler_waits_for_slots_and_is_woken_by_commands(no_leaks: None) -> None:
    clock = ManualClock()
    scheduler = EmbeddedScheduler(Schedule(ScheduleSettings(), Random(1)), clock)
    waiting = asyncio.ensure_future(scheduler.next())
    await clock.advance(10)
    assert not waiting.done()
    scheduler.plan([Planned("c", "d")])
    await clock.advance(0)
    assert not waiting.done()
    assert scheduler.check_now("c", "k")
    await clock.advance(0)
    probe = await waiting
    assert probe.probe_id == "command/k"
    waiting = asyncio.ensure_future(scheduler.next())
    await clock.advance(400)
    assert not waiting.done()  # one of a camera at a time
    scheduler.finished(probe)
    await clock.advance(400)
    assert waiting.done()
    assert (await waiting).camera_id == "c"
    assert scheduler.freshness(Tier.PICTURE).cameras == 1
    scheduler.forget("c")
    assert scheduler.freshness(Tier.PICTURE).cameras == 0
