"""Edge: a still that a person gets: in the register first, marked with who looks, when and in which view."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Response

from camera_gateway.access_unit import AccessUnit, Codec
from camera_gateway.job import Job
from center.api.asked import Asked
from center.api.problems import Problem
from center.api.shapes import Line
from center.api.viewing import recorded
from config.errors import XueliangError
from config.ids import new_id
from registry import view_register_store
from registry.view import Intent

#: Checks share the workers; whoever waits longer for a still had better ask again.
SECONDS = 10.0

Purpose = Annotated[Line, Query(description="why you look; `duty` is what your shift is for")]
Reference = Annotated[Line | None, Query(description="number of a case, an order or a call")]
JPEG: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The picture, with who looks, when and the view's id burnt in; `X-View-Id` names its row in the "
        "register, `X-Taken-At` when it was taken",
    }
}


@dataclass(frozen=True, slots=True)
class Still:
    """``about`` says in the register which picture it was; none for the only one there is."""

    jpeg: bytes
    taken: datetime
    about: str | None = None


async def shown(asked: Asked, camera_id: str, intent: Intent, still: Still) -> Response:
    """No mark, no picture; no row, no picture: raises ``unavailable``, ``register``, and what the register says."""
    view_id = new_id()
    marked = await _marked(asked, still.jpeg, view_id, camera_id)
    async with recorded(asked) as connection:
        (camera,) = await view_register_store.viewable(asked.scope, connection, [camera_id], intent.kind)
        await view_register_store.shown(asked.scope, connection, camera, intent, still.about, view_id=view_id)
    headers = {"X-View-Id": view_id, "X-Taken-At": still.taken.isoformat(), "Content-Disposition": "inline"}
    return Response(marked, media_type="image/jpeg", headers=headers)


async def _marked(asked: Asked, jpeg: bytes, view_id: str, camera_id: str) -> bytes:
    words = f"{asked.scope.principal}  {asked.now.astimezone(asked.core.zone):%Y-%m-%d %H:%M:%S}  {view_id}"
    # Under a name of its own: a camera whose keyframes end workers still shows its evidence.
    job = Job(f"still/{camera_id}", AccessUnit(Codec.MJPEG, True, (jpeg,), 0, 0.0), parameters={"stamp": words})
    try:
        return (await asked.core.stills.run(job, SECONDS)).evidence
    except XueliangError as error:
        raise Problem("unavailable", what=f"the picture could not be marked: {error.what}", where=camera_id) from error
