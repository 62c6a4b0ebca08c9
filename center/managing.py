"""Wiring: what ``xueliang user`` and ``xueliang token`` ask for, done on an open storage."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from pydantic import SecretStr, ValidationError

from center.api.grant_shapes import GrantIn, shown
from center.storage import Storage
from config.errors import Kind, XueliangError
from config.scope import Scope
from registry import account_store, token_store
from registry.account import check_name, check_password
from registry.area_store import list_areas
from registry.database import Connection
from registry.login_passwords import Passwords
from registry.principal_store import add_grant, grants_of, take_grant
from registry.rows_store import not_found
from registry.unit_store import list_units

Operation = Callable[[Storage, Mapping[str, Any]], Awaitable[dict[str, Any]]]
#: Whoever may use the control socket or the data folder: the machine's own user.
SCOPE = Scope.system("console")


async def user_list(storage: Storage, _: Mapping[str, Any]) -> dict[str, Any]:
    users: list[dict[str, Any]] = []
    after: str | None = None
    async with storage.db.read() as connection:
        while True:
            page = await account_store.list_accounts(SCOPE, connection, after=after, limit=500)
            for account in page.items:
                users.append(
                    {
                        "id": account.id,
                        "name": account.name,
                        "disabled": account.disabled,
                        "must_change": account.must_change,
                        "last_seen": account.last_seen,
                        "sessions": account.sessions,
                        "grants": await _grants(connection, account.id),
                    }
                )
            after = page.after
            if after is None:
                return {"users": users}


async def user_add(storage: Storage, parameters: Mapping[str, Any]) -> dict[str, Any]:
    name = check_name(str(parameters["name"]))
    hashed = await _hashed(name, parameters)
    async with storage.db.write() as connection:
        account = await account_store.add_account(SCOPE, connection, name, hashed, must_change=True)
        for grant in parameters.get("grants", ()):
            await add_grant(SCOPE, connection, (await _grant(connection, grant)).stored(account.id))
        return {"id": account.id, "name": account.name, "grants": await _grants(connection, account.id)}


async def user_password(storage: Storage, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A new first password; ends every session of the account."""
    name = str(parameters["name"])
    hashed = await _hashed(name, parameters)
    async with storage.db.write() as connection:
        account = await account_store.find_account(SCOPE, connection, name)
        ended = await account_store.set_password(SCOPE, connection, account.id, hashed, must_change=True)
    return {"id": account.id, "name": account.name, "sessions_ended": ended}


