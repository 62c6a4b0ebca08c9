"""Pure: addresses that devices give, held to the host that answered.

A device behind a translated address, or with two interfaces, gives addresses that lead nowhere; a hostile one gives
addresses that lead elsewhere. Only path, query and (where it can be trusted) port are taken from it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit, urlunsplit

#: ONVIF limits XAddrs and URIs to 128 characters in places; firmwares with session tokens reach 300.
MAX_URL = 2048


@dataclass(frozen=True, slots=True)
class Held:
    """An address with the dialled host. ``moved`` says the device named another one, ``user`` that it sent a user."""

    url: str
    moved: bool
    user: bool


def dead_host(host: str) -> bool:
    """True for hosts nobody can dial: unspecified, link-local, multicast, empty."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return not host
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return address.is_unspecified or address.is_link_local or address.is_multicast


def usable_xaddrs(xaddrs: Iterable[str]) -> list[str]:
    """Of a discovery answer's addresses, those that can be dialled at all, in the device's order."""
    return [x for x in xaddrs if (parts := _split(x, ("http", "https"))) and not dead_host(parts.hostname or "")]


def prefer(xaddrs: Iterable[str], answered: str) -> str | None:
    """The address to call a device by that answered from ``answered``, always with that host.

    An address that names this host keeps its port; of a device that names only others the first one's port and
    path are taken, and without any usable one there is ``None``.
    """
    wanted = [x for x in xaddrs if _split(x, ("http",))]
    own = [x for x in wanted if (urlsplit(x).hostname or "") == answered]
    usable = own or usable_xaddrs(wanted) or wanted
    return _join(urlsplit(usable[0]), answered, urlsplit(usable[0]).port) if usable else None


def service(url: str, dialled: str) -> Held | None:
    """A service address, held to the host of ``dialled``; its port too, if the device named another host."""
    parts, base = _split(url, ("http", "https")), urlsplit(dialled)
    host = base.hostname or ""
    if parts is None or not host:
        return None
    moved = parts.hostname != host
    port = base.port if moved else parts.port
    scheme = base.scheme if moved else parts.scheme
    return Held(_join(parts._replace(scheme=scheme), host, port), moved, parts.username is not None)


def stream(url: str, host: str, schemes: tuple[str, ...] = ("rtsp",)) -> Held | None:
    """A stream or snapshot address with ``host`` for its host and no user; its own port is kept."""
    parts = _split(url, schemes)
    if parts is None:
        return None
    return Held(_join(parts, host, parts.port), parts.hostname != host, parts.username is not None)


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _split(url: str, schemes: tuple[str, ...]) -> SplitResult | None:
    if len(url) > MAX_URL or not url.isprintable() or any(c in url for c in ' "<>\\^`{|}'):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in schemes or not parts.hostname or port == 0:
        return None
    return parts


def _join(parts: SplitResult, host: str, port: int | None) -> str:
    netloc = bracketed(host) + (f":{port}" if port else "")
    return urlunsplit((parts.scheme.lower(), netloc, parts.path or "/", parts.query, ""))
