"""Pure: how a message proves whose it is: HMAC-SHA256 (RFC 2104) over its time and its bytes.

``Xueliang-Signature: v1=HEX`` is over ``TIMESTAMP.BODY``, the time being that of ``Xueliang-Timestamp`` (seconds since
1970). A receiver reckons it anew, compares in constant time, and refuses times that are minutes off, so that what was
overheard cannot be sent again later. ``Idempotency-Key`` is the same for every try of one message.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

TIMESTAMP = "Xueliang-Timestamp"
SIGNATURE = "Xueliang-Signature"
KEY = "Idempotency-Key"
#: What a receiver should allow clocks to differ, in seconds.
TOLERANCE = 300


def sign(secret: str, timestamp: int, body: bytes) -> str:
    return "v1=" + hmac.new(secret.encode(), b"%d." % timestamp + body, sha256).hexdigest()


def headers(secret: str, key: str, at: datetime, body: bytes) -> dict[str, str]:
    timestamp = int(at.timestamp())
    return {TIMESTAMP: str(timestamp), SIGNATURE: sign(secret, timestamp, body), KEY: key}


def verified(secret: str, received: Mapping[str, str], body: bytes, now: datetime, tolerance: int = TOLERANCE) -> bool:
    """What a receiver does; names of headers in lower case."""
    text = received.get(TIMESTAMP.lower(), "")
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        return False
    if abs(now.timestamp() - int(text)) > tolerance:
        return False
    return hmac.compare_digest(received.get(SIGNATURE.lower(), "").encode(), sign(secret, int(text), body).encode())
