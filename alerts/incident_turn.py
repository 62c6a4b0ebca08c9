"""Wiring: what new states of many cameras do to incidents: one transaction, a few statements however many they are.

It goes by the states reached and the rows that stand, so that doing it twice does it once. Recoveries come first, then
what goes on, then what begins: whatever begins with a whole recorder, switch or link is born as part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alerts import incident_rows_store as rows
from alerts import outbox_store
from alerts.group_store import common_place, standing_groups
from alerts.incident import ClosingCause, Event, Incident, IncidentKind, IncidentState, Level, advance, levels
from alerts.incident_rows_store import Step
from alerts.message import Hold
from alerts.suppression import Group, Key, Look, Outage, SuppressionRules, Topology, outage, widest
from alerts.tables import incidents
from config.ids import new_id
from config.scope import Scope
from health.observation import Link
from health.state import CameraState
from registry.database import Connection

_i = incidents.c


@dataclass(frozen=True, slots=True)
class IncidentTurn:
    """``look`` tells the state of any camera; ``now`` is when all of this is known."""

    scope: Scope
    connection: Connection
    now: datetime
    topology: Topology
    look: Look
    rules: SuppressionRules
    destinations: tuple[str, ...]
    _outages: dict[Key, Outage | None] = field(default_factory=dict)

    async def run(self, states: Sequence[CameraState]) -> None:
        """``states`` holds each camera once."""
        known = await self._known(states)
        over: list[tuple[Incident, datetime]] = []
        on: list[tuple[CameraState, Incident, Level]] = []
        begun: list[Incident] = []
        for state in states:
            found = known.get(state.camera_id, [])
            for kind, level in levels(state).items():
                standing = next((i for i in found if i.kind is kind and i.standing), None)
                if standing is None:
                    if level.stands and not _called_false(found, kind, level):
                        begun.append(self._new(kind, level, state.camera_id))
                elif level.stands is False:
                    over.append((standing, level.since))
                else:
                    on.append((state, standing, level))
        await self.recover(over)
        alone = await self._go_on(on)
        await self._begin(begun, alone)

    async def recover(self, over: Sequence[tuple[Incident, datetime]]) -> None:
        """End these, each at its true time, and the groups of which so many are back that they work.

        The second half of a recorder that comes back is part of it too: nobody has to say of each that they saw it.
        """
        lately = self.now - timedelta(seconds=self.rules.together_seconds)
        alone = [i.id for i, _ in over if i.camera_id is not None and i.parent_id is None]
        left = await rows.find_lately_left(self.connection, alone, lately)
        steps = []
        for incident, at in over:
            linked = incident.parent_id is not None or incident.id in left
            event = Event.RECOVER_LINKED if linked else Event.RECOVER
            steps.append(Step(incident, advance(incident, event, at), "recovered"))
        await self.end(steps)

    async def end(self, steps: Sequence[Step]) -> None:
        """Write steps that end incidents, and what follows for messages and groups."""
        if not steps:
            return
        await rows.write(self.scope, self.connection, steps)
        await outbox_store.end(self.scope, self.connection, [s.after.id for s in steps], self.now)
        parents = {s.after.parent_id for s in steps if s.after.parent_id is not None}
        if parents:
            await self.lift(sorted(parents))

    async def _known(self, states: Sequence[CameraState]) -> dict[str, list[Incident]]:
        """What stands of these cameras, and what people called false of the very runs that go on."""
        found: dict[str, list[Incident]] = {}
        by_id = {state.camera_id: state for state in states}
        for ids in rows.chunks(sorted(by_id), 250):
            since = {level.since for camera_id in ids for level in levels(by_id[camera_id]).values()}
            false = (_i.closing == ClosingCause.FALSE_ALARM) & _i.since.in_(sorted(since))
            for one in await rows.find(self.connection, _i.camera_id.in_(ids), rows.STANDS | false):
                found.setdefault(one.camera_id or "", []).append(one)
        return found

    def _new(self, kind: IncidentKind, level: Level, camera_id: str | None = None) -> Incident:
        return Incident(new_id(), kind, IncidentState.OPEN, level.cause, level.since, self.now, camera_id=camera_id)

    # What goes on

    async def _go_on(self, on: Sequence[tuple[CameraState, Incident, Level]]) -> list[str]:
        """The cameras that are offline by themselves."""
        steps: list[Step] = []
        held: dict[Hold | None, list[str]] = {}
        alone: list[str] = []
        for state, incident, level in on:
            if level.stands and level.cause != incident.cause:
                after = replace(incident, cause=level.cause, version=incident.version + 1)
                steps.append(Step(incident, after, "cause", f"{incident.cause} -> {level.cause}"))
            if incident.parent_id is not None:
                continue
            why = _hold(state)
            held.setdefault(why, []).append(incident.id)
            if why is None and level.stands and incident.kind is IncidentKind.OFFLINE:
                alone.append(state.camera_id)
        await rows.write(self.scope, self.connection, steps)
        for why, ids in held.items():
            if why is None:
                await outbox_store.release(self.scope, self.connection, ids, self._due)
            else:
                await outbox_store.hold(self.scope, self.connection, ids, why)
        return alone

    # What begins

    async def _begin(self, begun: Sequence[Incident], alone: Sequence[str]) -> None:
        """``alone``: cameras already offline by themselves, which may now turn out to be part of something."""
        lost = [i.camera_id for i in begun if i.kind is IncidentKind.OFFLINE and i.camera_id is not None]
        keys = {key for camera_id in (*lost, *alone) for key in self.topology.paths.get(camera_id, ())}
        standing = await standing_groups(self.connection, sorted(keys))
        begun = [self._in_standing(one, standing) for one in begun]
        steps: list[Step] = []
        parents = {i.parent_id for i in begun if i.parent_id is not None}
        for found in self._blamed([*(i.camera_id for i in begun if _by_itself(i)), *alone], standing):
            begun = await self._open_group(found, begun, steps)
        steps += [Step(None, one, "opened", one.cause) for one in begun]
        await rows.write(self.scope, self.connection, steps)
        told = {s.after.id: Hold.PARENT if s.after.parent_id else None for s in steps if s.before is None}
        await outbox_store.announce(self.scope, self.connection, told, self.destinations, self._due)
        joined = [s.after.id for s in steps if s.before is not None]
        await outbox_store.hold(self.scope, self.connection, joined, Hold.PARENT)
        await rows.count_cameras(self.connection, parents)

    def _in_standing(self, one: Incident, standing: Mapping[Key, Incident]) -> Incident:
        """Part of the nearest group that is known to be down, if it was lost with it: a wider one holds the nearer."""
        together = timedelta(seconds=self.rules.together_seconds)
        if one.kind is IncidentKind.OFFLINE:
            for key in self.topology.paths.get(one.camera_id or "", ()):
                group = standing.get(key)
                if group is not None and abs(one.since - group.since) <= together:
                    return replace(one, parent_id=group.id)
        return one

    def _blamed(self, camera_ids: Iterable[str | None], standing: Mapping[Key, Incident]) -> list[Outage]:
        """The groups that are down with these cameras and have no incident yet."""
        found: dict[Key, Outage] = {}
        for camera_id in camera_ids:
            groups = self.topology.of_camera(camera_id or "")
            to_blame = widest(self._outage(group) for group in groups)
            if to_blame is not None and to_blame.group.key not in standing:
                found[to_blame.group.key] = to_blame
        return list(found.values())

    def _outage(self, group: Group) -> Outage | None:
        """Asked for each camera of a group, reckoned once."""
        if group.key not in self._outages:
            self._outages[group.key] = outage(group, self.look, self.now, self.rules)
        return self._outages[group.key]

    async def _open_group(self, found: Outage, begun: Sequence[Incident], steps: list[Step]) -> list[Incident]:
        """Adds the group's incident, and what stood already of it, to ``steps``; ``begun`` with what is part of it."""
        lost = frozenset(found.lost)
        mine = {i.id for i in begun if _by_itself(i) and i.camera_id in lost}
        children = await self._children_of(found)
        if len(mine) + len(children) < self.rules.at_least and not any(c.camera_id is None for c in children):
            return list(begun)  # the others of this second are not written yet; the last of them finds them all
        group = found.group
        parent = replace(
            self._new(IncidentKind.OFFLINE, Level(True, found.since, found.cause)),
            group_kind=group.kind,
            group_id=group.id,
            group_name=group.name,
            area_id=await common_place(self.connection, group.areas),
            unit_id=next(iter(group.units)) if len(group.units) == 1 else None,
            cameras=len(found.lost),
        )
        steps.append(Step(None, parent, "opened", parent.cause))
        for child in children:
            after = replace(child, parent_id=parent.id, version=child.version + 1)
            steps.append(Step(child, after, "joined", f"{group.kind} {group.name}"))
        return [replace(i, parent_id=parent.id) if i.id in mine else i for i in begun]

    async def _children_of(self, found: Outage) -> list[Incident]:
        """What stands of the lost cameras by themselves, and of narrower groups among them."""
        alone = (_i.parent_id.is_(None), _i.kind == IncidentKind.OFFLINE)
        children = await rows.find_standing(self.connection, found.lost, *alone)
        inner = {key for camera_id in found.lost for key in self.topology.paths.get(camera_id, ())}
        groups = await standing_groups(self.connection, sorted(inner - {found.group.key}))
        held = [i for i in groups.values() if i.parent_id is None and self._inside(i, found.group)]
        return children + held

    def _inside(self, incident: Incident, outer: Group) -> bool:
        inner = self.topology.groups.get((incident.group_kind or "", incident.group_id or ""))
        return inner is not None and set(inner.members) < set(outer.members)

    # Groups that work again

    async def lift(self, ids: Sequence[str]) -> None:
        """End those of these groups that work: half of what was lost is over. What is still down is now down by
        itself."""
        over: list[tuple[Incident, datetime]] = []
        left: list[Step] = []
        for parent, children in await rows.find_parents(self.connection, ids):
            still = [child for child in children if child.standing]
            if not parent.standing or 2 * len(still) > len(children):
                continue
            back = sorted(c.recovered_at or c.resolved_at or self.now for c in children if not c.standing)
            half = len(children) - len(children) // 2
            over.append((parent, back[half - 1] if back else self.now))
            for child in still:
                after = replace(child, parent_id=None, version=child.version + 1)
                left.append(Step(child, after, "left", f"{parent.group_kind} {parent.group_name}"))
        await self.recover(over)
        await rows.write(self.scope, self.connection, left)
        await outbox_store.release(self.scope, self.connection, [s.after.id for s in left], self._due)

    @property
    def _due(self) -> datetime:
        return self.now + timedelta(seconds=self.rules.wait_seconds)


def _hold(state: CameraState) -> Hold | None:
    if state.maintenance:
        return Hold.MAINTENANCE
    return Hold.UNKNOWN if state.link_value is Link.UNKNOWN else None


def _by_itself(incident: Incident) -> bool:
    return incident.kind is IncidentKind.OFFLINE and incident.parent_id is None


def _called_false(found: list[Incident], kind: IncidentKind, level: Level) -> bool:
    return any(i.kind is kind and not i.standing and i.since == level.since for i in found)
