"""Edge: the audit's table: appended in the transaction of the act, read by auditors, verified against tampering."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any

import sqlalchemy as sa

from config.scope import Permission, Scope
from registry.audit_chain import (
    Act,
    Anchor,
    AuditRow,
    Beginning,
    ChainCheck,
    Report,
    mac_of,
    make_anchor,
    make_beginning,
)
from registry.database import Connection, clock_of, keys_of
from registry.keys import Purpose
from registry.log_tables import audit, audit_cut, audit_head
from registry.scope_store import require_everywhere, visible

_CHUNK = 1000


async def append(
    scope: Scope,
    connection: Connection,
    act: str,
    object_kind: str,
    object_id: str,
    *,
    area_id: str | None = None,
    unit_id: str | None = None,
    details: dict[str, Any] | None = None,
) -> int:
    """One row by ``scope.principal`` in the caller's transaction; its number. ``details`` never holds a secret."""
    return await append_many(scope, connection, [Act(act, object_kind, object_id, area_id, unit_id, details or {})])


async def append_many(scope: Scope, connection: Connection, acts: Sequence[Act]) -> int:
    """Several rows in the order given; the number of the last."""
    key = keys_of(connection).current(Purpose.AUDIT)
    # FOR UPDATE where there is such a thing; SQLite's writer is alone anyway.
    head = (await connection.execute(sa.select(audit_head).where(audit_head.c.id == 1).with_for_update())).one()
    seq, mac, now = int(head.rows), head.mac, clock_of(connection).now()
    rows: list[dict[str, Any]] = []
    for one in acts:
        seq += 1
        row = AuditRow(
            seq=seq,
            at=now,
            principal=scope.principal[:200],
            act=one.act,
            object_kind=one.object_kind,
            object_id=one.object_id,
            area_id=one.area_id,
            unit_id=one.unit_id,
            details=json.dumps(one.details, ensure_ascii=False, sort_keys=True, default=str),
            key_id=key.id,
        )
        mac = mac_of(key, mac, row)
        rows.append({name: getattr(row, name) for name in AuditRow.__slots__} | {"mac": mac})
    if rows:
        await connection.execute(sa.insert(audit), rows)
        await connection.execute(sa.update(audit_head).where(audit_head.c.id == 1).values(rows=seq, mac=mac))
    return seq


async def page(
    scope: Scope,
    connection: Connection,
    *,
    before: int | None = None,
    limit: int = 100,
    principal: str | None = None,
    act: str | None = None,
    object_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[AuditRow]:
    """The newest rows first, those in the scope of the permission *audit*."""
    query = sa.select(audit).where(visible(scope.where(Permission.AUDIT), audit.c.area_id, audit.c.unit_id))
    for column, wanted in ((audit.c.principal, principal), (audit.c.act, act), (audit.c.object_id, object_id)):
        if wanted is not None:
            query = query.where(column == wanted)
    if before is not None:
        query = query.where(audit.c.seq < before)
    if since is not None:
        query = query.where(audit.c.at >= since)
    if until is not None:
        query = query.where(audit.c.at < until)
    query = query.order_by(audit.c.seq.desc()).limit(max(1, min(limit, 1000)))
    return [AuditRow(**row._mapping) for row in await connection.execute(query)]


async def anchor(scope: Scope, connection: Connection) -> Anchor:
    """The chain's end as it stands, signed; to be kept on another machine."""
    require_everywhere(scope, Permission.AUDIT)
    head = (await connection.execute(sa.select(audit_head))).one()
    key = keys_of(connection).current(Purpose.ANCHOR)
    return make_anchor(key, head.rows, head.mac, clock_of(connection).now())


async def verify(
    scope: Scope,
    connection: Connection,
    anchor: Anchor | None = None,
    *,
    trusted_key: str | None = None,
    chunk: int = _CHUNK,
) -> Report:
    """Every row against the chain, the chain against the written head and, if given, against an anchor.

    Names an edit, a removal and a cut tail. ``trusted_key`` is the public key (hex) that the anchor must bear.
    """
    require_everywhere(scope, Permission.AUDIT)
    check = ChainCheck(keys_of(connection), anchor, await _beginning(connection))
    while True:
        query = sa.select(audit).where(audit.c.seq > check.seq).order_by(audit.c.seq).limit(chunk)
        rows = [AuditRow(**row._mapping) for row in await connection.execute(query)]
        check.feed(rows)
        if len(rows) < chunk:
            break
    head = (await connection.execute(sa.select(audit_head))).one()
    return check.finish(head.rows, head.mac, trusted_key=trusted_key)


async def forget(scope: Scope, connection: Connection, before: datetime, *, limit: int = 5000) -> int:
    """Delete the oldest rows, all of them older than ``before``, and sign where the log begins from now on, with the
    audit's row of it; how many went. Rows behind a younger one stay: a clock that was set back must not open a gap."""
    require_everywhere(scope, Permission.SYSTEM)
    query = sa.select(audit.c.seq, audit.c.at, audit.c.mac).order_by(audit.c.seq).limit(limit)
    oldest = (await connection.execute(query)).all()
    going = list(takewhile(lambda row: row.at < before, oldest))
    head = (await connection.execute(sa.select(audit_head.c.rows))).scalar_one()
    if going and going[-1].seq == head:  # the head's own row stays, so that the next one has something to hang on
        going.pop()
    if not going:
        return 0
    last, mac = going[-1].seq, going[-1].mac
    gone = await connection.execute(sa.delete(audit).where(audit.c.seq <= last))
    await connection.execute(sa.delete(audit_cut))
    made = make_beginning(keys_of(connection).current(Purpose.ANCHOR), last, mac, clock_of(connection).now())
    values = {"rows": made.count, "mac": made.mac, "at": made.at}
    values |= {"public_key": made.public_key, "signature": made.signature}
    await connection.execute(sa.insert(audit_cut).values(id=1, **values))
    details = {"rows": gone.rowcount, "upto": last, "before": before.isoformat()}
    await append(scope, connection, "audit.forget", "audit", "-", details=details)
    return gone.rowcount


async def _beginning(connection: Connection) -> Beginning | None:
    """Where a shortened log begins; ``None`` for one that is whole."""
    row = (await connection.execute(sa.select(audit_cut))).one_or_none()
    return None if row is None else Beginning(row.rows, row.mac, row.at, row.public_key, row.signature)
