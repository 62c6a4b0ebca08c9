"""What people do with incidents: by version, in scope, written down, nothing erased."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from alerts import incident_store
from alerts.incident import ClosingCause, Incident, IncidentKind, IncidentState
from alerts.incident_store import EvidenceIds, Wanted
from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import Grant, Permission, Scope
from health import evidence_store
from health.evidence_store import Evidence, EvidenceKind
from registry.audit_store import page, verify
from tests.support.alerts_world import SYSTEM, World

EAST = [f"east-camera-{n:04}" for n in range(1, 5)]
WEST = [f"west-camera-{n:04}" for n in range(1, 5)]
OPERATOR = Scope("li", (Grant(frozenset({Permission.READ, Permission.ACKNOWLEDGE}), area_id="east"),))
READER = Scope("zhao", (Grant(frozenset({Permission.READ}), area_id="east"),))
STRANGER = Scope("wu", (Grant(frozenset(Permission), area_id="west"),))
TECHNICIAN = Scope("qian", (Grant(frozenset({Permission.READ, Permission.ACKNOWLEDGE}), unit_id="east-unit"),))


async def one(world: World) -> Incident:
    await world.bad(EAST[:1])
    return (await world.standing())[0]


async def test_acknowledge_withdraw_and_recover(world: World) -> None:
    incident = await one(world)
    async with world.db.write() as connection:
        seen = await incident_store.acknowledge(OPERATOR, connection, incident.id, incident.version)
    assert (seen.state, seen.acknowledged_by) == (IncidentState.ACKNOWLEDGED, "li")
    async with world.db.write() as connection:
        back = await incident_store.withdraw(OPERATOR, connection, incident.id, seen.version)
    assert (back.state, back.acknowledged_by) == (IncidentState.OPEN, None)
    await world.up(EAST[:1])
    async with world.db.write() as connection:
        version = (await incident_store.get_incident(OPERATOR, connection, incident.id)).incident.version
        done = await incident_store.acknowledge(TECHNICIAN, connection, incident.id, version)
    assert (done.state, done.acknowledged_by) == (IncidentState.RESOLVED, "qian")
    async with world.db.write() as connection:
        undone = await incident_store.withdraw(OPERATOR, connection, incident.id, done.version)
        assert undone.state is IncidentState.RECOVERED
        entries = await incident_store.entries_of(OPERATOR, connection, incident.id)
        acts = [row.act for row in await page(SYSTEM, connection, object_id=incident.id)]
        assert (await verify(SYSTEM, connection)).sound
    told = ["opened", "acknowledged", "withdrawn", "recovered", "acknowledged", "withdrawn"]
    assert [entry.act for entry in entries] == told
    assert acts == [f"incident.{act}" for act in reversed(told)]
    assert [entry.text for entry in entries if entry.act == "withdrawn"] == ["was li", "was qian"]


async def test_a_comment_and_what_it_was(world: World) -> None:
    incident = await one(world)
    async with world.db.write() as connection:
        after = await incident_store.comment(OPERATOR, connection, incident.id, 1, "  树枝遮挡\n已派人  ")
        assert after.version == 2
        with pytest.raises(XueliangError) as caught:
            await incident_store.close(OPERATOR, connection, incident.id, 2, ClosingCause.SURROUNDINGS)
        assert caught.value.kind is Kind.CONFLICT
    await world.up(EAST[:1])
    async with world.db.write() as connection:
        closed = await incident_store.close(OPERATOR, connection, incident.id, 3, ClosingCause.SURROUNDINGS, "cut")
        entries = await incident_store.entries_of(OPERATOR, connection, incident.id, after=0)
    assert (closed.state, closed.closing) == (IncidentState.RESOLVED, ClosingCause.SURROUNDINGS)
    assert [(e.act, e.text) for e in entries if e.act in ("comment", "closed")] == [
        ("comment", "树枝遮挡\n已派人"),
        ("closed", "cut"),
    ]


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001, "a\x00b", "\u202e"])
async def test_a_comment_that_is_none(world: World, text: str) -> None:
    incident = await one(world)
    with pytest.raises(XueliangError) as caught:
        async with world.db.write() as connection:
            await incident_store.comment(OPERATOR, connection, incident.id, 1, text)
    assert caught.value.kind is Kind.INVALID


async def test_of_two_at_once_one_is_told(world: World) -> None:
    incident = await one(world)

    async def press() -> Incident:
        async with world.db.write() as connection:
            return await incident_store.acknowledge(OPERATOR, connection, incident.id, incident.version)

    answers = await asyncio.gather(press(), press(), return_exceptions=True)
    failed = [a for a in answers if isinstance(a, XueliangError)]
    assert [f.kind for f in failed] == [Kind.CONFLICT]
    assert failed[0].facts["version"] == 2


@pytest.mark.parametrize(("scope", "kind"), [(READER, Kind.FORBIDDEN), (STRANGER, Kind.NOT_FOUND)])
async def test_not_everybody_may(world: World, scope: Scope, kind: Kind) -> None:
    incident = await one(world)
    async with world.db.write() as connection:
        for act in (
            incident_store.acknowledge(scope, connection, incident.id, 1),
            incident_store.withdraw(scope, connection, incident.id, 1),
            incident_store.comment(scope, connection, incident.id, 1, "x"),
            incident_store.close(scope, connection, incident.id, 1, ClosingCause.FALSE_ALARM),
        ):
            with pytest.raises(XueliangError) as caught:
                await act
            assert caught.value.kind is kind
    async with world.db.read() as connection:
        for look in (incident_store.get_incident, incident_store.entries_of, incident_store.evidence_of):
            with pytest.raises(XueliangError) as caught:
                await look(STRANGER, connection, incident.id)
            assert caught.value.kind is Kind.NOT_FOUND


async def test_the_proof_of_an_incident_is_its_own(world: World) -> None:
    """The last good and the first bad picture of this run, for whoever may see pictures there."""

    async def file(kind: EvidenceKind) -> str:
        now, one = world.clock.now(), new_id()
        async with world.db.write() as connection:
            item = Evidence(one, EAST[0], kind, "covered", now, now, 9)
            await evidence_store.add(SYSTEM, connection, item)
        world.later(1.0)
        return one

    looker = Scope("zhou", (Grant(frozenset({Permission.READ, Permission.EVIDENCE}), area_id="east"),))
    shown: list[EvidenceIds] = []
    filed: list[EvidenceIds] = []
    incidents: list[str] = []
    for _ in range(2):
        await world.bad(EAST[:1])
        (incident,) = await world.standing()
        incidents.append(incident.id)
        filed.append(EvidenceIds(*[await file(kind) for kind in EvidenceKind]))
        await file(EvidenceKind.FIRST_BAD)  # for another reason, later in the same run
        await world.up(EAST[:1])
        world.later(60.0)
    async with world.db.read() as connection:
        for incident_id in incidents:
            shown.append(await incident_store.evidence_of(looker, connection, incident_id))
            assert await incident_store.evidence_of(READER, connection, incident_id) == EvidenceIds()
    assert shown == filed


@pytest.mark.parametrize("oldest_first", [False, True])
async def test_pages_hold_everything_once(world: World, oldest_first: bool) -> None:
    for camera_id in [*EAST, *WEST]:
        await world.bad([camera_id])
    wanted = Wanted(oldest_first=oldest_first)
    seen: list[str] = []
    cursor = None
    async with world.db.read() as connection:
        while True:
            part, cursor = await incident_store.list_incidents(SYSTEM, connection, wanted, after=cursor, limit=3)
            seen += [s.incident.camera_id or "" for s in part]
            if cursor is None:
                break
    assert seen == ([*EAST, *WEST] if oldest_first else [*reversed(WEST), *reversed(EAST)])


async def test_filters(world: World) -> None:
    start = world.clock.now()
    await world.bad(EAST[:2])
    await world.down(WEST)
    await world.up(EAST[1:2])

    async def count(scope: Scope = SYSTEM, **filters: object) -> int:
        async with world.db.read() as connection:
            wanted = Wanted(**filters)  # type: ignore[arg-type]
            found, _ = await incident_store.list_incidents(scope, connection, wanted)
            assert await incident_store.count_incidents(scope, connection, wanted) == len(found)
            return len(found)

    assert await count() == 7
    assert await count(top=True) == 3
    assert await count(top=True, acknowledged=False, states=(IncidentState.OPEN,)) == 2
    assert await count(states=(IncidentState.RECOVERED,)) == 1
    assert await count(kind=IncidentKind.FAULT) == 2
    assert await count(area_id="east") == 2
    assert await count(unit_ids=("west-unit",)) == 5
    assert await count(camera_id=EAST[0]) == 1
    assert await count(text="camera 1") == 2
    assert await count(text="nvr WEST") == 1
    assert await count(text="100%_") == 0
    assert await count(since=start + timedelta(seconds=60)) == 0
    assert await count(until=start) == 0
    assert await count(OPERATOR, text="camera 1") == 1
    assert await count(TECHNICIAN) == 2


async def test_children_of_a_group_outside_the_scope_stand_by_themselves(world: World) -> None:
    """Who sees only some of a switch's cameras does not learn of a switch that others share."""
    await world.down(EAST)
    village = Scope("sun", (Grant(frozenset({Permission.READ}), area_id="east-village"),))
    narrow = Scope("zhou", (Grant(frozenset({Permission.READ}), unit_id="east-unit"),))
    for scope in (village, narrow, SYSTEM):
        assert len(await world.shown(scope, top=True)) == 1
    async with world.db.write() as connection:
        import sqlalchemy as sa

        await connection.execute(
            sa.text("UPDATE incidents SET area_id = 'west', unit_id = NULL WHERE camera_id IS NULL")
        )
    found = await world.shown(village, top=True)
    assert {s.incident.camera_id for s in found} == set(EAST)
    assert {s.incident.parent_id for s in found} == {None}
