"""Edge: the first run: each step read from what exists, so that a reload or a second person goes on where it stands."""

from __future__ import annotations

from fastapi import APIRouter

from center.api.asked import SystemManager
from center.api.shapes import Out, Stamped
from center.setup_steps import SetupStep
from config.scope import Permission
from health import camera_page_store, overview_store
from health.state import State
from registry import account_store, area_store, credential_store, proposal_store, unit_store
from registry.proposal import ProposalStatus
from registry.scope_store import require_everywhere

router = APIRouter(prefix="/api/v1/setup", tags=["system"])


class StepOut(Out):
    """``done``: it was begun and the next one can be; ``part`` of ``whole`` says how far it is: areas, devices found,
    devices with a password of all found and adopted, accounts that see pictures, cameras judged."""

    step: SetupStep
    done: bool
    part: int
    whole: int


class SetupOut(Stamped):
    """``done``: nothing is missing before the first picture. ``next``: the first step that is not done."""

    done: bool
    next: SetupStep | None
    steps: list[StepOut]
    areas: int
    units: int
    proposals: int
    conflicts: int
    devices: int
    with_password: int
    cameras: int
    checked: int
    judged: int
    operators: int


@router.get("", summary="What is still missing before the first picture")
async def setup(asked: SystemManager) -> SetupOut:
    """Needs the permission everywhere. ``judged``: cameras of which a state was concluded; ``checked``: looked at."""
    require_everywhere(asked.scope, Permission.SYSTEM)
    async with asked.read() as connection:
        areas = len(await area_store.list_areas(asked.scope, connection))
        units = len(await unit_store.list_units(asked.scope, connection))
        proposals = await proposal_store.count_proposals(asked.scope, connection)
        devices, given = await credential_store.count_given(asked.scope, connection)
        counts = await camera_page_store.count_cameras(asked.scope, connection)
        checked = await overview_store.count_looked(asked.scope, connection)
        operators = await account_store.count_holders(asked.scope, connection, Permission.LIVE)
    cameras = sum(counts.values())
    judged = cameras - counts[State.UNKNOWN]
    open_ = proposals[ProposalStatus.NEW] + proposals[ProposalStatus.CONFLICT]
    steps = [
        StepOut(step=SetupStep.PASSWORD, done=True, part=1, whole=1),  # nobody gets here with a first password
        StepOut(step=SetupStep.AREAS, done=areas > 0, part=areas, whole=max(1, areas)),
        StepOut(step=SetupStep.FIND, done=open_ + devices > 0, part=open_ + devices, whole=max(1, open_ + devices)),
        StepOut(step=SetupStep.ADOPT, done=devices > 0, part=given, whole=devices + open_),
        StepOut(step=SetupStep.OPERATOR, done=operators > 0, part=operators, whole=max(1, operators)),
        StepOut(step=SetupStep.CHECK, done=judged > 0, part=judged, whole=cameras),
    ]
    return SetupOut(
        done=all(step.done for step in steps),
        next=next((step.step for step in steps if not step.done), None),
        steps=steps,
        areas=areas,
        units=units,
        proposals=proposals[ProposalStatus.NEW],
        conflicts=proposals[ProposalStatus.CONFLICT],
        devices=devices,
        with_password=given,
        cameras=cameras,
        checked=checked,
        judged=judged,
        operators=operators,
        as_of=asked.now,
    )
