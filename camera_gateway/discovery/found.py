"""Pure: devices as discovery sees them, kept apart by address, with what contradicts itself said aloud.

Serials, MAC addresses and endpoint ids all occur twice in real networks: nothing is ever merged over one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from urllib.parse import urlsplit

from camera_gateway.discovery import wsd
from camera_gateway.onvif import address


class How(StrEnum):
    MULTICAST = "multicast"
    UNICAST = "unicast"  # a WS-Discovery probe to the address itself
    TCP = "tcp"  # a port answered
    HELLO = "hello"


@dataclass(frozen=True, slots=True)
class Found:
    """One address that answered. ``xaddr`` is the address to call it by, held to that host; ``None`` without ONVIF.

    ``port`` is the port of ``xaddr``, or the open TCP port. ``remarks`` say what its answer lacks.
    """

    address: str
    port: int
    how: How
    xaddr: str | None = None
    xaddrs: tuple[str, ...] = ()
    endpoint: str = ""
    types: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    open_ports: tuple[int, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return wsd.scope_value(self.scopes, "name")

    @property
    def hardware(self) -> str:
        return wsd.scope_value(self.scopes, "hardware")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Several addresses claim the same ``value`` of ``field`` (endpoint, serial, mac): a person decides."""

    field: str
    value: str
    addresses: tuple[str, ...]


def from_match(match: wsd.Match, source: str, how: How) -> Found:
    """``source`` is the address the datagram came from: what can be reached, whatever the device believes."""
    xaddr = address.prefer(match.xaddrs, source)
    remarks = list(match.remarks)
    usable = address.usable_xaddrs(match.xaddrs)
    if len(usable) < len(match.xaddrs):
        remarks.append("service addresses nobody can dial")
    if xaddr is not None and xaddr not in match.xaddrs:
        remarks.append("service addresses of another host")
    port = (urlsplit(xaddr).port or 80) if xaddr else 0
    return Found(source, port, how, xaddr, match.xaddrs, match.endpoint, match.types, match.scopes, (), tuple(remarks))


@dataclass(slots=True)
class Book:
    """What was found so far: one entry per address, at most ``limit`` of them."""

    limit: int = 200_000
    entries: dict[str, Found] = field(default_factory=dict)
    overflow: int = 0

    def add(self, found: Found) -> Found | None:
        """The entry if it is new or says more than before, else ``None``."""
        known = self.entries.get(found.address)
        if known is None and len(self.entries) >= self.limit:
            self.overflow += 1
            return None
        merged = found if known is None else _joined(known, found)
        if merged == known:
            return None
        self.entries[found.address] = merged
        return merged

    def complete(self, source: str) -> bool:
        """Whether an address has already said all that a probe can bring, so that its echoes need no reading."""
        known = self.entries.get(source)
        return known is not None and known.xaddr is not None and bool(known.endpoint and known.types)


def _joined(known: Found, new: Found) -> Found:
    """Two answers of one address: the first ONVIF answer stays, and what it lacked is filled in."""
    base, other = (known, new) if known.xaddr or not new.xaddr else (new, known)
    return replace(
        base,
        endpoint=base.endpoint or other.endpoint,
        types=base.types or other.types,
        scopes=base.scopes or other.scopes,
        open_ports=tuple(sorted({*base.open_ports, *other.open_ports})),
    )


def conflicts(claims: Iterable[tuple[str, str, str]]) -> list[Conflict]:
    """Of (field, value, address) claims, the values that several addresses make; empty values claim nothing."""
    seen: dict[tuple[str, str], set[str]] = {}
    for claim, value, where in claims:
        if value:
            seen.setdefault((claim, value.lower()), set()).add(where)
    return [Conflict(claim, value, tuple(sorted(where))) for (claim, value), where in seen.items() if len(where) > 1]


def endpoint_conflicts(found: Iterable[Found]) -> list[Conflict]:
    return conflicts(("endpoint", f.endpoint, f.address) for f in found)
