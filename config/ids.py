"""Pure: opaque, immutable identifiers (UUIDv7, RFC 9562 section 5.7), ordered by time of making."""

from __future__ import annotations

import uuid_utils


def new_id() -> str:
    return str(uuid_utils.uuid7())
