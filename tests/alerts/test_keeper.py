"""Incidents follow states: once, with their true start, grouped, and silent where nobody is to be told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from alerts import incident_store
from alerts.incident import ClosingCause, IncidentKind, IncidentState
from alerts.incident_store import Shown
from alerts.message import MessageEvent, MessageStatus
from config.scope import Grant, Permission, Scope
from registry.audit_store import page
from registry.camera_store import change_camera, get_camera
from registry.change_feed_store import after
from registry.lifecycle import Lifecycle
from tests.support.alerts_world import SYSTEM, World

EAST = [f"east-camera-{n:04}" for n in range(1, 5)]
WEST = [f"west-camera-{n:04}" for n in range(1, 5)]


async def only(world: World, **filters: Any) -> Shown:
    found = await world.shown(**filters)
    assert len(found) == 1, found
    return found[0]


async def test_one_incident_a_camera_and_kind(world: World) -> None:
    began = world.clock.now()
    await world.down(EAST[:1])
    await world.down(EAST[:1], "refused")
    shown = await only(world)
    assert (shown.incident.kind, shown.incident.state) == (IncidentKind.OFFLINE, IncidentState.OPEN)
    assert shown.incident.since == began
    assert shown.incident.cause == "refused"
    assert shown.camera_name == "Camera 1"
    assert shown.point_name == "Point 1"
    await world.bad(EAST[:1])
    kinds = {s.incident.kind: s.incident.state for s in await world.shown()}
    assert kinds == {IncidentKind.OFFLINE: IncidentState.RECOVERED, IncidentKind.FAULT: IncidentState.OPEN}


async def test_state_incident_feed_audit_and_message_are_one(world: World) -> None:
    await world.down(EAST[:1])
    incident = (await only(world)).incident
    async with world.db.read() as connection:
        acts = [row.act for row in await page(SYSTEM, connection, object_id=incident.id)]
        feed = (await after(SYSTEM, connection, 0, limit=1000)).changes
        entries = await incident_store.entries_of(SYSTEM, connection, incident.id)
    assert acts == ["incident.opened"]
    kinds = [(c.kind, c.object_id) for c in feed if c.kind in ("state", "incident")]
    assert kinds[-2:] == [("state", EAST[0]), ("incident", incident.id)]
    assert [(e.act, e.text, e.principal) for e in entries] == [("opened", "timeout", "alerts")]
    assert [m.event for m in await world.told(incident.id)] == [MessageEvent.FIRING]


async def test_unknown_and_unjudged_move_nothing(world: World) -> None:
    await world.bad(EAST[:1])
    await world.unjudged(EAST[:1])
    await world.unknown(EAST[:1])
    incident = (await only(world)).incident
    assert incident.state is IncidentState.OPEN
    await world.up(EAST[:1])
    assert (await only(world)).incident.state is IncidentState.RECOVERED


async def test_our_own_uplink_fires_nothing(world: World) -> None:
    await world.down(EAST[:1])
    await world.unknown(EAST + WEST)
    world.soon()
    assert await world.due() is None
    await world.down(EAST[:1])
    assert await world.due() is None
    world.soon()
    assert await world.due() is not None


async def test_maintenance_fires_nothing_and_tells_afterwards(world: World) -> None:
    await world.maintenance(EAST, True)
    await world.down(EAST[:1])
    assert await world.shown() == []
    await world.maintenance(EAST, False)
    world.soon()
    message = await world.due()
    assert message is not None
    assert message.incident_id == (await only(world)).incident.id


async def test_maintenance_that_begins_before_the_message_holds_it(world: World) -> None:
    await world.down(EAST[:1])
    await world.maintenance(EAST[:1], True)
    world.soon()
    assert await world.due() is None
    await world.maintenance(EAST[:1], False)
    world.soon()
    assert await world.due() is not None


@pytest.mark.parametrize("one_by_one", [False, True])
async def test_a_recorder_that_is_down_is_one_incident(world: World, one_by_one: bool) -> None:
    for part in [[c] for c in EAST] if one_by_one else [EAST]:
        await world.down(part)
        world.later(1.0)
    parent = await only(world, top=True)
    assert parent.incident.camera_id is None
    assert (parent.incident.group_kind, parent.incident.group_id) == ("recorder", "east-recorder")
    assert (parent.incident.cameras, parent.children, parent.children_standing) == (4, 4, 4)
    assert parent.incident.area_id == "east-village"
    children = await world.shown(parent_id=parent.incident.id)
    assert {c.incident.camera_id for c in children} == set(EAST)
    world.soon()
    message = await world.due()
    assert message is not None
    assert message.incident_id == parent.incident.id
    firing = [m for s in await world.shown() for m in await world.told(s.incident.id) if m.status == "waiting"]
    assert [m.id for m in firing] == [message.id]


async def test_one_channel_that_stays_up_vouches_for_its_recorder(world: World) -> None:
    await world.down(EAST[:3])
    assert len(await world.shown(top=True)) == 3
    assert all(s.incident.camera_id for s in await world.shown())


async def test_the_rest_of_a_recorder_that_is_back_is_told_by_itself(world: World) -> None:
    await world.down(EAST)
    parent = (await only(world, top=True)).incident
    await world.up(EAST[:1])
    assert (await only(world, top=True)).incident.state is IncidentState.OPEN
    await world.up(EAST[1:3])
    found = {s.incident.id: s.incident for s in await world.shown()}
    assert found[parent.id].state is IncidentState.RECOVERED
    left = [i for i in found.values() if i.standing]
    assert [i.camera_id for i in left] == EAST[2:3] or [i.camera_id for i in left] == EAST[3:]
    assert [i.parent_id for i in left] == [None]
    assert {i.state for i in found.values() if i.camera_id in EAST[:2]} == {IncidentState.RESOLVED}
    world.soon()
    message = await world.due()
    assert message is not None
    assert message.incident_id == left[0].id


async def test_a_false_alarm_does_not_come_back_for_the_same_run(world: World) -> None:
    await world.bad(EAST[:1])
    incident = (await only(world)).incident
    async with world.db.write() as connection:
        closed = await incident_store.close(
            SYSTEM, connection, incident.id, incident.version, ClosingCause.FALSE_ALARM, "the camera looks at a wall"
        )
    assert closed.state is IncidentState.RESOLVED
    await world.bad(EAST[:1], "black")
    assert await world.standing() == []
    await world.up(EAST[:1])
    await world.bad(EAST[:1])
    assert len(await world.standing()) == 1


async def test_nothing_is_told_of_what_was_over_before_its_message(world: World) -> None:
    await world.down(EAST[:1])
    await world.up(EAST[:1])
    world.soon()
    assert await world.due() is None
    told = await world.told((await only(world)).incident.id)
    assert [(m.event, m.status) for m in told] == [(MessageEvent.FIRING, MessageStatus.DROPPED)]


async def test_recovery_keeps_the_true_end(world: World) -> None:
    await world.down(EAST[:1])
    world.later(30.0)
    ended = world.clock.now()
    await world.up(EAST[:1])
    incident = (await only(world)).incident
    assert incident.recovered_at == ended
    assert incident.recovered_at - incident.since > timedelta(seconds=30)


async def test_two_worlds(world: World) -> None:
    scope = Scope("li", (Grant(frozenset({Permission.READ}), area_id="east"),))
    await world.down(EAST)
    before = await world.shown(scope)
    await world.down(WEST)
    assert await world.shown(scope) == before
    assert len(await world.shown()) == 2 * len(before)


async def test_what_stands_of_a_removed_camera_ends(world: World) -> None:
    await world.bad(EAST[:1])
    await world.down(WEST)
    async with world.db.write() as connection:
        for camera_id in (EAST[0], WEST[0]):
            camera = await get_camera(SYSTEM, connection, camera_id)
            await change_camera(SYSTEM, connection, camera_id, camera.version, lifecycle=Lifecycle.REMOVED)
    assert await world.mend() == 2
    assert await world.mend() == 0
    ended = await world.shown(states=(IncidentState.RESOLVED,))
    assert {s.incident.closing for s in ended} == {ClosingCause.CAMERA_REMOVED}
    assert len(await world.standing(top=True)) == 1
