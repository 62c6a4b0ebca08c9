"""Edge: incidents (故障事件): listed, read with their story and proof, acknowledged, withdrawn, commented, closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from alerts import incident_store, outbox_store
from alerts.incident import ClosingCause, Incident, IncidentKind, IncidentState
from alerts.incident_store import Shown, Wanted
from alerts.message import Message, MessageEvent, MessageStatus
from center.api.asked import Acknowledger, Asked, Reader, SystemManager
from center.api.etag import IfMatch, edited, etag, tagged, version_of
from center.api.idempotency import IdempotencyKey, once
from center.api.pagination import DEFAULT_LIMIT, Cursor, Limit, next_cursor, position
from center.api.shapes import Id, IdText, In, Line, Listed, Moment, Note, Out
from registry.answer_store import Answer
from registry.database import Connection

router = APIRouter(prefix="/api/v1", tags=["incidents"])

#: More units than a login is ever granted one by one.
MOST_UNITS = 50
Act = Callable[[Connection, int], Awaitable[Incident]]


class IncidentOut(Out):
    """Of one camera, or of the recorder, switch or link (`group_...`) that `cameras` cameras lost at once. `since`:
    when it truly began; `opened_at`: when that was known. A parent outside your areas is null."""

    id: str
    kind: IncidentKind
    state: IncidentState
    cause: str
    since: datetime
    opened_at: datetime
    recovered_at: datetime | None
    resolved_at: datetime | None
    acknowledged_by: str | None
    acknowledged_at: datetime | None
    closing: ClosingCause | None
    camera_id: str | None
    camera_name: str | None
    gb_id: str | None
    point_id: str | None
    point_name: str | None
    point_code: str | None
    area_id: str | None
    unit_id: str | None
    group_kind: str | None
    group_id: str | None
    group_name: str | None
    cameras: int
    parent_id: str | None
    children: int
    children_standing: int
    version: int


class IncidentPage(Listed[IncidentOut]):
    as_of: datetime
    total: int


class EntryOut(Out):
    at: datetime
    principal: str
    act: str
    text: str


class ToldOut(Out):
    """A message about it: to which destination, and how that went."""

    id: str
    destination: str
    event: MessageEvent
    status: MessageStatus
    held_for: str
    made_at: datetime
    due_at: datetime
    attempts: int
    last_at: datetime | None
    delivered_at: datetime | None
    answer: int | None
    error: str


class OneIncident(IncidentOut):
    """`entries`: its story, oldest first, at most 200. `last_good`, `first_bad` and `difference` (where
    these two differ): ids of evidence of its camera, null where there is none, it expired, or you may not see it;
    `evidence_until`: when it is, or was, deleted, null while the incident stands. `told`: who was told."""

    entries: list[EntryOut]
    last_good: str | None
    first_bad: str | None
    difference: str | None
    evidence_until: datetime | None
    told: list[ToldOut]


class CommentIn(In):
    text: Note = Field(min_length=1)


class CloseIn(In):
    """What it was. One that still stands can only be closed as a false alarm."""

    cause: ClosingCause
    text: Note = ""


class IncidentVersion(Out):
    id: str
    version: int


class DeadOut(ToldOut):
    incident_id: str


@router.get("/incidents", summary="Incidents")
async def list_incidents(
    asked: Reader,
    state: Annotated[list[IncidentState], Query(max_length=4, description="any of these")] = [],  # noqa: B006
    ack: Annotated[bool | None, Query(description="acknowledged or not")] = None,
    kind: IncidentKind | None = None,
    area: Annotated[IdText | None, Query(description="in this area or below it")] = None,
    unit: Annotated[list[IdText], Query(max_length=MOST_UNITS, description="repaired by any of these units")] = [],  # noqa: B006
    camera: IdText | None = None,
    parent: Annotated[IdText | None, Query(description="part of this incident")] = None,
    top: Annotated[bool, Query(description="without those that are part of another")] = False,
    since: Annotated[Moment | None, Query(description="begun at or after")] = None,
    until: Annotated[Moment | None, Query(description="begun before")] = None,
    q: Line | None = None,
    sort: Annotated[
        Literal["-since", "since"], Query(description="the newest or the oldest beginning first")
    ] = "-since",
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
) -> IncidentPage:
    wanted = Wanted(
        tuple(state),
        ack,
        kind,
        area,
        tuple(sorted(unit)),
        camera,
        parent,
        top,
        since,
        until,
        q,
        oldest_first=sort == "since",
    )
    query = {name: getattr(wanted, name) for name in wanted.__slots__}
    after = position(asked, cursor, **query)
    place = (datetime.fromisoformat(after[0]), str(after[1])) if after else None
    async with asked.read() as connection:
        found, last = await incident_store.list_incidents(asked.scope, connection, wanted, after=place, limit=limit)
        total = await incident_store.count_incidents(asked.scope, connection, wanted)
    more = [last[0].isoformat(), last[1]] if last else None
    items = [_out(one) for one in found]
    return IncidentPage(items=items, next_cursor=next_cursor(asked, more, **query), as_of=asked.now, total=total)


@router.get("/incidents/{incident_id}", response_model=OneIncident, summary="One incident")
async def get_incident(asked: Reader, incident_id: Id) -> Response:
    out = await _load(asked, incident_id)
    return tagged(asked, out, out.version)


@router.post("/incidents/{incident_id}/acknowledge", response_model=OneIncident, summary="Acknowledge")
async def acknowledge(asked: Acknowledger, incident_id: Id, if_match: IfMatch = None) -> Response:
    """Seen, mine. Looking never does this."""
    return await _act(
        asked, incident_id, if_match, lambda c, v: incident_store.acknowledge(asked.scope, c, incident_id, v)
    )


@router.post("/incidents/{incident_id}/withdraw", response_model=OneIncident, summary="Withdraw an acknowledgement")
async def withdraw(asked: Acknowledger, incident_id: Id, if_match: IfMatch = None) -> Response:
    """Written as a second entry; nothing is erased."""
    return await _act(
        asked, incident_id, if_match, lambda c, v: incident_store.withdraw(asked.scope, c, incident_id, v)
    )


@router.post("/incidents/{incident_id}/close", response_model=OneIncident, summary="Say what it was")
async def close(asked: Acknowledger, incident_id: Id, body: CloseIn, if_match: IfMatch = None) -> Response:
    return await _act(
        asked,
        incident_id,
        if_match,
        lambda c, v: incident_store.close(asked.scope, c, incident_id, v, body.cause, body.text),
    )


@router.post(
    "/incidents/{incident_id}/comments", status_code=201, response_model=IncidentVersion, summary="Add a comment"
)
async def comment(asked: Acknowledger, incident_id: Id, body: CommentIn, key: IdempotencyKey = None) -> Response:
    """A sentence added to its story, whatever version it has."""

    async def act(connection: Connection) -> Answer:
        shown = await incident_store.get_incident(asked.scope, connection, incident_id)
        after = await incident_store.comment(asked.scope, connection, incident_id, shown.incident.version, body.text)
        return Answer(201, {"id": incident_id, "version": after.version}, {"ETag": etag(after.version)})

    return await once(asked, key, act)


@router.get("/messages/dead", summary="Messages that were given up")
async def dead_letters(asked: SystemManager, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Listed[DeadOut]:
    """Oldest first. Each can be sent again under the same key."""
    after = position(asked, cursor) or 0
    async with asked.read() as connection:
        found, last = await outbox_store.dead_letters(asked.scope, connection, after=after, limit=limit)
    return Listed(items=[DeadOut.model_validate(one) for one in found], next_cursor=next_cursor(asked, last))


@router.post("/messages/{message_id}/resend", summary="Send a given-up message again")
async def resend(asked: SystemManager, message_id: Id) -> DeadOut:
    async with asked.write() as connection:
        return DeadOut.model_validate(await outbox_store.resend(asked.scope, connection, message_id))


async def _act(asked: Asked, incident_id: str, if_match: str | None, act: Act) -> Response:
    async def change() -> Incident:
        async with asked.read() as connection:
            await incident_store.get_incident(asked.scope, connection, incident_id)
        version = version_of(if_match)
        async with asked.write() as connection:
            return await act(connection, version)

    await edited(change(), lambda: _load(asked, incident_id), None)
    out = await _load(asked, incident_id)
    return tagged(asked, out, out.version)


async def _load(asked: Asked, incident_id: str) -> OneIncident:
    async with asked.read() as connection:
        shown = await incident_store.get_incident(asked.scope, connection, incident_id)
        entries = await incident_store.entries_of(asked.scope, connection, incident_id, limit=200)
        evidence = await incident_store.evidence_of(asked.scope, connection, incident_id)
        told: list[Message] = await outbox_store.told(asked.scope, connection, incident_id)
    return OneIncident(
        **_out(shown).model_dump(),
        entries=[EntryOut.model_validate(entry) for entry in entries],
        last_good=evidence.last_good,
        first_bad=evidence.first_bad,
        difference=evidence.difference,
        evidence_until=shown.incident.recovered_at and shown.incident.recovered_at + _kept(asked),
        told=[ToldOut.model_validate(message) for message in told],
    )


def _kept(asked: Asked) -> timedelta:
    return timedelta(days=asked.core.storage.settings.retention.evidence_days)


def _out(shown: Shown) -> IncidentOut:
    incident = {name: getattr(shown.incident, name) for name in Incident.__slots__}
    about = {name: getattr(shown, name) for name in Shown.__slots__ if name != "incident"}
    return IncidentOut(**{**incident, **about})
