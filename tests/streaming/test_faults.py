"""What a viewer sees when something breaks: on its path, at the camera, in the camera's stream."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.simulator.faults import Fault
from camera_gateway.source_state import SourceState
from camera_gateway.subscription import Subscription
from config.clock import SystemClock
from config.errors import Kind, XueliangError
from streaming.relay import RelayRules
from streaming.view_state import Role, ViewState
from streaming.webrtc import ice
from tests.support.relay_rig import FleetCameras, Peer, Rig, peer, rig
from tests.support.udp_proxy import proxy

pytestmark = pytest.mark.usefixtures("no_leaks")


def sessions(made: Rig) -> int:
    """Connections at the first virtual device."""
    return len(made.fleet.rtsp._by_device.get(made.fleet.devices[0].id, ()))


def port_of(answer: str) -> int:
    found = re.search(r"candidate:\S+ 1 udp \d+ 127\.0\.0\.1 (\d+)", answer)
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("loss", [0.01, 0.05, 0.1])
async def test_what_the_path_loses_is_repaired(clips: Path, loss: float) -> None:
    async with rig(clips, main=(1280, 720)) as made, peer() as viewer:
        opened = await made.relay.open(made.asked(), await viewer.offer())
        port = port_of(opened.answer)
        async with proxy(("127.0.0.1", port), loss) as between:
            await viewer.answer(opened.answer.replace(f" {port} typ", f" {between.port} typ"))
            await viewer.frame()
            for _ in range(25):
                await viewer.frame()
            (session,) = made.relay._sessions.values()
            counters = session._viewer.counters
            if between.dropped > 3:
                assert counters.repaired > 0
            assert counters.missing <= 2
            await viewer.close()


async def test_a_viewer_that_falls_silent_is_gone_within_ten_seconds(
    clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # At most a fifth more than 4 s and the next beat until it is asked, and three times a second for the answer.
    assert ice.CONSENT_SECONDS * 1.2 + ice.BEAT_SECONDS + ice.CONSENT_FAILURES * ice.ANSWER_SECONDS < 9
    for name, seconds in {"CONSENT_SECONDS": 0.05, "ANSWER_SECONDS": 0.05, "BEAT_SECONDS": 0.01}.items():
        monkeypatch.setattr(ice, name, seconds)
    async with rig(clips) as made, peer() as viewer:
        opened = await made.relay.open(made.asked(), await viewer.offer())
        port = port_of(opened.answer)
        async with proxy(("127.0.0.1", port)) as between:
            await viewer.answer(opened.answer.replace(f" {port} typ", f" {between.port} typ"))
            await viewer.frame()
            between.silent = True
            await made.until(lambda: made.ended != [])
            assert [reason for _, reason in made.ended] == ["silent"]
            assert made.relay.capacity.total == 0
            await viewer.close()


async def test_one_session_at_the_camera_for_everybody_and_none_afterwards(clips: Path) -> None:
    async with rig(clips, rules=RelayRules(linger=0.5)) as made:
        viewers = [Peer() for _ in range(4)]
        try:
            for viewer in viewers:
                await viewer.watch(made)
            for viewer in viewers:
                await viewer.frame()
            assert sessions(made) == 1
        finally:
            for viewer in viewers:
                await viewer.close()
        await made.until(lambda: len(made.ended) == 4)
        await made.until(lambda: sessions(made) == 0)
        assert made.relay.streams() == []
        assert made.fleet.rtsp.torn_down == 1


async def test_a_camera_that_reboots_is_back_in_the_same_session(clips: Path) -> None:
    async with rig(clips) as made, peer() as viewer:
        await viewer.watch(made)
        await viewer.frame()
        camera = made.fleet.cameras[0]
        await made.fleet.set_fault(camera.id, Fault.REFUSED, True)
        await made.until(lambda: made.relay.shown()[0].state is ViewState.OFFLINE, 15)
        assert made.relay.shown()[0].cause == "refused"
        await made.fleet.set_fault(camera.id, Fault.REFUSED, False)
        await made.until(lambda: made.relay.shown()[0].state is ViewState.LIVE, 15)
        for _ in range(8):
            await viewer.frame()
        assert made.ended == []


@pytest.mark.parametrize(
    ("spec", "codec"),
    [({"codec": Codec.H265}, "H.265"), ({"b_frames": 2}, "H.264 with B-frames"), ({"codec": Codec.MJPEG}, "JPEG")],
)
async def test_what_browsers_cannot_show_is_said(clips: Path, spec: dict[str, Any], codec: str) -> None:
    async with rig(clips, **spec) as made, peer() as viewer:
        text = await viewer.offer()
        if "b_frames" in spec:  # seen in the second picture at the earliest
            opened = await made.relay.open(made.asked(), text)
            await viewer.answer(opened.answer)
            await made.until(lambda: made.ended != [])
            assert made.ended[0][1] == "codec"
        with pytest.raises(XueliangError) as caught:
            await made.relay.open(made.asked(), text)
        assert caught.value.facts == {"code": "codec", "codec": codec}
        assert made.relay.capacity.total == 0


async def test_the_sub_stream_is_taken_where_main_cannot_be_shown(clips: Path) -> None:
    async with rig(clips, codec=Codec.H265) as other, rig(clips) as made, peer() as viewer:
        cameras = made.relay._cameras
        assert isinstance(cameras, FleetCameras)
        camera_id = made.fleet.cameras[0].id
        mixed = dict(await cameras.streams(camera_id))
        theirs = other.relay._cameras
        mixed[Role.MAIN] = (await theirs.streams(other.fleet.cameras[0].id))[Role.MAIN]
        cameras.given[camera_id] = mixed
        opened = await viewer.watch(made)
        assert opened.role is Role.SUB
        assert (await viewer.frame()).width == 320
        shown = made.relay.shown()[0]
        assert (shown.role, shown.fell_back) == (Role.SUB, "H.265")


class Scripted:
    """A source that plays units as the test hands them over, in place of a camera."""

    def __init__(self) -> None:
        self.state = SourceState.LIVE
        self.failure: XueliangError | None = None
        self.subscriptions: list[Subscription] = []
        self.keyframes = 0

    @asynccontextmanager
    async def subscribe(self, limit: int = 64, linger: float | None = None) -> AsyncIterator[Subscription]:
        made = Subscription(limit)
        self.subscriptions.append(made)
        try:
            yield made
        finally:
            self.subscriptions.remove(made)

    async def newest_keyframe(
        self, max_age: float = 0.0, deadline: float | None = None, linger: float = 0.0
    ) -> AccessUnit:
        raise XueliangError(Kind.TIMEOUT, "not yet")

    async def request_keyframe(self) -> bool:
        self.keyframes += 1
        return True

    def source(self, key: str, target: object) -> Scripted:
        return self

    def play(self, unit: AccessUnit) -> None:
        for subscription in self.subscriptions:
            subscription.put(unit)


Change = Callable[[AccessUnit, int], AccessUnit | None]
CHANGES: dict[str, Change] = {
    "rtp_gap": lambda unit, n: None if 10 <= n < 16 else unit,
    "timestamp_jump": lambda unit, n: replace(unit, rtp_time=(unit.rtp_time + 0x70000000 * (n > 12)) & 0xFFFFFFFF),
    "ssrc_change": lambda unit, n: replace(unit, rtp_time=unit.rtp_time if n < 12 else (77 + n * 7500)),
    "sets_never_in_band": lambda unit, n: replace(unit, nals=tuple(x for x in unit.nals if x[0] & 0x1F not in (7, 8))),
    "damaged": lambda unit, n: replace(unit, damaged=n == 9, nals=unit.nals[:1] if n == 9 else unit.nals),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_whatever_the_camera_does_pictures_go_on(clips: Path, name: str) -> None:
    async with rig(clips) as made, peer() as viewer:
        units = await recorded(made, 30)
        scripted = Scripted()
        made.relay._sources = scripted  # type: ignore[assignment]
        opening = await play_while(made, scripted, viewer, units, CHANGES[name])
        stream = made.relay.streams()[0]
        await made.until(lambda: stream.units >= sum(CHANGES[name](u, n) is not None for n, u in enumerate(units)))
        seen = [(await viewer.frame()).pts for _ in range(12)]
        assert seen == sorted(set(seen))
        assert made.ended == [], opening
        if name in ("timestamp_jump", "ssrc_change"):
            assert stream.timeline.jumps >= 1
        if name == "damaged":
            assert scripted.keyframes >= 1


async def test_another_resolution_in_the_same_stream(clips: Path) -> None:
    async with rig(clips) as made, peer() as viewer:
        large, small = await recorded(made, 14), await recorded(made, 14, Role.SUB)
        scripted = Scripted()
        made.relay._sources = scripted  # type: ignore[assignment]
        await play_while(made, scripted, viewer, [*large, *small], lambda unit, n: unit)
        widths = [(await viewer.frame()).width for _ in range(22)]
        assert sorted(set(widths)) == [320, 640]


async def recorded(made: Rig, count: int, role: Role = Role.MAIN) -> list[AccessUnit]:
    """Consecutive units of the virtual camera, beginning with a keyframe."""
    known = (await made.relay._cameras.streams(made.fleet.cameras[0].id))[role]
    found: list[AccessUnit] = []
    async with made.hub.source(f"recording {role}", known.target).subscribe(limit=200) as units:
        async for unit in units:
            found.append(unit)
            if len(found) == count:
                return found
    raise AssertionError("the camera stopped")


async def play_while(made: Rig, scripted: Scripted, viewer: Peer, units: list[AccessUnit], change: Change) -> str:
    """Opens the view with the first units, and plays the rest 1/12 s apart in the stream's own time."""
    clock = SystemClock()
    await viewer.connection.setLocalDescription(await viewer.connection.createOffer())
    opened = await made.relay.open(made.asked(), viewer.connection.localDescription.sdp)
    await viewer.answer(opened.answer)
    await made.until(lambda: scripted.subscriptions != [])
    (session,) = made.relay._sessions.values()
    await made.until(lambda: session._viewer.open)
    for number, unit in enumerate(units):
        changed = change(unit, number)
        if changed is not None:
            scripted.play(replace(changed, received=clock.monotonic()))
            before = made.relay.streams()[0].units
            await made.until(lambda before=before: made.relay.streams()[0].units > before)  # type: ignore[misc]
    return opened.answer
