"""Edge: the only place that opens a socket to a camera; an address is checked first and only that one is used."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from config.address import Address, unwrap
from config.errors import Kind, XueliangError
from config.text import printable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
P = TypeVar("P", bound=asyncio.BaseProtocol)
Resolver = Callable[[str], Awaitable[list[str]]]

#: A name server that answers later than this is as good as none.
RESOLVE_SECONDS = 3.0

_DENIED: tuple[Network, ...] = tuple(
    ipaddress.ip_network(n)
    for n in (
        "0.0.0.0/8",
        "169.254.0.0/16",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "::/128",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
_EVERYWHERE: tuple[Network, ...] = (ipaddress.IPv4Network("0.0.0.0/0"), ipaddress.IPv6Network("::/0"))


@dataclass(frozen=True, slots=True)
class ReachPolicy:
    """Where cameras may be. ``networks`` empty means nowhere.

    ``deny`` names our own listeners, database and control ports; a wildcard address there (0.0.0.0 or ::) stands
    for every address of this machine. Loopback needs ``allow_loopback`` besides its place in ``networks``.
    """

    networks: tuple[Network, ...]
    ports: tuple[range, ...] = (range(1, 65536),)
    allow_loopback: bool = False
    deny: tuple[tuple[str, int], ...] = ()

    @classmethod
    def any(cls, deny: tuple[tuple[str, int], ...] = ()) -> ReachPolicy:
        """For a command a person gives for one address; what is always denied stays denied."""
        return cls(_EVERYWHERE, allow_loopback=True, deny=deny)

    def refusal(self, address: Address, port: int | None) -> str | None:
        """Why this address and port must not be contacted, or ``None``."""
        inner = unwrap(address)
        if _always_denied(address) or _always_denied(inner):
            return "a wildcard, link-local, multicast or reserved address"
        if inner.is_loopback and not self.allow_loopback:
            return "an address of this machine itself"
        if not any(c in n for c in {address, inner} for n in self.networks if n.version == c.version):
            return "outside the configured camera networks"
        if port is None:
            return None
        if not any(port in allowed for allowed in self.ports):
            return f"port {port} is not among the configured ports"
        for host, denied in self.deny:
            if denied != port:
                continue
            own = ipaddress.ip_address(host)
            if unwrap(own) == inner or (own.is_unspecified and _is_ours(inner)):
                return f"port {port} there is a service of our own"
        return None


@lru_cache(maxsize=16_384)
def _always_denied(address: Address) -> bool:
    return any(address in network for network in _DENIED if network.version == address.version)


@lru_cache(maxsize=16_384)
def _literal(host: str) -> Address | None:
    """The address that ``host`` is, unless it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


