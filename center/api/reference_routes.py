"""Edge: references, what a camera normally looks like: seen, approved, or learned anew."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from fastapi import Path as InPath
from fastapi.responses import JSONResponse

from center.api.asked import Asked, EvidenceReader, Reader, ReferenceKeeper
from center.api.problems import Problem
from center.api.shapes import Id, In, Out
from center.api.status_routes import CHECK_SECONDS, checking
from center.api.stills import JPEG, Purpose, Still, shown
from center.api.stills import Reference as Quoted
from config.errors import Kind, XueliangError
from config.scope import Permission, Scope
from health import bank_file, reference_picture, state_store
from health.reference import MAX_REFERENCES, Bank, Reference, ReferenceState
from health.request import Command
from health.sun import SunBand
from registry import audit_store, camera_store, view_register_store
from registry.audit_chain import AuditRow
from registry.view import DUTY, Intent, ViewKind

router = APIRouter(prefix="/api/v1/cameras", tags=["references"])

OURS = Scope.system("references")


Number = Annotated[int, InPath(ge=0, lt=MAX_REFERENCES)]


class ReferenceOut(Out):
    """``state``: candidate and proposed are not in use; accepted by rule; approved by a person. ``lights``: the sun
    it was seen in. ``normal``: the median of each scalar measure over its last samples."""

    number: int
    state: str
    samples: int
    created: datetime
    updated: datetime
    lights: list[str]
    normal: dict[str, float]


class ReferenceDecision(Out):
    """The last thing that a person decided about them: ``approve`` or ``replace``."""

    act: str
    by: str
    at: datetime


class ReferencesOut(Out):
    """``proposed``: so many wait for a person. ``decided``: by whom they were approved or replaced last; null where
    nobody did, or that is longer ago than the audit is kept."""

    camera_id: str
    decided: ReferenceDecision | None = None
    items: list[ReferenceOut]
    in_use: int
    proposed: int


class ReferenceAct(In):
    """``approve``: what is proposed (or in use) is normal. ``replace``: forget all and learn anew from now on, after
    the camera was moved on purpose."""

    act: Literal["approve", "replace"]


class ReferenceDone(Out):
    """``done`` is false where the camera gave no picture yet: it is done with its next one."""

    done: bool
    references: ReferencesOut


@router.get("/{camera_id}/references", summary="References of one camera")
async def list_references(asked: Reader, camera_id: Id) -> ReferencesOut:
    """A median of many pictures each, so that nobody who passed stays in one."""
    async with asked.read() as connection:
        await state_store.require_camera(asked.scope, connection, camera_id)
    return await _load(asked, camera_id)


@router.get(
    "/{camera_id}/references/{number}/picture",
    summary="One reference, as a picture",
    response_class=Response,
    responses=JPEG,
)
async def get_reference(
    asked: EvidenceReader, camera_id: Id, number: Number, purpose: Purpose = DUTY, reference: Quoted = None
) -> Response:
    """The light of many pictures and the edges that stayed in most of them: nobody who passed is in it. A view."""
    intent = Intent(ViewKind.EVIDENCE, purpose, reference)
    async with asked.read() as connection:
        await view_register_store.viewable(asked.scope, connection, [camera_id], intent.kind)
    found = await asyncio.to_thread(_drawn, _bank_of(asked, camera_id), number)
    if found is None:
        raise Problem("not_found", what="there is no reference of this number")
    return await shown(asked, camera_id, intent, found)


@router.post("/{camera_id}/references", response_model=ReferenceDone, summary="Approve or replace references")
async def act_on_references(asked: ReferenceKeeper, camera_id: Id, body: ReferenceAct) -> JSONResponse:
    """Done with the camera's next picture, which is taken at once; 202 where it takes longer than 25 s or the
    camera gives none. Asking twice is asking once."""
    app = await checking(asked, camera_id, Permission.REFERENCE)
    await _record(asked, camera_id, body.act)
    command = Command.APPROVE if body.act == "approve" else Command.RESET
    app.engine.command(camera_id, command)
    done = False
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            # The asker may keep references without the permission to check: this check is ours.
            seen, _ = await app.engine.check_now(Scope.system(asked.scope.principal), camera_id)
            done = bool(seen.measures)
    except TimeoutError:
        done = False
    except XueliangError as error:
        if error.kind not in (Kind.TIMEOUT, Kind.UNAVAILABLE):
            raise
    out = ReferenceDone(done=done, references=await _load(asked, camera_id))
    return JSONResponse(out.model_dump(mode="json"), 200 if done else 202)


async def _record(asked: Asked, camera_id: str, act: str) -> None:
    async with asked.write() as connection:
        camera = await camera_store.get_camera(asked.scope, connection, camera_id)
        await audit_store.append(
            asked.scope,
            connection,
            f"reference.{act}",
            "camera",
            camera_id,
            area_id=camera.area_id,
            unit_id=camera.unit_id,
        )


async def _load(asked: Asked, camera_id: str) -> ReferencesOut:
    listed = await asyncio.to_thread(_listed, camera_id, _bank_of(asked, camera_id))
    # Whoever sees the camera may know who said what its picture should be; nothing else of the audit is told.
    found: list[AuditRow] = []
    async with asked.read() as connection:
        for act in ("reference.approve", "reference.replace"):
            found += await audit_store.page(OURS, connection, act=act, object_id=camera_id, limit=1)
    last = max(found, key=lambda row: row.seq, default=None)
    if last is None:
        return listed
    decided = ReferenceDecision(act=last.act.removeprefix("reference."), by=last.principal, at=last.at)
    return listed.model_copy(update={"decided": decided})


def _bank_of(asked: Asked, camera_id: str) -> Path:
    return asked.core.storage.folder.references / f"{camera_id}.bank"


def _drawn(path: Path, number: int) -> Still | None:
    bank = bank_file.read(path) or Bank(0.0)
    if number >= len(bank.references):
        return None
    one = bank.references[number]
    return Still(reference_picture.draw(one), datetime.fromtimestamp(one.updated, UTC), f"reference {number}")


def _listed(camera_id: str, path: Path) -> ReferencesOut:
    bank = bank_file.read(path) or Bank(0.0)
    return ReferencesOut(
        camera_id=camera_id,
        items=[_one(number, one) for number, one in enumerate(bank.references)],
        in_use=len(bank.in_use),
        proposed=sum(one.state is ReferenceState.PROPOSED for one in bank.references),
    )


def _one(number: int, one: Reference) -> ReferenceOut:
    return ReferenceOut(
        number=number,
        state=one.state.name.lower(),
        samples=one.samples,
        created=datetime.fromtimestamp(one.created, UTC),
        updated=datetime.fromtimestamp(one.updated, UTC),
        lights=[band.value for band in SunBand if one.seen_in(band)],
        normal={name: round(value, 4) for name, value in one.normal().items()},
    )
