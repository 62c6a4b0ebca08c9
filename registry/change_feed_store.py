"""Edge: the tables of the change feed. The one-row counter is locked in the writing transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import Permission, Scope
from registry.change_feed import MAX_PAYLOAD, Change, Head, Slice, Told
from registry.database import Connection, clock_of
from registry.log_tables import change_counter, changes
from registry.scope_store import require_everywhere, visible

_MAX_LIMIT = 1000


async def record(
    connection: Connection,
    kind: str,
    object_id: str,
    area_id: str | None,
    payload: dict[str, Any],
    *,
    unit_id: str | None = None,
) -> int:
    """One change in the caller's transaction; its position. It is seen by others in that order, or not at all.

    Raises ``TOO_LARGE`` for a payload over 16 KiB.
    """
    return await record_many(connection, [Told(kind, object_id, area_id, unit_id, payload)])


async def record_many(connection: Connection, told: Sequence[Told]) -> int:
    """Several changes in the order given; the position of the last."""
    for one in told:
        size = len(json.dumps(one.payload, ensure_ascii=False).encode())
        if size > MAX_PAYLOAD:
            text = f"a change of {size} bytes, more than {MAX_PAYLOAD}"
            raise XueliangError(Kind.TOO_LARGE, text, where=one.object_id)
    take = (
        sa.update(change_counter)
        .where(change_counter.c.id == 1)
        .values(position=change_counter.c.position + len(told))
        .returning(change_counter.c.position)
    )
    last = int((await connection.execute(take)).scalar_one())
    first, now = last - len(told) + 1, clock_of(connection).now()
    rows = [
        {
            "position": first + number,
            "at": now,
            "kind": one.kind,
            "object_id": one.object_id,
            "area_id": one.area_id,
            "unit_id": one.unit_id,
            "payload": one.payload,
        }
        for number, one in enumerate(told)
    ]
    if rows:
        await connection.execute(sa.insert(changes), rows)
    return last


async def head(scope: Scope, connection: Connection) -> Head:
    """Where the feed stands now. Any principal that may read anything may know it."""
    _require_any(scope)
    row = (await connection.execute(sa.select(change_counter.c.epoch, change_counter.c.position))).one()
    return Head(row.epoch, row.position)


async def after(
    scope: Scope, connection: Connection, position: int, limit: int = 500, *, epoch: str | None = None
) -> Slice:
    """Changes in scope after ``position``, in order.

    Raises ``GONE`` when ``epoch`` is not the feed's, when ``position`` lies ahead of it, or when changes after it
    were already deleted: the reader then loads everything anew and goes on from :func:`head`.
    """
    _require_any(scope)
    counter = (await connection.execute(sa.select(change_counter))).one()
    if (epoch is not None and epoch != counter.epoch) or not counter.forgotten <= position <= counter.position:
        raise XueliangError(
            Kind.GONE,
            "the feed does not reach back to this position",
            fix="Load everything anew, then follow the feed from its present position",
            facts={"epoch": counter.epoch, "position": counter.position, "oldest": counter.forgotten},
        )
    limit = max(1, min(limit, _MAX_LIMIT))
    query = (
        sa.select(changes)
        .where(
            changes.c.position > position,
            visible(scope.where(Permission.READ), changes.c.area_id, changes.c.unit_id),
        )
        .order_by(changes.c.position)
        .limit(limit + 1)
    )
    rows = [Change(**row._mapping) for row in await connection.execute(query)]
    more = len(rows) > limit
    rows = rows[:limit]
    return Slice(counter.epoch, rows[-1].position if more else counter.position, tuple(rows), more)


async def forget(scope: Scope, connection: Connection, before: datetime, *, limit: int = 5000) -> int:
    """Delete the oldest changes, those before ``before``, at most ``limit``; how many went. Positions stay what they
    are. Order is by position: what a clock that was set back dated too early goes no sooner than those before it."""
    require_everywhere(scope, Permission.SYSTEM)
    first = sa.select(changes.c.position).where(changes.c.at >= before).order_by(changes.c.position).limit(1)
    kept = first.scalar_subquery()
    oldest = (
        sa.select(changes.c.position)
        .where(sa.or_(kept.is_(None), changes.c.position < kept))
        .order_by(changes.c.position)
        .limit(limit)
    ).subquery()
    last = (await connection.execute(sa.select(sa.func.max(oldest.c.position)))).scalar()
    if last is None:
        return 0
    gone = await connection.execute(sa.delete(changes).where(changes.c.position <= last))
    await connection.execute(sa.update(change_counter).values(forgotten=last))
    return gone.rowcount


async def new_epoch(scope: Scope, connection: Connection) -> str:
    """After a restore: readers must not go on from positions that now mean something else."""
    require_everywhere(scope, Permission.SYSTEM)
    epoch = new_id()
    await connection.execute(sa.update(change_counter).values(epoch=epoch))
    return epoch


def _require_any(scope: Scope) -> None:
    if scope.where(Permission.READ).nowhere:
        raise XueliangError(Kind.FORBIDDEN, "this needs the permission read")
