"""Edge: what is known of a camera now: state, verdicts beside their thresholds, how old, when next; and check now."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from center.api.asked import Asked, Checker, Core, Reader
from center.api.camera_shapes import CheckOut, LivenessOut, StatusOut
from center.api.problems import Problem
from center.api.shapes import Id, Out
from center.app import App
from center.states import state_settings
from config.scope import Permission
from health import state_store
from health.advice import advice
from health.looked_store import Allowed
from health.state_row import picture_summary, summary_time
from health.status_store import CameraStatus, camera_status
from health.watch_book import GUARD_FACTOR
from registry.window import WindowKind, standing

router = APIRouter(prefix="/api/v1/cameras", tags=["status"])

#: Below the time an answer may take; the check itself goes on and is found in the status.
CHECK_SECONDS = 25.0
#: A sample older than this many planned intervals is overdue.
OVERDUE = 1.5


class CheckedOut(Out):
    """``done`` is false where the check did not end in time: it goes on, and the status will show it."""

    done: bool
    check: CheckOut | None
    status: StatusOut


@router.get("/{camera_id}/status", summary="State, verdicts and freshness of one camera")
async def get_status(asked: Reader, camera_id: Id) -> StatusOut:
    return await load_status(asked, camera_id)


@router.post("/{camera_id}/check", response_model=CheckedOut, summary="Check a camera now")
async def check_now(asked: Checker, camera_id: Id) -> JSONResponse:
    """One picture check before everything scheduled; 202 where it takes longer than 25 s."""
    app = await checking(asked, camera_id)
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            seen, _ = await app.engine.check_now(asked.scope, camera_id)
    except TimeoutError:
        out = CheckedOut(done=False, check=None, status=await load_status(asked, camera_id))
        return JSONResponse(out.model_dump(mode="json"), 202)
    check = CheckOut.read(picture_summary(seen), seen.at)
    out = CheckedOut(done=True, check=check, status=await load_status(asked, camera_id))
    return JSONResponse(out.model_dump(mode="json"))


async def checking(asked: Asked, camera_id: str, permission: Permission = Permission.CHECK) -> App:
    """What checks, for a camera of the asker's. Raises ``NOT_FOUND``, ``FORBIDDEN``, ``unavailable``."""
    async with asked.read() as connection:
        await state_store.require_camera(asked.scope, connection, camera_id)
        await state_store.require_camera(asked.scope, connection, camera_id, permission)
    if asked.core.app is None:
        raise Problem("unavailable", what="the service is not checking cameras")
    return asked.core.app


async def load_status(asked: Asked, camera_id: str) -> StatusOut:
    """Raises ``NOT_FOUND``. By id only: names are for searching."""
    async with asked.read() as connection:
        await state_store.require_camera(asked.scope, connection, camera_id)
    settings = state_settings(asked.core.storage.settings)
    return status_out(asked, await camera_status(asked.scope, asked.db, camera_id, settings))


def status_out(asked: Asked, found: CameraStatus) -> StatusOut:
    picture, liveness = found.last_picture, found.last_liveness
    planned = planned_seconds(asked.core, found.camera_id)
    words = advice(found.cause)
    shown = {name: getattr(found, name) for name in StatusOut.model_fields if name in CameraStatus.__slots__}
    shown |= {
        "as_of": asked.now,
        "layer": found.layer.word,
        "planned_seconds": planned,
        "overdue": _overdue(found, planned),
        "advice": words.in_language(asked.zh) if words else "",
        "last_picture": CheckOut.read(picture, summary_time(picture)) if picture else None,
        "last_liveness": LivenessOut(**{**liveness, "at": summary_time(liveness)}) if liveness else None,
    }
    return StatusOut(**shown)


def planned_seconds(core: Core, camera_id: str) -> float | None:
    """How often the picture is checked; twice as often while a guard period stands. ``None``: not watched."""
    if core.app is None:
        return None
    camera = core.app.book.camera(camera_id)
    if camera is None:
        return None
    guarded = standing(camera.windows, WindowKind.GUARD, core.storage.clock.now()) if camera.windows else None
    return core.storage.settings.checks.picture_seconds * (GUARD_FACTOR if guarded else 1.0)


def allowed_age(core: Core) -> Allowed:
    """Of a look that is not overdue."""
    usual = timedelta(seconds=OVERDUE * core.storage.settings.checks.picture_seconds)
    return Allowed(usual, usual * GUARD_FACTOR)


def _overdue(found: CameraStatus, planned: float | None) -> bool:
    if planned is None:
        return False
    return found.age is None or found.age > OVERDUE * planned
