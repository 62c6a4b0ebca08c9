"""Edge: what waits for each destination, for how long, and why: for metrics and the system's page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from alerts.message import MessageStatus
from alerts.tables import outbox
from config.scope import Permission, Scope
from registry.database import Connection
from registry.scope_store import require_everywhere

#: A message that is overdue for so long is told of: the longest pause between tries, as it is set by default.
STUCK_SECONDS = 600.0
_o = outbox.c


@dataclass(frozen=True, slots=True)
class Queue:
    """Messages of one destination by status. ``oldest_seconds``: how long the oldest of those that should have gone
    is overdue, since its first try where there was one; ``error``: how the last try ended that is to be repeated."""

    counts: dict[MessageStatus, int] = field(default_factory=dict)
    oldest_seconds: float = 0.0
    error: str = ""

    @property
    def stuck(self) -> bool:
        return self.oldest_seconds >= STUCK_SECONDS

    def count(self, status: MessageStatus) -> int:
        return self.counts.get(status, 0)


async def queues(scope: Scope, connection: Connection, now: datetime) -> dict[str, Queue]:
    """By destination, those no longer configured among them: nobody sends what waits there."""
    require_everywhere(scope, Permission.SYSTEM)
    counts: dict[str, dict[MessageStatus, int]] = {}
    query = sa.select(_o.destination, _o.status, sa.func.count().label("n")).group_by(_o.destination, _o.status)
    for row in await connection.execute(query):
        counts.setdefault(row.destination, {})[row.status] = row.n
    found = {}
    for name, by_status in sorted(counts.items()):
        since, error = await _oldest(connection, name) if MessageStatus.WAITING in by_status else (now, "")
        found[name] = Queue(by_status, max(0.0, (now - since).total_seconds()), error)
    return found


async def _oldest(connection: Connection, destination: str) -> tuple[datetime, str]:
    waiting = (_o.destination == destination, _o.status == MessageStatus.WAITING)
    due = sa.func.min(sa.func.coalesce(_o.first_at, _o.due_at, type_=_o.due_at.type), type_=_o.due_at.type)
    since = (await connection.execute(sa.select(due).where(*waiting))).scalar_one()
    # The one that is tried again and again; the others wait behind it.
    tried = sa.select(_o.error).where(*waiting, _o.attempts > 0).order_by(_o.seq).limit(1)
    return since, (await connection.execute(tried)).scalar() or ""
