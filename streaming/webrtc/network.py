"""Edge: the UDP sockets of viewers, out of one range of ports, on addresses of our own."""

from __future__ import annotations

import random
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address

from config.errors import Kind, XueliangError
from streaming.candidate import PeerRules

#: A picture of 4K in one burst; kernels grant what net.core.wmem_max allows.
SEND_BUFFER = 1024 * 1024
#: Viewers send a few reports a second.
RECEIVE_BUFFER = 64 * 1024


@dataclass(frozen=True, slots=True)
class Turn:
    """``host``, ``port`` of a TURN server over UDP, and how we log in there."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class IceNetwork:
    """``addresses`` are bound; ``advertised`` are announced in their place, if there are any (NAT 1:1). ``ports`` is
    an inclusive range; (0, 0) is the system's choice. ``relay_only``: nothing but the TURN server's candidates."""

    addresses: tuple[str, ...]
    advertised: tuple[str, ...] = ()
    ports: tuple[int, int] = (0, 0)
    rules: PeerRules = field(default_factory=PeerRules)
    stun: tuple[str, int] | None = None
    turn: Turn | None = None
    relay_only: bool = False

    def bind(self, address: str, rng: random.Random) -> socket.socket:
        """A socket that does not wait. Raises ``LIMIT`` when no port of the range is free."""
        family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            for port in _order(self.ports, rng):
                with suppress(OSError):
                    sock.bind((address, port))
                    return sock
        except BaseException:
            sock.close()
            raise
        sock.close()
        low, high = self.ports
        raise XueliangError(
            Kind.LIMIT,
            f"no UDP port of {low}-{high} is free on {address}",
            where="streaming.ice_port_range",
            fix="Make the range as wide as viewers are expected",
            facts={"code": "limit", "who": "service", "open": high - low + 1, "max": high - low + 1, "retry_after": 5},
        )

    def announced(self, bound: str) -> tuple[str, ...]:
        """The addresses a viewer is told for a bound one."""
        version = ip_address(bound).version
        return tuple(a for a in self.advertised if ip_address(a).version == version) or (bound,)


def _order(ports: tuple[int, int], rng: random.Random) -> Sequence[int]:
    """From a random place on, so that a port that was just let go is not taken again at once."""
    low, high = ports
    if not low:
        return (0,)
    start = rng.randint(low, high)
    return (*range(start, high + 1), *range(low, start))
