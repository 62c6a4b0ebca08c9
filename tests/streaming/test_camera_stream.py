"""When a camera is asked for a keyframe: after any loss, at most once a second, and until there is one."""

from __future__ import annotations

import asyncio

from camera_gateway.access_unit import AccessUnit, Codec, ParameterSets
from camera_gateway.source import Source
from camera_gateway.source_state import SourceState
from config.clock import ManualClock
from config.errors import Kind, XueliangError
from streaming.camera_stream import TURN_SECONDS, CameraStream
from tests.support.bitstream import h264_slice, h264_sps

SETS = ParameterSets(Codec.H264, (h264_sps(640, 360), b"\x68\xee\x3c\x80"))


class Camera:
    """``asked`` counts requests."""

    state = SourceState.LIVE
    asked = 0

    async def request_keyframe(self) -> bool:
        self.asked += 1
        return True


class World:
    def __init__(self) -> None:
        async def no_camera() -> Source:
            raise XueliangError(Kind.NO_STREAM, "the test feeds it")

        self.clock = ManualClock()
        self.camera = Camera()
        self.stream = CameraStream("camera", no_camera, self.clock, 1.0)
        self.stream._source = self.camera  # type: ignore[assignment]
        self.number = 0

    async def take(self, *, key: bool = False, damaged: bool = False, lost: int = 0) -> int:
        """Requests so far, one picture (40 ms) later."""
        await self.clock.advance(0.04)
        self.number += 1
        nals, now = (h264_slice(900, idr=key),), self.clock.monotonic()
        unit = AccessUnit(Codec.H264, key, nals, self.number * 3600, now, 90_000, None, SETS, damaged, lost)
        self.stream._take(unit)
        await asyncio.gather(*self.stream._tasks)
        return self.camera.asked


async def test_pictures_that_are_missing_whole_are_a_loss_too() -> None:
    world = World()
    assert await world.take(key=True) == 0
    assert await world.take() == 0
    assert await world.take(lost=7) == 1
    assert world.stream.damaged == 1


async def test_a_loss_right_after_another_is_asked_for_when_a_second_is_over() -> None:
    world = World()
    await world.take(key=True)
    assert await world.take(damaged=True) == 1
    assert await world.take(key=True) == 1  # the camera grants it
    assert await world.take(lost=1) == 1
    for _ in range(22):
        assert await world.take() == 1
    for _ in range(3):
        await world.take()
    assert world.camera.asked == 2
    for _ in range(60):
        await world.take()
    assert world.camera.asked == 4  # it does not grant that one: asked again and again
    await world.take(key=True)
    for _ in range(60):
        await world.take()
    assert world.camera.asked == 4


async def test_a_loss_before_a_keyframe_is_none() -> None:
    world = World()
    await world.take(key=True)
    assert await world.take(key=True, lost=9) == 0


async def test_a_camera_that_is_away_is_asked_when_it_is_back() -> None:
    world = World()
    await world.take(key=True)
    world.camera.state = SourceState.WAITING
    await world.clock.advance(1.0)
    world.stream.want_keyframe()
    assert world.camera.asked == 0
    world.camera.state = SourceState.LIVE
    assert await world.take() == 1


class Slow:
    """A viewer whose turn takes all the time there is for one turn of the loop."""

    def __init__(self, world: World, name: str, turns: list[str]) -> None:
        self.world, self.name, self.turns = world, name, turns

    def pump(self) -> None:
        self.turns.append(self.name)
        self.world.clock._monotonic += TURN_SECONDS * 1.1

    def unfit(self, reason: object) -> None:
        raise AssertionError(reason)

    def failed(self) -> None:
        raise AssertionError(self.name)


async def test_slow_turns_are_shared_out_and_nobody_is_left_behind() -> None:
    world, turns = World(), list[str]()
    for name in "abc":
        world.stream.watchers[Slow(world, name, turns)] = None

    def arrives(key: bool = False) -> None:
        world.number += 1
        now = world.clock.monotonic()
        nals = (h264_slice(900, idr=key),)
        world.stream._arrived(AccessUnit(Codec.H264, key, nals, world.number * 3600, now, parameter_sets=SETS))

    arrives(key=True)
    assert turns == ["a"]  # the others have theirs when the loop has looked at everything else
    arrives()
    assert turns == ["a"]
    for _ in range(8):
        await asyncio.sleep(0)
    assert turns == ["a", "b", "c", "a"]  # one turn covers whatever has come, so b and c need none for the second
    world.stream.watchers.clear()
    arrives()
    await asyncio.sleep(0)
    assert len(turns) == 4
