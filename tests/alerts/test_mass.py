"""A recorder or a link that goes down with all its cameras: one incident, one message, a few statements."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest_asyncio
import sqlalchemy as sa

from alerts.incident import IncidentState
from alerts.message import MessageStatus
from config.clock import ManualClock
from config.ids import new_id
from health.observation import Layer, Link, Observation, Picture, Tier
from registry.area import Area
from registry.area_store import add_area
from registry.audit_store import verify
from registry.camera import Camera
from registry.camera_store import add_cameras
from registry.change_feed_store import after
from registry.database import Connection, Database
from registry.device import Device, DeviceKind
from registry.device_store import add_device
from registry.lifecycle import Lifecycle
from tests.support.alerts_world import SYSTEM, World
from tests.support.statements import statements

#: Of an outage, however many cameras it takes: rows, stories, feed, audit, messages, and the look-ups for them.
MOST_STATEMENTS = 40
LINK = {"kind": "link", "id": "town", "name": "Town link"}


@pytest_asyncio.fixture
async def town(db: Database, clock: ManualClock) -> AsyncIterator[World]:
    """Two recorders of 64 and 16 channels behind one link."""
    async with db.write() as connection:
        await add_area(SYSTEM, connection, Area("town", "Town"))
        for number, (name, channels) in enumerate((("north", 64), ("south", 16)), 1):
            device = Device(
                f"{name}-recorder",
                f"NVR {name}",
                DeviceKind.RECORDER,
                f"127.{number}.0.1",
                80,
                "town",
                lifecycle=Lifecycle.IN_USE,
                access_path=(LINK,),
            )
            await add_device(SYSTEM, connection, device)
            await add_cameras(SYSTEM, connection, [_camera(name, n) for n in range(1, channels + 1)])
    yield await World(db, clock).begin()


def _camera(name: str, channel: int) -> Camera:
    camera_id = f"{name}-camera-{channel:04}"
    return Camera(
        camera_id, f"{name}-recorder", str(channel), camera_id, "town", channel=channel, lifecycle=Lifecycle.IN_USE
    )


def of(world: World, name: str) -> Sequence[str]:
    return [camera_id for camera_id in world.ids if camera_id.startswith(name)]


async def _sound(world: World) -> None:
    async with world.db.read() as connection:
        assert (await verify(SYSTEM, connection)).sound
        positions = [c.position for c in (await after(SYSTEM, connection, 0, limit=1000)).changes]
    assert positions == list(range(1, len(positions) + 1))


async def _waiting(world: World) -> list[str]:
    async with world.db.read() as connection:
        return await _of_status(connection, MessageStatus.WAITING)


async def _of_status(connection: Connection, status: MessageStatus) -> list[str]:
    query = sa.text("SELECT incident_id FROM outbox WHERE status = :status ORDER BY seq")
    return list((await connection.execute(query, {"status": status.value})).scalars())


async def test_a_recorder_of_64_channels(town: World) -> None:
    north = of(town, "north")
    with statements() as asked:
        await town.down(north)
    assert len(asked) <= MOST_STATEMENTS, asked
    (top,) = await town.shown(top=True)
    assert (top.incident.group_id, top.incident.cameras, top.children) == ("north-recorder", 64, 64)
    assert await _waiting(town) == [top.incident.id]
    with statements() as asked:
        await town.up(north)
    assert len(asked) <= MOST_STATEMENTS, asked
    assert await town.standing() == []
    assert await _waiting(town) == []
    await _sound(town)


async def test_a_recorder_that_comes_back_by_and_by_asks_for_one_acknowledgement(town: World) -> None:
    north = of(town, "north")
    await town.down(north)
    for part in (north[:20], north[20:40], north[40:60]):
        await town.up(part)
        town.later(20.0)
    by_state = Counter(s.incident.state for s in await town.shown())
    assert by_state == {IncidentState.RECOVERED: 1, IncidentState.RESOLVED: 60, IncidentState.OPEN: 4}
    assert len(await _waiting(town)) == 4
    town.later(town.keeper.rules.together_seconds)
    await town.up(north[60:])  # these were down by themselves
    by_state = Counter(s.incident.state for s in await town.shown())
    assert by_state == {IncidentState.RECOVERED: 5, IncidentState.RESOLVED: 60}


async def test_a_link_takes_in_the_recorder_that_went_first(town: World) -> None:
    await town.down(of(town, "north"))
    (recorder,) = await town.shown(top=True)
    with statements() as asked:
        await town.down(of(town, "south"))
    assert len(asked) <= MOST_STATEMENTS, asked
    (link,) = await town.shown(top=True)
    assert (link.incident.group_kind, link.incident.group_id, link.incident.cameras) == ("link", "town", 80)
    assert link.children == 17  # the recorder, which holds its own, and the cameras of the other
    found = {s.incident.id: s.incident for s in await town.shown(parent_id=link.incident.id)}
    assert found[recorder.incident.id].parent_id == link.incident.id
    assert await _waiting(town) == [link.incident.id]
    ended = town.clock.now()
    await town.up(of(town, "north"))
    await town.up(of(town, "south"))
    assert await town.standing() == []
    states = {s.incident.state for s in await town.shown(top=True)}
    assert states == {IncidentState.RECOVERED}
    (link,) = await town.shown(top=True)
    assert link.incident.recovered_at is not None
    assert link.incident.recovered_at >= ended
    await _sound(town)


async def test_all_at_once_are_born_as_part_of_the_link(town: World) -> None:
    began = town.clock.now()
    with statements() as asked:
        await town.down(town.ids)
    assert len(asked) <= MOST_STATEMENTS, asked
    (link,) = await town.shown(top=True)
    assert (link.incident.since, link.incident.cameras, link.children) == (began, 80, 80)
    with statements() as asked:
        await town.down(town.ids, "refused")  # for another reason
    assert len(asked) <= MOST_STATEMENTS, asked
    assert {i.cause for i in await town.standing(parent_id=link.incident.id)} == {"refused"}
    assert await _waiting(town) == [link.incident.id]


async def test_down_and_up_again_within_one_group_commit(town: World) -> None:
    """Both changes of each camera are in one transaction: each began and each is over, in that order."""
    south, at = of(town, "south"), town.clock.now()
    town.later(2.0)
    down = [Observation(c, new_id(), Tier.LIVENESS, at, Link.DOWN, Layer.STREAM, None, "timeout") for c in south]
    later = at + timedelta(seconds=1)
    up = [Observation(c, new_id(), Tier.LIVENESS, later, Link.UP, Layer.PICTURE, Picture.GOOD, "") for c in south]
    await town.settle(asyncio.gather(*(town.sink.submit(one) for one in (*down, *up))))
    found = [s.incident for s in await town.shown()]
    assert [(i.state, i.since, i.recovered_at) for i in found] == [(IncidentState.RECOVERED, at, later)] * 16
    assert await _waiting(town) == []
