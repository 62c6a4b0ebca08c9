"""What stands apart (a first start, a row lost, a person's edit) is brought together, with true times, and once."""

from __future__ import annotations

import sqlalchemy as sa

from alerts import incident_rows_store, incident_store
from alerts.incident import ClosingCause, Incident, IncidentKind, IncidentState
from alerts.message import MessageEvent, MessageStatus
from config.ids import new_id
from config.scope import Scope
from registry.camera_store import change_camera, get_camera
from registry.lifecycle import Lifecycle
from tests.support.alerts_world import SYSTEM, World

EAST = [f"east-camera-{n:04}" for n in range(1, 5)]
WEST = [f"west-camera-{n:04}" for n in range(1, 5)]


async def without_incidents(world: World) -> None:
    """As on the first start of a version that knows of incidents."""
    async with world.db.write() as connection:
        for table in ("outbox", "incident_entries", "incidents"):
            await connection.execute(sa.text(f"DELETE FROM {table}"))


async def test_what_was_down_before_there_were_incidents(world: World) -> None:
    began = world.clock.now()
    await world.down(EAST)
    await world.bad(WEST[:1])
    await world.unjudged(WEST[1:2])
    await without_incidents(world)
    world.later(86_400.0)
    assert await world.mend() == 5
    recorder, picture = sorted(await world.shown(top=True), key=lambda s: s.incident.kind, reverse=True)
    assert (recorder.incident.group_id, recorder.children) == ("east-recorder", 4)
    assert recorder.incident.since == began
    assert recorder.incident.opened_at == world.clock.now()
    assert (picture.incident.camera_id, picture.incident.cause) == (WEST[0], "covered")
    assert began < picture.incident.since < world.clock.now()
    told = {(m.event, m.status) for m in await world.told(recorder.incident.id)}
    assert told == {(MessageEvent.FIRING, MessageStatus.WAITING)}
    before = await world.shown()
    assert await world.mend() == 0
    assert await world.shown() == before
    await world.up([*EAST, *WEST])
    assert await world.standing() == []


async def test_an_incident_whose_camera_is_well_ends(world: World) -> None:
    well = world.clock.now()
    await world.maintenance(WEST[:1], True)
    await world.maintenance(WEST[:1], False)
    world.later(3600.0)
    async with world.db.write() as connection:
        for kind in IncidentKind:
            early = Incident(new_id(), kind, IncidentState.OPEN, "x", well.replace(year=2000), well, EAST[0])
            await incident_rows_store.insert(Scope.system("alerts"), connection, early)
    assert await world.mend() == 1
    assert await world.standing() == []
    ended = {s.incident.recovered_at for s in await world.shown()}
    state = world.sink.state(EAST[0])
    assert state is not None
    assert ended == {state.link.since, state.picture.since}
    assert await world.mend() == 0


async def test_what_is_to_stay_as_it_is(world: World) -> None:
    """In maintenance nothing begins; what a person called false stays false; nobody watches what was removed."""
    await world.maintenance(EAST[:1], True)
    await world.down(EAST[:1])
    await world.bad(EAST[1:2])
    (false,) = await world.standing()
    async with world.db.write() as connection:
        await incident_store.close(SYSTEM, connection, false.id, false.version, ClosingCause.FALSE_ALARM)
    await world.down(WEST[:1])
    async with world.db.write() as connection:
        camera = await get_camera(SYSTEM, connection, WEST[0])
        await change_camera(SYSTEM, connection, WEST[0], camera.version, lifecycle=Lifecycle.REMOVED)
    assert await world.mend() == 1  # the removed one's incident
    assert await world.mend() == 0
    assert await world.standing() == []
    await world.maintenance(EAST[:1], False)
    assert [i.camera_id for i in await world.standing()] == EAST[:1]
    assert await world.mend() == 0


async def test_an_unknown_link_is_neither(world: World) -> None:
    await world.down(EAST[:1])
    await world.unknown(EAST[:1] + WEST)
    assert await world.mend() == 0
    assert [i.camera_id for i in await world.standing()] == EAST[:1]


async def test_a_group_whose_cameras_people_called_false_ends(world: World) -> None:
    await world.down(EAST)
    (group,) = await world.standing(top=True)
    for child in (await world.standing(parent_id=group.id))[:2]:
        async with world.db.write() as connection:
            await incident_store.close(SYSTEM, connection, child.id, child.version, ClosingCause.FALSE_ALARM)
        world.later(60.0)
    closed = [s.incident for s in await world.shown(states=(IncidentState.RESOLVED,))]
    assert await world.mend() == 1
    assert await world.mend() == 0
    left = await world.standing()
    assert [i.parent_id for i in left] == [None, None]
    over = next(s.incident for s in await world.shown() if s.incident.id == group.id)
    assert over.state is IncidentState.RECOVERED
    assert over.recovered_at == max(i.resolved_at for i in closed if i.resolved_at)
