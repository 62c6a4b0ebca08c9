"""Edge: accounts, what is granted to them, and their open sessions, for those who manage accounts everywhere."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import Field, SecretStr

from center.api.asked import Asked, UserManager
from center.api.etag import IfMatch, edited, etag, tagged, version_of
from center.api.grant_shapes import GrantIn, GrantOut, shown
from center.api.idempotency import IdempotencyKey, once
from center.api.pagination import DEFAULT_LIMIT, Cursor, Limit, next_cursor, position
from center.api.shapes import Id, In, Line, Listed, Out, rendered
from config.scope import ROLE_PERMISSIONS, Role
from registry import account_store, session_store
from registry.account import Account, check_name, check_password, made_password
from registry.answer_store import Answer
from registry.database import Connection
from registry.principal import StoredGrant
from registry.principal_store import add_grant, grants_of, take_grant
from registry.rows_store import not_found

router = APIRouter(prefix="/api/v1/users", tags=["users"])


class UserIn(In):
    """``password`` is a first one: it has to be changed at the first login. Left out, one is drawn and told once."""

    name: Line
    password: SecretStr | None = Field(None, min_length=1, max_length=1000)
    grants: list[GrantIn] = Field(default_factory=list, max_length=50)


class UserEdit(In):
    disabled: bool


class FirstPasswordIn(In):
    """Left out, one is drawn and told once."""

    password: SecretStr | None = Field(None, min_length=1, max_length=1000)


class UserOut(Out):
    id: str
    name: str
    disabled: bool
    must_change: bool
    password_at: datetime
    last_seen: datetime | None
    sessions: int
    version: int
    grants: list[GrantOut]


class NewUser(UserOut):
    """``first_password`` is here and nowhere else, now and never again; null where you gave one yourself, and when
    the same request is repeated."""

    first_password: str | None


class FirstPasswordOut(Out):
    """Null where you gave one yourself."""

    first_password: str | None


class SessionRow(Out):
    id: str
    made: datetime
    last_seen: datetime
    expires: datetime
    address: str
    agent: str


def _shown(account: Account, grants: list[StoredGrant]) -> UserOut:
    names = ("id", "name", "disabled", "must_change", "password_at", "last_seen", "sessions", "version")
    return UserOut(**{name: getattr(account, name) for name in names}, grants=[shown(grant) for grant in grants])


async def _load(asked: Asked, connection: Connection, user_id: str) -> UserOut:
    account = await account_store.get_account(asked.scope, connection, user_id)
    return _shown(account, await grants_of(asked.scope, connection, user_id))


@router.get("", summary="Accounts")
async def list_users(
    asked: UserManager,
    cursor: Cursor = None,
    limit: Limit = DEFAULT_LIMIT,
    q: Annotated[Line | None, Query(description="part of a name")] = None,
    area: Annotated[Line | None, Query(description="who holds a grant over this area")] = None,
    role: Annotated[Role | None, Query(description="who holds this role anywhere")] = None,
) -> Listed[UserOut]:
    """In the order of making."""
    query = {"q": q, "area": area, "role": role}
    after = position(asked, cursor, **query)
    held = None if role is None else sorted(permission.value for permission in ROLE_PERMISSIONS[role])
    async with asked.read() as connection:
        page = await account_store.list_accounts(
            asked.scope, connection, after=after, limit=limit, text=q, area_id=area, permissions=held
        )
        items = [_shown(account, await grants_of(asked.scope, connection, account.id)) for account in page.items]
    return Listed(items=items, next_cursor=next_cursor(asked, page.after, **query))


@router.post("", status_code=201, response_model=NewUser, summary="Add an account")
async def add_user(asked: UserManager, body: UserIn, key: IdempotencyKey = None) -> Response:
    name = check_name(body.name)
    given, drawn = _first(name, body.password)
    hashed = await asked.core.logins.passwords.hash(given)

    async def act(connection: Connection) -> Answer:
        account = await account_store.add_account(asked.scope, connection, name, hashed, must_change=True)
        for grant in body.grants:
            await add_grant(asked.scope, connection, grant.stored(account.id))
        out = await _load(asked, connection, account.id)
        headers = {"Location": f"{router.prefix}/{account.id}", "ETag": etag(out.version)}
        return Answer(201, {**out.model_dump(mode="json"), "first_password": drawn}, headers)

    def kept(answer: Answer) -> Answer:
        return Answer(answer.status, {**answer.body, "first_password": None}, answer.headers)

    return await once(asked, key, act, kept)


def _first(name: str, given: SecretStr | None) -> tuple[SecretStr, str | None]:
    """The password, and what is to be told of it. Raises ``INVALID``."""
    if given is None:
        drawn = made_password()
        return SecretStr(drawn), drawn
    check_password(name, given.get_secret_value())
    return given, None


@router.get("/{user_id}", response_model=UserOut, summary="One account")
async def get_user(asked: UserManager, user_id: Id) -> Response:
    async with asked.read() as connection:
        out = await _load(asked, connection, user_id)
    return tagged(asked, out, out.version)


@router.patch("/{user_id}", response_model=UserOut, summary="Disable or enable an account")
async def edit_user(asked: UserManager, user_id: Id, body: UserEdit, if_match: IfMatch = None) -> Response:
    """Disabling ends its sessions and all that they have open within 5 s. The last manager cannot be disabled."""
    version = version_of(if_match)

    async def change() -> UserOut:
        async with asked.write() as connection:
            await account_store.set_disabled(asked.scope, connection, user_id, version, body.disabled)
            return await _load(asked, connection, user_id)

    async def current() -> UserOut:
        async with asked.read() as connection:
            return await _load(asked, connection, user_id)

    out = await edited(change(), current, body)
    asked.core.live.poke()
    return tagged(asked, out, out.version)


@router.put(
    "/{user_id}/password",
    response_model=FirstPasswordOut,
    responses={204: {"description": "The password that you gave is set"}},
    summary="Give an account a new first password",
)
async def reset_password(asked: UserManager, user_id: Id, body: FirstPasswordIn) -> Response:
    """It has to be changed at the next login; every session of the account ends."""
    async with asked.read() as connection:
        account = await account_store.get_account(asked.scope, connection, user_id)
    given, drawn = _first(account.name, body.password)
    hashed = await asked.core.logins.passwords.hash(given)
    async with asked.write() as connection:
        await account_store.set_password(asked.scope, connection, user_id, hashed, must_change=True)
    asked.core.live.poke()
    if drawn is None:
        return Response(status_code=204)
    return rendered(FirstPasswordOut(first_password=drawn))


@router.post("/{user_id}/grants", status_code=201, response_model=GrantOut, summary="Grant a role or permissions")
async def grant(asked: UserManager, user_id: Id, body: GrantIn, key: IdempotencyKey = None) -> Response:
    async def act(connection: Connection) -> Answer:
        await account_store.get_account(asked.scope, connection, user_id)
        stored = await add_grant(asked.scope, connection, body.stored(user_id))
        return Answer(201, shown(stored).model_dump(mode="json"))

    answer = await once(asked, key, act)
    asked.core.live.poke()
    return answer


@router.delete("/{user_id}/grants/{grant_id}", status_code=204, summary="Take a grant")
async def take(asked: UserManager, user_id: Id, grant_id: Id) -> Response:
    """It holds no longer; streams opened under it end within 5 s."""
    async with asked.write() as connection:
        await account_store.get_account(asked.scope, connection, user_id)
        if grant_id not in {one.id for one in await grants_of(asked.scope, connection, user_id)}:
            raise not_found("grant")
        await account_store.require_another_manager(asked.scope, connection, user_id, grant_id)
        await take_grant(asked.scope, connection, grant_id)
    asked.core.live.poke()
    return Response(status_code=204)


@router.get("/{user_id}/sessions", summary="Open sessions of an account")
async def list_sessions(asked: UserManager, user_id: Id) -> Listed[SessionRow]:
    async with asked.read() as connection:
        await account_store.get_account(asked.scope, connection, user_id)
        found = await session_store.list_sessions(asked.scope, connection, user_id, asked.core.logins.rules)
    return Listed(items=[SessionRow.model_validate(session) for session in found])


@router.delete("/{user_id}/sessions/{session_id}", status_code=204, summary="End a session")
async def end_session(asked: UserManager, user_id: Id, session_id: Id) -> Response:
    async with asked.write() as connection:
        await session_store.end_session(asked.scope, connection, session_id, user_id)
    asked.core.live.poke()
    return Response(status_code=204)
