"""Pure: one stream to fetch, with the secrets kept out of its address."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from pydantic import SecretStr

from camera_gateway.memory import AccountKey
from config.errors import Kind, XueliangError

#: Fingerprints of passwords leave this process only under the registry's own key; alone they live as long as it.
_PROCESS_KEY = secrets.token_bytes(32)
ESCAPED = "Write / ? # and @ of a password as %2F %3F %23 and %40"


@dataclass(frozen=True, slots=True)
class Credentials:
    """``fingerprint`` is the registry's id and version of the secret, or made here for a password just typed."""

    user: str
    password: SecretStr
    fingerprint: str = ""
    allow_clear: bool = False  # Basic, or a clear WS-Security password, only where a person allowed it

    def key(self, host: str) -> AccountKey:
        mark = (
            self.fingerprint
            or hashlib.blake2b(self.password.get_secret_value().encode(), key=_PROCESS_KEY, digest_size=32).hexdigest()
        )
        return AccountKey(host, self.user, mark)


@dataclass(frozen=True, slots=True)
class StreamTarget:
    """``url`` is ``rtsp://host[:port]/path`` without user information."""

    url: str
    credentials: Credentials | None = None
    transport: str = "auto"  # tcp | udp | auto (TCP, then UDP)
    gop_seconds: float = 4.0  # what is known of the stream's keyframe distance

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 554


def split_credentials(url: str) -> tuple[str, Credentials | None]:
    """An address as people type it, parted from the user and password in it.

    Raises ``INVALID`` for anything that is not an RTSP address, and for one whose password cannot be told apart.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError as error:
        raise XueliangError(Kind.INVALID, "not an RTSP address", fix="rtsp://host[:port]/path") from error
    if parts.scheme not in ("rtsp", "rtspt") or not parts.hostname or len(url) > 2048:
        raise XueliangError(Kind.INVALID, "not an RTSP address", fix="rtsp://host[:port]/path")
    if stray_password(parts):
        raise XueliangError(Kind.INVALID, "not clear where its password ends", fix=ESCAPED)
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    clean = urlunsplit(("rtsp", host + (f":{port}" if port else ""), parts.path, parts.query, ""))
    if parts.username is None:
        return clean, None
    return clean, Credentials(unquote(parts.username), SecretStr(unquote(parts.password or "")))


def stray_password(parts: SplitResult) -> bool:
    """Whether an ``@`` stands where a password with a bare ``/``, ``?`` or ``#`` leaves it (RFC 3986, 3.2): what
    looks like the host is then the user, and the end of the password would be kept and shown as part of the path."""
    if "@" not in parts.path + parts.query + parts.fragment:
        return False
    try:
        ip_address(parts.hostname or "")
    except ValueError:
        return True
    return not parts.path
