"""Edge: the table of API tokens. Each is a principal of its own; its grants are in the table of grants."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import Permission, Scope
from config.text import printable
from registry.account import check_name
from registry.audit_store import append
from registry.database import Connection, Database, clock_of
from registry.login_tables import tokens
from registry.principal import Principal, PrincipalKind
from registry.principal_store import add_principal, change_principal
from registry.rows_store import MAX_PAGE, Page, not_found
from registry.scope_store import require_everywhere
from registry.session import TOKEN_MARK, Token, digest, new_secret
from registry.session_store import _heard
from registry.tables import principals

#: A token that nobody renews within this time is one that nobody remembers.
MAX_LIFE = timedelta(days=730)

_SEEN = sa.update(tokens).where(tokens.c.principal_id == sa.bindparam("token")).values(last_seen=sa.bindparam("seen"))


async def add_token(
    scope: Scope, connection: Connection, name: str, purpose: str, expires: datetime
) -> tuple[Token, str]:
    """A token without any grant yet, and its secret, which is kept nowhere and shown once.

    Raises ``INVALID`` for a name, purpose or end that cannot be, ``CONFLICT`` for a name that is taken.
    """
    require_everywhere(scope, Permission.USERS)
    name, now = check_name(name), clock_of(connection).now()
    purpose = printable(purpose.strip())
    if not purpose:
        raise XueliangError(Kind.INVALID, "a token needs its purpose", where="purpose", fix="Say what it is for")
    if not now < expires <= now + MAX_LIFE:
        raise XueliangError(
            Kind.INVALID, "a token ends in the future, within two years", where="expires", fix="Choose an earlier day"
        )
    if (await connection.execute(sa.select(principals.c.id).where(principals.c.name == name))).first() is not None:
        raise XueliangError(Kind.CONFLICT, "this name is taken", where="name", fix="Choose another")
    principal = await add_principal(scope, connection, Principal(new_id(), name, PrincipalKind.TOKEN))
    secret = TOKEN_MARK + new_secret()
    values = {"purpose": purpose, "made": now, "made_by": scope.principal[:200], "expires": expires}
    await connection.execute(sa.insert(tokens).values(principal_id=principal.id, digest=digest(secret), **values))
    details = {"purpose": purpose, "expires": expires.isoformat()}
    await append(scope, connection, "token.add", "principal", principal.id, details=details)
    return Token(principal.id, name, purpose, now, scope.principal[:200], expires), secret


async def get_token(scope: Scope, connection: Connection, token_id: str) -> Token:
    require_everywhere(scope, Permission.USERS)
    row = (await connection.execute(_query().where(principals.c.id == token_id))).one_or_none()
    if row is None:
        raise not_found("token")
    return _load(row)


async def find_token(scope: Scope, connection: Connection, name: str) -> Token:
    require_everywhere(scope, Permission.USERS)
    row = (await connection.execute(_query().where(principals.c.name == name))).one_or_none()
    if row is None:
        raise not_found("token")
    return _load(row)


async def list_tokens(
    scope: Scope, connection: Connection, *, after: str | None = None, limit: int = 100
) -> Page[Token]:
    """In the order of making, those withdrawn and expired among them: the audit log names them."""
    require_everywhere(scope, Permission.USERS)
    query = _query()
    if after is not None:
        query = query.where(principals.c.id > after)
    limit = max(1, min(limit, MAX_PAGE))
    rows = (await connection.execute(query.order_by(principals.c.id).limit(limit + 1))).all()
    items = tuple(map(_load, rows[:limit]))
    return Page(items, items[-1].id if len(rows) > limit else None)


async def withdraw_token(scope: Scope, connection: Connection, token_id: str) -> None:
    """It opens nothing from the commit on, and for ever. Doing it twice does nothing."""
    token = await get_token(scope, connection, token_id)
    if token.disabled:
        return
    await change_principal(scope, connection, token_id, token.version, disabled=True)
    await append(scope, connection, "token.withdraw", "principal", token_id)


async def token_seen(scope: Scope, db: Database, token_id: str, at: datetime) -> None:
    """It was used; written with the next group of samples."""
    require_everywhere(scope, Permission.USERS)
    (await db.batch.add(_SEEN, {"token": token_id, "seen": at})).add_done_callback(_heard)


def _query() -> sa.Select[Any]:
    return sa.select(
        principals.c.id,
        principals.c.name,
        tokens.c.purpose,
        tokens.c.made,
        tokens.c.made_by,
        tokens.c.expires,
        principals.c.disabled,
        principals.c.version,
        tokens.c.last_seen,
    ).join(tokens, tokens.c.principal_id == principals.c.id)


def _load(row: sa.Row[Any]) -> Token:
    return Token(**row._mapping)
