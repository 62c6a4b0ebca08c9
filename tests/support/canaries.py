"""Pure: the codings of a secret in which a search must find it."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from urllib.parse import quote


def forms(secret: str) -> Iterable[bytes]:
    """In clear, or in a coding that is none."""
    raw = secret.encode()
    yield from (raw, raw.hex().encode(), quote(secret, safe="").encode(), secret.encode("utf-16-le"))
    yield base64.b64encode(raw).rstrip(b"=")[:-1]
