"""Edge: the audit log for auditors: what was done by whom, and whether the record is unbroken."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query

from center.api.asked import Auditor
from center.api.pagination import DEFAULT_LIMIT, Cursor, Limit, next_cursor, position
from center.api.reading import reading
from center.api.shapes import Line, Listed, Moment, Out
from config.scope import Permission
from registry import anchor_store, audit_store
from registry.audit_chain import anchor_text
from registry.names_store import names_of

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])


class AuditEntry(Out):
    """``seq`` counts without gaps over the whole log: told to those who may read all of it, null to others, whom it
    would tell how much is done elsewhere. ``object_name``: what the object is called today, where it has a name and
    you may read it."""

    seq: int | None
    at: datetime
    who: str
    act: str
    object_kind: str
    object_id: str
    object_name: str | None
    area_id: str | None
    unit_id: str | None
    details: dict[str, Any]


class Fault(Out):
    kind: str
    first: int
    last: int
    text: str


class AnchoredOut(Out):
    """The newest anchor that a place took: of how many rows, when. ``trouble``: why it takes none now."""

    place: str
    rows: int | None
    at: datetime | None
    trouble: str


class Verification(Out):
    """``blind`` says what this cannot see (an anchor kept on another machine sees more); ``anchored`` and ``gone`` are
    the rows it is about: looked at up to here by an anchor, and gone after their time. ``anchors``: where they go."""

    sound: bool
    rows: int
    faults: list[Fault]
    blind: str
    anchored: int | None
    gone: int
    anchors: list[AnchoredOut]


class AnchorOut(Out):
    anchor: str


@router.get("", summary="The audit log, the newest first")
async def list_audit(
    asked: Auditor,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
    who: Annotated[Line | None, Query(description="name of an account, a token or a service")] = None,
    what: Annotated[Line | None, Query(description="the act, such as `session.open`")] = None,
    object: Annotated[Line | None, Query(description="id of the object")] = None,
    since: Annotated[Moment | None, Query(alias="from")] = None,
    until: Annotated[Moment | None, Query(alias="to")] = None,
) -> Listed[AuditEntry]:
    """Reading it is an act and in it: the row of this reading is the first of the next."""
    query = {"who": who, "what": what, "object": object, "from": since, "to": until}
    before = position(asked, cursor, **query)
    async with reading(asked, "audit", {name: value for name, value in query.items() if value}) as connection:
        rows = await audit_store.page(
            asked.scope,
            connection,
            before=before,
            limit=limit + 1,
            principal=who,
            act=what,
            object_id=object,
            since=since,
            until=until,
        )
        kinds = {row.object_kind for row in rows}
        names = await names_of(asked.scope, connection, {row.object_id for row in rows}, kinds)
    whole = asked.scope.where(Permission.AUDIT).everywhere
    items = [
        AuditEntry(
            seq=row.seq if whole else None,
            at=row.at,
            who=row.principal,
            act=row.act,
            object_kind=row.object_kind,
            object_id=row.object_id,
            object_name=names.get(row.object_id),
            area_id=row.area_id,
            unit_id=row.unit_id,
            details=json.loads(row.details),
        )
        for row in rows[:limit]
    ]
    after = rows[limit - 1].seq if len(rows) > limit else None
    return Listed(items=items, next_cursor=next_cursor(asked, after, **query))


@router.get("/verification", summary="Is the record unbroken")
async def verify(asked: Auditor) -> Verification:
    """Every row against its chain; names an edit, a removal and a cut. Needs the permission everywhere."""
    async with asked.read() as connection:
        report = await audit_store.verify(asked.scope, connection)
        sent = await anchor_store.sent(asked.scope, connection)
    async with reading(asked, "audit", {"verified": report.sound, "rows": report.count}):
        pass
    faults = [Fault(kind=f.kind.value, first=f.seq, last=f.last, text=f.text) for f in report.faults]
    trouble = asked.core.app.upkeep.anchors.trouble if asked.core.app is not None else {}
    places = sorted({*sent, *trouble})
    anchors = [
        AnchoredOut(
            place=place,
            rows=sent[place].rows if place in sent else None,
            at=sent[place].at if place in sent else None,
            trouble=trouble.get(place, ""),
        )
        for place in places
    ]
    return Verification(
        sound=report.sound,
        rows=report.count,
        faults=faults,
        blind=report.blind,
        anchored=report.anchored,
        gone=report.gone,
        anchors=anchors,
    )


@router.get("/anchor", summary="The log's end, signed, to be kept elsewhere")
async def anchor(asked: Auditor) -> AnchorOut:
    async with reading(asked, "audit", {"anchor": True}) as connection:
        return AnchorOut(anchor=anchor_text(await audit_store.anchor(asked.scope, connection)))
