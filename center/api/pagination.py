"""Edge: cursors: where a list goes on, signed, bound to the query and to the login that asked."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Query

from center.api.asked import Asked
from center.api.problems import Problem
from registry.keys import DataKey, Purpose

MAX_CURSOR = 600
_MAC = 16
DEFAULT_LIMIT = 100
MAX_LIMIT = 500

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="rows at most")]
Cursor = Annotated[
    str | None, Query(max_length=MAX_CURSOR, description="`next_cursor` of the page before; nothing for the first")
]


def position(asked: Asked, cursor: str | None, **query: Any) -> Any:
    """What :func:`next_cursor` was given for the same route, ``query`` and login; ``None`` for the first page.

    ``query`` is every filter and the order, but not the limit. Raises ``cursor`` for any other.
    """
    if not cursor:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        key_id, body = raw[:36].decode("ascii"), raw[36:-_MAC]
    except (binascii.Error, UnicodeError, ValueError) as error:
        raise Problem("cursor") from error
    key = asked.core.storage.keys.find(Purpose.TICKET, key_id)
    if key is None or not hmac.compare_digest(_mac(key, asked, body, query), raw[-_MAC:]):
        raise Problem("cursor")
    return json.loads(body)


def next_cursor(asked: Asked, after: Any, **query: Any) -> str | None:
    """For ``next_cursor`` of an answer. ``after`` is any JSON value (an id, or the sort key and an id); ``None``: no
    more pages."""
    if after is None:
        return None
    key = asked.core.storage.keys.current(Purpose.TICKET)
    body = json.dumps(after, ensure_ascii=False, separators=(",", ":")).encode()
    raw = key.id.encode() + body + _mac(key, asked, body, query)
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _mac(key: DataKey, asked: Asked, body: bytes, query: Mapping[str, Any]) -> bytes:
    route = asked.request.scope["route"].path
    bound = json.dumps(
        ["cursor", route, asked.request.path_params, asked.known.principal.id, dict(query), body.hex()],
        sort_keys=True,
        default=str,
    )
    return hmac.new(key.secret, bound.encode(), hashlib.sha256).digest()[:_MAC]
