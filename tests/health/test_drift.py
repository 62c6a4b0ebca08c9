"""What checks tell the registry beside their verdicts: a clock that is off, a stream that changed; each once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from config.clock import ManualClock
from config.errors import XueliangError
from config.scope import Scope
from health.drift import DriftWatch, clock_finding, findings_of
from health.observation import Layer, Link, Observation, Picture, Tier
from health.signature import SIZE, difference, mark
from registry import change_feed_store
from registry.camera_list import camera_list
from registry.database import Database
from registry.stream_store import streams_of
from registry.watched_camera import WatchedCamera
from tests.support.registry_world import add_world

SYSTEM = Scope.system("test")


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (None, None),
        (4.0, None),
        (-4.9, None),
        (5.0, "+5 s off"),
        (-300.0, "-300 s off"),
        (28_800.0, "+8 h off"),
        (-3_630.0, "-1 h off"),
        (1_800.0, "+1800 s off"),
    ],
)
def test_a_clock_is_told_of_from_five_seconds_on(offset: float | None, words: str | None) -> None:
    found = clock_finding(offset)
    assert (found is None) is (words is None)
    if found is not None and words is not None:
        assert words in found.en
        assert found.code == "clock"


async def one_camera(db: Database) -> WatchedCamera:
    await add_world(db, "a", 1, cameras=1)
    return (await camera_list(SYSTEM, db))[0]


def alive(camera: WatchedCamera, clock: ManualClock, offset: float) -> Observation:
    facts = {"clock_offset": offset}
    return Observation(camera.camera_id, "p", Tier.LIVENESS, clock.now(), Link.UP, Layer.DEVICE, facts=facts)


async def told(db: Database) -> list[float | None]:
    async with db.read() as connection:
        part = await change_feed_store.after(SYSTEM, connection, 0)
    return [c.payload["offset_seconds"] for c in part.changes if c.payload.get("act") == "clock"]


async def test_a_clock_is_recorded_when_it_goes_wrong_and_when_it_is_right_again(
    db: Database, clock: ManualClock
) -> None:
    camera, drift = await one_camera(db), DriftWatch(db)
    for offset in (0.0, 300.0, 301.0, 299.0, 1.0, 0.0):
        await drift.tell(camera, alive(camera, clock, offset))
    assert await told(db) == [300.0, None]


async def test_looks_that_end_together_tell_of_a_clock_once(db: Database, clock: ManualClock) -> None:
    camera, drift = await one_camera(db), DriftWatch(db)
    await asyncio.gather(*(drift.tell(camera, alive(camera, clock, 300.0)) for _ in range(4)))
    assert await told(db) == [300.0]


async def test_a_clock_not_written_down_is_told_by_the_next_look(db: Database, clock: ManualClock) -> None:
    camera, drift = await one_camera(db), DriftWatch(db)
    nobody = replace(camera, device_id="nobody")
    for _ in range(2):
        with pytest.raises(XueliangError):
            await drift.tell(nobody, alive(nobody, clock, 300.0))


async def test_a_clock_told_before_a_restart_is_not_told_anew(db: Database, clock: ManualClock) -> None:
    camera, first, second = await one_camera(db), DriftWatch(db), DriftWatch(db)
    await first.tell(camera, alive(camera, clock, 300.0))
    second.resume(camera, {"facts": {"clock_offset": 300.0}})
    await second.tell(camera, alive(camera, clock, 300.0))
    assert await told(db) == [300.0]
    assert [found.code for found in findings_of({"facts": {"clock_offset": 300.0}})] == ["clock"]
    assert findings_of(None) == findings_of({"facts": {}}) == []


async def test_another_size_or_codec_is_written_down_once(db: Database, clock: ManualClock) -> None:
    camera, drift = await one_camera(db), DriftWatch(db)
    versions = []
    for width in (1920, 1920, 2560):
        facts = {"codec": "h265", "width": width, "height": 1080}
        seen = Observation(
            camera.camera_id, "p", Tier.PICTURE, clock.now(), Link.UP, Layer.PICTURE, Picture.GOOD, facts=facts
        )
        await drift.tell(camera, seen)
        async with db.read() as connection:
            stream = (await streams_of(SYSTEM, connection, camera.camera_id))[0]
        assert (stream.codec, stream.width, stream.height) == ("h265", width, 1080)
        versions.append(stream.version)
    assert versions[0] == versions[1] == versions[2] - 1


def test_the_mark_alone_knows_the_same_picture_and_nothing_else() -> None:
    one, other = bytes(range(16)) + bytes(SIZE - 16), bytes(16) + bytes(SIZE - 16)
    assert difference(one, mark(one)) == 0.0
    assert difference(other, mark(one)) is None
    assert len(mark(one)) == 16
