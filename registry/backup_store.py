"""Edge: what a backup takes from the tables, and what is done to them when one is restored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from config.scope import Permission, Scope
from registry.audit_store import append
from registry.backup_manifest import WrappedKey
from registry.change_feed_store import new_epoch
from registry.database import Connection
from registry.keys import Purpose
from registry.log_tables import audit_head, change_counter
from registry.login_tables import accounts, sessions, tokens
from registry.scope_store import require_everywhere
from registry.sealing import Sealed
from registry.secret_tables import data_keys
from registry.tables import principals
from registry.view_register_store import end_views, open_views


@dataclass(frozen=True, slots=True)
class Contents:
    """Of one moment. ``rows`` and ``mac`` are the end of the audit log."""

    epoch: str
    position: int
    rows: int
    mac: bytes
    keys: tuple[WrappedKey, ...]


@dataclass(frozen=True, slots=True)
class Begun:
    """What a restore ended, and who may come in from now on as it was then."""

    epoch: str
    sessions: int
    views: int
    accounts: int
    tokens: int


async def announce(scope: Scope, connection: Connection, backup_id: str, target: str) -> None:
    """Somebody takes a copy of everything: no row, no backup. The row is inside it."""
    require_everywhere(scope, Permission.SYSTEM)
    await append(scope, connection, "backup.make", "backup", backup_id, details={"target": target[:400]})


async def contents(scope: Scope, connection: Connection) -> Contents:
    require_everywhere(scope, Permission.SYSTEM)
    counter = (await connection.execute(sa.select(change_counter))).one()
    head = (await connection.execute(sa.select(audit_head).where(audit_head.c.id == 1))).one()
    rows = (await connection.execute(sa.select(data_keys).order_by(data_keys.c.id))).all()
    keys = tuple(
        WrappedKey(
            row.id,
            Purpose(row.purpose),
            row.retired,
            Sealed(row.algorithm, row.master_key_id, bytes(row.nonce), bytes(row.ciphertext)),
        )
        for row in rows
    )
    return Contents(counter.epoch, counter.position, head.rows, bytes(head.mac), keys)


async def snapshot(scope: Scope, connection: Connection) -> tuple[str, str]:
    """PostgreSQL: the name under which others may read what this connection reads, and the schema it reads."""
    require_everywhere(scope, Permission.SYSTEM)
    row = (await connection.execute(sa.text("SELECT pg_export_snapshot(), current_schema()"))).one()
    return str(row[0]), str(row[1])


async def empty_schema(scope: Scope, connection: Connection) -> str | None:
    """PostgreSQL: the schema that is worked in; ``None`` where it has tables already."""
    require_everywhere(scope, Permission.SYSTEM)
    tables = sa.text("SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()")
    if (await connection.execute(tables)).scalar_one():
        return None
    return str((await connection.execute(sa.text("SELECT current_schema()"))).scalar_one())


async def begin_anew(scope: Scope, connection: Connection, backup_id: str, details: dict[str, Any]) -> Begun:
    """After a restore, in one transaction: readers of the feed are sent to resync, every login and view of then is
    over, and the audit log says where it was taken up again."""
    require_everywhere(scope, Permission.SYSTEM)
    epoch = await new_epoch(scope, connection)
    views = await open_views(scope, connection)
    await end_views(scope, connection, [view.view_id for view in views], "restored")
    gone = await connection.execute(sa.delete(sessions))
    enabled = principals.c.disabled.is_(False)
    logins = int((await connection.execute(_count(accounts.c.principal_id, enabled))).scalar_one())
    programs = int((await connection.execute(_count(tokens.c.principal_id, enabled))).scalar_one())
    ended = {"sessions": gone.rowcount, "views": len(views)}
    await append(scope, connection, "backup.restore", "backup", backup_id, details={**details, **ended})
    return Begun(epoch, gone.rowcount, len(views), logins, programs)


def _count(principal_id: sa.Column[str], enabled: sa.ColumnElement[bool]) -> sa.Select[Any]:
    joined = sa.join(principals, principal_id.table, principals.c.id == principal_id)
    return sa.select(sa.func.count()).select_from(joined).where(enabled)
