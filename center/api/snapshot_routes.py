"""Edge: a picture of now, to be kept: asked for with a reason, in the register first, marked with who, when and why."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import Field

from camera_gateway.access_unit import AccessUnit
from camera_gateway.job import Job
from camera_gateway.source_state import SourceState
from center.api.asked import Asked, Viewer
from center.api.problems import Problem
from center.api.shapes import Id, In, Line
from center.api.stills import JPEG, SECONDS
from center.api.viewing import recorded
from center.app import App
from config.errors import XueliangError
from config.ids import new_id
from registry import view_register_store
from registry.camera import Camera
from registry.view import Intent, ViewKind, check_intent

router = APIRouter(prefix="/api/v1/cameras", tags=["views"])

#: A picture that is shown live just now is new enough, so that no second session is asked of the camera.
NEW_SECONDS = 1.0
KEYFRAME_SECONDS = 15.0


class SnapshotIn(In):
    """``purpose``: why it is kept, in words, not `duty`; ``reference``: number of an incident, a case or a call."""

    purpose: Line = Field(max_length=200)
    reference: Line | None = None


@router.post("/{camera_id}/snapshot", summary="Take a picture to keep", response_class=Response, responses=JPEG)
async def take_snapshot(asked: Viewer, camera_id: Id, body: SnapshotIn) -> Response:
    """The camera's next keyframe of its main stream, in its own size. A view of the kind `snapshot`: no row in the
    register, no picture. A camera whose mask is not burnt in by itself is 403 `masked`."""
    intent = Intent(ViewKind.SNAPSHOT, asked.known.purpose or body.purpose, body.reference)
    check_intent(intent)
    async with recorded(asked) as connection:
        (camera,) = await view_register_store.viewable(asked.scope, connection, [camera_id], intent.kind)
    app = asked.core.app
    if app is None:
        raise Problem("unavailable", what="the service is not reaching cameras")
    unit = await _keyframe(app, camera)
    taken, view_id = asked.now, new_id()
    words = f"{asked.scope.principal}  {taken.astimezone(asked.core.zone):%Y-%m-%d %H:%M:%S}  {view_id}"
    try:
        job = Job(f"snapshot/{camera_id}", unit, camera.mask, parameters={"snapshot": words})
        picture = (await asked.core.stills.run(job, SECONDS)).evidence
    except XueliangError as error:
        raise Problem("unavailable", what=f"the picture could not be marked: {error.what}", where=camera_id) from error
    await _write_down(asked, camera_id, intent, view_id)
    name = f"snapshot-{taken.astimezone(asked.core.zone):%Y%m%d-%H%M%S}-{view_id[-8:]}.jpg"
    headers = {
        "X-View-Id": view_id,
        "X-Taken-At": taken.isoformat(),
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return Response(picture, media_type="image/jpeg", headers=headers)


async def _write_down(asked: Asked, camera_id: str, intent: Intent, view_id: str) -> None:
    """Once more looked at whether it may be seen: rights and masks may have changed since it was asked for."""
    async with recorded(asked) as connection:
        (camera,) = await view_register_store.viewable(asked.scope, connection, [camera_id], intent.kind)
        await view_register_store.shown(asked.scope, connection, camera, intent, "snapshot", view_id=view_id)


async def _keyframe(app: App, camera: Camera) -> AccessUnit:
    """Over the session that stands, if one does. Raises what the camera's failure was."""
    watched = app.book.camera(camera.id)
    target = await app.book.target(watched) if watched is not None else None
    if target is None:
        raise Problem("unavailable", what="no address of a stream is known", where=camera.id)
    key = f"{camera.id}/main"
    source = app.hub.source(key, target)
    try:
        return await source.newest_keyframe(max_age=NEW_SECONDS, deadline=KEYFRAME_SECONDS)
    finally:
        if source.state is SourceState.IDLE:
            await app.hub.forget(key)
