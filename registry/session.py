"""Pure: a login session and an API token: long secrets of which only the SHA-256 is kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

#: Tokens are told from other secrets at sight (and by scanners of repositories) by how they begin.
TOKEN_MARK = "xlt_"  # noqa: S105  (how tokens begin, not one)
_BYTES = 32


@dataclass(frozen=True, slots=True)
class SessionRules:
    """A session ends ``idle`` after its last request and ``absolute`` after its login, whichever comes first."""

    idle: timedelta = timedelta(hours=1)
    absolute: timedelta = timedelta(hours=12)
    #: Open sessions of one account; one more ends the oldest.
    at_most: int = 20


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    principal_id: str
    made: datetime
    last_seen: datetime
    expires: datetime
    address: str
    agent: str

    def ends(self, rules: SessionRules) -> datetime:
        """When it ends if nothing more is asked."""
        return min(self.expires, self.last_seen + rules.idle)


@dataclass(frozen=True, slots=True)
class Token:
    """``id`` is its principal's: a token is a principal of its own, with grants of its own."""

    id: str
    name: str
    purpose: str
    made: datetime
    made_by: str
    expires: datetime
    disabled: bool = False
    version: int = 1
    last_seen: datetime | None = None


def new_secret() -> str:
    """256 random bits, 43 characters."""
    return secrets.token_urlsafe(_BYTES)


def digest(secret: str) -> bytes:
    """A secret of 256 random bits needs no slow hash: it cannot be guessed from its digest."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
