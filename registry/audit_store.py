"""Edge: the audit's table: appended in the transaction of the act, read by auditors, verified against tampering."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from config.scope import Permission, Scope
from registry.audit_chain import Anchor, AuditRow, ChainCheck, Report, mac_of, make_anchor
from registry.database import Connection, clock_of, keys_of
from registry.keys import Purpose
from registry.scope_store import require_everywhere, visible
from registry.tables import audit, audit_head

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
    key = keys_of(connection).current(Purpose.AUDIT)
    # FOR UPDATE where there is such a thing; SQLite's writer is alone anyway.
    head = (await connection.execute(sa.select(audit_head).where(audit_head.c.id == 1).with_for_update())).one()
    row = AuditRow(
        seq=head.rows + 1,
        at=clock_of(connection).now(),
        principal=scope.principal[:200],
        act=act,
        object_kind=object_kind,
        object_id=object_id,
        area_id=area_id,
        unit_id=unit_id,
        details=json.dumps(details or {}, ensure_ascii=False, sort_keys=True, default=str),
        key_id=key.id,
    )
    row = replace(row, mac=mac_of(key, head.mac, row))
    await connection.execute(sa.insert(audit).values(**{name: getattr(row, name) for name in AuditRow.__slots__}))
    await connection.execute(sa.update(audit_head).where(audit_head.c.id == 1).values(rows=row.seq, mac=row.mac))
    return row.seq


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
    scope: Scope, connection: Connection, anchor: Anchor | None = None, *, trusted_key: str | None = None
) -> Report:
    """Every row against the chain, the chain against the written head and, if given, against an anchor.

    Names an edit, a removal and a cut tail. ``trusted_key`` is the public key (hex) that the anchor must bear.
    """
    require_everywhere(scope, Permission.AUDIT)
    check = ChainCheck(keys_of(connection), anchor)
    while True:
        query = sa.select(audit).where(audit.c.seq > check.seq).order_by(audit.c.seq).limit(_CHUNK)
        rows = [AuditRow(**row._mapping) for row in await connection.execute(query)]
        check.feed(rows)
        if len(rows) < _CHUNK:
            break
    head = (await connection.execute(sa.select(audit_head))).one()
    return check.finish(head.rows, head.mac, trusted_key=trusted_key)
