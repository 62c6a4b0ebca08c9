"""Edge: the table of evidence pictures. The files lie beside it, named by the ids here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from config.errors import Kind, XueliangError
from config.scope import Permission, Scope
from health.state_store import in_scope
from health.tables import evidence
from registry.database import Connection
from registry.scope_store import require_everywhere
from registry.tables import cameras


class EvidenceKind(StrEnum):
    LAST_GOOD = "last_good"
    FIRST_BAD = "first_bad"  # with what was found drawn in
    DIFFERENCE = "difference"  # where the two differ


@dataclass(frozen=True, slots=True)
class Evidence:
    """``taken_at`` is when the camera showed it; ``closed_at`` when the fault it belongs to ended."""

    id: str
    camera_id: str
    kind: EvidenceKind
    cause: str
    taken_at: datetime
    filed_at: datetime
    size: int
    closed_at: datetime | None = None


async def add(scope: Scope, connection: Connection, item: Evidence) -> None:
    require_everywhere(scope, Permission.SYSTEM)
    await connection.execute(
        sa.insert(evidence).values(
            id=item.id,
            camera_id=item.camera_id,
            kind=item.kind.value,
            cause=item.cause,
            taken_at=item.taken_at,
            filed_at=item.filed_at,
            closed_at=item.closed_at,
            size=item.size,
        )
    )


async def close(scope: Scope, connection: Connection, camera_id: str, at: datetime) -> None:
    """The fault is over: from now on its pictures are kept for their days only."""
    require_everywhere(scope, Permission.SYSTEM)
    await connection.execute(
        sa.update(evidence)
        .where(evidence.c.camera_id == camera_id, evidence.c.closed_at.is_(None))
        .values(closed_at=at)
    )


async def of_camera(scope: Scope, connection: Connection, camera_id: str, *, limit: int = 20) -> list[Evidence]:
    """The newest evidence of one camera in scope (permission *evidence*); nothing for a foreign one."""
    query = (
        sa.select(evidence)
        .join(cameras, cameras.c.id == evidence.c.camera_id)
        .where(evidence.c.camera_id == camera_id, in_scope(scope, Permission.EVIDENCE))
        .order_by(evidence.c.filed_at.desc(), evidence.c.id.desc())
        .limit(max(1, min(limit, 200)))
    )
    return [_load(row) for row in await connection.execute(query)]


async def get(scope: Scope, connection: Connection, evidence_id: str) -> Evidence:
    """Raises ``NOT_FOUND`` for what does not exist and for what is not in scope alike."""
    query = (
        sa.select(evidence)
        .join(cameras, cameras.c.id == evidence.c.camera_id)
        .where(evidence.c.id == evidence_id, in_scope(scope, Permission.EVIDENCE))
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise XueliangError(Kind.NOT_FOUND, "evidence not found", fix="It expired, or is outside your areas")
    return _load(row)


async def expired(scope: Scope, connection: Connection, closed_before: datetime, *, limit: int = 500) -> list[str]:
    """Ids whose days are over. The files go first, then the rows: a file without a row is found by nobody."""
    require_everywhere(scope, Permission.SYSTEM)
    query = sa.select(evidence.c.id).where(evidence.c.closed_at < closed_before).order_by(evidence.c.id).limit(limit)
    return list((await connection.execute(query)).scalars())


async def surplus(scope: Scope, connection: Connection, camera_id: str, keep: int) -> list[str]:
    """Ids of one camera beyond the newest ``keep``: a camera that fails daily must not fill the disk."""
    require_everywhere(scope, Permission.SYSTEM)
    query = (
        sa.select(evidence.c.id)
        .where(evidence.c.camera_id == camera_id)
        .order_by(evidence.c.filed_at.desc(), evidence.c.id.desc())
        .offset(keep)
    )
    return list((await connection.execute(query)).scalars())


async def remove(scope: Scope, connection: Connection, ids: list[str]) -> None:
    require_everywhere(scope, Permission.SYSTEM)
    for start in range(0, len(ids), 500):
        await connection.execute(sa.delete(evidence).where(evidence.c.id.in_(ids[start : start + 500])))


def _load(row: sa.Row[tuple[object, ...]]) -> Evidence:
    values = dict(row._mapping)
    return Evidence(**{**values, "kind": EvidenceKind(values["kind"])})
