"""One shared session: who opens it, who shares it, when it ends, what happens when it breaks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.memory import InMemoryDeviceMemory
from camera_gateway.reach import Reach, ReachPolicy
from camera_gateway.rtsp.client import RtspClient
from camera_gateway.rtsp.message import Request, Response
from camera_gateway.rtsp.timing import Deadlines
from camera_gateway.source import Source, SourceHub
from camera_gateway.source_state import TRANSITIONS, SourceEvent, SourceState, advance
from camera_gateway.subscription import Subscription
from camera_gateway.target import StreamTarget
from config.clock import ManualClock
from config.errors import Kind, XueliangError
from tests.support.bitstream import H264_PPS, h264_sdp, h264_slice, h264_sps, packets
from tests.support.rtsp_server import Peer, RtspTestServer, Script

SPS = h264_sps(640, 360)
KEY = [SPS, H264_PPS, h264_slice(9_000, idr=True)]
DELTA = [h264_slice(900, idr=False, kind=5)]
GOOD = Script(sdp=h264_sdp(sps=SPS), media=packets([KEY, DELTA, DELTA]))


class Stage:
    """A hub on a clock that only moves when told to, and a server."""

    def __init__(self, server: RtspTestServer, stall: float = 5.0) -> None:
        self.server = server
        self.clock = ManualClock()
        self.changes: list[SourceState] = []
        memory = InMemoryDeviceMemory(self.clock)
        client = RtspClient(Reach(ReachPolicy.any()), memory, self.clock, Deadlines(stall=stall, teardown=0.3))
        self.hub = SourceHub(client, self.clock, random.Random(4), 15.0, self._changed)
        self._seen = asyncio.Event()

    def _changed(self, source: Source, before: SourceState, after: SourceState) -> None:
        self.changes.append(after)
        self._seen.set()

    def source(self) -> Source:
        return self.hub.source("cam-1", StreamTarget(self.server.url, gop_seconds=0.2))

    async def state(self, source: Source, wanted: SourceState) -> None:
        async with asyncio.timeout(5):
            while source.state is not wanted:
                self._seen.clear()
                await self._seen.wait()

    def count(self, method: str) -> int:
        return self.server.methods().count(method)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with RtspTestServer(replace(GOOD)) as server:
        made = Stage(server, stall=0.15)
        yield made
        await made.hub.close()
        await server.until(lambda: all(p.lost.is_set() for p in server.peers))
        assert made.count("TEARDOWN") == sum(1 for r in server.requests if r.method == "SETUP")


async def test_one_shot_keyframe_keeps_no_session(stage: Stage) -> None:
    source = stage.source()
    unit = await source.newest_keyframe()
    assert list(unit.nals) == KEY
    assert source.state is SourceState.IDLE
    assert stage.count("TEARDOWN") == 1
    assert source.timings.keyframe is not None
    assert source.format is not None
    await source.newest_keyframe()
    assert stage.count("SETUP") == 2


async def test_concurrent_callers_share_one_session(stage: Stage) -> None:
    stage.clock.step(0)
    source = stage.source()
    tasks = [asyncio.create_task(source.newest_keyframe()) for _ in range(8)]
    await stage.server.until(lambda: stage.count("DESCRIBE") > 0)
    await stage.clock.advance(0.5)
    await asyncio.gather(*tasks)
    assert stage.count("SETUP") <= 2


async def test_subscribers_share_and_idle_release(stage: Stage) -> None:
    source = stage.source()
    async with source.subscribe() as one, source.subscribe() as two:
        first = await anext(one)
        assert first.keyframe
        assert await anext(two) is first
        assert not (await anext(one)).keyframe
        assert stage.count("SETUP") == 1
        assert source.state is SourceState.LIVE
        assert await source.newest_keyframe(max_age=60) is first
    await stage.clock.advance(14)
    assert stage.count("TEARDOWN") == 0
    async with source.subscribe():
        pass
    await stage.clock.advance(14)
    assert stage.count("TEARDOWN") == 0
    await stage.clock.advance(1.5)
    await stage.state(source, SourceState.IDLE)
    assert stage.count("TEARDOWN") == 1


async def test_keyframe_on_request_within_a_standing_session(stage: Stage) -> None:
    source = stage.source()
    async with source.subscribe() as units:
        await anext(units)
        await stage.clock.advance(2)
        wanted = asyncio.create_task(source.newest_keyframe())
        peer = stage.server.peers[0]
        await stage.server.until(lambda: bool(peer.control))
        peer.send_media(packets([KEY], sequence=500, timestamp=999_000))
        assert (await wanted).rtp_time == 999_000
        assert stage.count("SETUP") == 1


async def test_stall_is_a_state_and_is_reconnected(stage: Stage) -> None:
    source = stage.source()
    async with source.subscribe() as units:
        assert (await anext(units)).keyframe
        await stage.state(source, SourceState.STALLED)
        assert source.failure is not None
        assert source.failure.kind is Kind.STALLED
        while stage.count("SETUP") < 2:
            await stage.clock.advance(2)
        await stage.state(source, SourceState.LIVE)
        unit = await anext(units)
        while not unit.keyframe:
            unit = await anext(units)
    assert stage.changes[:4] == [
        SourceState.CONNECTING,
        SourceState.LIVE,
        SourceState.STALLED,
        SourceState.CONNECTING,
    ]


async def test_failure_waits_with_jitter_and_new_credentials_hurry(stage: Stage) -> None:
    def busy(peer: Peer, request: Request) -> Response:
        return Response(453, "Not Enough Bandwidth")

    stage.server.script.answers = {"DESCRIBE": busy}
    source = stage.source()
    with pytest.raises(XueliangError) as refused:
        await source.newest_keyframe(linger=60)
    assert refused.value.kind is Kind.BUSY
    await stage.state(source, SourceState.WAITING)
    asked = stage.count("DESCRIBE")
    stage.server.script.answers = {}
    stage.hub.source("cam-1", StreamTarget(stage.server.url, gop_seconds=0.3))
    await stage.state(source, SourceState.LIVE)
    assert stage.count("DESCRIBE") == asked + 1


async def test_deadline(stage: Stage) -> None:
    stage.server.script.answers = {"DESCRIBE": lambda peer, request: None}
    with pytest.raises(XueliangError) as late:
        await stage.source().newest_keyframe(deadline=0.05)
    assert late.value.kind is Kind.TIMEOUT


async def test_closed(stage: Stage) -> None:
    source = stage.source()
    async with source.subscribe() as units:
        await anext(units)
        await stage.hub.close()
        assert [u async for u in units if u.keyframe] == []
    with pytest.raises(XueliangError) as gone:
        await source.newest_keyframe()
    assert gone.value.kind is Kind.GONE
    assert stage.source() is not source


def unit(keyframe: bool, size: int = 10) -> AccessUnit:
    return AccessUnit(Codec.H264, keyframe, (b"x" * size,), 0, 0.0)


async def test_slow_subscriber_goes_on_with_a_keyframe() -> None:
    subscription = Subscription(3)
    subscription.put(unit(False))
    for key in (True, False, False, False, False):
        subscription.put(unit(key))
    assert subscription.dropped == 4
    subscription.put(unit(False))
    subscription.put(unit(True))
    assert (await anext(subscription)).keyframe


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 8))
@settings(max_examples=100, deadline=None)
def test_queue_is_bounded_and_begins_with_a_keyframe(kinds: list[bool], limit: int) -> None:
    subscription = Subscription(limit)
    for key in kinds:
        subscription.put(unit(key))
        waiting = list(subscription._units)
        assert len(waiting) <= limit
        assert not waiting or waiting[0].keyframe


@given(st.lists(st.sampled_from(SourceEvent), max_size=30))
@settings(max_examples=100, deadline=None)
def test_states(events: list[SourceEvent]) -> None:
    state = SourceState.IDLE
    for event in events:
        if (state, event) in TRANSITIONS:
            state = advance(state, event)
        else:
            with pytest.raises(XueliangError):
                advance(state, event)
        if state is SourceState.CLOSED:
            assert all(to is SourceState.CLOSED for (at, _), to in TRANSITIONS.items() if at is state)
