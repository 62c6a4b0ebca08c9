"""Pure: ICE candidates of viewers (RFC 8839 section 5.1): read, and sorted out before anything is sent to one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: ICE must not become a scanner.
MAX_CANDIDATES = 16
_TYPES = frozenset(("host", "srflx", "prflx", "relay"))


@dataclass(frozen=True, slots=True)
class Candidate:
    """UDP, component 1, an address by number."""

    foundation: str
    priority: int
    address: str
    port: int
    kind: str

    def line(self, base: str | None = None) -> str:
        """As it stands after ``a=``; ``base`` is the related address of a reflexive or relayed one."""
        related = f" raddr {base} rport 9" if base else ""
        return f"candidate:{self.foundation} 1 udp {self.priority} {self.address} {self.port} typ {self.kind}{related}"


@dataclass(frozen=True, slots=True)
class PeerRules:
    """``viewers`` empty: no signalled candidate is ever contacted, and whoever passes a check is let in."""

    viewers: tuple[Network, ...] = ()
    cameras: tuple[Network, ...] = ()

    def may_contact(self, address: str) -> bool:
        """Before the other side has proved anything."""
        where = plain(address)
        return where is not None and _inside(where, self.viewers) and not _inside(where, self.cameras)

    def may_answer(self, address: str) -> bool:
        """A check with the right password came from there."""
        where = plain(address)
        return where is not None and (not self.viewers or _inside(where, self.viewers))


def parse(text: str) -> Candidate | None:
    """``candidate:...`` with or without ``a=``; ``None`` for TCP, other components, names (mDNS) and garbage."""
    words = text.removeprefix("a=").removeprefix("candidate:").split()
    if len(words) < 8 or words[1] != "1" or words[2].lower() != "udp" or words[6] != "typ":
        return None
    foundation, priority, address, port, kind = words[0], words[3], words[4], words[5], words[7]
    if not (priority.isdecimal() and port.isdecimal() and len(priority) <= 10 and len(port) <= 5):
        return None
    if kind not in _TYPES or plain(address) is None or not 1 <= int(port) <= 65535:
        return None
    return Candidate(foundation[:32], int(priority) & 0x7FFFFFFF, address, int(port), kind)


def admitted(candidates: Iterable[Candidate], rules: PeerRules, room: int = MAX_CANDIDATES) -> list[Candidate]:
    """Those that may be contacted, each place once, no more than there is room for."""
    seen: set[tuple[str, int]] = set()
    found: list[Candidate] = []
    for candidate in candidates:
        place = candidate.address, candidate.port
        if len(found) < room and place not in seen and rules.may_contact(candidate.address):
            seen.add(place)
            found.append(candidate)
    return found


def plain(text: str) -> Address | None:
    """The address, an IPv4 one taken out of IPv6; ``None`` for what is none or can have no viewer behind it."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return None if address.is_unspecified or address.is_multicast else address


def _inside(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
