"""Edge: who stands behind a session's or a token's secret, and what is granted to them, in one look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from config.scope import Grant, Permission, Scope
from registry.database import Connection
from registry.login_tables import accounts, sessions, tokens
from registry.principal import Principal, PrincipalKind
from registry.scope_store import require_everywhere
from registry.session import Session, SessionRules, digest
from registry.session_store import load as load_session
from registry.tables import grants, principals


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
        return await _token(scope, connection, _TOKEN_BY_DIGEST, digest(secret), now)
    return await _session(scope, connection, _SESSION_BY_DIGEST, digest(secret), rules, now)


async def still(scope: Scope, connection: Connection, known: Known, rules: SessionRules, now: datetime) -> Known | None:
    """The same login as it stands now; ``None`` when it was ended, withdrawn or disabled, or has expired."""
    if known.session is None:
        return await _token(scope, connection, _TOKEN_BY_ID, known.principal.id, now)
    return await _session(scope, connection, _SESSION_BY_ID, known.session.id, rules, now)


async def by_ids(
    scope: Scope, connection: Connection, principal_id: str, session_id: str | None, rules: SessionRules, now: datetime
) -> Known | None:
    """The login that something was opened under, as it stands now. ``session_id`` none: a token's."""
    if session_id is None:
        return await _token(scope, connection, _TOKEN_BY_ID, principal_id, now)
    found = await _session(scope, connection, _SESSION_BY_ID, session_id, rules, now)
    return found if found is not None and found.principal.id == principal_id else None


async def _session(
    scope: Scope, connection: Connection, query: sa.Select[Any], key: str | bytes, rules: SessionRules, now: datetime
) -> Known | None:
    rows = await _rows(scope, connection, query, key)
    if not rows:
        return None
    session = load_session(rows[0])
    if session.ends(rules) <= now:
        return None
    return Known(
        _principal(rows[0]),
        _grants(rows),
        session.ends(rules),
        rows[0].must_change,
        session=session,
        last_seen=session.last_seen,
    )


async def _token(
    scope: Scope, connection: Connection, query: sa.Select[Any], key: str | bytes, now: datetime
) -> Known | None:
    rows = await _rows(scope, connection, query, key)
    if not rows or rows[0].expires <= now:
        return None
    one = rows[0]
    return Known(_principal(one), _grants(rows), one.expires, purpose=one.purpose, last_seen=one.last_seen)


async def _rows(scope: Scope, connection: Connection, query: sa.Select[Any], key: str | bytes) -> Sequence[sa.Row[Any]]:
    """A login's row once for each of its grants, or once without any."""
    require_everywhere(scope, Permission.USERS)
    found: Sequence[sa.Row[Any]] = (await connection.execute(query, {"key": key})).all()
    return found


_OF_OWNER = (
    principals.c.id.label("owner_id"),
    principals.c.name.label("owner_name"),
    principals.c.kind.label("owner_kind"),
    principals.c.version.label("owner_version"),
    grants.c.permissions.label("granted"),
    grants.c.area_id.label("granted_area"),
    grants.c.unit_id.label("granted_unit"),
    grants.c.until.label("granted_until"),
)


def _select(table: sa.Table, by: ColumnElement[Any], *more: ColumnElement[Any]) -> sa.Select[Any]:
    """Built once: every request asks one of these."""
    query = sa.select(table, *_OF_OWNER, *more).join(principals, principals.c.id == table.c.principal_id)
    if more:
        query = query.join(accounts, accounts.c.principal_id == principals.c.id)
    query = query.outerjoin(grants, grants.c.principal_id == principals.c.id)
    return query.where(by == sa.bindparam("key"), principals.c.disabled.is_(False)).order_by(grants.c.id)


_TOKEN_BY_DIGEST = _select(tokens, tokens.c.digest)
_TOKEN_BY_ID = _select(tokens, tokens.c.principal_id)
_SESSION_BY_DIGEST = _select(sessions, sessions.c.digest, accounts.c.must_change)
_SESSION_BY_ID = _select(sessions, sessions.c.id, accounts.c.must_change)


def _principal(row: sa.Row[Any]) -> Principal:
    return Principal(row.owner_id, row.owner_name, row.owner_kind, False, row.owner_version)


def _grants(rows: Sequence[sa.Row[Any]]) -> tuple[Grant, ...]:
    return tuple(
        Grant(frozenset(map(Permission, row.granted)), row.granted_area, row.granted_unit, row.granted_until)
        for row in rows
        if row.granted is not None
    )