async def resolve(host: str) -> list[str]:
    """The system's resolver, as addresses without duplicates."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(info[4][0]) for info in infos))


@dataclass(frozen=True, slots=True)
class Reach:
    policy: ReachPolicy
    resolver: Resolver = resolve

    async def check(self, host: str, port: int | None) -> str:
        """The address to connect to, as text without a zone.

        Raises ``NOT_ALLOWED`` (no socket was opened), ``UNREACHABLE`` for a name nobody knows, ``TIMEOUT``.
        """
        where = _where(host, port)
        literal = _literal(host) if len(host) <= 64 else None
        found = [literal] if literal is not None else await self._resolve(host, where)
        reason = "no address"
        for address in found:
            if getattr(address, "scope_id", None):
                reason = "a wildcard, link-local, multicast or reserved address"
                continue
            refusal = self.policy.refusal(address, port)
            if refusal is None:
                mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
                return str(mapped or address)
            reason = refusal
        raise XueliangError(
            Kind.NOT_ALLOWED,
            f"not contacted: {reason}",
            where=where,
            fix="Add the camera's network and port to the configured ones, if it is a camera",
        )

    async def connect(
        self, host: str, port: int, factory: Callable[[], P], *, deadline: float
    ) -> tuple[asyncio.Transport, P]:
        """A TCP connection within ``deadline`` seconds, to the address that was checked.

        Raises ``NOT_ALLOWED``, ``UNREACHABLE``, ``REFUSED`` or ``TIMEOUT``.
        """
        _, transport, protocol = await self.dial(host, port, factory, deadline=deadline)
        return transport, protocol

    async def dial(
        self, host: str, port: int, factory: Callable[[], P], *, deadline: float
    ) -> tuple[str, asyncio.Transport, P]:
        """Like :meth:`connect`, and the checked address besides: what budgets and memory are kept by."""
        address = await self.check(host, port)
        where = _where(host, port)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(deadline):
                transport, protocol = await loop.create_connection(factory, address, port)
                return address, transport, protocol
        except TimeoutError as error:
            raise XueliangError(
                Kind.TIMEOUT,
                f"no connection within {deadline:g} s",
                where=where,
                fix="Check power and network of the camera",
            ) from error
        except OSError as error:
            raise _connect_error(error, where) from error

    async def datagram(
        self,
        host: str,
        factory: Callable[[], P],
        *,
        port: int | None = None,
        local_port: int = 0,
        receive_buffer: int = 0,
    ) -> tuple[asyncio.DatagramTransport, P]:
        """An unconnected UDP socket for talking with ``host`` (checked; with ``port`` too where it is known).

        What comes from elsewhere is the protocol's to drop: compare ``addr[0]`` with :meth:`check`'s answer.
        Raises ``NOT_ALLOWED``, ``UNREACHABLE``, and ``LIMIT`` where the local port is taken.
        """
        address = await self.check(host, port)
        loop = asyncio.get_running_loop()
        any_address = "::" if ":" in address else "0.0.0.0"  # noqa: S104 - the peer is checked per datagram
        if ipaddress.ip_address(address).is_loopback and ":" not in address:
            any_address = "127.0.0.1"
        try:
            transport, protocol = await loop.create_datagram_endpoint(factory, local_addr=(any_address, local_port))
        except OSError as error:
            raise XueliangError(
                Kind.LIMIT, f"no UDP port: {error.strerror or error}", where=_where(host, port)
            ) from error
        if receive_buffer:
            sock: Any = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        return transport, protocol

    async def _resolve(self, host: str, where: str) -> list[Address]:
        if not host or len(host) > 253:
            raise XueliangError(Kind.INVALID, "no host in the address", where=where)
        try:
            async with asyncio.timeout(RESOLVE_SECONDS):
                names = await self.resolver(host)
        except TimeoutError as error:
            raise XueliangError(Kind.TIMEOUT, "the name server did not answer", where=where) from error
        except (OSError, UnicodeError) as error:
            raise XueliangError(
                Kind.UNREACHABLE, "nobody knows a host of this name", where=where, fix="Check the address"
            ) from error
        found: list[Address] = []
        for name in names[:32]:
            try:
                found.append(ipaddress.ip_address(name))
            except ValueError:
                continue
        return found


def _is_ours(address: Address) -> bool:
    """Whether the kernel would talk to itself: a UDP socket is bound to the very address it is connected to."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(address), 9))
            return ipaddress.ip_address(probe.getsockname()[0]) == address or address.is_loopback
        except OSError:
            return address.is_loopback


def _connect_error(error: OSError, where: str) -> XueliangError:
    if error.errno in (errno.ECONNREFUSED, errno.ECONNRESET):
        return XueliangError(
            Kind.REFUSED,
            "the host answers, but not on this port",
            where=where,
            fix="Check the port, and whether RTSP is turned on in the device",
        )
    if error.errno == errno.ETIMEDOUT:
        return XueliangError(Kind.TIMEOUT, "no answer", where=where, fix="Check power and network of the camera")
    if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EADDRNOTAVAIL):
        return XueliangError(
            Kind.LIMIT, f"this machine has no socket left: {error.strerror}", where=where, fix="Raise its file limit"
        )
    return XueliangError(
        Kind.UNREACHABLE,
        f"no way to the host: {printable(error.strerror or str(error), 80)}",
        where=where,
        fix="Check power, cabling and routing",
    )


def _where(host: str, port: int | None) -> str:
    shown = printable(host, 100)
    if port is None:
        return shown
    return f"[{shown}]:{port}" if ":" in shown else f"{shown}:{port}"
