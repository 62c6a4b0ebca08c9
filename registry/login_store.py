"""Edge: who stands behind a session's or a token's secret, and what is granted to them, in one look."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from config.scope import Grant, Permission, Scope
from registry.database import Connection
from registry.login_tables import accounts, sessions, tokens
from registry.principal import Principal, PrincipalKind
from registry.principal_store import grants_of
from registry.scope_store import require_everywhere
from registry.session import Session, SessionRules, digest
from registry.session_store import load as load_session
from registry.tables import principals


@dataclass(frozen=True, slots=True)
class Known:
    """A login that holds now. ``session`` or ``purpose`` (a token's) says of which sort; ``ends`` when it ends by
    itself, if it is not used before."""

    principal: Principal
    grants: tuple[Grant, ...]
    ends: datetime
    must_change: bool = False
    session: Session | None = None
    purpose: str | None = None
    last_seen: datetime | None = None

    def scope(self, now: datetime) -> Scope:
        return Scope.of(self.principal.name, self.grants, now)


async def by_secret(
    scope: Scope, connection: Connection, kind: PrincipalKind, secret: str, rules: SessionRules, now: datetime
) -> Known | None:
    """Who holds this session's or token's secret; ``None`` when nobody does any longer."""
    if kind is PrincipalKind.TOKEN:
        return await _token(scope, connection, tokens.c.digest == digest(secret), now)
    return await _session(scope, connection, sessions.c.digest == digest(secret), rules, now)


async def still(scope: Scope, connection: Connection, known: Known, rules: SessionRules, now: datetime) -> Known | None:
    """The same login as it stands now; ``None`` when it was ended, withdrawn or disabled, or has expired."""
    if known.session is None:
        return await _token(scope, connection, tokens.c.principal_id == known.principal.id, now)
    return await _session(scope, connection, sessions.c.id == known.session.id, rules, now)


async def by_ids(
    scope: Scope, connection: Connection, principal_id: str, session_id: str | None, rules: SessionRules, now: datetime
) -> Known | None:
    """The login that something was opened under, as it stands now. ``session_id`` none: a token's."""
    if session_id is None:
        return await _token(scope, connection, tokens.c.principal_id == principal_id, now)
    mine = sa.and_(sessions.c.id == session_id, sessions.c.principal_id == principal_id)
    return await _session(scope, connection, mine, rules, now)


async def _session(
    scope: Scope, connection: Connection, condition: ColumnElement[bool], rules: SessionRules, now: datetime
) -> Known | None:
    require_everywhere(scope, Permission.USERS)
    query = (
        sa.select(sessions, *_PRINCIPAL, accounts.c.must_change)
        .join(principals, principals.c.id == sessions.c.principal_id)
        .join(accounts, accounts.c.principal_id == principals.c.id)
        .where(condition, principals.c.disabled.is_(False))
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    session = load_session(row)
    if session.ends(rules) <= now:
        return None
    held = await _grants(scope, connection, row.principal_id)
    return Known(
        _principal(row), held, session.ends(rules), row.must_change, session=session, last_seen=session.last_seen
    )


async def _token(scope: Scope, connection: Connection, condition: ColumnElement[bool], now: datetime) -> Known | None:
    require_everywhere(scope, Permission.USERS)
    query = (
        sa.select(tokens, *_PRINCIPAL)
        .join(principals, principals.c.id == tokens.c.principal_id)
        .where(condition, principals.c.disabled.is_(False), tokens.c.expires > now)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    held = await _grants(scope, connection, row.principal_id)
    return Known(_principal(row), held, row.expires, purpose=row.purpose, last_seen=row.last_seen)


_PRINCIPAL = (
    principals.c.id.label("owner_id"),
    principals.c.name.label("owner_name"),
    principals.c.kind.label("owner_kind"),
    principals.c.version.label("owner_version"),
)


def _principal(row: sa.Row[Any]) -> Principal:
    return Principal(row.owner_id, row.owner_name, row.owner_kind, False, row.owner_version)


async def _grants(scope: Scope, connection: Connection, principal_id: str) -> tuple[Grant, ...]:
    return tuple(grant.grant() for grant in await grants_of(scope, connection, principal_id))
