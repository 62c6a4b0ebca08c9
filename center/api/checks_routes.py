"""Edge: many cameras checked now, without waiting for any of them."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from center.api.asked import Checker
from center.api.problems import Problem, document, problem_of
from center.api.shapes import IdText, In, Out
from config.errors import XueliangError
from config.ids import new_id
from config.scope import Permission
from health import state_store

router = APIRouter(prefix="/api/v1/checks", tags=["status"])

MOST = 100


class ChecksIn(In):
    camera_ids: list[IdText] = Field(min_length=1, max_length=MOST)


class RefusedCheck(Out):
    camera_id: str
    problem: dict[str, object]


class ChecksOut(Out):
    """``asked``: these are checked before everything scheduled, as their devices allow; the change feed and their
    status tell the outcome."""

    asked: list[str]
    refused: list[RefusedCheck]


@router.post("", status_code=202, summary="Check several cameras now")
async def check_many(asked: Checker, body: ChecksIn) -> ChecksOut:
    """Up to 100. Each that cannot be checked says why."""
    app = asked.core.app
    taken: list[str] = []
    refused: list[RefusedCheck] = []
    ids = list(dict.fromkeys(body.camera_ids))
    async with asked.read() as connection:
        for camera_id in ids:
            try:
                await state_store.require_camera(asked.scope, connection, camera_id)
                await state_store.require_camera(asked.scope, connection, camera_id, Permission.CHECK)
            except XueliangError as error:
                told = document(problem_of(error), asked.zh, asked.request_id)
                refused.append(RefusedCheck(camera_id=camera_id, problem=told))
            else:
                taken.append(camera_id)
    if not taken:
        return ChecksOut(asked=[], refused=refused)
    if app is None:
        raise Problem("unavailable", what="the service is not checking cameras")
    for camera_id in list(taken):
        # One that waits for such a check already is asked for as well.
        if not app.scheduler.check_now(camera_id, new_id()) and app.book.camera(camera_id) is None:
            taken.remove(camera_id)
            problem = Problem("conflict", what="the camera is not watched", where=camera_id)
            refused.append(RefusedCheck(camera_id=camera_id, problem=document(problem, asked.zh, asked.request_id)))
    return ChecksOut(asked=taken, refused=refused)
