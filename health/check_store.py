"""Edge: the table of raw picture checks, by day of the district, kept for some days."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from config.scope import Permission, Scope
from health.observation import Observation
from health.state_store import in_scope
from health.tables import picture_checks
from registry.database import Connection, Database
from registry.rows_store import not_found
from registry.scope_store import require_everywhere
from registry.tables import cameras

MAX_PAGE = 500
#: The same (camera, probe id) twice is one check, whoever delivers it again.
_INSERT = {
    "sqlite": sqlite_insert(picture_checks).on_conflict_do_nothing(),
    "postgresql": postgresql_insert(picture_checks).on_conflict_do_nothing(),
}


async def queue(db: Database, scope: Scope, seen: Observation, zone: tzinfo) -> asyncio.Future[None]:
    """Group commit of one check; the future is done once it is on the disk."""
    require_everywhere(scope, Permission.SYSTEM)
    return await db.batch.add(_INSERT[db.dialect], _row(seen, zone))


async def latest(
    scope: Scope, connection: Connection, camera_id: str, *, before: datetime | None = None, limit: int = 50
) -> list[Mapping[str, Any]]:
    """The last checks of one camera, newest first. Raises ``NOT_FOUND`` out of scope."""
    held = sa.select(cameras.c.id).where(cameras.c.id == camera_id, in_scope(scope))
    if (await connection.execute(held)).first() is None:
        raise not_found("camera")
    query = sa.select(picture_checks).where(picture_checks.c.camera_id == camera_id)
    if before is not None:
        query = query.where(picture_checks.c.at < before)
    query = query.order_by(picture_checks.c.at.desc()).limit(max(1, min(limit, MAX_PAGE)))
    return [dict(row._mapping) for row in await connection.execute(query)]


async def forget(scope: Scope, connection: Connection, before: date) -> int:
    """Delete the oldest day before ``before``, whole; how many rows went. Zero says that nothing is left to do."""
    require_everywhere(scope, Permission.SYSTEM)
    oldest = (
        await connection.execute(sa.select(sa.func.min(picture_checks.c.day)).where(picture_checks.c.day < before))
    ).scalar()
    if oldest is None:
        return 0
    return (await connection.execute(sa.delete(picture_checks).where(picture_checks.c.day == oldest))).rowcount


def oldest_kept(now: datetime, days: int, zone: tzinfo) -> date:
    """The first day that is kept when checks are kept for ``days`` whole days besides today."""
    return now.astimezone(zone).date() - timedelta(days=days)


def _row(seen: Observation, zone: tzinfo) -> dict[str, Any]:
    return {
        "day": seen.at.astimezone(zone).date(),
        "camera_id": seen.camera_id,
        "probe_id": seen.probe_id[:120],
        "at": seen.at.astimezone(UTC),
        "link": seen.link.value if seen.link else None,
        "picture": seen.picture.value if seen.picture else None,
        "cause": seen.cause,
        "also": list(seen.also),
        "detail": seen.detail[:400],
        "delays": seen.delays.as_dict(),
        "measures": [m.as_list() for m in seen.measures],
    }
