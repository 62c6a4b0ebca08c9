"""Edge: the table of messages. Written in the transaction of what they tell; tried until delivered or given up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from alerts.incident_rows_store import AREA, JOINED, UNIT, chunks, in_scope
from alerts.message import Hold, Message, MessageEvent, MessageStatus
from alerts.tables import incidents, outbox
from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import Permission, Scope
from registry.audit_store import append
from registry.database import Connection, clock_of
from registry.rows_store import not_found
from registry.scope_store import require_everywhere

MAX_PAGE = 500
_o = outbox.c
_WITH_PLACE = outbox.join(JOINED, incidents.c.id == _o.incident_id)


def _load(row: sa.Row[Any]) -> Message:
    return Message(**{name: getattr(row, name) for name in Message.__slots__})


# In the transaction of the incident


async def announce(
    scope: Scope,
    connection: Connection,
    begun: Mapping[str, Hold | None],
    destinations: Iterable[str],
    due: datetime,
) -> None:
    """A *firing* about each incident (by id) to each destination, to go at ``due`` unless held."""
    require_everywhere(scope, Permission.SYSTEM)
    names = tuple(destinations)
    holds = {(incident_id, name): hold for incident_id, hold in begun.items() for name in names}
    await _add(connection, MessageEvent.FIRING, holds, due)


async def hold(scope: Scope, connection: Connection, incident_ids: Iterable[str], why: Hold) -> None:
    """What was never tried waits; what was tried once may have arrived, and goes on."""
    require_everywhere(scope, Permission.SYSTEM)
    await _set(connection, incident_ids, status=MessageStatus.HELD, held_for=why.value)


async def release(scope: Scope, connection: Connection, incident_ids: Iterable[str], due: datetime) -> None:
    """What was held goes at ``due``, if it still stands then."""
    require_everywhere(scope, Permission.SYSTEM)
    only = _o.status == MessageStatus.HELD
    await _set(connection, incident_ids, only, status=MessageStatus.WAITING, held_for="", due_at=due)


async def end(scope: Scope, connection: Connection, incident_ids: Iterable[str], at: datetime) -> None:
    """The incidents are over: a *resolved* for each *firing* that was tried, after it; the others are dropped."""
    require_everywhere(scope, Permission.SYSTEM)
    ids = sorted(incident_ids)
    holds: dict[tuple[str, str], Hold | None] = {}
    for part in chunks(ids):
        tried = (_o.incident_id.in_(part), _o.event == MessageEvent.FIRING, _o.attempts > 0)
        query = sa.select(_o.incident_id, _o.destination, _o.status).where(*tried).order_by(_o.seq)
        for row in await connection.execute(query):
            delivered = row.status is MessageStatus.DELIVERED
            holds[row.incident_id, row.destination] = None if delivered else Hold.FIRING
    await _set(connection, ids, status=MessageStatus.DROPPED, held_for="")
    await _add(connection, MessageEvent.RESOLVED, holds, at)


async def _add(
    connection: Connection, event: MessageEvent, holds: Mapping[tuple[str, str], Hold | None], due: datetime
) -> None:
    """``holds`` is by incident and destination."""
    now = clock_of(connection).now()
    rows = [
        {
            "id": new_id(),
            "destination": destination,
            "incident_id": incident_id,
            "event": event,
            "status": MessageStatus.WAITING if why is None else MessageStatus.HELD,
            "held_for": "" if why is None else why.value,
            "made_at": now,
            "due_at": due,
            "attempts": 0,
            "error": "",
        }
        for (incident_id, destination), why in holds.items()
    ]
    if rows:
        await connection.execute(sa.insert(outbox), rows)


async def _set(
    connection: Connection, incident_ids: Iterable[str], *where: sa.ColumnElement[bool], **values: Any
) -> None:
    """Over *firing* messages that were never tried."""
    untried = (
        _o.event == MessageEvent.FIRING,
        _o.attempts == 0,
        _o.status.in_([MessageStatus.WAITING, MessageStatus.HELD]),
    )
    for part in chunks(sorted(incident_ids)):
        among = _o.incident_id.in_(part)
        await connection.execute(sa.update(outbox).where(among, *untried, *where).values(**values))


# The worker's


async def head(scope: Scope, connection: Connection, destination: str, now: datetime) -> Message | None:
    """The message to be tried at this destination, in order: one that was tried goes before all made after it.

    A clock that was set back holds nothing up: what seems to come from the future is due.
    """
    require_everywhere(scope, Permission.SYSTEM)
    due = sa.or_(_o.attempts > 0, _o.due_at <= now, _o.made_at > now)
    query = sa.select(outbox).where(_o.destination == destination, _o.status == MessageStatus.WAITING, due)
    row = (await connection.execute(query.order_by(_o.seq).limit(1))).one_or_none()
    if row is None:
        return None
    message = _load(row)
    future = message.made_at > now or (message.last_at is not None and message.last_at > now)
    return message if message.due_at <= now or future else None


async def postpone(scope: Scope, connection: Connection, message: Message, due: datetime) -> None:
    require_everywhere(scope, Permission.SYSTEM)
    await connection.execute(sa.update(outbox).where(*_still(message)).values(due_at=due))


async def begin(scope: Scope, connection: Connection, message: Message, body: Mapping[str, Any]) -> Message | None:
    """Written before a try leaves, with what it says. ``None`` where the message is no longer to be sent."""
    require_everywhere(scope, Permission.SYSTEM)
    now = clock_of(connection).now()
    values = {
        "attempts": message.attempts + 1,
        "first_at": message.first_at or now,
        "last_at": now,
        "body": dict(message.body or body),
    }
    result = await connection.execute(sa.update(outbox).where(*_still(message)).values(**values))
    if result.rowcount != 1:
        return None
    return _load((await connection.execute(sa.select(outbox).where(_o.seq == message.seq))).one())


async def delivered(scope: Scope, connection: Connection, message: Message, answer: int) -> None:
    """Done; a *resolved* that waited for this *firing* may go."""
    require_everywhere(scope, Permission.SYSTEM)
    now = clock_of(connection).now()
    values = {"status": MessageStatus.DELIVERED, "delivered_at": now, "answer": answer, "error": ""}
    await connection.execute(sa.update(outbox).where(_o.seq == message.seq).values(**values))
    if message.event is MessageEvent.FIRING:
        waits = (_o.incident_id == message.incident_id, _o.destination == message.destination)
        held = (_o.status == MessageStatus.HELD, _o.held_for == Hold.FIRING.value)
        go = {"status": MessageStatus.WAITING, "held_for": "", "due_at": now}
        await connection.execute(sa.update(outbox).where(*waits, *held).values(**go))


async def failed(
    scope: Scope, connection: Connection, message: Message, error: str, answer: int | None, due: datetime | None
) -> None:
    """To be tried again at ``due``, or, without, dead."""
    require_everywhere(scope, Permission.SYSTEM)
    values: dict[str, Any] = {"error": error[:400], "answer": answer}
    values |= {"status": MessageStatus.DEAD} if due is None else {"due_at": due}
    await connection.execute(sa.update(outbox).where(*_still(message)).values(**values))


def _still(message: Message) -> tuple[sa.ColumnElement[bool], ...]:
    waiting = _o.status == MessageStatus.WAITING
    return _o.seq == message.seq, waiting, _o.attempts == message.attempts


# What people ask


async def told(scope: Scope, connection: Connection, incident_id: str) -> list[Message]:
    """Who was told of an incident in scope, and how that went. Raises ``NOT_FOUND``."""
    seen = sa.select(incidents.c.id).select_from(JOINED).where(incidents.c.id == incident_id, in_scope(scope))
    if (await connection.execute(seen)).first() is None:
        raise not_found("incident")
    query = sa.select(outbox).where(_o.incident_id == incident_id).order_by(_o.seq)
    return [_load(row) for row in await connection.execute(query)]


async def dead_letters(
    scope: Scope, connection: Connection, *, after: int = 0, limit: int = 100
) -> tuple[list[Message], int | None]:
    """Messages given up, of incidents in the scope of the permission *system*, oldest first; the next ``after``."""
    limit = max(1, min(limit, MAX_PAGE))
    query = (
        sa.select(outbox)
        .select_from(_WITH_PLACE)
        .where(_o.status == MessageStatus.DEAD, _o.seq > after, in_scope(scope, Permission.SYSTEM))
        .order_by(_o.seq)
        .limit(limit + 1)
    )
    found = [_load(row) for row in await connection.execute(query)]
    return found[:limit], found[limit - 1].seq if len(found) > limit else None


async def resend(scope: Scope, connection: Connection, message_id: str) -> Message:
    """A dead message goes again, with the same key and the same words. Raises ``NOT_FOUND``, ``CONFLICT``."""
    query = (
        sa.select(outbox, AREA.label("area_id"), UNIT.label("unit_id"))
        .select_from(_WITH_PLACE)
        .where(_o.id == message_id, in_scope(scope, Permission.SYSTEM))
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise not_found("message")
    if row.status is not MessageStatus.DEAD:
        raise XueliangError(
            Kind.CONFLICT,
            f"the message is {row.status.value}, only one that was given up is sent again",
            facts={"status": row.status.value},
        )
    now = clock_of(connection).now()
    # It was tried before, and may have arrived: it is never again one that was not tried.
    values = {"status": MessageStatus.WAITING, "due_at": now, "first_at": None, "attempts": 1}
    await connection.execute(sa.update(outbox).where(_o.seq == row.seq).values(**values))
    details = {"destination": row.destination, "event": row.event.value, "incident_id": row.incident_id}
    place = {"area_id": row.area_id, "unit_id": row.unit_id}
    await append(scope, connection, "message.resend", "message", message_id, **place, details=details)
    return _load((await connection.execute(sa.select(outbox).where(_o.seq == row.seq))).one())
