"""Edge: cursors: where a list goes on. Sealed, for it may count over all areas; bound to the query and the login."""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping
from typing import Annotated, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import Query

from center.api.asked import Asked
from center.api.problems import Problem
from registry.keys import Purpose

MAX_CURSOR = 600
_KEY_ID, _NONCE = 36, 12
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
        key = asked.core.storage.keys.find(Purpose.TICKET, raw[:_KEY_ID].decode("ascii"))
        if key is None:
            raise Problem("cursor")
        nonce, sealed = raw[_KEY_ID : _KEY_ID + _NONCE], raw[_KEY_ID + _NONCE :]
        return json.loads(AESGCM(key.secret).decrypt(nonce, sealed, _bound(asked, query)))
    except (binascii.Error, UnicodeError, ValueError, InvalidTag) as error:
        raise Problem("cursor") from error


def next_cursor(asked: Asked, after: Any, **query: Any) -> str | None:
    """For ``next_cursor`` of an answer. ``after`` is any JSON value (an id, or the sort key and an id); ``None``: no
    more pages."""
    if after is None:
        return None
    key = asked.core.storage.keys.current(Purpose.TICKET)
    body = json.dumps(after, ensure_ascii=False, separators=(",", ":")).encode()
    nonce = os.urandom(_NONCE)
    raw = key.id.encode() + nonce + AESGCM(key.secret).encrypt(nonce, body, _bound(asked, query))
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bound(asked: Asked, query: Mapping[str, Any]) -> bytes:
    route = asked.request.scope["route"].path
    bound = ["cursor", route, asked.request.path_params, asked.known.principal.id, dict(query)]
    return json.dumps(bound, sort_keys=True, default=str).encode()
