"""Edge: incidents that have been over for long, their stories and messages, deleted a few hundred at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from alerts.incident import IncidentState
from alerts.message import MessageStatus
from alerts.tables import incident_entries, incidents, outbox
from config.scope import Permission, Scope
from registry.database import Connection
from registry.scope_store import require_everywhere

AT_ONCE = 500
_i, _o = incidents.c, outbox.c
_TO_BE_SENT = [MessageStatus.WAITING, MessageStatus.HELD]


async def forget_messages(scope: Scope, connection: Connection, before: datetime) -> int:
    """Delete what was told of incidents over before ``before``, unless something made since is still to be sent of
    them; how many messages went. What waits for longer waits for nobody: for a destination that is no longer
    configured, for a *firing* that was given up. What was told of an incident that stands is kept: its end is told to
    those who know of it."""
    require_everywhere(scope, Permission.SYSTEM)
    told = sa.select(_i.id).where(_over(before), _nothing_to_send(before), sa.exists(_messages()))
    return await _delete(connection, outbox, _o.incident_id, await _ids(connection, told))


async def forget_incidents(scope: Scope, connection: Connection, before: datetime) -> int:
    """Delete incidents over before ``before`` with their stories and messages; how many went. A bigger one goes
    after those that were part of it."""
    require_everywhere(scope, Permission.SYSTEM)
    child = incidents.alias()
    childless = ~sa.exists(sa.select(child.c.id).where(child.c.parent_id == _i.id))
    ids = await _ids(connection, sa.select(_i.id).where(_over(before), _nothing_to_send(before), childless))
    await _delete(connection, outbox, _o.incident_id, ids)
    await _delete(connection, incident_entries, incident_entries.c.incident_id, ids)
    return await _delete(connection, incidents, _i.id, ids)


def _over(before: datetime) -> ColumnElement[bool]:
    """Resolved, or recovered without anybody saying that they saw it."""
    seen = sa.and_(_i.state == IncidentState.RESOLVED, _i.resolved_at < before)
    return sa.or_(seen, sa.and_(_i.state == IncidentState.RECOVERED, _i.recovered_at < before))


def _messages(*where: ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(_o.seq).where(_o.incident_id == _i.id, *where)


def _nothing_to_send(before: datetime) -> ColumnElement[bool]:
    return ~sa.exists(_messages(_o.status.in_(_TO_BE_SENT), _o.made_at >= before))


async def _ids(connection: Connection, query: sa.Select[Any]) -> list[str]:
    return list((await connection.execute(query.order_by(_i.since, _i.id).limit(AT_ONCE))).scalars())


async def _delete(connection: Connection, table: sa.Table, column: ColumnElement[Any], ids: list[str]) -> int:
    if not ids:
        return 0
    return (await connection.execute(sa.delete(table).where(column.in_(ids)))).rowcount
