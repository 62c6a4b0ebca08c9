"""Edge: the way to a camera, and how those that share each step of it stand: is it the camera, the switch, the link?"""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from alerts import incident_store
from alerts.suppression import Group, Topology
from center.api.asked import Asked, Reader
from center.api.shapes import Id, Out, Stamped
from health import camera_page_store, state_store
from health.camera_page_store import Wanted
from health.state import State
from registry import camera_list_store
from registry.database import Connection

router = APIRouter(prefix="/api/v1", tags=["incidents"])

#: Of a bigger group nobody counts the single cameras.
MOST = 2000
_MAX_STEPS = 16


class StepOut(Out):
    """One step from the camera outwards. ``cameras`` of those who share it lie in your areas, with ``counts`` by
    state, the camera in question among them; both are null where only it goes that way, where more than 2,000 do, or
    while the service is not checking."""

    kind: str
    id: str
    name: str
    cameras: int | None = None
    counts: dict[State, int] | None = None


class ReachOut(Stamped):
    """``steps``: for a camera those it hangs on, for a group itself and what lies beyond it."""

    steps: list[StepOut] = Field(max_length=_MAX_STEPS)


@router.get("/cameras/{camera_id}/reach", summary="The way to a camera, and who shares it")
async def reach_of_camera(asked: Reader, camera_id: Id) -> ReachOut:
    async with asked.read() as connection:
        await state_store.require_camera(asked.scope, connection, camera_id)
        return await _of_camera(asked, connection, camera_id)


@router.get("/incidents/{incident_id}/reach", summary="The way to what an incident is about, and who shares it")
async def reach_of_incident(asked: Reader, incident_id: Id) -> ReachOut:
    async with asked.read() as connection:
        shown = await incident_store.get_incident(asked.scope, connection, incident_id)
        incident = shown.incident
        if incident.camera_id is not None:
            return await _of_camera(asked, connection, incident.camera_id)
        topology = _topology(asked)
        own = topology.groups.get((incident.group_kind or "", incident.group_id or "")) if topology else None
        if topology is None or own is None:
            kind, number, name = incident.group_kind or "", incident.group_id or "", incident.group_name or ""
            return ReachOut(steps=[StepOut(kind=kind, id=number, name=name)], as_of=asked.now)
        steps = [await _step(asked, connection, group) for group in (own, *topology.beyond(own))[:_MAX_STEPS]]
        return ReachOut(steps=steps, as_of=asked.now)


async def _of_camera(asked: Asked, connection: Connection, camera_id: str) -> ReachOut:
    rows = await camera_list_store.rows(asked.scope, connection, {"camera": {camera_id}})
    topology = _topology(asked)
    shared = {group.key: group for group in topology.of_camera(camera_id)} if topology else {}
    steps: list[StepOut] = []
    for row in rows:
        keys = [("device", row.device_id, row.device_name), *((s.kind, s.id, s.name) for s in row.access_path)]
        if any(kind == "recorder" and one == row.device_id for kind, one, _ in keys[1:]):
            del keys[0]
        for kind, one, name in keys[:_MAX_STEPS]:
            group = shared.get((kind, one))
            alone = StepOut(kind=kind, id=one, name=name)
            steps.append(alone if group is None else await _step(asked, connection, group))
    return ReachOut(steps=steps, as_of=asked.now)


async def _step(asked: Asked, connection: Connection, group: Group) -> StepOut:
    """Counted in the asker's areas: who else hangs on a switch elsewhere is not told."""
    if len(group.members) > MOST:
        return StepOut(kind=group.kind, id=group.id, name=group.name)
    counts = await camera_page_store.count_cameras(asked.scope, connection, Wanted(ids=group.members))
    return StepOut(kind=group.kind, id=group.id, name=group.name, cameras=sum(counts.values()), counts=counts)


def _topology(asked: Asked) -> Topology | None:
    return asked.core.topology() if asked.core.topology is not None else None
