"""Wiring: every change of a camera's state passes here, in the transaction that writes it, and becomes incidents.

What is done follows from the state reached and from the rows that stand, never from the change alone or from memory:
a transaction repeated, a restart, or a change that was never told heals with the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from alerts import incident_rows_store as rows
from alerts import outbox_store
from alerts.group_store import common_place, standing_groups
from alerts.incident import ClosingCause, Event, Incident, IncidentKind, IncidentState, Level, advance, levels
from alerts.message import Hold
from alerts.suppression import Group, Look, Outage, SuppressionRules, Topology, widest_outage
from alerts.tables import incidents
from config.ids import new_id
from config.scope import Scope
from health.observation import Link
from health.state import CameraState
from health.state_row import Moved
from registry.database import Connection, clock_of

_i = incidents.c


class IncidentKeeper:
    """``topology`` gives the groups as they are now; ``destinations`` are the names of who is to be told."""

    def __init__(
        self, topology: Callable[[], Topology], destinations: Sequence[str], rules: SuppressionRules | None = None
    ) -> None:
        self.rules = rules or SuppressionRules()
        self._topology = topology
        self._destinations = tuple(destinations)
        self._scope = Scope.system("alerts")

    async def on_changes(self, connection: Connection, moved: Sequence[Moved], look: Look) -> None:
        for one in moved:
            await self._one(connection, one.known.state, look)

    async def _one(self, connection: Connection, state: CameraState, look: Look) -> None:
        wanted = levels(state)
        found = await self._known(connection, state.camera_id, wanted)
        for kind, level in wanted.items():
            standing = next((i for i in found if i.kind is kind and i.standing), None)
            if standing is None:
                if level.stands and not _called_false(found, kind, level):
                    await self._open(connection, state, kind, level, look)
            elif level.stands is False:
                await self._recover(connection, standing, level.since)
            else:
                await self._go_on(connection, state, standing, level, look)

    async def tidy(self, connection: Connection) -> int:
        """End what stands of cameras that left the list; how many. What is left is found the next time."""
        left = await rows.find_left(connection)
        now = clock_of(connection).now()
        for incident in left:
            after = advance(incident, Event.LEAVE, now)
            await rows.update(self._scope, connection, incident, after, "removed", "")
            await outbox_store.end(self._scope, connection, incident.id, now)
            if incident.parent_id is not None:
                await self._lift(connection, incident.parent_id, now)
        return len(left)

    async def _known(self, connection: Connection, camera_id: str, wanted: dict[IncidentKind, Level]) -> list[Incident]:
        """What stands of this camera, and what people called false of the very runs that go on."""
        false = (_i.closing == ClosingCause.FALSE_ALARM) & _i.since.in_([level.since for level in wanted.values()])
        return await rows.find(connection, _i.camera_id == camera_id, rows.STANDS | false)

    async def _open(
        self, connection: Connection, state: CameraState, kind: IncidentKind, level: Level, look: Look
    ) -> None:
        now = clock_of(connection).now()
        parent = await self._parent(connection, state, look) if kind is IncidentKind.OFFLINE else None
        incident = Incident(
            new_id(),
            kind,
            IncidentState.OPEN,
            level.cause,
            level.since,
            now,
            camera_id=state.camera_id,
            parent_id=parent.id if parent else None,
        )
        await rows.insert(self._scope, connection, incident)
        held = Hold.PARENT if parent else None
        await outbox_store.announce(self._scope, connection, incident, self._destinations, self._due(now), held)
        if parent is not None:
            await self._count(connection, parent)
        elif kind is IncidentKind.OFFLINE:
            await self._blame(connection, state.camera_id, look)

    async def _go_on(
        self, connection: Connection, state: CameraState, incident: Incident, level: Level, look: Look
    ) -> None:
        if level.stands and level.cause != incident.cause:
            after = replace(incident, cause=level.cause, version=incident.version + 1)
            await rows.update(self._scope, connection, incident, after, "cause", f"{incident.cause} -> {level.cause}")
            incident = after
        if incident.parent_id is not None:
            return
        held = _hold(state)
        if held is not None:
            await outbox_store.hold(self._scope, connection, [incident.id], held)
            return
        await outbox_store.release(self._scope, connection, [incident.id], self._due(clock_of(connection).now()))
        if level.stands and incident.kind is IncidentKind.OFFLINE:
            await self._blame(connection, state.camera_id, look)

    async def _recover(self, connection: Connection, incident: Incident, at: datetime) -> None:
        event = Event.RECOVER if incident.parent_id is None else Event.RECOVER_LINKED
        await rows.update(self._scope, connection, incident, advance(incident, event, at), "recovered", "")
        await outbox_store.end(self._scope, connection, incident.id, clock_of(connection).now())
        if incident.parent_id is not None:
            await self._lift(connection, incident.parent_id, at)

    # Groups

    async def _parent(self, connection: Connection, state: CameraState, look: Look) -> Incident | None:
        """The widest group of this camera that is known to be down, if it was lost with it."""
        groups = self._topology().of_camera(state.camera_id)
        standing = await standing_groups(connection, [g.key for g in groups])
        together = timedelta(seconds=self.rules.together_seconds)
        for group in groups:  # the nearest: a wider one holds the nearer as its child
            incident = standing.get(group.key)
            if incident is not None and abs(state.link.since - incident.since) <= together:
                return incident
        return None

    async def _blame(self, connection: Connection, camera_id: str, look: Look) -> None:
        """Whether with this camera a whole group is down; then that is the incident, and the others are part of it."""
        now = clock_of(connection).now()
        found = widest_outage(self._topology().of_camera(camera_id), look, now, self.rules)
        if found is None or found.group.key in await standing_groups(connection, [found.group.key]):
            return
        children = await self._children_of(connection, found)
        if len(children) < self.rules.at_least and not any(c.camera_id is None for c in children):
            return  # the others of this second are not written yet; the last of them finds them all
        await self._open_group(connection, found, children)

    async def _children_of(self, connection: Connection, found: Outage) -> list[Incident]:
        """What stands of the lost cameras by themselves, and of narrower groups among them."""
        alone = (_i.parent_id.is_(None), _i.kind == IncidentKind.OFFLINE)
        children = await rows.find_standing(connection, found.lost, *alone)
        inner = {key for camera_id in found.lost for key in self._topology().paths.get(camera_id, ())}
        groups = await standing_groups(connection, sorted(inner - {found.group.key}))
        held = [i for i in groups.values() if i.parent_id is None and self._inside(i, found.group)]
        return children + held

    def _inside(self, incident: Incident, outer: Group) -> bool:
        inner = self._topology().groups.get((incident.group_kind or "", incident.group_id or ""))
        return inner is not None and set(inner.members) < set(outer.members)

    async def _open_group(self, connection: Connection, found: Outage, children: list[Incident]) -> None:
        now = clock_of(connection).now()
        group = found.group
        incident = Incident(
            new_id(),
            IncidentKind.OFFLINE,
            IncidentState.OPEN,
            found.cause,
            found.since,
            now,
            group_kind=group.kind,
            group_id=group.id,
            group_name=group.name,
            area_id=await common_place(connection, group.areas),
            unit_id=next(iter(group.units)) if len(group.units) == 1 else None,
            cameras=len(found.lost),
        )
        await rows.insert(self._scope, connection, incident)
        for child in children:
            after = replace(child, parent_id=incident.id, version=child.version + 1)
            await rows.update(self._scope, connection, child, after, "joined", f"{group.kind} {group.name}")
        await outbox_store.hold(self._scope, connection, [c.id for c in children], Hold.PARENT)
        await outbox_store.announce(self._scope, connection, incident, self._destinations, self._due(now), None)

    async def _count(self, connection: Connection, parent: Incident) -> None:
        """One camera more was lost with it."""
        lost = await rows.count_cameras(connection, parent.id)
        if lost > parent.cameras:
            await rows.set_cameras(connection, parent, lost)

    async def _lift(self, connection: Connection, parent_id: str, at: datetime) -> None:
        """Half of what was lost is back: the group works. What is still down is now down by itself."""
        parent = next(iter(await rows.find(connection, _i.id == parent_id)), None)
        if parent is None or not parent.standing:
            return
        children = await rows.find(connection, _i.parent_id == parent_id)
        left = [child for child in children if child.standing]
        if 2 * len(left) > len(children):
            return
        await self._recover(connection, parent, at)
        for child in left:
            after = replace(child, parent_id=None, version=child.version + 1)
            await rows.update(self._scope, connection, child, after, "left", f"{parent.group_kind} {parent.group_name}")
        due = self._due(clock_of(connection).now())
        await outbox_store.release(self._scope, connection, [child.id for child in left], due)

    def _due(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.rules.wait_seconds)


def _hold(state: CameraState) -> Hold | None:
    if state.maintenance:
        return Hold.MAINTENANCE
    return Hold.UNKNOWN if state.link_value is Link.UNKNOWN else None


def _called_false(found: list[Incident], kind: IncidentKind, level: Level) -> bool:
    return any(i.kind is kind and not i.standing and i.since == level.since for i in found)
