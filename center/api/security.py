"""Pure: what a request must show before anybody acts on it: its Host, its Origin, and a cookie or a bearer token."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from center.api.problems import Problem
from registry.principal import PrincipalKind
from registry.session import TOKEN_MARK

#: Secure, path / and no domain are what the prefix promises, and browsers hold us to it.
SECURE_COOKIE = "__Host-xueliang"
#: Over plain HTTP (loopback, or insecure_http) browsers take no Secure cookie, so it cannot bear the prefix.
PLAIN_COOKIE = "xueliang"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_SECRET = 43
_MAX_COOKIES = 4096
_HOST = re.compile(r"[A-Za-z0-9.\[\]:_-]{1,300}")


@dataclass(frozen=True, slots=True)
class Credential:
    kind: PrincipalKind
    secret: str

    def __repr__(self) -> str:
        return f"Credential({self.kind.value})"


@dataclass(frozen=True, slots=True)
class Site:
    """How we are called. With ``public_url`` that alone; without it the address that was connected to, by number,
    and ``localhost`` for loopback: a name that somebody else points at us is none of ours."""

    public_url: str = ""

    def origins(self, scheme: str, server: tuple[str, int] | None) -> frozenset[str]:
        """Every origin (scheme, host, port) that is ours on this connection."""
        if self.public_url:
            return frozenset({_origin(self.public_url)})
        if server is None:
            return frozenset()
        host, port = server
        names = [f"[{host}]" if ":" in host else host]
        if ip_address(host).is_loopback:
            names.append("localhost")
        return frozenset(_origin(f"{scheme}://{name}:{port}") for name in names)

    def secure(self, scheme: str) -> bool:
        """Whether browsers reach us over TLS."""
        return (urlsplit(self.public_url).scheme if self.public_url else scheme) == "https"

    def cookie(self, scheme: str) -> str:
        return SECURE_COOKIE if self.secure(scheme) else PLAIN_COOKIE


def _origin(url: str) -> str:
    """As browsers write it: lower case, without the port that the scheme implies."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{host}" if parts.port in (None, usual) else f"{parts.scheme}://{host}:{parts.port}"


def check_host(host: str, scheme: str, origins: frozenset[str]) -> None:
    """Raises ``host`` for a name that is not ours: a page elsewhere may have pointed its own name at our address."""
    ours = {urlsplit(origin).netloc for origin in origins}
    if not _HOST.fullmatch(host):
        raise Problem("host")
    try:
        given = urlsplit(_origin(f"{scheme}://{host}")).netloc
    except ValueError:
        given = ""
    # A proxy that ends TLS hands on the name without the port of its own scheme.
    if not given or (given not in ours and host.lower() not in ours):
        raise Problem("host")


def check_origin(method: str, headers: Mapping[str, str], origins: frozenset[str]) -> None:
    """Before a cookie counts for anything that changes something. Raises ``origin`` or ``media_type``."""
    if method in SAFE:
        return
    if headers.get("origin", "") not in origins:
        raise Problem("origin")
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise Problem("origin")
    if not is_json(headers.get("content-type", "")):
        raise Problem("media_type", where="Content-Type")


def is_json(content_type: str) -> bool:
    kind, _, parameters = content_type.partition(";")
    charset = parameters.strip().lower().replace('"', "")
    return kind.strip().lower() == "application/json" and charset in ("", "charset=utf-8")


def credential(headers: Mapping[str, str], cookies: Iterable[str], cookie: str) -> Credential | None:
    """The token of an ``Authorization`` header, else the session of our cookie, else nothing.

    Raises ``token_invalid`` or ``session_expired`` for one that cannot be of ours.
    """
    given = headers.get("authorization")
    if given is not None:
        scheme, _, secret = given.partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret.startswith(TOKEN_MARK):
            raise Problem("token_invalid")
        if len(secret) != len(TOKEN_MARK) + _SECRET or not secret.isascii():
            raise Problem("token_invalid")
        return Credential(PrincipalKind.TOKEN, secret)
    found = [value for name, value in _cookies(cookies) if name == cookie]
    if not found:
        return None
    if len(set(found)) > 1 or len(found[0]) != _SECRET or not found[0].isascii():
        raise Problem("session_expired")
    return Credential(PrincipalKind.ACCOUNT, found[0])


def _cookies(headers: Iterable[str]) -> Iterable[tuple[str, str]]:
    for header in headers:
        for part in header[:_MAX_COOKIES].split(";"):
            name, _, value = part.strip().partition("=")
            yield name, value


def set_cookie(name: str, value: str, seconds: int) -> str:
    """``seconds`` 0 takes it away. No domain: it goes to this host and to none below it."""
    secure = "; Secure" if name == SECURE_COOKIE else ""
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
