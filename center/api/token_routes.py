"""Edge: API tokens: made with their grants, shown once, withdrawn for ever."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import Field

from center.api.asked import Asked, UserManager
from center.api.etag import tagged
from center.api.grant_shapes import GrantIn, GrantOut, shown
from center.api.idempotency import IdempotencyKey, once
from center.api.pagination import DEFAULT_LIMIT, Cursor, Limit, next_cursor, position
from center.api.shapes import Id, In, Line, Listed, Moment, Out
from registry import token_store
from registry.answer_store import Answer
from registry.database import Connection
from registry.principal import StoredGrant
from registry.principal_store import add_grant, grants_of
from registry.session import Token

router = APIRouter(prefix="/api/v1/tokens", tags=["tokens"])


class TokenIn(In):
    """``purpose`` is fixed: it stands in the register of views for everything that is seen with this token."""

    name: Line
    purpose: Line
    expires: Moment
    grants: list[GrantIn] = Field(min_length=1, max_length=50)


class TokenOut(Out):
    id: str
    name: str
    purpose: str
    made: datetime
    made_by: str
    expires: datetime
    disabled: bool
    last_seen: datetime | None
    version: int
    grants: list[GrantOut]


class NewToken(TokenOut):
    """``secret`` is here and nowhere else, now and never again; null when the same request is repeated."""

    secret: str | None


def _shown(token: Token, grants: list[StoredGrant]) -> TokenOut:
    return TokenOut(
        **{name: getattr(token, name) for name in Token.__slots__}, grants=[shown(grant) for grant in grants]
    )


async def _load(asked: Asked, connection: Connection, token_id: str) -> TokenOut:
    token = await token_store.get_token(asked.scope, connection, token_id)
    return _shown(token, await grants_of(asked.scope, connection, token_id))


@router.get("", summary="API tokens")
async def list_tokens(asked: UserManager, cursor: Cursor = None, limit: Limit = DEFAULT_LIMIT) -> Listed[TokenOut]:
    """In the order of making, withdrawn and expired ones among them."""
    after = position(asked, cursor)
    async with asked.read() as connection:
        page = await token_store.list_tokens(asked.scope, connection, after=after, limit=limit)
        items = [_shown(token, await grants_of(asked.scope, connection, token.id)) for token in page.items]
    return Listed(items=items, next_cursor=next_cursor(asked, page.after))


@router.post("", status_code=201, response_model=NewToken, summary="Make an API token")
async def add_token(asked: UserManager, body: TokenIn, key: IdempotencyKey = None) -> Response:
    async def act(connection: Connection) -> Answer:
        token, secret = await token_store.add_token(asked.scope, connection, body.name, body.purpose, body.expires)
        for grant in body.grants:
            await add_grant(asked.scope, connection, grant.stored(token.id))
        out = await _load(asked, connection, token.id)
        headers = {"Location": f"{router.prefix}/{token.id}"}
        return Answer(201, {**out.model_dump(mode="json"), "secret": secret}, headers)

    def kept(answer: Answer) -> Answer:
        return Answer(answer.status, {**answer.body, "secret": None}, answer.headers)

    return await once(asked, key, act, kept)


@router.get("/{token_id}", response_model=TokenOut, summary="One API token")
async def get_token(asked: UserManager, token_id: Id) -> Response:
    async with asked.read() as connection:
        out = await _load(asked, connection, token_id)
    return tagged(asked, out, out.version)


@router.delete("/{token_id}", status_code=204, summary="Withdraw an API token")
async def withdraw(asked: UserManager, token_id: Id) -> Response:
    """It opens nothing from now on, and what it has open ends within 5 s."""
    async with asked.write() as connection:
        await token_store.withdraw_token(asked.scope, connection, token_id)
    asked.core.live.poke()
    return Response(status_code=204)