async def user_disable(storage: Storage, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """``disabled`` true or false."""
    disabled = bool(parameters.get("disabled", True))
    async with storage.db.write() as connection:
        account = await account_store.find_account(SCOPE, connection, str(parameters["name"]))
        account = await account_store.set_disabled(SCOPE, connection, account.id, account.version, disabled)
    return {"id": account.id, "name": account.name, "disabled": account.disabled}


async def user_grant(storage: Storage, parameters: Mapping[str, Any]) -> dict[str, Any]:
    async with storage.db.write() as connection:
        account = await account_store.find_account(SCOPE, connection, str(parameters["name"]))
        grant = (await _grant(connection, parameters["grant"])).stored(account.id)
        await add_grant(SCOPE, connection, grant)
    return {"id": account.id, "name": account.name, "grant": shown(grant).model_dump(mode="json")}


async def user_revoke(storage: Storage, parameters: Mapping[str, Any]) -> dict[str, Any]:
    grant_id = str(parameters["grant"])
    async with storage.db.write() as connection:
        account = await account_store.find_account(SCOPE, connection, str(parameters["name"]))
        if grant_id not in {grant.id for grant in await grants_of(SCOPE, connection, account.id)}:
            raise not_found("grant")
        await account_store.require_another_manager(SCOPE, connection, account.id, grant_id)
        await take_grant(SCOPE, connection, grant_id)
    return {"id": account.id, "name": account.name, "grant": grant_id}


async def token_list(storage: Storage, _: Mapping[str, Any]) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    after: str | None = None
    async with storage.db.read() as connection:
        while True:
            page = await token_store.list_tokens(SCOPE, connection, after=after, limit=500)
            for token in page.items:
                fields = {name: getattr(token, name) for name in type(token).__slots__}
                found.append({**fields, "grants": await _grants(connection, token.id)})
            after = page.after
            if after is None:
                return {"tokens": found}


async def token_add(storage: Storage, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """``secret`` is in this answer and nowhere else."""
    try:
        expires = datetime.fromisoformat(str(parameters["expires"]))
    except ValueError as error:
        raise XueliangError(
            Kind.INVALID, "not a time", where="expires", fix="Such as 2027-01-31T00:00+08:00"
        ) from error
    if expires.tzinfo is None:
        raise XueliangError(Kind.INVALID, "a time without its zone", where="expires", fix="Add +08:00")
    grants = parameters.get("grants", ())
    if not grants:
        raise XueliangError(Kind.INVALID, "a token needs a role", where="grants", fix="Give --role platform")
    name, purpose = str(parameters["name"]), str(parameters["purpose"])
    async with storage.db.write() as connection:
        token, secret = await token_store.add_token(SCOPE, connection, name, purpose, expires)
        for grant in grants:
            await add_grant(SCOPE, connection, (await _grant(connection, grant)).stored(token.id))
    return {"id": token.id, "name": token.name, "expires": token.expires, "secret": secret}


async def token_withdraw(storage: Storage, parameters: Mapping[str, Any]) -> dict[str, Any]:
    async with storage.db.write() as connection:
        token = await token_store.find_token(SCOPE, connection, str(parameters["name"]))
        await token_store.withdraw_token(SCOPE, connection, token.id)
    return {"id": token.id, "name": token.name, "disabled": True}


async def _hashed(name: str, parameters: Mapping[str, Any]) -> str:
    password = str(parameters["password"])
    check_password(name, password)
    return await Passwords().hash(SecretStr(password))


async def _grants(connection: Connection, principal_id: str) -> list[dict[str, Any]]:
    return [shown(grant).model_dump(mode="json") for grant in await grants_of(SCOPE, connection, principal_id)]


async def _grant(connection: Connection, given: Mapping[str, Any]) -> GrantIn:
    """``area`` and ``unit`` by id or by a name that only one has."""
    area, unit = given.get("area"), given.get("unit")
    areas = {one.id: one.name for one in await list_areas(SCOPE, connection)} if area else {}
    units = {one.id: one.name for one in await list_units(SCOPE, connection)} if unit else {}
    try:
        return GrantIn.model_validate(
            {
                "role": given.get("role"),
                "area_id": _named("area", area, areas),
                "unit_id": _named("unit", unit, units),
                "until": given.get("until"),
            }
        )
    except ValidationError as error:
        what = "; ".join(f"{'.'.join(map(str, item['loc']))} {item['msg']}".strip() for item in error.errors())
        raise XueliangError(Kind.INVALID, f"not a grant: {what[:200]}", where="grant") from error


def _named(kind: str, wanted: Any, known: Mapping[str, str]) -> str | None:
    if not wanted:
        return None
    if wanted in known:
        return str(wanted)
    found = [key for key, name in known.items() if name == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        raise XueliangError(
            Kind.CONFLICT, f"{len(found)} have this name", where=kind, fix=f"Give its id: {', '.join(found)[:200]}"
        )
    raise not_found(kind)


OPERATIONS: dict[str, Operation] = {
    "user list": user_list,
    "user add": user_add,
    "user password": user_password,
    "user disable": user_disable,
    "user grant": user_grant,
    "user revoke": user_revoke,
    "token list": token_list,
    "token add": token_add,
    "token withdraw": token_withdraw,
}
