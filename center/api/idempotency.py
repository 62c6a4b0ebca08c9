"""Edge: a creating request under an ``Idempotency-Key`` is done once, however often it arrives."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Header, Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from center.api.asked import Asked
from center.api.problems import Problem
from registry.answer_store import Answer, keep_answer, kept_answer
from registry.database import Connection
from registry.keys import Purpose

_KEY = re.compile(r"[\x21-\x7e]{1,100}")

#: Declare it in every route that creates.
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        max_length=100,
        description="a new value for every new request; sent again within a day, the first answer is repeated",
    ),
]


async def once(
    asked: Asked,
    key: str | None,
    act: Callable[[Connection], Awaitable[Answer]],
    kept: Callable[[Answer], Answer] | None = None,
) -> Response:
    """``act`` in one transaction with the record that it was done. A repeat gets the first answer, marked
    ``Idempotency-Replayed: true``; the same key for another request is ``invalid``.

    ``kept`` takes out of an answer what must not be stored: a repeat then goes without it.
    """
    if key is None:
        async with asked.write() as connection:
            return _response(await act(connection))
    if not _KEY.fullmatch(key):
        raise Problem("invalid", where="Idempotency-Key", what="1 to 100 visible ASCII characters are a key")
    print_of = await _fingerprint(asked)
    owner = asked.known.principal.id
    async with asked.write() as connection:
        found = await kept_answer(asked.scope, connection, owner, key, print_of)
        if found is not None:
            return _response(found, {"Idempotency-Replayed": "true"})
        answer = await act(connection)
        plain = Answer(answer.status, jsonable_encoder(answer.body), answer.headers)
        await keep_answer(asked.scope, connection, owner, key, print_of, kept(plain) if kept else plain)
    return _response(answer)


async def _fingerprint(asked: Asked) -> bytes:
    """Keyed, because a body may hold a password that could be guessed from a bare digest."""
    secret = asked.core.storage.keys.current(Purpose.TICKET).secret
    request = asked.request
    head = f"answer\n{request.method}\n{request.url.path}\n{request.url.query}\n".encode()
    return hmac.new(secret, head + await request.body(), hashlib.sha256).digest()


def _response(answer: Answer, more: dict[str, str] | None = None) -> Response:
    body: Any = jsonable_encoder(answer.body)
    return JSONResponse(body, answer.status, {**answer.headers, **(more or {})})
