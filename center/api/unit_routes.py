"""Edge: units: who manages and who repairs."""

from __future__ import annotations

from fastapi import APIRouter, Response
from pydantic import Field

from center.api.asked import Asked, Editor, Reader
from center.api.etag import IfMatch, edited, tagged, version_of
from center.api.idempotency import IdempotencyKey, once
from center.api.shapes import Id, In, Line, Listed, Out
from config.ids import new_id
from registry import unit_store
from registry.answer_store import Answer
from registry.database import Connection
from registry.unit import Unit, UnitKind

router = APIRouter(prefix="/api/v1/units", tags=["units"])


class UnitOut(Out):
    id: str
    name: str
    kind: UnitKind
    contact: str | None
    version: int


class UnitIn(In):
    name: Line
    kind: UnitKind = UnitKind.MAINTENANCE
    contact: Line | None = None


class UnitEdit(In):
    """Only the members that are sent are changed."""

    name: Line = Field(default_factory=str)
    kind: UnitKind = UnitKind.MAINTENANCE
    contact: Line | None = None


@router.get("", summary="Units")
async def list_units(asked: Reader) -> Listed[UnitOut]:
    """Those that manage or repair something in your areas, all of them, in the order of ids."""
    async with asked.read() as connection:
        found = await unit_store.list_units(asked.scope, connection)
    return Listed(items=[UnitOut.model_validate(unit) for unit in found])


@router.get("/{unit_id}", response_model=UnitOut, summary="One unit")
async def get_unit(asked: Reader, unit_id: Id) -> Response:
    out = await _load(asked, unit_id)
    return tagged(asked, out, out.version)


@router.post("", status_code=201, response_model=UnitOut, summary="Add a unit")
async def add_unit(asked: Editor, body: UnitIn, key: IdempotencyKey = None) -> Response:
    """A unit belongs to no area: this needs the permission everywhere."""

    async def act(connection: Connection) -> Answer:
        unit = await unit_store.add_unit(
            asked.scope, connection, Unit(new_id(), body.name, kind=body.kind, contact=body.contact)
        )
        out = UnitOut.model_validate(unit)
        return Answer(201, out.model_dump(mode="json"), {"Location": f"{router.prefix}/{unit.id}", "ETag": '"v1"'})

    return await once(asked, key, act)


@router.patch("/{unit_id}", response_model=UnitOut, summary="Edit a unit")
async def edit_unit(asked: Editor, unit_id: Id, body: UnitEdit, if_match: IfMatch = None) -> Response:
    fields = body.model_dump(exclude_unset=True)

    async def change() -> Unit:
        version = version_of(if_match)
        async with asked.write() as connection:
            await unit_store.get_unit(asked.scope, connection, unit_id)
            return await unit_store.change_unit(asked.scope, connection, unit_id, version, **fields)

    await edited(change(), lambda: _load(asked, unit_id), fields)
    out = await _load(asked, unit_id)
    return tagged(asked, out, out.version)


async def _load(asked: Asked, unit_id: str) -> UnitOut:
    async with asked.read() as connection:
        return UnitOut.model_validate(await unit_store.get_unit(asked.scope, connection, unit_id))
