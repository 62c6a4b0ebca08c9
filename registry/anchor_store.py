"""Edge: the table of the newest audit anchor that each place outside has taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from config.scope import Permission, Scope
from registry.database import Connection
from registry.log_tables import audit_anchors
from registry.scope_store import require_everywhere


@dataclass(frozen=True, slots=True)
class Sent:
    """``place`` took an anchor of the log with ``rows`` rows."""

    place: str
    rows: int
    at: datetime


async def put(scope: Scope, connection: Connection, place: str, rows: int, at: datetime) -> None:
    require_everywhere(scope, Permission.AUDIT)
    await connection.execute(sa.delete(audit_anchors).where(audit_anchors.c.place == place))
    await connection.execute(sa.insert(audit_anchors).values(place=place, rows=rows, at=at))


async def sent(scope: Scope, connection: Connection) -> dict[str, Sent]:
    """By place."""
    require_everywhere(scope, Permission.AUDIT)
    return {row.place: Sent(row.place, row.rows, row.at) for row in await connection.execute(sa.select(audit_anchors))}
