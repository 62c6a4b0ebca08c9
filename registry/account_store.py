"""Edge: the table of accounts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement

from config.errors import Kind, XueliangError
from config.ids import new_id
from config.scope import Permission, Scope
from registry.account import Account, check_name, fold
from registry.audit_store import append
from registry.change_feed_store import record
from registry.database import Connection, clock_of
from registry.login_tables import accounts, sessions
from registry.principal import Principal, PrincipalKind
from registry.principal_store import add_principal, change_principal
from registry.rows_store import MAX_PAGE, Page, not_found
from registry.scope_store import require_everywhere
from registry.tables import areas, grants, principals


@dataclass(frozen=True, slots=True)
class StoredPassword:
    """What a login is verified against."""

    account: Account
    password_hash: str = field(repr=False)


async def add_account(
    scope: Scope, connection: Connection, name: str, password_hash: str, *, must_change: bool = True
) -> Account:
    """A principal that can log in, without any grant yet. Raises ``INVALID``, and ``CONFLICT`` for a taken name."""
    require_everywhere(scope, Permission.USERS)
    name = check_name(name)
    taken = sa.select(principals.c.id).where(principals.c.name == name)
    alike = sa.select(accounts.c.principal_id).where(accounts.c.login == fold(name))
    if (await connection.execute(sa.union(taken, alike))).first() is not None:
        raise XueliangError(
            Kind.CONFLICT, "this name is taken", where="name", fix="Choose another, or change that account"
        )
    principal = await add_principal(scope, connection, Principal(new_id(), name, PrincipalKind.ACCOUNT))
    now = clock_of(connection).now()
    await connection.execute(
        sa.insert(accounts).values(
            principal_id=principal.id,
            login=fold(name),
            password_hash=password_hash,
            must_change=must_change,
            password_at=now,
        )
    )
    return Account(principal.id, name, False, must_change, now)


async def get_account(scope: Scope, connection: Connection, account_id: str) -> Account:
    require_everywhere(scope, Permission.USERS)
    row = (await connection.execute(_query().where(principals.c.id == account_id))).one_or_none()
    if row is None:
        raise not_found("account")
    return _load(row)


async def find_account(scope: Scope, connection: Connection, name: str) -> Account:
    """By the name, however it is spelt."""
    require_everywhere(scope, Permission.USERS)
    row = (await connection.execute(_query().where(accounts.c.login == fold(name)))).one_or_none()
    if row is None:
        raise not_found("account")
    return _load(row)


async def password_of(
    scope: Scope, connection: Connection, *, name: str | None = None, account_id: str | None = None
) -> StoredPassword | None:
    """For verifying a login by name, or a change of password by id; ``None`` for what does not exist."""
    require_everywhere(scope, Permission.USERS)
    condition = principals.c.id == account_id if name is None else accounts.c.login == fold(name)
    row = (await connection.execute(_query(accounts.c.password_hash).where(condition))).one_or_none()
    return None if row is None else StoredPassword(_load(row), row.password_hash)


async def logins_of(scope: Scope, connection: Connection, ids: Collection[str]) -> dict[str, str]:
    """The names that accounts log in by, as they are compared, by id."""
    require_everywhere(scope, Permission.USERS)
    query = sa.select(accounts.c.principal_id, accounts.c.login).where(accounts.c.principal_id.in_(sorted(ids)))
    return {row.principal_id: row.login for row in await connection.execute(query)}


async def list_accounts(
    scope: Scope,
    connection: Connection,
    *,
    after: str | None = None,
    limit: int = 100,
    text: str | None = None,
    area_id: str | None = None,
    permissions: Sequence[str] | None = None,
) -> Page[Account]:
    """In the order of making. ``text``: part of a name; ``area_id``: who holds a grant over that area itself;
    ``permissions``: who holds a grant of exactly these, sorted, as a role's are."""
    require_everywhere(scope, Permission.USERS)
    query = _query()
    if text:
        query = query.where(accounts.c.login.contains(fold(text), autoescape=True))
    if area_id is not None:
        held = sa.select(grants.c.principal_id).where(grants.c.area_id.in_(_above(area_id)))
        query = query.where(principals.c.id.in_(held))
    if permissions is not None:
        given = await connection.execute(sa.select(grants.c.principal_id, grants.c.permissions))
        exactly = {row.principal_id for row in given if sorted(row.permissions) == sorted(permissions)}
        query = query.where(principals.c.id.in_(sorted(exactly)))
    if after is not None:
        query = query.where(principals.c.id > after)
    limit = max(1, min(limit, MAX_PAGE))
    rows = (await connection.execute(query.order_by(principals.c.id).limit(limit + 1))).all()
    items = tuple(map(_load, rows[:limit]))
    return Page(items, items[-1].id if len(rows) > limit else None)


async def count_accounts(scope: Scope, connection: Connection) -> int:
    require_everywhere(scope, Permission.USERS)
    return int((await connection.execute(sa.select(sa.func.count()).select_from(accounts))).scalar_one())


