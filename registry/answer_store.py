"""Edge: the table of answers to creating requests, so that a request sent twice is done once."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from config.errors import Kind, XueliangError
from config.scope import Scope
from registry.database import Connection, clock_of
from registry.login_tables import answers

#: A request is repeated within minutes; a day serves one that lay in a queue over night.
KEPT = timedelta(days=1)
#: Answers kept of one principal; beyond it the oldest go.
AT_MOST = 1_000
MAX_BODY = 256 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered. ``body`` is a JSON document without secrets."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


async def kept_answer(
    scope: Scope, connection: Connection, principal_id: str, key: str, fingerprint: bytes
) -> Answer | None:
    """What this principal was answered to this key. Raises ``INVALID`` if the key was used for another request.

    ``scope`` is the asker's own: an answer is given to nobody but the principal it was given to before.
    """
    now = clock_of(connection).now()
    mine = answers.c.principal_id == principal_id, answers.c.key == key, answers.c.at > now - KEPT
    row = (await connection.execute(sa.select(answers).where(*mine))).one_or_none()
    if row is None:
        return None
    if row.fingerprint != fingerprint:
        raise XueliangError(
            Kind.INVALID,
            "this key was used for another request",
            where="Idempotency-Key",
            fix="Send every new request under a new key",
            facts={"principal": scope.principal},
        )
    return Answer(row.status, json.loads(row.body), json.loads(row.headers))


async def keep_answer(
    scope: Scope, connection: Connection, principal_id: str, key: str, fingerprint: bytes, answer: Answer
) -> None:
    """In the transaction of the act, so that both stand or neither. Raises ``TOO_LARGE``, ``INTERNAL``."""
    body = json.dumps(answer.body, ensure_ascii=False)
    if len(body.encode()) > MAX_BODY:
        raise XueliangError(Kind.TOO_LARGE, f"an answer of more than {MAX_BODY} bytes cannot be kept for repeats")
    now = clock_of(connection).now()
    mine = answers.c.principal_id == principal_id
    await connection.execute(sa.delete(answers).where(mine, sa.or_(answers.c.at <= now - KEPT, answers.c.key == key)))
    await connection.execute(
        sa.insert(answers).values(
            principal_id=principal_id,
            key=key,
            fingerprint=fingerprint,
            status=answer.status,
            headers=json.dumps(answer.headers),
            body=body,
            at=now,
        )
    )
    newest = sa.select(answers.c.key).where(mine).order_by(answers.c.at.desc(), answers.c.key).limit(AT_MOST)
    await connection.execute(sa.delete(answers).where(mine, answers.c.key.not_in(newest)))
