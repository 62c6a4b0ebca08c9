"""Edge: stored pictures: evidence of faults, and the last sample. Each is a view: its row is written first."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field

from center.api.asked import Asked, EvidenceReader, StillViewer
from center.api.problems import Problem
from center.api.shapes import Id, Listed, Out
from center.api.stills import JPEG, Purpose, Reference, Still, shown
from center.api.viewing import refused
from config.errors import XueliangError
from health import evidence_store
from health.evidence_store import Evidence, EvidenceKind
from health.picture_files import PictureFiles
from registry import camera_store, view_register_store
from registry.view import DUTY, Intent, ViewKind

router = APIRouter(prefix="/api/v1/cameras", tags=["evidence"])


class EvidenceOut(Out):
    """``taken_at``: when the camera showed it. ``closed_at``: when the fault ended; it is kept for its days after."""

    id: str
    camera_id: str
    kind: EvidenceKind
    cause: str
    taken_at: datetime
    filed_at: datetime
    closed_at: datetime | None
    size: int = Field(description="bytes")


@router.get("/{camera_id}/evidence", summary="Evidence of one camera")
async def list_evidence(
    asked: EvidenceReader, camera_id: Id, limit: Annotated[int, Query(ge=1, le=200)] = 20
) -> Listed[EvidenceOut]:
    """The newest first. Telling that there is evidence shows nothing: only its picture is a view."""
    async with asked.read() as connection:
        await camera_store.get_camera(asked.scope, connection, camera_id)
        found = await evidence_store.of_camera(asked.scope, connection, camera_id, limit=limit)
    return Listed(items=[_out(item) for item in found])


@router.get(
    "/{camera_id}/evidence/{evidence_id}", summary="An evidence picture", response_class=Response, responses=JPEG
)
async def get_evidence(
    asked: EvidenceReader, camera_id: Id, evidence_id: Id, purpose: Purpose = DUTY, reference: Reference = None
) -> Response:
    """A view: it is in the register before the picture leaves. What was found is drawn in, masks are burnt in."""
    intent = Intent(ViewKind.EVIDENCE, purpose, reference)
    async with asked.read() as connection:
        item = await evidence_store.get(asked.scope, connection, evidence_id)
    if item.camera_id != camera_id:
        raise Problem("not_found")
    picture = await asyncio.to_thread(_files(asked).evidence, item.id)
    if picture is None:
        raise Problem("not_found", what="the picture is no longer there")
    return await shown(asked, camera_id, intent, Still(picture, item.taken_at, f"evidence {item.id}"))


@router.get("/{camera_id}/sample", summary="The picture of the last check", response_class=Response, responses=JPEG)
async def get_sample(
    asked: StillViewer, camera_id: Id, purpose: Purpose = DUTY, reference: Reference = None
) -> Response:
    """A view, for whoever may see live pictures or evidence of this camera. Small, masked, as old as it says."""
    intent = Intent(ViewKind.SAMPLE, purpose, reference)
    try:
        async with asked.read() as connection:
            await view_register_store.viewable(asked.scope, connection, [camera_id], intent.kind)
    except XueliangError as error:
        if (known := refused(error)) is not None:
            raise known from error
        raise
    picture, taken = await asyncio.to_thread(_sample, _files(asked), camera_id)
    if picture is None or taken is None:
        raise Problem("not_found", what="there is no picture of this camera yet")
    return await shown(asked, camera_id, intent, Still(picture, taken))


def _files(asked: Asked) -> PictureFiles:
    return PictureFiles(asked.core.storage.folder.evidence)


def _sample(files: PictureFiles, camera_id: str) -> tuple[bytes | None, datetime | None]:
    return files.last(camera_id), files.last_at(camera_id)


def _out(item: Evidence) -> EvidenceOut:
    return EvidenceOut(**{name: getattr(item, name) for name in Evidence.__slots__})