async def count_holders(scope: Scope, connection: Connection, permission: Permission) -> int:
    """Accounts that hold ``permission`` somewhere now; how many, not who."""
    require_everywhere(scope, Permission.SYSTEM)
    now = clock_of(connection).now()
    query = (
        sa.select(grants.c.principal_id, grants.c.permissions)
        .join(principals, principals.c.id == grants.c.principal_id)
        .join(accounts, accounts.c.principal_id == principals.c.id)
        .where(principals.c.disabled.is_(False), sa.or_(grants.c.until.is_(None), grants.c.until > now))
    )
    found = await connection.execute(query)
    return len({row.principal_id for row in found if permission.value in row.permissions})


async def set_password(
    scope: Scope,
    connection: Connection,
    account_id: str,
    password_hash: str,
    *,
    must_change: bool,
    keep_session: str | None = None,
) -> int:
    """The new password holds from the commit on and ends every session but ``keep_session``; how many it ended."""
    account = await get_account(scope, connection, account_id)
    await connection.execute(
        sa.update(accounts)
        .where(accounts.c.principal_id == account_id)
        .values(password_hash=password_hash, must_change=must_change, password_at=clock_of(connection).now())
    )
    ended = await connection.execute(
        sa.delete(sessions).where(sessions.c.principal_id == account_id, sessions.c.id != (keep_session or ""))
    )
    await record(connection, "principal", account.id, None, {"act": "password"})
    details = {"must_change": must_change, "sessions_ended": ended.rowcount}
    await append(scope, connection, "account.password", "principal", account.id, details=details)
    return ended.rowcount


async def renew_hash(scope: Scope, connection: Connection, account_id: str, old: str, new: str) -> None:
    """The same password, hashed at another cost; nothing that anybody would want to read about."""
    require_everywhere(scope, Permission.USERS)
    same = accounts.c.principal_id == account_id, accounts.c.password_hash == old
    await connection.execute(sa.update(accounts).where(*same).values(password_hash=new))


async def set_disabled(scope: Scope, connection: Connection, account_id: str, version: int, disabled: bool) -> Account:
    """A disabled account has no session and no scope from the commit on.

    Raises ``CONFLICT`` for another version, and for the last account that may manage accounts.
    """
    account = await get_account(scope, connection, account_id)
    if disabled and not account.disabled:
        await require_another_manager(scope, connection, account_id)
    await change_principal(scope, connection, account_id, version, disabled=disabled)
    if disabled:
        await connection.execute(sa.delete(sessions).where(sessions.c.principal_id == account_id))
    return await get_account(scope, connection, account_id)


async def require_another_manager(
    scope: Scope, connection: Connection, account_id: str, grant_id: str | None = None
) -> None:
    """Raises ``CONFLICT`` if nobody could manage accounts without this account (or without one grant of it)."""
    require_everywhere(scope, Permission.USERS)
    query = (
        sa.select(grants.c.id, grants.c.principal_id, grants.c.permissions)
        .join(principals, principals.c.id == grants.c.principal_id)
        .join(accounts, accounts.c.principal_id == principals.c.id)
        .where(
            principals.c.disabled.is_(False),
            grants.c.area_id.is_(None),
            grants.c.unit_id.is_(None),
            grants.c.until.is_(None),
        )
    )
    holders = [row for row in await connection.execute(query) if Permission.USERS.value in row.permissions]
    taken = [row for row in holders if row.principal_id == account_id and grant_id in (None, row.id)]
    if taken and len(taken) == len(holders):
        raise XueliangError(
            Kind.CONFLICT,
            "this is the last account that may manage accounts",
            fix="Give another account the role admin everywhere first",
        )


def _query(*more: ColumnElement[Any]) -> sa.Select[Any]:
    mine = sessions.c.principal_id == principals.c.id
    return sa.select(
        principals.c.id,
        principals.c.name,
        principals.c.disabled,
        principals.c.version,
        accounts.c.must_change,
        accounts.c.password_at,
        sa.select(sa.func.max(sessions.c.last_seen)).where(mine).scalar_subquery().label("last_seen"),
        sa.select(sa.func.count()).where(mine).scalar_subquery().label("sessions"),
        *more,
    ).join(accounts, accounts.c.principal_id == principals.c.id)


def _load(row: sa.Row[Any]) -> Account:
    return Account(
        row.id,
        row.name,
        row.disabled,
        row.must_change,
        row.password_at,
        row.version,
        row.last_seen,
        row.sessions,
    )


def _above(area_id: str) -> sa.Select[tuple[str]]:
    """The ids of the area and of those it lies in."""
    own = sa.select(areas.c.id, areas.c.parent_id).where(areas.c.id == area_id).cte("above", recursive=True)
    up = own.union(sa.select(areas.c.id, areas.c.parent_id).join(own, areas.c.id == own.c.parent_id))
    return sa.select(up.c.id)
