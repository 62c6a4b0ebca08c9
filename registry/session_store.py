"""Edge: the table of sessions. A row is a login that still holds; ending one deletes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from config.ids import new_id
from config.scope import Permission, Scope
from config.text import printable
from registry.audit_store import append
from registry.database import Connection, Database, clock_of
from registry.login_tables import sessions
from registry.rows_store import not_found
from registry.scope_store import require_everywhere
from registry.session import Session, SessionRules, digest

_SEEN = (
    sa.update(sessions)
    .where(sessions.c.id == sa.bindparam("session"), sessions.c.last_seen < sa.bindparam("seen"))
    .values(last_seen=sa.bindparam("seen"))
)


async def open_session(
    scope: Scope,
    connection: Connection,
    principal_id: str,
    secret: str,
    *,
    address: str,
    agent: str,
    rules: SessionRules,
) -> tuple[Session, tuple[str, ...]]:
    """A session for somebody whose password was verified, and the ids of the oldest, ended to make room."""
    require_everywhere(scope, Permission.USERS)
    now = clock_of(connection).now()
    dead = sa.or_(sessions.c.expires <= now, sessions.c.last_seen <= now - rules.idle)
    await connection.execute(sa.delete(sessions).where(dead))
    session = Session(
        new_id(), principal_id, now, now, now + rules.absolute, printable(address, 64), printable(agent, 200)
    )
    values = {name: getattr(session, name) for name in Session.__slots__}
    await connection.execute(sa.insert(sessions).values(digest=digest(secret), **values))
    query = sa.select(sessions.c.id).where(sessions.c.principal_id == principal_id).order_by(sessions.c.id.desc())
    over = tuple((await connection.execute(query.offset(rules.at_most))).scalars())
    if over:
        await connection.execute(sa.delete(sessions).where(sessions.c.id.in_(over)))
    details = {"session": session.id, "address": session.address, "agent": session.agent, "ended": list(over)}
    await append(scope, connection, "session.open", "principal", principal_id, details=details)
    return session, over


async def list_sessions(scope: Scope, connection: Connection, principal_id: str, rules: SessionRules) -> list[Session]:
    """Those that hold, the newest first."""
    require_everywhere(scope, Permission.USERS)
    now = clock_of(connection).now()
    query = (
        sa.select(sessions)
        .where(
            sessions.c.principal_id == principal_id,
            sessions.c.expires > now,
            sessions.c.last_seen > now - rules.idle,
        )
        .order_by(sessions.c.id.desc())
    )
    return [load(row) for row in await connection.execute(query)]


async def end_session(scope: Scope, connection: Connection, session_id: str, principal_id: str | None = None) -> None:
    """It opens nothing from the commit on. Raises ``NOT_FOUND`` for one that is not (that principal's)."""
    require_everywhere(scope, Permission.USERS)
    row = (await connection.execute(sa.select(sessions).where(sessions.c.id == session_id))).one_or_none()
    if row is None or principal_id not in (None, row.principal_id):
        raise not_found("session")
    await connection.execute(sa.delete(sessions).where(sessions.c.id == session_id))
    await append(scope, connection, "session.end", "principal", row.principal_id, details={"session": session_id})


async def end_sessions(scope: Scope, connection: Connection, principal_id: str) -> int:
    """All of one account's; how many."""
    require_everywhere(scope, Permission.USERS)
    gone = await connection.execute(sa.delete(sessions).where(sessions.c.principal_id == principal_id))
    if gone.rowcount:
        details = {"sessions": gone.rowcount}
        await append(scope, connection, "session.end", "principal", principal_id, details=details)
    return gone.rowcount


async def seen(scope: Scope, db: Database, session_id: str, at: datetime) -> None:
    """It was used; written with the next group of samples, for losing it shortens an idle session by a minute."""
    require_everywhere(scope, Permission.USERS)
    (await db.batch.add(_SEEN, {"session": session_id, "seen": at})).add_done_callback(_heard)


def load(row: sa.Row[Any]) -> Session:
    return Session(**{name: row._mapping[name] for name in Session.__slots__})


def _heard(ack: Any) -> None:
    """A write that failed is told by the database's own log; the session merely looks older than it is."""
    if not ack.cancelled():
        ack.exception()
