"""Pure: an account: a name to log in by, the rules for its password, and how both are compared."""

from __future__ import annotations

import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from config.errors import Kind, XueliangError

MIN_PASSWORD = 10
MAX_PASSWORD = 200
#: Names under which our own work stands in the audit log; no account may be mistaken for it.
_OURS = frozenset(
    {
        "system",
        "status",
        "audit",
        "key",
        "import",
        "discovery",
        "engine",
        "health",
        "alerts",
        "adoption",
        "root",
        "console",
        "login",
        "first start",
    }
)
_NAME = re.compile(r"[^\W_][\w.@ -]{0,62}[\w]|[^\W_]", re.UNICODE)
#: Letters and digits that are not taken for one another when read from a screen.
_CLEAR = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True, slots=True)
class Account:
    """``id`` is the principal's. A password that ``must_change`` opens nothing but its own replacement."""

    id: str
    name: str
    disabled: bool
    must_change: bool
    password_at: datetime
    version: int = 1
    last_seen: datetime | None = None
    sessions: int = 0


def fold(name: str) -> str:
    """The spelling by which names are compared: full width, case and composed forms do not tell two apart."""
    return unicodedata.normalize("NFKC", name).casefold().strip()


def check_name(name: str) -> str:
    """``name`` as it is stored. Raises ``INVALID``."""
    name = unicodedata.normalize("NFKC", name).strip()
    if not _NAME.fullmatch(name):
        raise XueliangError(
            Kind.INVALID,
            "not a name for an account",
            where="name",
            fix="1 to 64 letters, digits, or . @ - _ between them",
        )
    if fold(name) in _OURS:
        raise XueliangError(Kind.INVALID, "the service itself acts under this name", where="name", fix="Choose another")
    return name


def check_password(name: str, password: str) -> None:
    """Length over composition (NIST SP 800-63B section 5.1.1). Raises ``INVALID`` with what is missing."""
    fix = f"{MIN_PASSWORD} to {MAX_PASSWORD} characters, at least 5 different ones, without the account's name in it"
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise XueliangError(Kind.INVALID, "the password is too short or too long", where="password", fix=fix)
    if len(set(password)) < 5:
        raise XueliangError(Kind.INVALID, "the password repeats too few characters", where="password", fix=fix)
    folded = fold(name)
    if len(folded) >= 3 and folded in fold(password):
        raise XueliangError(Kind.INVALID, "the password holds the account's name", where="password", fix=fix)


def made_password() -> str:
    """Twenty characters in groups of five, 115 bits, to be typed once from a screen or a sheet."""
    return "-".join("".join(secrets.choice(_CLEAR) for _ in range(5)) for _ in range(4))
