"""Edge: the tables of principals and grants. Logins, sessions and tokens are not here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from config.errors import Kind, XueliangError
from config.scope import Grant, Permission, Scope
from registry import rows_store
from registry.audit_store import append
from registry.change_feed_store import record
from registry.database import Connection
from registry.nouns_store import PRINCIPAL
from registry.principal import Principal, StoredGrant
from registry.rows_store import Page
from registry.scope_store import require_everywhere
from registry.tables import grants


async def add_principal(scope: Scope, connection: Connection, principal: Principal) -> Principal:
    return await rows_store.add(scope, connection, PRINCIPAL, principal)


async def change_principal(
    scope: Scope, connection: Connection, principal_id: str, version: int, **fields: Any
) -> Principal:
    return await rows_store.change(scope, connection, PRINCIPAL, principal_id, version, **fields)


async def get_principal(scope: Scope, connection: Connection, principal_id: str) -> Principal:
    require_everywhere(scope, Permission.USERS)
    return await rows_store.get(scope, connection, PRINCIPAL, principal_id, Permission.USERS)


async def list_principals(
    scope: Scope, connection: Connection, *, after: str | None = None, limit: int = 100
) -> Page[Principal]:
    require_everywhere(scope, Permission.USERS)
    return await rows_store.page(scope, connection, PRINCIPAL, after=after, limit=limit)


async def add_grant(scope: Scope, connection: Connection, grant: StoredGrant) -> StoredGrant:
    """Raises ``INVALID`` for a permission that does not exist, ``NOT_FOUND`` for a principal that does not."""
    require_everywhere(scope, Permission.USERS)
    principal = await get_principal(scope, connection, grant.principal_id)
    unknown = sorted(set(grant.permissions) - {permission.value for permission in Permission})
    if unknown or not grant.permissions:
        raise XueliangError(Kind.INVALID, f"no such permission: {', '.join(unknown)[:100] or 'none given'}")
    await connection.execute(sa.insert(grants).values(**rows_store.columns_of(grant)))
    await _tell(scope, connection, principal.id, "grant", grant)
    return grant


async def take_grant(scope: Scope, connection: Connection, grant_id: str) -> None:
    """It holds no longer from the commit on; the audit keeps what it was."""
    require_everywhere(scope, Permission.USERS)
    row = (await connection.execute(sa.select(grants).where(grants.c.id == grant_id))).one_or_none()
    if row is None:
        raise rows_store.not_found("grant")
    await connection.execute(sa.delete(grants).where(grants.c.id == grant_id))
    await _tell(scope, connection, row.principal_id, "revoke", _load(row))


async def grants_of(scope: Scope, connection: Connection, principal_id: str) -> list[StoredGrant]:
    require_everywhere(scope, Permission.USERS)
    query = sa.select(grants).where(grants.c.principal_id == principal_id).order_by(grants.c.id)
    return [_load(row) for row in await connection.execute(query)]


async def scope_of(scope: Scope, connection: Connection, principal_id: str, now: datetime) -> Scope:
    """The scope of a principal that ``center`` has made sure of; empty for one that is disabled."""
    principal = await get_principal(scope, connection, principal_id)
    held: list[Grant] = []
    if not principal.disabled:
        held = [grant.grant() for grant in await grants_of(scope, connection, principal_id)]
    return Scope.of(principal.name, held, now)


async def _tell(scope: Scope, connection: Connection, principal_id: str, act: str, grant: StoredGrant) -> None:
    details = {
        "grant": grant.id,
        "permissions": list(grant.permissions),
        "area": grant.area_id,
        "unit": grant.unit_id,
        "until": grant.until.isoformat() if grant.until else None,
    }
    await record(connection, "principal", principal_id, None, {"act": act})
    await append(scope, connection, f"principal.{act}", "principal", principal_id, details=details)


def _load(row: sa.Row[Any]) -> StoredGrant:
    return StoredGrant(**{name: rows_store.freeze(value) for name, value in row._mapping.items()})
