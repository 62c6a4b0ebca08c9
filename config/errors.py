"""Pure: the closed list of what can go wrong, and the one exception that carries it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    """Whose fault it is and of what sort; the first group is the camera's, the second ours."""

    UNREACHABLE = "unreachable"  # no route, host or network down
    REFUSED = "refused"  # the host answered, the port is closed
    TIMEOUT = "timeout"  # nothing in time
    AUTH = "auth"  # the camera refused the credentials
    LOCKED = "locked"  # we hold back so that the camera does not lock the account
    BUSY = "busy"  # session table full (403/453/503, or a 401 that means it)
    NO_STREAM = "no_stream"  # 404/454, no video track, or no packets at all
    NO_KEYFRAME = "no_keyframe"  # packets flow, no keyframe in time
    STALLED = "stalled"  # packets stopped
    UNDECODABLE = "undecodable"  # the decoder could not make a picture of it
    PROTOCOL = "protocol"  # the device's answer is not what its protocol says
    TOO_LARGE = "too_large"  # an answer, keyframe or picture beyond its cap
    NOT_ALLOWED = "not_allowed"  # an address or port outside what is configured

    INVALID = "invalid"
    NOT_FOUND = "not_found"
    FORBIDDEN = "forbidden"
    CONFLICT = "conflict"
    GONE = "gone"
    LIMIT = "limit"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class XueliangError(Exception):
    """What happened, where, and what to do.

    ``what``, ``where`` and ``fix`` are shown to people: they never carry a secret, and text that came from a
    device is passed through :func:`config.text.printable` first. ``facts`` is evidence for machines.
    """

    def __init__(
        self,
        kind: Kind,
        what: str,
        *,
        where: str = "",
        fix: str = "",
        facts: Mapping[str, str | int | float | bool] | None = None,
    ) -> None:
        self.kind = kind
        self.what = what
        self.where = where
        self.fix = fix
        self.facts = dict(facts or {})
        super().__init__(str(self))

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}. {self.fix}" if self.fix else text
